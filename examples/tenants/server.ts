// The API: the customers of tenants and, for operators, the keys of those tenants:
// PORT=3000 node examples/start.mjs tenants/server
import type { AddressInfo } from 'node:net'
import express, { type ErrorRequestHandler } from 'express'
import { type ErrorCode, isTwinkeyError, type Slot, tokenEndpoints } from 'twinkey'
import { from, mount, requireAuth } from 'twinkey/express'
import { stopServer } from '../stop-server.ts'
import { close, twinkey } from './twinkey.ts'

const app = express()

// Logs the caller, the route and the status, but no header, because headers contain secrets.
app.use((req, res, next) => {
  res.on('finish', () =>
    console.log(req.method, req.path, res.statusCode, req.principal?.name ?? '-'),
  )
  next()
})

app.use('/tokens', mount(tokenEndpoints(twinkey)))

const customers = new Map([
  ['acme', ['Ada', 'Grace']],
  ['globex', ['Hank']],
])
// The guard reads the tenant from the path. Handlers take it from the principal, because the guard
// has checked that one.
const guard = (workflow: string) => requireAuth(twinkey, { tenant: from.param('tenant'), workflow })

app.get('/tenants/:tenant/customers', guard('customers.read'), (req, res) => {
  const { tenant = '' } = req.principal
  res.json({ tenant, customers: customers.get(tenant) ?? [] })
})
app.post('/tenants/:tenant/customers', guard('customers.write'), express.json(), (req, res) => {
  const { tenant = '' } = req.principal
  customers.set(tenant, [...(customers.get(tenant) ?? []), String(req.body?.name)])
  res.status(201).json({ tenant })
})

// Operators have their own tenant. A workflow alone does not keep other tenants out: a key reaches
// all workflows unless its scope lists some.
const admin = express.Router()
admin.use(
  requireAuth(twinkey, { tenant: 'operators', workflow: 'keys.manage', accept: ['secret'] }),
  express.json(),
)

admin.get('/keys', async (req, res) => {
  res.json((await twinkey.keys.list({ tenant: String(req.query['tenant']) })).keys)
})
admin.post('/keys', async (req, res) => {
  const { name, tenant, workflows, secondary } = req.body ?? {}
  const actor = req.principal.name
  res.status(201).json(
    await twinkey.keys.create({
      name,
      scope: { tenants: [tenant], workflows },
      secondary,
      actor,
    }),
  )
})
admin.post('/keys/:id/renew/:slot', async (req, res) => {
  const { id, slot } = req.params
  res.json(await twinkey.keys.renew(id, { slots: slot as Slot, actor: req.principal.name }))
})
admin.post('/keys/:id/rotate', async (req, res) => {
  const { graceSeconds } = req.body ?? {}
  res.json(await twinkey.keys.rotate(req.params.id, { graceSeconds, actor: req.principal.name }))
})
admin.post('/keys/:id/disable', async (req, res) => {
  res.json(await twinkey.keys.disable(req.params.id, { actor: req.principal.name }))
})
app.use('/admin', admin)

// The HTTP status of each error of Twinkey.
const statusOf: Partial<Record<ErrorCode, number>> = {
  invalid_input: 400,
  key_not_found: 404,
  key_revoked: 409,
  secondary_live: 409,
  version_conflict: 409,
  store_unavailable: 503,
}
const onError: ErrorRequestHandler = (error, _req, res, next) => {
  if (!isTwinkeyError(error)) return next(error)
  res.status(statusOf[error.code] ?? 500).json({ code: error.code, message: error.message })
}
app.use(onError)

const server = app.listen(Number(process.env['PORT'] ?? 3000), () => {
  console.log(`Listening on http://localhost:${(server.address() as AddressInfo).port}`)
})
const stop = async () => {
  await stopServer(server)
  await close()
}
process.once('SIGINT', stop).once('SIGTERM', stop)
