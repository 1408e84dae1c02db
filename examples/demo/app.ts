import express, { type ErrorRequestHandler, type Express, type Response } from 'express'
import type { Principal, Twinkey } from 'twinkey'
import { header, param, requireAuth, tokenRoutes } from 'twinkey/express'
import { createData } from './data.ts'
import { ROUTES } from './routes.ts'

/** The API of the demo on Express. */
export function createApp(twinkey: Twinkey): Express {
  const data = createData()
  // The tenant is the key's own, unless the request names one.
  const tenant = header('x-tenant-id')
  const app = express()
  app.disable('x-powered-by')

  app.get('/', (_req, res) => {
    res.json(ROUTES)
  })
  app.get('/customers/:id', requireAuth(twinkey, { tenant, workflow: 'customers.read' }), (req, res) => {
    const tenant = tenantOf(req.principal)
    const customer = data.customer(tenant, String(req.params['id']))
    if (customer === undefined) return problem(res, 404, 'Not Found')
    res.json({ tenant, ...customer })
  })
  app.post('/customers', requireAuth(twinkey, { tenant, workflow: 'customers.write' }), express.json(), (req, res) => {
    const tenant = tenantOf(req.principal)
    const name: unknown = req.body?.name
    if (typeof name !== 'string' || name === '') return problem(res, 400, 'Bad Request')
    const customer = data.addCustomer(tenant, name)
    if (customer === undefined) return problem(res, 409, 'Conflict')
    res
      .status(201)
      .location(`/customers/${customer.id}`)
      .json({ tenant, ...customer })
  })
  app.get('/tenants/:tenant/flows', requireAuth(twinkey, { tenant: param('tenant'), workflow: 'flows.read' }), (req, res) => {
    res.json(data.flows(tenantOf(req.principal)))
  })
  app.get('/whoami', requireAuth(twinkey, { anyTarget: true }), (req, res) => {
    const { keyId, name, owner, slot, via, scope } = req.principal
    res.json({ keyId, name, owner, slot, via, scope })
  })
  app.use('/tokens', tokenRoutes(twinkey))
  app.get('/.well-known/jwks.json', async (_req, res) => {
    res.set('cache-control', 'public, max-age=300').json(await twinkey.tokens.jwks())
  })

  app.use((_req, res) => problem(res, 404, 'Not Found'))
  app.use(answerError)
  return app
}

// Only a key for all tenants leaves it open which one is meant.
function tenantOf({ tenant }: Principal): string {
  if (tenant === undefined) throw Object.assign(new Error('Name a tenant.'), { status: 400 })
  return tenant
}

function problem(res: Response, status: number, title: string): void {
  res.status(status).type('application/problem+json').send(JSON.stringify({ title, status }))
}

// Express tells error handlers by their four parameters.
const answerError: ErrorRequestHandler = (error: { status?: number }, _req, res, _next) => {
  const status = error.status ?? 500
  if (status >= 500) console.error(error)
  problem(res, status, status >= 500 ? 'Internal Server Error' : 'Bad Request')
}
