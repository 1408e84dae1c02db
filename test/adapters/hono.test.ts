import { type Context, Hono } from 'hono'
import { cors } from 'hono/cors'
import { secureHeaders } from 'hono/secure-headers'
import {
  createTwinkey,
  type Principal,
  type Requirement,
  type TwinkeyEvent,
  tokenEndpoints,
} from 'twinkey'
import { from, mount, requireAuth } from 'twinkey/hono'
import { boomiFlow, flowgear } from 'twinkey/profiles'
import { beforeEach, describe, expect, test } from 'vitest'
import { type Callers, createCallers, deadOf, FOREIGN, warm } from './callers.ts'

let callers: Callers
beforeEach(async () => {
  callers = await createCallers()
})

const guard = (more: Requirement & { optional?: false } = {}) =>
  requireAuth(callers.twinkey, { workflow: 'flows.read', ...more })
const named = (c: Context<{ Variables: { principal: Principal } }>) =>
  c.json({ name: c.var.principal.name, tenant: c.var.principal.tenant })
const bearer = (secret: string) => ({ headers: { authorization: `Bearer ${secret}` } })
const preflight = {
  origin: 'https://app.test',
  'access-control-request-method': 'GET',
  'access-control-request-headers': 'authorization',
}

describe('with other middleware on Hono', () => {
  test('app.request is guarded like a socket', async () => {
    const app = new Hono().get('/flows', guard(), named)
    expect((await app.request('/flows')).status).toBe(401)
    const answer = await app.request('/flows', bearer(callers.secrets.t1))
    expect(await answer.json()).toEqual({ name: 't1', tenant: 't1' })
    const twice = new Headers([
      ['authorization', `Bearer ${callers.secrets.t1}`],
      ['authorization', 'Bearer x'],
    ])
    expect((await app.request('/flows', { headers: twice })).status).toBe(400)
  })

  test('app.fetch hands pending work to the execution context, for accepted and for refused requests', async () => {
    const app = new Hono().get('/flows', guard(), named)
    const before = callers.spy.calls.recordUse
    const waited: Promise<unknown>[] = []
    const context = {
      waitUntil: (work: Promise<unknown>) => void waited.push(work),
      passThroughOnException: () => {},
      props: {},
    }
    const ask = (secret: string) =>
      app.fetch(new Request('http://localhost/flows', bearer(secret)), {}, context)
    expect((await ask(callers.secrets.t1)).status).toBe(200)
    expect(waited.length).toBe(1)
    await Promise.all(waited)
    expect(callers.spy.calls.recordUse).toBe(before + 1)
    expect(callers.twinkey.flush()).toBeUndefined()
    expect((await ask(callers.secrets.disabled)).status).toBe(401)
  })

  test('a parameter is decoded once and may contain a percent sign; one that cannot be decoded is refused', async () => {
    const { keys } = callers.twinkey
    const { primary } = await keys.create({
      name: 'n',
      scope: { tenants: '*', environments: '*', workflows: ['100%', '%ff'] },
    })
    const app = new Hono().get('/flows/:flow', guard({ workflow: from.param('flow') }), named)
    const statuses = []
    for (const path of ['100%25', '%25ff', '%ff', '%25', 'a'])
      statuses.push((await app.request(`/flows/${path}?a=%ff`, bearer(primary))).status)
    expect(statuses).toEqual([200, 200, 400, 403, 403])
  })

  test('the token endpoints hand pending work to the execution context', async () => {
    const app = new Hono().use('/tokens/*', mount(tokenEndpoints(callers.twinkey)))
    let written = () => {}
    const writing = new Promise<void>((resolve) => (written = resolve))
    callers.spy.override({ recordUse: () => writing })
    const waited: Promise<unknown>[] = []
    const context = {
      waitUntil: (work: Promise<unknown>) => void waited.push(work),
      passThroughOnException: () => {},
      props: {},
    }
    const answer = await app.fetch(
      new Request('http://localhost/tokens', { method: 'POST', ...bearer(callers.secrets.t1) }),
      {},
      context,
    )
    expect([answer.status, waited.length]).toEqual([200, 1])
    written()
    await Promise.all(waited)
    expect(callers.twinkey.flush()).toBeUndefined()
  })

  test('with cors before the guard a preflight passes, and a browser can read a refusal', async () => {
    const app = new Hono()
      .use(cors({ origin: 'https://app.test' }))
      .use(guard())
      .get('/flows', named)
    const passed = await app.request('/flows', { method: 'OPTIONS', headers: preflight })
    expect([passed.status, passed.headers.get('access-control-allow-origin')]).toEqual([
      204,
      'https://app.test',
    ])
    const refused = await app.request('/flows', { headers: { origin: 'https://app.test' } })
    expect([refused.status, refused.headers.get('access-control-allow-origin')]).toEqual([
      401,
      'https://app.test',
    ])
  })

  test('with cors behind the guard a preflight is refused: the guard exempts no method', async () => {
    const app = new Hono().use(guard()).use(cors()).all('/flows', named)
    for (const method of ['OPTIONS', 'HEAD', 'DELETE', 'PATCH'])
      expect((await app.request('/flows', { method, headers: preflight })).status, method).toBe(401)
  })

  test('a refusal keeps the headers of secureHeaders and adds its own', async () => {
    const { status, headers } = await new Hono()
      .use(secureHeaders())
      .get('/flows', guard(), named)
      .request('/flows')
    expect([
      status,
      headers.get('x-content-type-options'),
      headers.get('www-authenticate'),
      headers.get('content-type'),
    ]).toEqual([401, 'nosniff', 'Bearer realm="api"', 'application/problem+json'])
  })

  test('under basePath and in an app that is mounted, a guard reads the parameters of the whole path', async () => {
    const flows = new Hono().get('/flows/:id', guard({ tenant: from.param('tenant') }), named)
    const app = new Hono().basePath('/v1').route('/tenants/:tenant', flows)
    const ask = (tenant: string) =>
      app.request(`/v1/tenants/${tenant}/flows/7`, bearer(callers.secrets.t1))
    expect(await (await ask('t1')).json()).toEqual({ name: 't1', tenant: 't1' })
    expect((await ask('t2')).status).toBe(403)
  })

  test('a guard on a pattern reads the parameters of its pattern', async () => {
    const app = new Hono()
      .use('/tenants/:tenant/*', guard({ tenant: from.param('tenant') }))
      .get('/tenants/:tenant/flows', named)
    expect((await app.request('/tenants/t1/flows', bearer(callers.secrets.t1))).status).toBe(200)
    expect((await app.request('/tenants/t2/flows', bearer(callers.secrets.t1))).status).toBe(403)
  })

  test('a guard that cannot see its parameter refuses the request', async () => {
    const app = new Hono()
      .use('/wild/*', guard({ tenant: from.param('tenant') }))
      .get('/wild/:tenant', named)
    app.get('/misspelt/:tenant', guard({ tenant: from.param('tenat') }), named)
    const statuses = []
    for (const path of ['/wild/t2', '/misspelt/t2'])
      statuses.push((await app.request(path, bearer(callers.secrets.t1))).status)
    expect(statuses).toEqual([400, 400])
  })

  test('only the template of the handler names the workflow', async () => {
    const events: TwinkeyEvent[] = []
    const twinkey = createTwinkey({ onEvent: (event) => events.push(event) })
    const workflows = [
      'GET /t/:tenant',
      'GET /v1/u/:id',
      'GET /t/*',
      'GET /same/:id',
      'GET /each/:id',
    ]
    const { primary } = await twinkey.keys.create({
      name: 'n',
      scope: { tenants: ['t1'], workflows },
    })
    const byTemplate = requireAuth(twinkey, { workflow: from.routeTemplate() })
    const workflow = (c: Context<{ Variables: { principal: Principal } }>) =>
      c.text(`${c.var.principal.workflow}`)
    const above = new Hono().use('/t/*', byTemplate).get('/t/:tenant', workflow)
    const onIt = new Hono()
      .use(async (_c, next) => next())
      .get('/t/:tenant', byTemplate, workflow)
      .route('/v1', new Hono().get('/u/:id', byTemplate, workflow))
      .use('/same/:id', byTemplate)
      .get('/same/:id', workflow)
      .all('/each/:id', byTemplate, workflow)
      .get('*', (c) => c.text('static'))
    const ask = async (app: Hono, path: string) => (await app.request(path, bearer(primary))).text()
    expect(JSON.parse(await ask(above as unknown as Hono, '/t/t1'))).toMatchObject({
      status: 400,
      code: 'request_malformed',
    })
    expect(events.at(-1)).toMatchObject({ type: 'access.refused', reason: 'parameter_unseen' })
    const paths = ['/t/t1', '/v1/u/7', '/same/7', '/each/7']
    const answers = await Promise.all(paths.map((path) => ask(onIt as unknown as Hono, path)))
    expect(answers).toEqual(['GET /t/:tenant', 'GET /v1/u/:id', 'GET /same/:id', 'GET /each/:id'])
  })

  test('the template begins with the base path and the mounts, and never contains text of the caller', async () => {
    const byTemplate = requireAuth(callers.twinkey, { workflow: from.routeTemplate() })
    const run = () =>
      new Hono().get('/run', byTemplate, (c) => c.text(`${c.var.principal.workflow}`))
    const failing = run().onError((_error, c) => c.text('', 500))
    const app = new Hono()
      .route('/a/:area', run())
      .route('/own-errors/:area', failing)
      .route('/outer/:outer', new Hono().route('/inner/:inner', run()))
      .route('/', new Hono().basePath('/base/:base').route('/', run()))
      .mount('/m', run().fetch)
    const templates = {
      '/a/public/run': 'GET /a/:area/run',
      '/own-errors/public/run': 'GET /own-errors/:area/run',
      '/outer/x/inner/y/run': 'GET /outer/:outer/inner/:inner/run',
      '/base/x/run': 'GET /base/:base/run',
      // A handler behind mount() sees only the rest of the URL.
      '/m/run': 'GET /run',
    }
    for (const [path, template] of Object.entries(templates)) {
      const typed = `GET ${path}`
      for (const [workflow, expected] of [
        [template, template] as const,
        [typed, undefined] as const,
      ]) {
        const { primary } = await callers.twinkey.keys.create({
          name: 'n',
          scope: { tenants: ['t1'], workflows: [workflow] },
        })
        const answer = await app.request(path, bearer(primary))
        if (expected === undefined) expect(answer.status, typed).toBe(403)
        else expect([answer.status, await answer.text()]).toEqual([200, expected])
      }
    }
  })

  test.each(['', '/v1'])(
    'the token endpoints work below the base path %j and below a mount',
    async (base) => {
      const nested = new Hono().use('/tokens/*', mount(tokenEndpoints(callers.twinkey)))
      const app = new Hono().basePath(base || '/').route('/auth', nested)
      expect(
        (
          await app.request(`${base}/auth/tokens`, {
            method: 'POST',
            ...bearer(callers.secrets.t1),
          })
        ).status,
      ).toBe(200)
      expect((await app.request(`${base}/auth/tokens/test`, bearer(callers.token))).status).toBe(
        200,
      )
      expect((await app.request(`${base}/auth/tokens/jwks.json`)).status).toBe(200)
      expect((await app.request(`${base}/auth/tokens/other`)).status).toBe(404)
    },
  )

  test('a handler can read the body behind the guard, which does not read it', async () => {
    const app = new Hono().post('/flows', guard(), async (c) =>
      c.json([c.var.principal.name, await c.req.json()]),
    )
    const answer = await app.request('/flows', {
      method: 'POST',
      body: '{"a":1}',
      ...bearer(callers.secrets.t1),
    })
    expect(await answer.json()).toEqual(['t1', { a: 1 }])
    const refused = new Request('http://localhost/flows', {
      method: 'POST',
      body: '{"a":1}',
      ...bearer(callers.secrets.disabled),
    })
    expect((await app.fetch(refused)).status).toBe(401)
    expect(refused.bodyUsed).toBe(false)
  })

  test('an optional guard passes on credentials of another scheme, and refuses inactive Twinkey credentials', async () => {
    const app = new Hono().get(
      '/flows',
      requireAuth(callers.twinkey, { workflow: 'flows.read', optional: true }),
      async (c, next) => (c.var.principal === undefined ? c.text('other scheme', 418) : next()),
      named,
    )
    for (const [name, value] of Object.entries(FOREIGN))
      expect(
        (
          await app.request(
            '/flows',
            value === undefined ? {} : { headers: { authorization: value } },
          )
        ).status,
        name,
      ).toBe(418)
    for (const [name, value] of Object.entries(deadOf(callers)))
      expect([400, 401], name).toContain(
        (await app.request('/flows', { headers: { authorization: value } })).status,
      )
    expect((await app.request('/flows', bearer(callers.token))).status).toBe(200)
  })

  test('one Twinkey serves two profiles on two mounts', async () => {
    const app = new Hono()
      .get('/draw', guard({ profile: boomiFlow() }), named)
      .get('/gear', guard({ profile: { ...flowgear(), target: {} } }), named)
    expect([(await app.request('/draw')).status, (await app.request('/gear')).status]).toEqual([
      401, 404,
    ])
    expect((await app.request(`/gear?auth-key=${callers.secrets.t1}`)).status).toBe(200)
    expect((await app.request(`/draw?auth-key=${callers.secrets.t1}`)).status).toBe(401)
    expect(
      (await app.request('/draw', { headers: { 'x-boomi-flow-api-key': callers.secrets.t1 } }))
        .status,
    ).toBe(200)
  })

  test.each(['cold', 'warm'])(
    'an error in a reader reaches onError, and the route handler does not run: %s',
    async (state) => {
      const reader = () => {
        throw new Error('the reader broke')
      }
      const app = new Hono()
        .get('/flows', guard({ tenant: reader }), named)
        .onError((error, c) => c.json({ told: error.message }, 500))
      if (state === 'warm') await warm(callers.twinkey, callers.secrets.anyTenant)
      const answer = await app.request('/flows', bearer(callers.secrets.anyTenant))
      expect([answer.status, await answer.json()]).toEqual([500, { told: 'the reader broke' }])
    },
  )
})
