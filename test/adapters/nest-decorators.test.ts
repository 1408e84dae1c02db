import { createTwinkey, memoryStore, tokenEndpoints } from 'twinkey'
import { mount as mountOnExpress } from 'twinkey/express'
import { mount as mountOnFastify } from 'twinkey/fastify'
import { KeyPrincipal, Public, RequireKey, TWINKEY } from 'twinkey/nest'
import { describe, expect, test } from 'vitest'
import { createBench } from '../support/bench.ts'
import { countingLimiter } from '../support/counting-limiter.ts'
import type { RawRequest } from '../support/raw-http.ts'
import { PLATFORMS } from './nest-application.ts'
import { ask, bearer, createNestScene, type Served, whoAmI } from './nest-scene.ts'

const scene = createNestScene()

describe.each(Object.keys(PLATFORMS) as (keyof typeof PLATFORMS)[])('on %s', (platform) => {
  const serve = (...given: Served) => scene.serve(platform, ...given)

  test('decides once, by the decorator of the method, if the class and global guard the route too', async () => {
    const shared = RequireKey({ workflow: 'flows.read' })
    const { twinkey } = createBench({ limiter: countingLimiter() })
    const { primary } = await twinkey.keys.create({
      name: `once on ${platform}`,
      scope: { tenants: ['t1'], workflows: '*' },
      limits: [{ requests: 10, perSeconds: 60 }],
    })
    const port = await serve(
      [
        { path: '/of-class' },
        { path: '/shared', decorators: [shared] },
        { path: '/own', decorators: [RequireKey({ workflow: 'flows.write' })] },
        { path: '/public', decorators: [Public()] },
      ],
      [shared],
      { twinkey, global: { workflow: 'global' } },
    )
    const left = []
    for (const path of ['/of-class', '/shared', '/own'])
      left.push((await ask(port, path, { headers: bearer(primary) })).headers['ratelimit'])
    expect(left.map((each) => /r=(\d+)/.exec(each ?? '')?.[1])).toEqual(['9', '8', '7'])
    const statusesOf = (secret: string) =>
      Promise.all(
        ['/of-class', '/shared', '/own', '/public'].map(
          async (path) => (await ask(port, path, { headers: bearer(secret) })).status,
        ),
      )
    const read = await twinkey.keys.create({
      name: 'r',
      scope: { tenants: ['t1'], workflows: ['flows.read'] },
    })
    expect(await statusesOf(read.primary)).toEqual([200, 200, 403, 200])
    expect(await statusesOf('wrong')).toEqual([401, 401, 401, 200])
  })

  test('global guards every route, except public ones and those that require something else', async () => {
    const actions = [
      { path: '/plain' },
      { path: '/public', decorators: [Public()] },
      { path: '/own', decorators: [RequireKey({ workflow: 'flows.read' })] },
    ]
    const statuses = async (port: number, headers: RawRequest['headers']) =>
      Promise.all(
        ['/plain', '/public', '/own'].map(
          async (path) => (await ask(port, path, headers === undefined ? {} : { headers })).status,
        ),
      )
    const without = await serve(actions)
    expect(await statuses(without, undefined)).toEqual([200, 200, 401])
    const every = await serve(actions, [], { global: true })
    expect(await statuses(every, undefined)).toEqual([401, 200, 401])
    expect(await statuses(every, bearer(scene.callers().secrets.anyTenant))).toEqual([
      200, 200, 200,
    ])
    const other = await serve(actions, [], { global: { workflow: 'other' } })
    expect(await statuses(other, bearer(scene.callers().secrets.t1))).toEqual([403, 200, 200])
  })

  test('a principal without a guard is an error, and one of an optional guard may be undefined', async () => {
    const anonymous = { answer: (principal: unknown) => ({ anonymous: principal === undefined }) }
    const optional = [RequireKey({ optional: true })]
    const port = await serve([
      { path: '/unguarded', ...anonymous, parameter: KeyPrincipal() },
      { path: '/strict', ...anonymous, parameter: KeyPrincipal(), decorators: optional },
      {
        path: '/optional',
        ...anonymous,
        parameter: KeyPrincipal({ optional: true }),
        decorators: optional,
      },
    ])
    expect((await ask(port, '/unguarded')).status).toBe(500)
    expect((await ask(port, '/strict')).status).toBe(500)
    expect(await ask(port, '/optional')).toMatchObject({ status: 200, body: '{"anonymous":true}' })
  })

  test('serves the token endpoints beside its controllers', async () => {
    const endpoints = tokenEndpoints(scene.callers().twinkey)
    const port = await serve(
      [],
      [],
      { global: true },
      {
        prepare: (app) =>
          platform === 'platform-express'
            ? app.use('/tokens', mountOnExpress(endpoints))
            : app
                .getHttpAdapter()
                .getInstance()
                .register(mountOnFastify(endpoints), { prefix: '/tokens' }),
      },
    )
    const answer = await ask(port, '/tokens', {
      method: 'POST',
      headers: [
        ...bearer(scene.callers().secrets.t1),
        ['Content-Type', 'application/json'],
        ['Content-Length', '2'],
      ],
      body: '{}',
    })
    expect(answer.status).toBe(200)
    expect(JSON.parse(answer.body)).toHaveProperty('access_token')
  })

  test('a test can replace the Twinkey', async () => {
    const other = createTwinkey({ store: memoryStore(), environments: ['production'] })
    const { primary } = await other.keys.create({
      name: 'other',
      scope: { tenants: ['t9'], workflows: '*' },
    })
    const port = await serve(
      [{ path: '/flows', decorators: [RequireKey({ workflow: 'x' })], ...whoAmI }],
      [],
      {},
      { build: (builder) => builder.overrideProvider(TWINKEY).useValue(other) },
    )
    const { status, body } = await ask(port, '/flows', { headers: bearer(primary) })
    expect([status, JSON.parse(body).tenant]).toEqual([200, 't9'])
  })
})
