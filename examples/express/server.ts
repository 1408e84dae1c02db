import express from 'express'
import { createTwinkey, generateSigningKey, tokenEndpoints } from 'twinkey'
import { from, mount, requireAuth } from 'twinkey/express'
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

const app = express()
app.use('/tokens', mount(tokenEndpoints(twinkey))) // POST /tokens, GET /tokens/test, GET /tokens/jwks.json

app.get('/customers/:id', requireAuth(twinkey, { workflow: 'customers.read' }), (req, res) => {
  const customer = customers.get(req.params.id)
  if (customer === undefined || customer.tenant !== req.principal.tenant) res.sendStatus(404)
  else res.json(customer)
})

app.delete('/customers/:id', requireAuth(twinkey, { workflow: 'customers.delete' }), (req, res) => {
  if (customers.get(req.params.id)?.tenant === req.principal.tenant) customers.delete(req.params.id)
  res.sendStatus(204)
})

app.get(
  '/tenants/:tenant/customers',
  requireAuth(twinkey, { tenant: from.param('tenant'), workflow: 'customers.read' }),
  (req, res) => {
    res.json([...customers.values()].filter(({ tenant }) => tenant === req.principal.tenant))
  },
)

const server = app.listen(Number(PORT), () => console.log(`Listening on ${url}`))

async function stop() {
  await stopServer(server)
  await twinkey.close()
  console.log('Closed')
}
process.once('SIGINT', stop).once('SIGTERM', stop)
