import type { Server } from 'node:http'
import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import { createTwinkey, generateSigningKey, tokenEndpoints } from 'twinkey'
import { from, mount, requireAuth } from 'twinkey/hono'
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

const app = new Hono()
app.use('/tokens/*', mount(tokenEndpoints(twinkey))) // POST /tokens, GET /tokens/test, GET /tokens/jwks.json

app.get('/customers/:id', requireAuth(twinkey, { workflow: 'customers.read' }), (c) => {
  const customer = customers.get(c.req.param('id'))
  return customer === undefined || customer.tenant !== c.var.principal.tenant
    ? c.notFound()
    : c.json(customer)
})

app.delete('/customers/:id', requireAuth(twinkey, { workflow: 'customers.delete' }), (c) => {
  if (customers.get(c.req.param('id'))?.tenant === c.var.principal.tenant)
    customers.delete(c.req.param('id'))
  return c.body(null, 204)
})

app.get(
  '/tenants/:tenant/customers',
  requireAuth(twinkey, { tenant: from.param('tenant'), workflow: 'customers.read' }),
  (c) => {
    return c.json([...customers.values()].filter(({ tenant }) => tenant === c.var.principal.tenant))
  },
)

const server = serve({ fetch: app.fetch, port: Number(PORT) }, () =>
  console.log(`Listening on ${url}`),
)

async function stop() {
  await stopServer(server as Server)
  await twinkey.close()
  console.log('Closed')
}
process.once('SIGINT', stop).once('SIGTERM', stop)
