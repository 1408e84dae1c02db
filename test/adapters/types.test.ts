import express from 'express'
import { type FastifyTypeProvider, fastify } from 'fastify'
import { Hono } from 'hono'
import { pino } from 'pino'
import {
  createTwinkey,
  generateSigningKey,
  type JWK,
  type Metadata,
  type Principal,
  type Requirement,
  type ScopeInput,
  type Twinkey,
  tokenEndpoints,
} from 'twinkey'
import { mount as mountOnExpress, requireAuth as onExpress } from 'twinkey/express'
import { mount as mountOnFastify, requireAuth as onFastify } from 'twinkey/fastify'
import { mount as mountOnHono, requireAuth as onHono } from 'twinkey/hono'
import { requireAuth as onWeb } from 'twinkey/web'
import { describe, expect, expectTypeOf, test } from 'vitest'

// Checked by the compiler: a line under @ts-expect-error that compiles is a mistake.

interface Plan extends Metadata {
  readonly plan: 'free' | 'paid'
}

const plain: Twinkey = createTwinkey()
const twinkey = createTwinkey<Plan>()

describe('what handlers see is typed', () => {
  test('on Express, and the parameters of the path keep their types', () => {
    express().get('/customers/:id', onExpress(plain, { workflow: 'customers.read' }), (req) => {
      expectTypeOf(req.params.id).toEqualTypeOf<string>()
      expectTypeOf(req.principal).toEqualTypeOf<Principal>()
      expectTypeOf(req.principal.tenant).toEqualTypeOf<string | undefined>()
      // @ts-expect-error: the path has no such parameter.
      void req.params.other
      // @ts-expect-error: a tenant may be missing.
      void req.principal.tenant.length
      // @ts-expect-error: a principal is read, not written.
      req.principal.name = 'other'
      // @ts-expect-error: a principal holds no secret.
      void req.principal.secret
    })
  })

  test('on Express, bodies and queries keep their types', () => {
    express().post<
      '/flows/:id',
      { id: string },
      { ok: boolean },
      { name: string },
      { limit?: string }
    >('/flows/:id', onExpress(plain), (req, res) => {
      expectTypeOf(req.body).toEqualTypeOf<{ name: string }>()
      expectTypeOf(req.query).toEqualTypeOf<{ limit?: string }>()
      res.json({ ok: true })
    })
  })

  test('on Fastify', () => {
    const app = fastify()
    app.get<{ Params: { id: string } }>(
      '/customers/:id',
      { onRequest: onFastify(plain) },
      async (request) => {
        expectTypeOf(request.params.id).toEqualTypeOf<string>()
        expectTypeOf(request.principal).toEqualTypeOf<Principal>()
        // @ts-expect-error: a tenant may be missing.
        return request.principal.tenant.length
      },
    )
  })

  test('on Fastify over HTTP/2, with a logger of pino, with types for a route and a provider of types', async () => {
    const guard = onFastify(plain, { workflow: 'flows.read' })
    const routes = mountOnFastify(tokenEndpoints(plain))
    const secure = fastify({ http2: true })
    secure.get<{ Params: { id: string } }>('/flows/:id', { onRequest: guard }, async (request) => {
      expectTypeOf(request.params.id).toEqualTypeOf<string>()
      expectTypeOf(request.principal).toEqualTypeOf<Principal>()
    })
    secure.addHook('onRequest', guard)
    secure.register(routes, { prefix: '/tokens' })
    const logged = fastify({ loggerInstance: pino({ level: 'silent' }) })
    logged.get('/flows', { onRequest: guard }, async (request) => request.principal.name)
    logged.get(
      '/all',
      { onRequest: [guard], preHandler: guard },
      async (request) => request.principal.name,
    )
    logged.route({
      method: 'GET',
      url: '/route',
      onRequest: guard,
      handler: async (request) => request.principal.name,
    })
    logged.addHook('preHandler', guard)
    logged.register(routes, { prefix: '/tokens' })
    const both = fastify({ http2: true, https: {}, loggerInstance: pino({ level: 'silent' }) })
    both.get('/flows', { onRequest: guard }, async (request) => request.principal.name)
    both.register(routes, { prefix: '/tokens' })
    interface Provider extends FastifyTypeProvider {
      readonly validator: this['schema']
      readonly serializer: this['schema']
    }
    const typed = fastify({
      routerOptions: { ignoreTrailingSlash: true },
    }).withTypeProvider<Provider>()
    typed.get(
      '/flows',
      { onRequest: guard, schema: { querystring: { limit: 1 } }, config: { rate: 1 } },
      async (request) => {
        expectTypeOf(request.principal).toEqualTypeOf<Principal>()
      },
    )
    typed.register(
      async (below) => void below.get('/below', { onRequest: guard }, async () => ({})),
      { prefix: '/v1' },
    )
    await Promise.all([secure.close(), logged.close(), both.close(), typed.close()])
  })

  test('on Express, for routers at parameters and error handlers of other types', () => {
    const router = express.Router({ mergeParams: true })
    router.use(onExpress(plain))
    router.use('/:tenant/tokens', mountOnExpress(tokenEndpoints(plain)))
    router
      .route('/:id')
      .get(onExpress(plain), (req, res) => void res.json(req.params.id satisfies string))
    router.all('/:tenant/tokens', onExpress(plain), mountOnExpress(tokenEndpoints(plain)))
    express().post<'/a/:id', { id: string }, object, object, object, { user: string }>(
      '/a/:id',
      onExpress(plain),
      (_req, res) => {
        expectTypeOf(res.locals.user).toEqualTypeOf<string>()
      },
    )
  })

  test('on Hono, beside the bindings and variables of the application', () => {
    const app = new Hono<{ Bindings: { DB: string }; Variables: { user: string } }>()
    app.use('/tokens/*', mountOnHono(tokenEndpoints(plain)))
    app.use(onHono(plain))
    app.get('/flows/:id', onHono(plain, { workflow: 'flows.read' }), (c) => {
      expectTypeOf(c.env.DB).toEqualTypeOf<string>()
      expectTypeOf(c.var.user).toEqualTypeOf<string>()
      expectTypeOf(c.var.principal).toEqualTypeOf<Principal>()
      return c.json([c.req.param('id')])
    })
  })

  test('an undefined axis of a scope counts as omitted', async () => {
    const { keys, tokens } = createTwinkey({ environments: ['production'] })
    const nothing = { environments: undefined, workflows: undefined } satisfies ScopeInput
    const { key, primary } = await keys.create({
      name: 'n',
      scope: { tenants: ['t1'], ...nothing, workflows: '*' },
    })
    expect(key.scope).toEqual({ tenants: ['t1'], environments: ['production'], workflows: '*' })
    const updated = await keys.update(key.id, {
      scope: { ...nothing, tenants: undefined, workflows: ['w'] },
    })
    expect(updated.scope).toEqual({
      tenants: ['t1'],
      environments: ['production'],
      workflows: ['w'],
    })
    const issued = await tokens.issue(primary, { scope: { ...nothing, tenants: ['t1'] } })
    expect(issued).toMatchObject({
      ok: true,
      scope: { tenants: ['t1'], environments: ['production'], workflows: ['w'] },
    })
    const importing = createTwinkey({
      environments: ['production'],
      importedSecrets: [{ algorithm: 'sha-256', minLength: 32, maxLength: 64 }],
    })
    const imported = await importing.keys.import({
      name: 'i',
      scope: { tenants: ['t1'], environments: undefined, workflows: '*' },
      primary: { digest: 'ab'.repeat(32), encoding: 'hex', algorithm: 'sha-256', entropyBits: 256 },
    })
    expect(imported.scope).toEqual({
      tenants: ['t1'],
      environments: ['production'],
      workflows: '*',
    })
  })

  test('on Hono, with the metadata of the Twinkey and the parameters of the path', () => {
    new Hono().get('/customers/:id', onHono(twinkey), (c) => {
      expectTypeOf(c.req.param('id')).toEqualTypeOf<string>()
      expectTypeOf(c.var.principal).toEqualTypeOf<Principal<Plan>>()
      expectTypeOf(c.get('principal').metadata.plan).toEqualTypeOf<'free' | 'paid'>()
      // @ts-expect-error: no such plan.
      void (c.var.principal.metadata.plan === 'gold')
      return c.body(null)
    })
    const open: Requirement = { workflow: 'flows.read', optional: true }
    new Hono().get('/open', onHono(twinkey, open), (c) => {
      // Its content is unknown at this point.
      expectTypeOf(c.var.principal).toEqualTypeOf<Principal<Plan> | undefined>()
      return c.body(null)
    })
    new Hono().get(
      '/closed',
      onHono(twinkey, { workflow: 'flows.read', optional: undefined }),
      (c) => {
        expectTypeOf(c.var.principal).toEqualTypeOf<Principal<Plan>>()
        return c.body(null)
      },
    )
    new Hono().get('/open', (c) => {
      // @ts-expect-error: no guard, no principal.
      return c.json(c.var.principal.name)
    })
  })

  test('as a plain handler, with the metadata of the Twinkey and further arguments', () => {
    const handler = onWeb(
      twinkey,
      { workflow: 'flows.read' },
      (_request, principal, env: { region: string }) => {
        expectTypeOf(principal).toEqualTypeOf<Principal<Plan>>()
        return Response.json([principal.metadata.plan, env.region])
      },
    )
    expectTypeOf(handler).parameters.toEqualTypeOf<[Request, { region: string }]>()
    onWeb(twinkey, { optional: true }, (_request, principal) => {
      expectTypeOf(principal).toEqualTypeOf<Principal<Plan> | undefined>()
      return new Response()
    })
  })

  test('a signing key has a name', async () => {
    const key: JWK = await generateSigningKey()
    createTwinkey({ tokens: { issuer: 'i', audience: 'a', signingKeys: [key] } })
  })

  test('a requirement that guards nothing does not compile', () => {
    // @ts-expect-error: no such member.
    void (() => onExpress(plain, { workflows: ['customers.read'] }))
    // @ts-expect-error: no such kind.
    void (() => onExpress(plain, { accept: ['cookie'] }))
    // @ts-expect-error: a name, or a reader.
    void (() => onExpress(plain, { tenant: 1 }))
    // @ts-expect-error: a reader does not wait.
    void (() => onExpress(plain, { tenant: async () => 't1' }))
  })
})
