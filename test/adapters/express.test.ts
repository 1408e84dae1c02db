import type { AddressInfo } from 'node:net'
import cors from 'cors'
import express, { type ErrorRequestHandler, type Express, type RequestHandler } from 'express'
import express4 from 'express4'
import helmet from 'helmet'
import { tokenEndpoints } from 'twinkey'
import { from, mount, requireAuth } from 'twinkey/express'
import { boomiFlow, flowgear } from 'twinkey/profiles'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type RawRequest, sendRaw } from '../support/raw-http.ts'
import { type Callers, createCallers, deadOf, FOREIGN, warm } from './callers.ts'

type Headers = readonly (readonly [string, string])[]

let callers: Callers
beforeEach(async () => {
  callers = await createCallers()
})

describe.each([
  ['Express 5', express],
  ['Express 4', express4],
])('with other middleware on %s', (_name, framework) => {
  const closing: (() => Promise<void>)[] = []
  afterEach(async () => {
    for (const close of closing.splice(0)) await close()
  })

  async function ask(
    app: Express,
    target: string,
    headers: Headers = [],
    more: Partial<RawRequest> = {},
  ) {
    const server = app.listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    closing.push(() => new Promise((resolve) => server.close(() => resolve())))
    return sendRaw((server.address() as AddressInfo).port, { target, headers, ...more })
  }

  const bearer = (secret: string) => ['Authorization', `Bearer ${secret}`] as const
  const named: RequestHandler = (req, res) =>
    void res.json({ name: req.principal.name, tenant: req.principal.tenant })
  const guard = (more: Parameters<typeof requireAuth>[1] = {}) =>
    requireAuth(callers.twinkey, { workflow: 'flows.read', ...more })

  test('behind a trusted proxy, forwarded headers do not change the decision', async () => {
    const app = framework()
      .set('trust proxy', true)
      .get('/flows', guard({ tenant: from.header('x-tenant', { optional: true }) }), named)
    const forwarded: Headers = [
      ['X-Forwarded-For', '203.0.113.9'],
      ['X-Forwarded-Host', 'elsewhere.test'],
      ['X-Forwarded-Proto', 'https'],
      ['X-Forwarded-Authorization', `Bearer ${callers.secrets.t1}`],
    ]
    expect((await ask(app, '/flows', forwarded)).status).toBe(401)
    expect((await ask(app, '/flows', [...forwarded, bearer(callers.secrets.t1)])).status).toBe(200)
    expect(
      (await ask(app, '/flows', [...forwarded, bearer(callers.secrets.t1), ['X-Tenant', 't2']]))
        .status,
    ).toBe(403)
  })

  test('a refusal keeps the headers of helmet and adds its own', async () => {
    const { status, headers } = await ask(
      framework().use(helmet()).get('/flows', guard(), named),
      '/flows',
    )
    expect({
      status,
      type: headers['content-type'],
      challenge: headers['www-authenticate'],
      sniff: headers['x-content-type-options'],
    }).toEqual({
      status: 401,
      type: 'application/problem+json',
      challenge: 'Bearer realm="api"',
      sniff: 'nosniff',
    })
  })

  const preflight: Headers = [
    ['Origin', 'https://app.test'],
    ['Access-Control-Request-Method', 'GET'],
    ['Access-Control-Request-Headers', 'authorization'],
  ]

  test('with cors before the guard a preflight passes, and a browser can read a refusal', async () => {
    const app = framework()
      .use(cors({ origin: 'https://app.test' }))
      .use(guard())
      .get('/flows', named)
    const passed = await ask(app, '/flows', preflight, { method: 'OPTIONS' })
    expect({
      status: passed.status,
      origin: passed.headers['access-control-allow-origin'],
    }).toEqual({
      status: 204,
      origin: 'https://app.test',
    })
    const refused = await ask(app, '/flows', [['Origin', 'https://app.test']])
    expect({
      status: refused.status,
      origin: refused.headers['access-control-allow-origin'],
    }).toEqual({
      status: 401,
      origin: 'https://app.test',
    })
  })

  test('with cors behind the guard a preflight is refused: the guard exempts no method', async () => {
    const app = framework().use(guard()).use(cors()).get('/flows', named)
    for (const method of ['OPTIONS', 'HEAD', 'TRACE', 'DELETE', 'QUERY'])
      expect((await ask(app, '/flows', preflight, { method })).status, method).toBe(401)
  })

  test('express.json may stand before the guard: the handler gets body and principal, and a body that cannot be parsed is refused', async () => {
    const app = framework()
      .use(framework.json())
      .post('/flows', guard(), (req, res) => void res.json([req.principal.name, req.body]))
    const send = (body: string) =>
      ask(
        app,
        '/flows',
        [
          bearer(callers.secrets.t1),
          ['Content-Type', 'application/json'],
          ['Content-Length', String(body.length)],
        ],
        {
          method: 'POST',
          body,
        },
      )
    expect(await send('{"a":1}')).toMatchObject({ status: 200, body: '["t1",{"a":1}]' })
    expect((await send('{"a":')).status).toBe(400)
  })

  test('express.json behind the guard never sees the body of a refused request', async () => {
    let parsed = 0
    const json = framework.json({ verify: () => void parsed++ })
    const app = framework().post(
      '/flows',
      guard(),
      json,
      (req, res) => void res.json([req.principal.name, req.body]),
    )
    const send = (secret: string) =>
      ask(
        app,
        '/flows',
        [bearer(secret), ['Content-Type', 'application/json'], ['Content-Length', '7']],
        {
          method: 'POST',
          body: '{"a":1}',
        },
      )
    expect((await send(callers.secrets.disabled)).status).toBe(401)
    expect(parsed).toBe(0)
    expect(await send(callers.secrets.t1)).toMatchObject({ status: 200, body: '["t1",{"a":1}]' })
    expect(parsed).toBe(1)
  })

  test('a guard on a router reads a parameter of the path that the router is mounted on', async () => {
    const flows = framework
      .Router({ mergeParams: true })
      .get('/flows/:id', guard({ tenant: from.param('tenant') }), named)
    const app = framework().use('/v1/tenants/:tenant', flows)
    expect(await ask(app, '/v1/tenants/t1/flows/7', [bearer(callers.secrets.t1)])).toMatchObject({
      status: 200,
      body: '{"name":"t1","tenant":"t1"}',
    })
    expect((await ask(app, '/v1/tenants/t2/flows/7', [bearer(callers.secrets.t1)])).status).toBe(
      403,
    )
  })

  test('a guard on the mount itself reads its parameter too', async () => {
    const flows = framework.Router().get('/flows/:id', named)
    const app = framework().use(
      '/v1/tenants/:tenant',
      guard({ tenant: from.param('tenant') }),
      flows,
    )
    expect((await ask(app, '/v1/tenants/t1/flows/7', [bearer(callers.secrets.t1)])).status).toBe(
      200,
    )
    expect((await ask(app, '/v1/tenants/t2/flows/7', [bearer(callers.secrets.t1)])).status).toBe(
      403,
    )
  })

  test('a guard that cannot see its parameter refuses the request', async () => {
    const handler: RequestHandler = (_req, res) => void res.json('in')
    const unmerged = framework
      .Router()
      .get('/flows', guard({ tenant: from.param('tenant') }), handler)
    const app = framework()
      .use('/merged/:tenant', unmerged)
      .get('/misspelt/:tenant', guard({ tenant: from.param('tenat') }), handler)
    const statuses = []
    for (const target of ['/merged/t2/flows', '/misspelt/t2'])
      statuses.push((await ask(app, target, [bearer(callers.secrets.t1)])).status)
    expect(statuses).toEqual([400, 400])
  })

  test('an optional guard passes on credentials of another scheme, and refuses inactive Twinkey credentials', async () => {
    const other: RequestHandler = (req, res, next) =>
      req.principal === undefined ? void res.status(418).json('other scheme') : next()
    const app = framework().get('/flows', guard({ optional: true }), other, named)
    const sent = (value: string | undefined) =>
      ask(app, '/flows', value === undefined ? [] : [['Authorization', value]])
    for (const [name, value] of Object.entries(FOREIGN))
      expect((await sent(value)).status, name).toBe(418)
    for (const [name, value] of Object.entries(deadOf(callers)))
      expect([400, 401], name).toContain((await sent(value)).status)
    expect((await sent(`Bearer ${callers.secrets.t1}`)).status).toBe(200)
    expect((await sent(`Bearer ${callers.token}`)).status).toBe(200)
  })

  test('one Twinkey serves two profiles on two mounts', async () => {
    const app = framework()
      .use(
        '/draw',
        requireAuth(callers.twinkey, { workflow: 'flows.read', profile: boomiFlow() }),
        named,
      )
      .use(
        '/gear',
        requireAuth(callers.twinkey, {
          workflow: 'flows.read',
          environment: 'production',
          profile: { ...flowgear(), target: {} },
        }),
        named,
      )
      .use('/tokens', mount(tokenEndpoints(callers.twinkey)))
    expect((await ask(app, '/draw')).status).toBe(401)
    expect((await ask(app, '/gear')).status).toBe(404)
    expect((await ask(app, `/gear?auth-key=${callers.secrets.t1}`)).status).toBe(200)
    expect((await ask(app, `/draw?auth-key=${callers.secrets.t1}`)).status).toBe(401)
    expect((await ask(app, '/draw', [['x-boomi-flow-api-key', callers.secrets.t1]])).status).toBe(
      200,
    )
    expect((await ask(app, '/gear', [['x-boomi-flow-api-key', callers.secrets.t1]])).status).toBe(
      404,
    )
  })

  test('an error in a reader reaches the error handler, and the route handler does not run', async () => {
    const seen: string[] = []
    const onError: ErrorRequestHandler = (error, _req, res, _next) => {
      seen.push(error.message)
      res.status(500).json('broken')
    }
    const reader = () => {
      throw new Error('the reader broke')
    }
    const app = framework()
      .get('/flows', guard({ tenant: reader }), named)
      .use(onError)
    for (const state of ['cold', 'warm']) {
      if (state === 'warm') await warm(callers.twinkey, callers.secrets.anyTenant)
      expect(await ask(app, '/flows', [bearer(callers.secrets.anyTenant)]), state).toMatchObject({
        status: 500,
        body: '"broken"',
      })
    }
    expect(seen).toEqual(['the reader broke', 'the reader broke'])
  })

  test('a reader that returns a promise is refused', async () => {
    const reader = (() => Promise.resolve('t1')) as unknown as () => string
    expect(
      (
        await ask(framework().get('/flows', guard({ tenant: reader }), named), '/flows', [
          bearer(callers.secrets.t1),
        ])
      ).status,
    ).toBe(400)
  })
})
