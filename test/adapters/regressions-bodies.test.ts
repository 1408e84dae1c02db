import type { AddressInfo } from 'node:net'
import { serve } from '@hono/node-server'
import { Hono, type MiddlewareHandler } from 'hono'
import { tokenEndpoints } from 'twinkey'
import { mount, requireAuth } from 'twinkey/hono'
import { flowgear } from 'twinkey/profiles'
import { requireAuth as requireWeb } from 'twinkey/web'
import { beforeEach, describe, expect, test } from 'vitest'
import { type Callers, createCallers } from './callers.ts'

let callers: Callers
beforeEach(async () => {
  callers = await createCallers()
})

type Send = (app: Hono, target: string, init: RequestInit) => Promise<Response>

async function onNode(app: Hono, target: string, init: RequestInit): Promise<Response> {
  let close = () => {}
  const { port } = await new Promise<AddressInfo>((resolve) => {
    const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }, resolve)
    close = () => void server.close()
  })
  const answer = await fetch(`http://127.0.0.1:${port}${target}`, {
    ...init,
    headers: { ...init.headers, connection: 'close' },
  })
  const text = await answer.text()
  close()
  return new Response(text, answer)
}

const BODY = '{"a":1}'
const post = { method: 'POST', body: BODY, headers: { 'content-type': 'application/json' } }
const bound = { anyTarget: true, profile: flowgear() }

/** Ways in which a body may have been read before the guard. */
const readers: Readonly<Record<string, MiddlewareHandler>> = {
  'as JSON': (c, next) => c.req.json().then(next),
  'as text': (c, next) => c.req.text().then(next),
  'past Hono': (c, next) => c.req.raw.arrayBuffer().then(next),
}

describe.each<[string, Send]>([
  ['app.request', async (app, target, init) => app.request(target, init)],
  ['on Node', onNode],
])('a Flowgear guard on Hono after something has read the body: %s', (_name, send) => {
  test.each(Object.entries(readers))('decides as usual: read %s', async (_how, read) => {
    const { twinkey, secrets } = callers
    const app = new Hono()
      .use(read)
      .post('/flows', requireAuth(twinkey, bound), (c) =>
        c.json([c.var.principal.name, c.req.query()]),
      )
    const good = await send(app, `/flows?auth-key=${secrets.t1}&b=2`, post)
    expect([good.status, await good.json()]).toEqual([200, ['t1', { b: '2' }]])
    expect((await send(app, `/flows?auth-key=${secrets.disabled}`, post)).status).toBe(404)
    const inHeader = await send(app, '/flows', {
      ...post,
      headers: { ...post.headers, authorization: `Key=${secrets.t1}` },
    })
    expect([inHeader.status, await inHeader.json()]).toEqual([200, ['t1', {}]])
    expect((await send(app, '/flows', post)).status).toBe(404)
  })

  test('and the handler can read again what Hono has cached', async () => {
    const { twinkey, secrets } = callers
    const guard = requireAuth(twinkey, bound)
    const app = new Hono()
      .use(readers['as JSON'] as MiddlewareHandler)
      .post('/flows', guard, guard, async (c) =>
        c.json([await c.req.json(), c.req.header('content-type')]),
      )
    const answer = await send(app, `/flows?auth-key=${secrets.t1}`, post)
    expect([answer.status, await answer.json()]).toEqual([200, [{ a: 1 }, 'application/json']])
  })

  test('passes on a request without auth-key unchanged, with its body', async () => {
    const { twinkey, secrets } = callers
    const raws: Request[] = []
    const app = new Hono()
      .use(async (c, next) => {
        raws.push(c.req.raw)
        await next()
      })
      .post('/flows', requireAuth(twinkey, bound), async (c) => {
        raws.push(c.req.raw)
        return c.text(await c.req.text())
      })
    const answer = await send(app, '/flows?b=2', {
      ...post,
      headers: { ...post.headers, authorization: `Key=${secrets.t1}` },
    })
    expect([answer.status, await answer.text()]).toEqual([200, BODY])
    expect(raws[1]).toBe(raws[0])
  })
})

