import express from 'express'
import { createTwinkey, tokenEndpoints } from 'twinkey'
import { mount, requireAuth } from 'twinkey/express'
import { stopServer } from '../stop-server.ts'
import { openStore } from './database.ts'

// One node: every process behind the port runs this. Nodes share the store and the signing key, and
// nothing else.

const { PORT = '3000', STORE_URL = '', SIGNING_KEY = '{}' } = process.env
const url = `http://localhost:${PORT}`
const { store, close } = await openStore(STORE_URL)

const twinkey = createTwinkey({
  store,
  prefixes: ['fleet'],
  environments: ['production'],
  tokens: { issuer: url, audience: url, signingKeys: [JSON.parse(SIGNING_KEY)] },
  onEvent: (event) => {
    if (event.type.startsWith('warning.')) console.error(JSON.stringify(event))
  },
})

const app = express()
app.use((_req, res, next) => {
  res.setHeader('X-Node', process.pid)
  next()
})
app.use('/tokens', mount(tokenEndpoints(twinkey)))
app.get('/customers', requireAuth(twinkey, { workflow: 'customers.read' }), (req, res) => {
  res.json({ tenant: req.principal.tenant, slot: req.principal.slot, node: process.pid })
})

const server = app.listen(Number(PORT))
process.once('SIGTERM', async () => {
  await stopServer(server)
  await twinkey.close()
  await close()
  process.exit()
})
