import { Hono } from 'hono'
import { createTwinkey, tokenEndpoints } from 'twinkey'
import { from, mount, requireAuth } from 'twinkey/hono'
import { tryOut } from './try-out.js'

async function main(): Promise<void> {
  const twinkey = createTwinkey<{ plan: string }>({ environments: ['production'] })
  const app = new Hono()
  app.use('/tokens/*', mount(tokenEndpoints(twinkey)))
  app.get('/customers/:id', requireAuth(twinkey, { workflow: 'customers.read' }), (c) => {
    const { tenant, slot, via, metadata } = c.var.principal
    metadata.plan satisfies string
    return c.json({ id: c.req.param('id'), tenant, slot, via })
  })
  app.get(
    '/tenants/:tenant',
    requireAuth(twinkey, { tenant: from.param('tenant'), workflow: 'customers.read' }),
    (c) => c.json({ tenant: c.var.principal.tenant }),
  )
  app.delete('/customers/:id', requireAuth(twinkey, { workflow: 'customers.delete' }), (c) =>
    c.body(null, 204),
  )
  await tryOut(twinkey, async (path, init) => app.request(path, init))
}

void main()
