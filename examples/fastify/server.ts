import { fastify } from 'fastify'
import { createTwinkey, generateSigningKey, tokenEndpoints } from 'twinkey'
import { from, mount, requireAuth } from 'twinkey/fastify'
import { stopServer } from '../stop-server.ts'

const { PORT = '3000', SIGNING_KEY } = process.env
const url = `http://localhost:${PORT}`

const twinkey = createTwinkey({
  prefixes: ['acme'],
  environments: ['production'],
  // Without SIGNING_KEY, tokens become invalid when this process ends. Store a key from
  // generateSigningKey() with your other secrets.
  tokens: {
    issuer: url,
    audience: url,
    signingKeys: [SIGNING_KEY ? JSON.parse(SIGNING_KEY) : await generateSigningKey()],
  },
})

// Without a store, keys are in memory: each start creates a new one.
const { key, primary } = await twinkey.keys.create({
  name: 'Billing',
  scope: { tenants: ['t1'], workflows: ['customers.read'] },
})
console.log(`Key ${key.id} has the secret ${primary}`)

const customers = new Map([['c1', { id: 'c1', tenant: 't1', name: 'Ada Lovelace' }]])

const app = fastify()
app.register(mount(tokenEndpoints(twinkey)), { prefix: '/tokens' }) // POST /tokens, GET /tokens/test, GET /tokens/jwks.json

const read = requireAuth(twinkey, { workflow: 'customers.read' })
app.get<{ Params: { id: string } }>(
  '/customers/:id',
  { onRequest: read },
  async (request, reply) => {
    const customer = customers.get(request.params.id)
    return customer === undefined || customer.tenant !== request.principal.tenant
      ? reply.callNotFound()
      : customer
  },
)

const remove = requireAuth(twinkey, { workflow: 'customers.delete' })
app.delete<{ Params: { id: string } }>(
  '/customers/:id',
  { onRequest: remove },
  async (request, reply) => {
    if (customers.get(request.params.id)?.tenant === request.principal.tenant)
      customers.delete(request.params.id)
    return reply.code(204).send()
  },
)

const readOfTenant = requireAuth(twinkey, {
  tenant: from.param('tenant'),
  workflow: 'customers.read',
})
app.get('/tenants/:tenant/customers', { onRequest: readOfTenant }, async (request) => {
  return [...customers.values()].filter(({ tenant }) => tenant === request.principal.tenant)
})

app.addHook('onClose', () => twinkey.close())

await app.listen({ port: Number(PORT) })
console.log(`Listening on ${url}`)

async function stop() {
  await stopServer(app.server)
  await app.close()
  console.log('Closed')
}
process.once('SIGINT', stop).once('SIGTERM', stop)