describe('a Flowgear guard on a plain handler', () => {
  const at = (target: string, headers: Record<string, string> = {}) =>
    new Request(`http://localhost${target}`, { ...post, headers: { ...post.headers, ...headers } })

  test.each([
    ['whose body is there', async () => {}],
    ['whose body was read', async (request: Request) => void (await request.text())],
  ])('decides about a request %s, and the handler sees no key', async (_how, read) => {
    const { twinkey, secrets } = callers
    const handler = requireWeb(twinkey, bound, (request, { name }) =>
      Response.json([name, request.method, new URL(request.url).search]),
    )
    const ask = async (request: Request) => {
      await read(request)
      return handler(request)
    }
    const good = await ask(at(`/flows?auth-key=${secrets.t1}&b=2`))
    expect([good.status, await good.json()]).toEqual([200, ['t1', 'POST', '?b=2']])
    expect((await ask(at(`/flows?auth-key=${secrets.disabled}`))).status).toBe(404)
    expect((await ask(at('/flows', { authorization: `Key=${secrets.t1}` }))).status).toBe(200)
    expect((await ask(at('/flows'))).status).toBe(404)
  })

  test('passes on a request without auth-key as the same object', async () => {
    const { twinkey, secrets } = callers
    const seen: Request[] = []
    const handler = requireWeb(twinkey, bound, (request) => {
      seen.push(request)
      return new Response()
    })
    const request = at('/flows?b=2', { authorization: `Key=${secrets.t1}` })
    expect((await handler(request)).status).toBe(200)
    expect(seen[0]).toBe(request)
  })

  test('accepts the same key behind another Flowgear guard', async () => {
    const { twinkey, secrets } = callers
    const inner = requireWeb(twinkey, bound, async (request, { name }) =>
      Response.json([name, new URL(request.url).search, await request.json()]),
    )
    const outer = requireWeb(twinkey, bound, (request) => inner(request))
    expect(await (await outer(at(`/flows?auth-key=${secrets.t1}&b=2`))).json()).toEqual([
      't1',
      '?b=2',
      { a: 1 },
    ])
  })
})

describe('the token exchange of Flowgear on Hono', () => {
  const asked = { ...post, body: JSON.stringify({ expires_in: 60, scope: 'workflow:flows.read' }) }

  test.each(Object.entries(readers))(
    'never treats a body that was read %s as empty',
    async (_how, read) => {
      const { twinkey, secrets } = callers
      const app = new Hono()
        .use(read)
        .use('/tokens/*', mount(tokenEndpoints(twinkey, { profile: flowgear() })))
      const answer = await app.request(`/tokens?auth-key=${secrets.anyTenant}`, asked)
      // The endpoint reads a body that Hono has cached, and refuses one that is not cached.
      const issued =
        answer.status === 200
          ? ((await answer.json()) as { expires_in: number; scope: string })
          : undefined
      expect([60, undefined]).toContain(issued?.expires_in)
      expect(issued?.scope ?? 'workflow:flows.read').toContain('workflow:flows.read')
    },
  )

  test.each(Object.entries(readers))(
    'and honours a body that was read %s, with the key in a header',
    async (how, read) => {
      const { twinkey, secrets } = callers
      const app = new Hono()
        .use(read)
        .use('/tokens/*', mount(tokenEndpoints(twinkey, { profile: flowgear() })))
      const headers = { ...post.headers, authorization: `Key=${secrets.anyTenant}` }
      const answer = await app.request('/tokens', { ...asked, headers })
      expect(await answer.json()).toMatchObject(
        how === 'past Hono' ? { Message: 'Not Found' } : { expires_in: 60 },
      )
    },
  )
})
