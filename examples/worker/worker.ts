// A Worker on Hono with keys in D1, token endpoints, and routes that are guarded by tenant,
// environment and workflow.
import { Hono } from 'hono'
import { bearerAuth } from 'hono/bearer-auth'
import {
  type CreateKeyInput,
  createTwinkey,
  isTwinkeyError,
  type Slot,
  tokenEndpoints,
} from 'twinkey'
import { from, mount, requireAuth } from 'twinkey/hono'
import { type D1Database, d1Store } from 'twinkey/stores/d1'

/** The bindings of the host: a database and two secrets. */
export interface Env {
  readonly DB: D1Database
  readonly SIGNING_KEY: string
  readonly ADMIN_TOKEN: string
}

/**
 * The execution context that the host passes with each request. The guards find its `waitUntil` in
 * the context of Hono, and continue work after the answer.
 */
export type Host = NonNullable<Parameters<Hono['fetch']>[2]>

function createApp({ DB, SIGNING_KEY, ADMIN_TOKEN }: Env): Hono {
  const twinkey = createTwinkey({
    store: d1Store(DB),
    prefixes: ['acme'],
    environments: ['production', 'test'],
    tokens: {
      issuer: 'https://api.acme.example',
      audience: 'https://api.acme.example',
      signingKeys: [JSON.parse(SIGNING_KEY)],
    },
    // D1 has no change feed. An isolate refuses a key that another isolate has disabled or revoked
    // after at most two seconds.
    cache: { maxAgeSeconds: 2 },
    onEvent(event) {
      if (event.type.startsWith('warning.')) console.error(event)
    },
  })

  const app = new Hono()
  app.use('/tokens/*', mount(tokenEndpoints(twinkey)))

  const target = { tenant: from.param('tenant'), environment: from.header('x-environment') }
  app.get(
    '/tenants/:tenant/customers',
    requireAuth(twinkey, { ...target, workflow: 'customers.read' }),
    (c) => {
      const { tenant, environment, via } = c.var.principal
      return c.json({ tenant, environment, via })
    },
  )
  app.delete(
    '/tenants/:tenant/customers/:id',
    requireAuth(twinkey, { ...target, workflow: 'customers.delete' }),
    (c) => c.body(null, 204),
  )

  const admin = new Hono()
  admin.use(bearerAuth({ token: ADMIN_TOKEN }))
  admin.post('/', async (c) =>
    c.json(
      await twinkey.keys.create({ ...(await c.req.json<CreateKeyInput>()), actor: 'admin' }),
      201,
    ),
  )
  admin.get('/:id', async (c) => c.json(await twinkey.keys.get(c.req.param('id'))))
  admin.post('/:id/:slot', async (c) => {
    const { id, slot } = c.req.param()
    return c.json(await twinkey.keys.renew(id, { slots: slot as Slot, actor: 'admin' }))
  })
  admin.delete('/:id', async (c) =>
    c.json(await twinkey.keys.revoke(c.req.param('id'), { actor: 'admin' })),
  )
  app.route('/admin/keys', admin)

  app.onError((error, c) => {
    if (isTwinkeyError(error))
      return c.json(
        { code: error.code, message: error.message },
        error.code === 'key_not_found' ? 404 : 400,
      )
    console.error(error)
    return c.text('Internal Server Error', 500)
  })
  return app
}

let app: Hono | undefined

// biome-ignore lint/style/noDefaultExport: a Worker must be the default export.
export default {
  fetch(request: Request, env: Env, host: Host): Response | Promise<Response> {
    app ??= createApp(env)
    return app.fetch(request, env, host)
  },
}
