import type { AddressInfo } from 'node:net'
import { serve } from '@hono/node-server'
import express from 'express'
import express4 from 'express4'
import { Hono } from 'hono'
import { createTwinkey, from, tokenEndpoints } from 'twinkey'
import { mount as mountOnExpress, requireAuth } from 'twinkey/express'
import { mount, requireAuth as onHono } from 'twinkey/hono'
import { NodeWireRequest } from 'twinkey/http'
import { flowgear, standard } from 'twinkey/profiles'
import { expect, test } from 'vitest'
import { sendRaw } from '../support/raw-http.ts'
import { createCallers } from './callers.ts'

test('a guard decides by the URL that the handler sees, after the secret was removed from it', async () => {
  const { twinkey, secrets } = await createCallers()
  const app = express4()
  const profile = { ...flowgear(), target: {} }
  const requirement = { profile, tenant: from.query('tenant'), workflow: 'flows.read' }
  app.get(
    '/flows',
    requireAuth(twinkey, { profile, anyTarget: true }),
    (req, _res, next) => {
      req.url = req.url.replace('tenant=t1', 'tenant=t2')
      next()
    },
    requireAuth(twinkey, requirement),
    (req, res) => void res.json({ tenant: req.principal.tenant, url: req.url }),
  )
  const server = app.listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as AddressInfo
  const ask = (secret: string) => sendRaw(port, { target: `/flows?auth-key=${secret}&tenant=t1` })
  expect((await ask(secrets.t1)).status).toBe(404)
  expect(JSON.parse((await ask(secrets.anyTenant)).body)).toEqual({
    tenant: 't2',
    url: '/flows?tenant=t2',
  })
  server.close()
})

test('a secret under a name in another case is removed from URL and query', async () => {
  const { twinkey } = await createCallers()
  const app = express4()
  app.get(
    '/',
    requireAuth(twinkey, { profile: flowgear(), optional: true }),
    (req, res) => void res.json([req.url, req.originalUrl, req.query]),
  )
  const server = app.listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { body } = await sendRaw((server.address() as AddressInfo).port, {
    target: '/?Auth-Key=secret&b=1',
  })
  expect(JSON.parse(body)).toEqual(['/?b=1', '/?b=1', { b: '1' }])
  server.close()
})

test('a locked body does not cause a 500', async () => {
  const { twinkey, secrets } = await createCallers()
  const app = new Hono()
  app.use(async (c, next) => {
    c.req.raw.body?.getReader()
    await next()
  })
  app.post('/', onHono(twinkey, { profile: flowgear(), anyTarget: true }), (c) =>
    c.text(c.var.principal.name),
  )
  const answer = await app.request(`/?auth-key=${secrets.t1}`, { method: 'POST', body: 'x' })
  expect(answer.status).toBe(200)
})

test('a secret in the URL of a TRACE does not cause a 500', async () => {
  const { twinkey, secrets } = await createCallers()
  const app = new Hono()
  app.all('/', onHono(twinkey, { profile: flowgear(), anyTarget: true }), (c) =>
    c.json([c.req.method, c.req.url]),
  )
  const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' })
  await new Promise((resolve) => server.once('listening', resolve))
  const { status, body } = await sendRaw((server.address() as AddressInfo).port, {
    method: 'TRACE',
    target: `/?auth-key=${secrets.t1}&b=1`,
  })
  expect([status, JSON.parse(body)]).toEqual([200, ['TRACE', 'http://localhost/?b=1']])
  server.close()
})

test('on Hono on Node, a URL with user information causes no error, for any caller', async () => {
  const { twinkey, secrets } = await createCallers()
  const app = new Hono()
  const urls: string[] = []
  app.use(async (c, next) => {
    await next()
    urls.push(c.req.url)
  })
  app.all('/flows', onHono(twinkey, { profile: flowgear(), anyTarget: true }), (c) =>
    c.json({ url: c.req.url }),
  )
  app.use('/flowgear/*', mount(tokenEndpoints(twinkey, { profile: flowgear() })))
  app.use('/standard/*', mount(tokenEndpoints(twinkey)))
  const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' })
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as AddressInfo
  const ask = async (method: string, path: string, ...headers: [string, string][]) =>
    (await sendRaw(port, { method, target: `http://user:word@localhost${path}`, headers })).status
  try {
    for (const method of ['GET', 'POST', 'TRACE'])
      expect(await ask(method, `/flows?auth-key=${secrets.t1}`)).toBe(404)
    expect(await ask('POST', `/flowgear/?auth-key=${secrets.t1}`)).toBe(404)
    expect(await ask('POST', '/standard/', ['X-API-Key', secrets.t1])).toBe(400)
    expect(await ask('POST', '/standard/', ['X-API-Key', 'nobody'])).toBe(401)
    expect(await ask('GET', '/flows', ['Authorization', `Key=${secrets.t1}`])).toBe(200)
    // Without a user, a method that a web-standard request cannot have works too.
    const traced = await sendRaw(port, {
      method: 'TRACE',
      target: `/flows?auth-key=${secrets.t1}&b=2`,
    })
    expect([traced.status, JSON.parse(traced.body)]).toEqual([
      200,
      { url: 'http://localhost/flows?b=2' },
    ])
    expect(urls.join()).not.toContain(secrets.t1)
  } finally {
    server.close()
  }
})

test('every host refuses an absolute URL with user information and a key', async () => {
  const { twinkey, secrets } = await createCallers()
  const requirement = { profile: flowgear(), anyTarget: true } as const
  const ask = async (url: string) =>
    (await twinkey.authenticate(new NodeWireRequest({ url }), requirement)).ok
  expect(await ask(`http://user@localhost/?auth-key=${secrets.t1}`)).toBe(false)
  expect(await ask(`http://localhost/a@b?auth-key=${secrets.t1}`)).toBe(true)
  expect(await ask(`/http://user@localhost/?auth-key=${secrets.t1}`)).toBe(true)
})

test('headers that a host made up are read by their own names only', () => {
  const request = new NodeWireRequest({ rawHeaders: [], headers: { authorization: 'Bearer x' } })
  expect([
    request.header('authorization'),
    request.header('constructor'),
    request.header('__proto__'),
  ]).toEqual(['Bearer x', undefined, undefined])
})

test.each([null, '', false, -1, 0, Number.NaN, '1'])(
  'a clock that returns %j is rejected',
  (time) => {
    expect(() => createTwinkey({ now: () => time as number })).toThrow(
      'now must return epoch milliseconds',
    )
  },
)

test('a profile may be an object of a class', async () => {
  const { twinkey, secrets } = await createCallers()
  class Custom {
    constructor() {
      Object.assign(this, standard())
    }
  }
  const app = new Hono().use(
    '/tokens/*',
    mount(tokenEndpoints(twinkey, { profile: new Custom() as ReturnType<typeof standard> })),
  )
  const answer = await app.request('/tokens', {
    method: 'POST',
    headers: { authorization: `Bearer ${secrets.t1}` },
  })
  expect(answer.status).toBe(200)
})

test('mounted endpoints answer an absolute URL without a host, in which Express finds no path', async () => {
  const endpoints = tokenEndpoints(createTwinkey())
  for (const create of [express4, express as unknown as typeof express4]) {
    const app = create()
    app.use('/tokens', mountOnExpress(endpoints) as never)
    const server = app.listen(0)
    const { status } = await sendRaw((server.address() as AddressInfo).port, {
      target: 'http:///tokens?a=1',
    })
    server.close()
    expect(status).toBe(405)
  }
})
