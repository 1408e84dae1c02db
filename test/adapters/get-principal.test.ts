import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type ServerType, serve } from '@hono/node-server'
import express from 'express'
import express4 from 'express4'
import { fastify } from 'fastify'
import { Hono } from 'hono'
import {
  createTwinkey,
  type Metadata,
  type Principal,
  type Requirement,
  type Twinkey,
} from 'twinkey'
import * as onExpress from 'twinkey/express'
import * as onFastify from 'twinkey/fastify'
import * as onHono from 'twinkey/hono'
import { afterAll, beforeAll, describe, expect, expectTypeOf, test } from 'vitest'

interface Plan extends Metadata {
  readonly plan: 'free' | 'paid'
}

type Get = (options?: { readonly optional?: boolean }) => Principal<Plan> | undefined
/** Answers with what `getPrincipal` returns or throws. */
type Show = (get: Get) => { readonly plan?: string | undefined; readonly error?: string }

interface Route {
  readonly path: string
  readonly requirement?: Requirement
  readonly show: Show
  /** Other middleware sets a principal of its own. */
  readonly isForeign?: boolean
}
type Start = (twinkey: Twinkey<Plan>, routes: readonly Route[]) => Promise<Server | ServerType>

const plan: Show = (get) => {
  try {
    return { plan: get()?.metadata.plan }
  } catch (error) {
    return { error: String(error) }
  }
}
const optionalPlan: Show = (get) => plan(() => get({ optional: true }))

const ROUTES: readonly Route[] = [
  { path: '/guarded/:id', requirement: { workflow: 'plan.read' }, show: plan },
  { path: '/guarded-too/:id', requirement: { workflow: 'plan.read' }, show: optionalPlan },
  { path: '/open/:id', show: plan },
  { path: '/open-too/:id', show: optionalPlan },
  { path: '/foreign/:id', show: plan, isForeign: true },
  { path: '/optional/:id', requirement: { workflow: 'plan.read', optional: true }, show: plan },
  {
    path: '/optional-too/:id',
    requirement: { workflow: 'plan.read', optional: true },
    show: optionalPlan,
  },
]

const FOREIGN = { metadata: { plan: 'stolen' } } as unknown as Principal<Plan>

const onFramework =
  (framework: typeof express): Start =>
  async (twinkey, routes) => {
    const app = framework()
    for (const { path, requirement, show, isForeign } of routes) {
      const guard = requirement && onExpress.requireAuth(twinkey, requirement)
      const before: express.RequestHandler = (req, _res, next) => {
        if (isForeign) req.principal = FOREIGN
        next()
      }
      app.get(path, before, guard ?? before, (req, res) => {
        res.json(show((options = {}) => onExpress.getPrincipal<Plan>(req, options)))
      })
    }
    return app.listen(0, '127.0.0.1')
  }

const HOSTS: Readonly<Record<string, Start>> = {
  'Express 5': onFramework(express),
  'Express 4': onFramework(express4),
  async Fastify(twinkey, routes) {
    const app = fastify()
    for (const { path, requirement, show, isForeign } of routes) {
      const guard = requirement && onFastify.requireAuth(twinkey, requirement)
      app.get(path, { ...(guard && { onRequest: guard }) }, async (request) => {
        if (isForeign) request.principal = FOREIGN
        return show((options = {}) => onFastify.getPrincipal<Plan>(request, options))
      })
    }
    await app.listen({ port: 0, host: '127.0.0.1' })
    return app.server
  },
  async Hono(twinkey, routes) {
    const app = new Hono<{ Variables: { principal: unknown } }>()
    for (const { path, requirement, show, isForeign } of routes) {
      if (requirement !== undefined) app.get(path, onHono.requireAuth(twinkey, requirement))
      app.get(path, (c) => {
        if (isForeign) c.set('principal', FOREIGN)
        return c.json(show((options = {}) => onHono.getPrincipal<Plan>(c, options)))
      })
    }
    return serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' })
  },
}

