import type { AddressInfo } from 'node:net'
import express from 'express'
import { createTwinkey, tokenEndpoints } from 'twinkey'
import { from, mount, requireAuth } from 'twinkey/express'
import { tryOut } from './try-out.js'

async function main(): Promise<void> {
  await using twinkey = createTwinkey<{ plan: string }>({ environments: ['production'] })
  const app = express()
  app.use('/tokens', mount(tokenEndpoints(twinkey)))
  app.get('/customers/:id', requireAuth(twinkey, { workflow: 'customers.read' }), (req, res) => {
    const {
      tenant,
      slot,
      via,
    }: {
      tenant: string | undefined
      slot: 'primary' | 'secondary' | undefined
      via: 'secret' | 'token'
    } = req.principal
    res.json({ id: req.params.id, tenant, slot, via })
  })
  app.get(
    '/tenants/:tenant',
    requireAuth(twinkey, { tenant: from.param('tenant'), workflow: 'customers.read' }),
    (req, res) => {
      res.json({ tenant: req.params.tenant satisfies string })
    },
  )
  app.delete(
    '/customers/:id',
    requireAuth(twinkey, { workflow: 'customers.delete' }),
    (_req, res) => void res.sendStatus(204),
  )
  const server = app.listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as AddressInfo
  await tryOut(twinkey, (path, init) => fetch(`http://127.0.0.1:${port}${path}`, init))
  await new Promise((resolve) => server.close(resolve))
}

void main()
