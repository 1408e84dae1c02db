// The API on Hono, with notes of tenants:
// NOTES=folder PORT=3000 node examples/start.mjs own-store/server
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import { createTwinkey, tokenEndpoints } from 'twinkey'
import { from, mount, requireAuth } from 'twinkey/hono'
import { stopServer } from '../stop-server.ts'
import { lmdbStore } from './lmdb-store.ts'

const { NOTES = 'notes', PORT = '3000', SIGNING_KEY = '' } = process.env

const store = lmdbStore(NOTES)
const twinkey = createTwinkey({
  store,
  prefixes: ['notes'],
  environments: ['production'],
  tokens: {
    issuer: 'https://notes.example',
    audience: 'https://notes.example',
    signingKeys: [JSON.parse(SIGNING_KEY)],
  },
  // This store has no change feed. This process refuses a key that another process has disabled or
  // revoked after at most one second.
  cache: { maxAgeSeconds: 1 },
})

const notes: Record<string, string[]> = { ada: ['buy milk'], bob: ['call Ada'] }
const guard = (workflow: string) => requireAuth(twinkey, { tenant: from.param('tenant'), workflow })

const app = new Hono()
app.use('/tokens/*', mount(tokenEndpoints(twinkey)))
app.get('/notes/:tenant', guard('notes.read'), (c) =>
  c.json(notes[c.var.principal.tenant ?? ''] ?? []),
)
app.post('/notes/:tenant', guard('notes.write'), async (c) => {
  notes[c.var.principal.tenant ?? '']?.push(await c.req.text())
  return c.body(null, 204)
})

const server = serve({ fetch: app.fetch, port: Number(PORT) }, ({ port }: AddressInfo) => {
  console.log(`Listening on http://localhost:${port}`)
})
async function stop() {
  await stopServer(server as Server)
  await twinkey.close()
  await store.close()
}
process.once('SIGINT', stop).once('SIGTERM', stop)