describe.each(Object.entries(HOSTS))('getPrincipal on %s', (_name, start) => {
  let server: Server | ServerType
  let secret: string
  beforeAll(async () => {
    const twinkey = createTwinkey<Plan>()
    const scope = { tenants: ['t1'], environments: '*', workflows: ['plan.read'] } as const
    const created = await twinkey.keys.create({ name: 'n', scope, metadata: { plan: 'paid' } })
    secret = created.primary
    server = await start(twinkey, ROUTES)
    if (!server.listening) await new Promise((resolve) => server.once('listening', resolve))
  })
  afterAll(() => void server.close())

  const ask = async (path: string, isCaller: boolean): Promise<unknown> => {
    const { port } = server.address() as AddressInfo
    const headers = isCaller ? { authorization: `Bearer ${secret}` } : {}
    return (await fetch(`http://127.0.0.1:${port}${path}/7?key=hidden`, { headers })).json()
  }

  test('returns the principal with the metadata of its key', async () => {
    expect(await ask('/guarded', true)).toEqual({ plan: 'paid' })
    expect(await ask('/guarded-too', true)).toEqual({ plan: 'paid' })
    expect(await ask('/optional', true)).toEqual({ plan: 'paid' })
    expect(await ask('/optional-too', true)).toEqual({ plan: 'paid' })
  })

  test.each(['/open', '/open-too', '/foreign'])(
    'throws on %s, which has no guard, and names the route without its URL',
    async (path) => {
      expect(await ask(path, true)).toEqual({
        error: `TypeError: getPrincipal: no guard has run for GET ${path}/:id. Put requireAuth(twinkey, …) on the route, before the handler.`,
      })
    },
  )

  test('throws for an anonymous request behind an optional guard', async () => {
    const { error } = (await ask('/optional', false)) as { error: string }
    expect(error).toContain('TypeError: getPrincipal: the guard of GET /optional/:id is optional')
    expect(error).toContain('{ optional: true }')
  })

  test('with optional: true, returns undefined for an anonymous request behind an optional guard', async () => {
    expect(await ask('/optional-too', false)).toEqual({})
  })
})

test.each([
  ['Express', onExpress.getPrincipal],
  ['Fastify', onFastify.getPrincipal],
  ['Hono', onHono.getPrincipal],
])('getPrincipal of %s asks for the request if it gets none', (_name, getPrincipal) => {
  for (const none of [undefined, null, 'GET /'])
    expect(() => (getPrincipal as (of: unknown) => unknown)(none)).toThrow(
      new TypeError('getPrincipal: the first argument must be the request of the handler.'),
    )
})

test('a guard that runs later replaces the principal, even by none', async () => {
  const twinkey = createTwinkey<Plan>()
  const scope = { tenants: '*', environments: '*', workflows: '*' } as const
  const { primary } = await twinkey.keys.create({ name: 'n', scope, metadata: { plan: 'free' } })
  const elsewhere = createTwinkey({ prefixes: ['other'] })
  const app = new Hono()
  app.get(
    '/',
    onHono.requireAuth(twinkey),
    onHono.requireAuth(elsewhere, { optional: true }),
    (c) => c.json([onHono.getPrincipal(c, { optional: true }) ?? 'anonymous']),
  )
  const response = await app.request('/', { headers: { authorization: `Bearer ${primary}` } })
  expect(await response.json()).toEqual(['anonymous'])
})

test('the type of getPrincipal has the metadata, and is undefined only where the caller asks for it', () => {
  express().get('/plan/:id', (req, res) => {
    void (() => {
      expectTypeOf(onExpress.getPrincipal(req)).toEqualTypeOf<Principal>()
      expectTypeOf(onExpress.getPrincipal<Plan>(req)).toEqualTypeOf<Principal<Plan>>()
      expectTypeOf(onExpress.getPrincipal<Plan>(req, { optional: true })).toEqualTypeOf<
        Principal<Plan> | undefined
      >()
      expectTypeOf(onExpress.getPrincipal<Plan>(req, { optional: false })).toEqualTypeOf<
        Principal<Plan>
      >()
      // @ts-expect-error: no such plan.
      void (onExpress.getPrincipal<Plan>(req).metadata.plan === 'gold')
      // @ts-expect-error: a response is no request.
      onExpress.getPrincipal(res)
      // @ts-expect-error: there may be no principal.
      void onExpress.getPrincipal(req, { optional: true }).name
      // @ts-expect-error: no such option.
      onExpress.getPrincipal(req, { anonymous: true })
      // @ts-expect-error: metadata is JSON.
      onExpress.getPrincipal<{ made: Date }>(req)
    })
  })
  fastify().get<{ Params: { id: string } }>('/plan/:id', async (request, reply) => {
    expectTypeOf(onFastify.getPrincipal<Plan>(request)).toEqualTypeOf<Principal<Plan>>()
    expectTypeOf(onFastify.getPrincipal<Plan>(request, { optional: true })).toEqualTypeOf<
      Principal<Plan> | undefined
    >()
    // @ts-expect-error: a reply is no request.
    onFastify.getPrincipal(reply)
  })
  new Hono<{ Bindings: { DB: string } }>().get('/plan/:id', (c) => {
    expectTypeOf(onHono.getPrincipal<Plan>(c)).toEqualTypeOf<Principal<Plan>>()
    expectTypeOf(onHono.getPrincipal<Plan>(c, { optional: true })).toEqualTypeOf<
      Principal<Plan> | undefined
    >()
    // @ts-expect-error: a request of Hono is not its context.
    onHono.getPrincipal(c.req)
    return c.body(null)
  })
})
