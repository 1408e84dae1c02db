import type { AddressInfo } from 'node:net'
import express, { type Express, type RequestHandler, type Router } from 'express'
import express4 from 'express4'
import { createTwinkey, type RefusedEvent, type Twinkey, type TwinkeyEvent } from 'twinkey'
import { from, requireAuth } from 'twinkey/express'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { sendRaw } from '../support/raw-http.ts'

let twinkey: Twinkey
let events: TwinkeyEvent[]
let secrets: Map<string, string>
beforeEach(() => {
  events = []
  secrets = new Map()
  twinkey = createTwinkey({ onEvent: (event) => void events.push(event) })
})

describe.each([
  ['Express 5', express],
  ['Express 4', express4],
])('the template of a route below mounts on %s', (name, framework) => {
  const closing: (() => Promise<void>)[] = []
  afterEach(async () => {
    for (const close of closing.splice(0)) await close()
    await twinkey.close()
  })

  /**
   * Sends a request with a key for one workflow. Returns the status, and the workflow that the
   * handler saw or the advice in the event of the refusal.
   */
  async function ask(
    app: Express,
    target: string,
    workflow: string,
  ): Promise<[number, string | undefined]> {
    if (!secrets.has(workflow))
      secrets.set(
        workflow,
        (
          await twinkey.keys.create({
            name: 'n',
            scope: { tenants: ['t1'], workflows: [workflow] },
          })
        ).primary,
      )
    const server = app.listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    closing.push(() => new Promise((resolve) => server.close(() => resolve())))
    const headers = [['Authorization', `Bearer ${secrets.get(workflow)}`]] as const
    const { status, body } = await sendRaw((server.address() as AddressInfo).port, {
      target,
      headers,
    })
    if (status === 200) return [status, body]
    const { reason, advice } = events.at(-1) as RefusedEvent
    return [status, advice ?? reason]
  }

  const guard = () => requireAuth(twinkey, { workflow: from.routeTemplate() })
  const handler: RequestHandler = (req, res) => void res.end(req.principal.workflow)
  const running = () => framework.Router({ mergeParams: true }).get('/run', guard(), handler)
  const UNKNOWN = [
    400,
    expect.stringMatching(/^The template of this route is not known, .* workflow: 'GET /),
  ]
  const DENIED = [403, 'not_covered']

  test('a key for the text that the caller typed is refused', async () => {
    const app = framework().use('/:area', running())
    expect(await ask(app, '/public/run', 'GET /public/run')).toEqual(DENIED)
    expect(await ask(app, '/public/run', 'GET /:area/run')).toEqual([200, 'GET /:area/run'])
  })

  test('routers may be nested without taking each other’s parameters', async () => {
    const inner = framework
      .Router()
      .use('/:x', framework.Router().get('/run/:id', guard(), handler))
    const app = framework().use('/a/:area', inner)
    expect(await ask(app, '/a/b/c/run/7', 'GET /a/:area/:x/run/:id')).toEqual([
      200,
      'GET /a/:area/:x/run/:id',
    ])
    for (const typed of ['GET /a/b/c/run/7', 'GET /a/b/c/run/:id', 'GET /a/:area/c/run/:id'])
      expect(await ask(app, '/a/b/c/run/7', typed)).toEqual(DENIED)
  })

  test('a plain-text mount is named as the application wrote it, however the caller spells it', async () => {
    const app = framework().use('/Public.v1/', running())
    for (const path of ['/Public.v1/run', '/public.V1/RUN', '/PUBLIC.v1/run/']) {
      const template = await ask(app, path, 'GET /Public.v1/run')
      expect(template, path).toEqual([200, 'GET /Public.v1/run'])
    }
    expect(await ask(app, '/public.v1/run', 'GET /public.v1/run')).toEqual(DENIED)
  })

  test('a case-sensitive router knows which of its mounts matched', async () => {
    const app = framework()
    app.enable('case sensitive routing')
    const router = running()
    app.use('/a', router).use('/A', router)
    expect(await ask(app, '/A/run', 'GET /A/run')).toEqual([200, 'GET /A/run'])
    expect(await ask(app, '/a/run', 'GET /A/run')).toEqual(DENIED)
  })

  test('with a list of mounts, or several mounts of one router, the template names the mount that matched', async () => {
    const shared = running()
    const app = framework()
      .use(['/v1', '/v2/:region'], running())
      .use('/x', shared)
      .use('/y/:z', shared)
    expect(await ask(app, '/v1/run', 'GET /v1/run')).toEqual([200, 'GET /v1/run'])
    expect(await ask(app, '/v2/eu/run', 'GET /v2/:region/run')).toEqual([
      200,
      'GET /v2/:region/run',
    ])
    expect(await ask(app, '/x/run', 'GET /x/run')).toEqual([200, 'GET /x/run'])
    expect(await ask(app, '/y/1/run', 'GET /y/:z/run')).toEqual([200, 'GET /y/:z/run'])
    expect(await ask(app, '/v1/run', 'GET /v2/:region/run')).toEqual(DENIED)
  })

  test('two mounts that may both have matched leave the template unknown, in either order', async () => {
    const shared = running()
    for (const paths of [
      ['/:area', '/public'],
      ['/public', '/:area'],
    ] as const) {
      const app = framework()
      for (const path of paths) app.use(path, shared)
      for (const workflow of ['GET /public/run', 'GET /:area/run'])
        expect(await ask(app, '/public/run', workflow)).toEqual(UNKNOWN)
      expect(await ask(app, '/other/run', 'GET /:area/run')).toEqual([200, 'GET /:area/run'])
    }
  })

  test('a mount at a regular expression is unknown, alone and in a list', async () => {
    for (const path of [/^\/pub\w+/, ['/v1', /^\/pub\w+/]]) {
      const app = framework().use(path, running())
      for (const workflow of ['GET /public/run', 'GET /run', 'GET /^\\/pub\\w+//run'])
        expect(await ask(app, '/public/run', workflow)).toEqual(UNKNOWN)
    }
  })

  test('a router that a function of the application calls is unknown', async () => {
    const router = running()
    const app = framework().use('/:area', (req, res, next) => router(req, res, next))
    expect(await ask(app, '/public/run', 'GET /public/run')).toEqual(UNKNOWN)
    expect(await ask(app, '/public/run', 'GET /run')).toEqual(UNKNOWN)
  })

  test('nested applications have the templates of their mounts', async () => {
    const inner = framework().get('/run', guard(), handler)
    const middle = framework().use('/:middle', inner).use('/r', running())
    const app = framework()
      .use(['/outer/:outer', '/o'], middle)
      .use('/', framework().get('/other', handler))
    expect(await ask(app, '/outer/a/b/run', 'GET /outer/:outer/:middle/run')).toEqual([
      200,
      'GET /outer/:outer/:middle/run',
    ])
    expect(await ask(app, '/o/b/run', 'GET /o/:middle/run')).toEqual([200, 'GET /o/:middle/run'])
    expect(await ask(app, '/outer/a/b/run', 'GET /outer/a/b/run')).toEqual(DENIED)
  })

  test('an application that a plain router mounts is unknown, because Express does not say where it is mounted', async () => {
    const router = framework.Router().use('/:area', framework().get('/run', guard(), handler))
    expect(await ask(framework().use(router), '/public/run', 'GET /public/run')).toEqual(UNKNOWN)
  })

  test('an application at two overlapping mounts is unknown', async () => {
    const inner = framework().get('/run', guard(), handler)
    const app = framework().use('/:area', inner).use('/public', inner)
    expect(await ask(app, '/public/run', 'GET /public/run')).toEqual(UNKNOWN)
  })

  test('the root of a mounted router is the mount itself', async () => {
    const app = framework().use('/customers/:id', framework.Router().get('/', guard(), handler))
    for (const path of ['/customers/7', '/customers/7/'])
      expect(await ask(app, path, 'GET /customers/:id')).toEqual([200, 'GET /customers/:id'])
  })

  test('mounts at the root add nothing, and a router mounted in itself ends', async () => {
    const router = running()
    router.use('/:folder', router).use('/', router)
    const app = framework().use(framework.Router().use('/', framework.Router().use('/v1', router)))
    expect(await ask(app, '/v1/run', 'GET /v1/run')).toEqual([200, 'GET /v1/run'])
    expect(await ask(app, '/v1/a/b/run', 'GET /v1/:folder/:folder/run')).toEqual([
      200,
      'GET /v1/:folder/:folder/run',
    ])
    expect(await ask(app, '/v1/a/b/run', 'GET /v1/a/b/run')).toEqual(DENIED)
  })

  test('a guard on no route is refused, also after an earlier route has matched and called next', async () => {
    const app = framework()
      .get('/:any', (_req, _res, next) => next())
      .use(guard(), handler)
    const nested = framework()
      .get('/a/:any', (_req, _res, next) => next())
      .use('/a', framework.Router().use(guard(), handler))
    expect(await ask(app, '/public', 'GET /:any')).toEqual([400, 'parameter_unseen'])
    for (const workflow of ['GET /a/:any', 'GET /a/a/:any'])
      expect((await ask(nested, '/a/public', workflow))[0]).toBe(400)
  })

  test('a guard that a middleware of a route calls belongs to that route', async () => {
    const inner = guard()
    const app = framework().get('/flows/:id', (req, res, next) => inner(req, res, next), handler)
    expect(await ask(app, '/flows/7', 'GET /flows/:id')).toEqual([200, 'GET /flows/:id'])
  })

  test('the event about an unseen parameter has the template, and no text of the caller', async () => {
    const router = framework
      .Router()
      .get('/run', requireAuth(twinkey, { tenant: from.param('tenant') }), handler)
    const app = framework().use('/areas/:area', router)
    const [status] = await ask(app, '/areas/typed/run', 'w')
    expect([status, events.at(-1)]).toEqual([
      400,
      expect.objectContaining({ parameter: 'tenant', template: '/areas/:area/run' }),
    ])
    expect(JSON.stringify(events)).not.toContain('typed')
  })

  if (name === 'Express 5') {
    test('with a router before 2.3, which does not record the path of a mount, the mount is unknown', async () => {
      const app = framework()
        .use('/:area', running())
        .get('/top/:id', guard(), handler)
        .use(running())
      for (const layer of (app.router as unknown as Router).stack)
        delete (layer as { rawPath?: unknown }).rawPath
      expect(await ask(app, '/public/run', 'GET /public/run')).toEqual(UNKNOWN)
      expect(await ask(app, '/public/run', 'GET /:area/run')).toEqual(UNKNOWN)
      expect(await ask(app, '/top/7', 'GET /top/:id')).toEqual([200, 'GET /top/:id'])
      expect(await ask(app, '/run', 'GET /run')).toEqual([200, 'GET /run'])
    })
  } else {
    test.each(['/:area(\\w+)', '/(public|x)', '/:a.:b', '/p(?!x)ublic'])(
      'a mount at the pattern %s is unknown',
      async (path) => {
        const at = path === '/:a.:b' ? '/a.b/run' : '/public/run'
        for (const workflow of [`GET ${at}`, `GET ${path}/run`, 'GET /run'])
          expect(await ask(framework().use(path, running()), at, workflow)).toEqual(UNKNOWN)
      },
    )

    test('a mount at a text that Express 4 reads as a pattern is named by that text', async () => {
      expect(
        await ask(framework().use('/:area?', running()), '/public/run', 'GET /:area?/run'),
      ).toEqual([200, 'GET /:area?/run'])
      expect(
        await ask(framework().use('/ab?c-d', running()), '/ac-d/run', 'GET /ab?c-d/run'),
      ).toEqual([200, 'GET /ab?c-d/run'])
      expect(
        await ask(framework().use('/ab?c-d', running()), '/ac-d/run', 'GET /ac-d/run'),
      ).toEqual(DENIED)
    })
  }

  test('a mount that can match nothing does not turn its routes into those of the root', async () => {
    const optional = name === 'Express 5' ? '{/:area}' : '/:area?'
    const app = framework().use(optional, running())
    expect(await ask(app, '/public/run', `GET ${optional}/run`)).toEqual([
      200,
      `GET ${optional}/run`,
    ])
    for (const path of ['/run', '//run'])
      expect((await ask(app, path, 'GET /run'))[0], path).not.toBe(200)
    expect(await ask(framework().use(/^(?=\/run)/, running()), '/run', 'GET /run')).toEqual(UNKNOWN)
  })
})
