import { createServer, type IncomingMessage } from 'node:http'
import { createServer as createHttp2Server } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { serve } from '@hono/node-server'
import express from 'express'
import { type FastifyRequest, fastify } from 'fastify'
import { type Context, Hono } from 'hono'
import * as onExpress from 'twinkey/express'
import * as onFastify from 'twinkey/fastify'
import * as onHono from 'twinkey/hono'
import { type NodeRequest, NodeWireRequest } from 'twinkey/http'
import { flowgear } from 'twinkey/profiles'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import { sendHttp2 } from '../support/http2.ts'
import { type RawRequest, sendRaw } from '../support/raw-http.ts'
import { type Callers, createCallers } from './callers.ts'

// Ways in which an application can change headers before a guard reads them, beyond those in
// test/http/changed-headers.test.ts.

let callers: Callers
const closing: (() => unknown)[] = []

beforeAll(async () => {
  callers = await createCallers()
})
afterEach(() => {
  for (const close of closing.splice(0)) close()
})

const requirement = { tenant: onExpress.from.header('x-tenant'), workflow: 'flows.read' }

/** The status of a request with these headers, and the code if it is refused. */
async function ask(
  port: number,
  headers: RawRequest['headers'],
  target = '/flows',
): Promise<string> {
  const { status, body } = await sendRaw(port, { target, headers: headers ?? [] })
  const { code } = JSON.parse(body)
  return code === undefined ? String(status) : `${status} ${code}`
}

const sent = (...tenants: string[]) => [
  ['Authorization', `Bearer ${callers.secrets.t1}`] as const,
  ...tenants.map((tenant) => ['X-Tenant', tenant] as const),
]

describe('on Express', () => {
  async function behind(
    change: (req: express.Request) => void,
    headers: RawRequest['headers'],
  ): Promise<string> {
    const app = express()
      .use((req, _res, next) => {
        change(req)
        next()
      })
      .get(
        '/flows',
        onExpress.requireAuth(callers.twinkey, requirement),
        (_req, res) => void res.json({}),
      )
    const server = app.listen(0, '127.0.0.1')
    closing.push(() => server.close())
    await new Promise((resolve) => server.once('listening', resolve))
    return ask((server.address() as AddressInfo).port, headers)
  }

  test('the guard reads headers that were replaced as a whole', async () => {
    const replace = (tenant: string) => (req: express.Request) => {
      req.headers = { ...req.headers, 'x-tenant': tenant }
    }
    expect(await behind(replace('t1'), sent('t2'))).toBe('200')
    expect(await behind(replace('t2'), sent('t1'))).toBe('403 tenant_denied')
    expect(
      await behind((req) => {
        req.headers = {}
      }, sent('t1')),
    ).toBe('401 credential_missing')
  })

  test('a header that is set to undefined is removed', async () => {
    expect(
      await behind((req) => void Object.assign(req.headers, { 'x-tenant': undefined }), sent('t1')),
    ).toBe('400 target_missing')
    expect(
      await behind((req) => void Object.assign(req.headers, { 'x-tenant': null }), sent('t1')),
    ).toBe('400 target_missing')
  })

  test('a header value that is not a string is refused, not ignored', async () => {
    expect(
      await behind(
        (req) => void Object.assign(req.headers, { 'x-tenant': { toString: () => 't1' } }),
        sent('t1'),
      ),
    ).toBe('400 target_conflict')
  })

  test('an inherited header is ignored', async () => {
    const inherit = (req: express.Request) =>
      void Object.setPrototypeOf(req.headers, { 'x-tenant': 't1', 'x-api-key': 'x' })
    expect(await behind(inherit, sent())).toBe('400 target_missing')
    expect(await behind(inherit, sent('t1'))).toBe('200')
  })

  test('headersDistinct is ignored: only a header in headers counts', async () => {
    expect(
      await behind(
        (req) => void Object.assign(req.headersDistinct, { 'x-tenant': ['t2'] }),
        sent('t1'),
      ),
    ).toBe('200')
    expect(
      await behind((req) => {
        void req.headersDistinct
        delete req.headers['x-tenant']
      }, sent('t1')),
    ).toBe('400 target_missing')
  })
})

describe('on Fastify', () => {
  async function behind(
    change: (request: FastifyRequest) => void,
    headers: Record<string, string | string[]>,
  ): Promise<string> {
    const app = fastify()
    app.addHook('onRequest', async (request) => change(request))
    app.get(
      '/flows',
      { onRequest: onFastify.requireAuth(callers.twinkey, requirement) },
      async () => ({}),
    )
    const { statusCode, body } = await app.inject({
      url: '/flows',
      headers: headers as Record<string, string>,
    })
    const { code } = JSON.parse(body)
    return code === undefined ? String(statusCode) : `${statusCode} ${code}`
  }

  test('the guard reads headers that were assigned to the request', async () => {
    const authorization = `Bearer ${callers.secrets.t1}`
    const assign = (headers: FastifyRequest['headers']) => (request: FastifyRequest) => {
      request.headers = headers
    }
    expect(await behind(assign({ 'x-tenant': 't1' }), { authorization, 'x-tenant': 't2' })).toBe(
      '200',
    )
    expect(await behind(assign({ 'x-tenant': 't2' }), { authorization, 'x-tenant': 't1' })).toBe(
      '403 tenant_denied',
    )
    expect(
      await behind(assign({ 'x-tenant': undefined }), { authorization, 'x-tenant': 't1' }),
    ).toBe('400 target_missing')
    expect(await behind(assign({ authorization }), { 'x-tenant': 't1' })).toBe('200')
  })

  test('an injected request has its headers once, and a list counts as a repeated header', async () => {
    const authorization = `Bearer ${callers.secrets.t1}`
    expect(await behind(() => {}, { authorization, 'x-tenant': 't1' })).toBe('200')
    expect(await behind(() => {}, { authorization, 'x-tenant': ['t1', 't1'] })).toBe(
      '400 target_conflict',
    )
    expect(
      await behind(() => {}, { authorization: [authorization, authorization], 'x-tenant': 't1' }),
    ).toBe('400 credential_ambiguous')
  })
})

describe('on Hono on Node', () => {
  type Change = (c: Context<{ Bindings: { incoming: IncomingMessage } }>) => void

  async function behind(
    changes: readonly Change[],
    headers: RawRequest['headers'],
    target = '/flows',
  ): Promise<string> {
    const app = new Hono<{ Bindings: { incoming: IncomingMessage } }>()
    for (const change of changes) {
      app.use(async (c, next) => {
        change(c)
        await next()
      })
    }
    const guard = onHono.requireAuth(callers.twinkey, requirement)
    app.get('/flows', guard, (c) => c.json({}))
    const first = onHono.requireAuth(callers.twinkey, { profile: flowgear(), anyTarget: true })
    app.get(
      '/twice',
      first,
      onHono.requireAuth(callers.twinkey, { ...requirement, profile: flowgear() }),
      (c) => c.json({}),
    )
    const template = onHono.requireAuth(callers.twinkey, {
      tenant: onHono.from.query('tenant'),
      workflow: onHono.from.routeTemplate(),
    })
    app.on(['GET', 'POST'], '/template', template, (c) => c.json({}))
    const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' })
    closing.push(() => server.close())
    await new Promise((resolve) => server.once('listening', resolve))
    return ask((server.address() as AddressInfo).port, headers, target)
  }
  const reads: Change = (c) => void c.req.header('user-agent')
  const setsInPlace =
    (tenant: string): Change =>
    (c) =>
      c.req.raw.headers.set('x-tenant', tenant)
  const setsOnNode =
    (tenant: string): Change =>
    (c) =>
      void Object.assign(c.env.incoming.headers, { 'x-tenant': tenant })
  const removesOnNode: Change = (c) => void delete c.env.incoming.headers['x-tenant']

  test('the guard reads headers that were changed in place', async () => {
    expect(await behind([setsInPlace('t1')], sent('t2'))).toBe('200')
    expect(await behind([setsInPlace('t2')], sent('t1'))).toBe('403 tenant_denied')
    expect(await behind([(c) => c.req.raw.headers.delete('x-tenant')], sent('t1'))).toBe(
      '400 target_missing',
    )
    expect(await behind([(c) => c.req.raw.headers.append('x-tenant', 't1')], sent('t1'))).toBe(
      '400 target_conflict',
    )
  })

  test.each([
    ['before anything has read the headers', []],
    ['and something has read the headers', [reads]],
  ])("the guard reads headers that were changed in Node's request, %s", async (_, before) => {
    expect(await behind([...before, setsOnNode('t1')], sent('t2'))).toBe('200')
    expect(await behind([...before, setsOnNode('t2')], sent('t1'))).toBe('403 tenant_denied')
    expect(await behind([...before, removesOnNode], sent('t1'))).toBe('400 target_missing')
    expect(await behind([setsOnNode('t2'), ...before], sent('t1'))).toBe('403 tenant_denied')
  })

  test('a repeated header is detected after something else has read the headers', async () => {
    expect(await behind([reads], sent('t1', 't1'))).toBe('400 target_conflict')
    expect(await behind([reads], [...sent('t1'), ...sent()])).toBe('400 credential_ambiguous')
  })

  test("a second guard reads headers changed in Node's request after the first guard replaced the request", async () => {
    const key = `/twice?auth-key=${callers.secrets.t1}`
    const tenant = (name: string) => [['X-Tenant', name] as const]
    expect(await behind([], tenant('t1'), key)).toBe('200')
    expect(await behind([setsOnNode('t1')], tenant('t2'), key)).toBe('200')
    expect(await behind([setsOnNode('t2')], tenant('t1'), key)).toBe('404')
    expect(await behind([removesOnNode], tenant('t1'), key)).toBe('404')
  })

  test('the guard reads the query and the method of a replacement request', async () => {
    const limited = await callers.twinkey.keys.create({
      name: 'limited',
      scope: { tenants: ['t1'], workflows: ['GET /template'] },
    })
    const headers = [['Authorization', `Bearer ${limited.primary}`] as const]
    const replaces =
      (url: string, method = 'GET'): Change =>
      (c) => {
        c.req.raw = new Request(new URL(url, c.req.url), { method, headers: c.req.raw.headers })
      }
    expect(await behind([], headers, '/template?tenant=t1')).toBe('200')
    expect(await behind([replaces('/template?tenant=t2')], headers, '/template?tenant=t1')).toBe(
      '403 tenant_denied',
    )
    expect(await behind([replaces('/template?tenant=t1')], headers, '/template?tenant=t2')).toBe(
      '200',
    )
    expect(
      await behind([replaces('/template?tenant=t1', 'POST')], headers, '/template?tenant=t1'),
    ).toBe('403 workflow_denied')
  })
})

// Each header that Node knows by name, sent twice.
const NAMES = (
  'accept accept-encoding accept-language access-control-allow-credentials access-control-max-age access-control-request-method age ' +
  'authorization cache-control content-encoding content-language content-location content-md5 content-range content-type date dnt etag ' +
  'expires forwarded from if-match if-modified-since if-none-match if-range if-unmodified-since last-modified location max-forwards origin ' +
  'proxy-authorization range referer retry-after server tk upgrade-insecure-requests user-agent vary via x-api-key ' +
  'x-content-type-options x-forwarded-for x-forwarded-host x-forwarded-proto x-tenant'
).split(' ')

describe.each([
  ['HTTP/1.1', () => createServer(), sendRaw],
  [
    'HTTP/1.1 with joinDuplicateHeaders',
    () => createServer({ joinDuplicateHeaders: true }),
    sendRaw,
  ],
  ['HTTP/2', () => createHttp2Server(), sendHttp2],
] as const)('a header that is sent twice over %s', (_, create, send) => {
  /** What the guard reads of the headers after a change. */
  async function read(
    change: (headers: Record<string, unknown>, name: string) => void = () => {},
  ): Promise<Record<string, unknown>> {
    const server = create().listen(0, '127.0.0.1')
    closing.push(() => server.close())
    await new Promise((resolve) => server.once('listening', resolve))
    server.on(
      'request',
      (request: NodeRequest & IncomingMessage, response: { end(text: string): void }) => {
        for (const name of NAMES) change(request.headers, name)
        const wire = new NodeWireRequest(request)
        response.end(
          JSON.stringify(Object.fromEntries(NAMES.map((name) => [name, wire.header(name)]))),
        )
      },
    )
    const headers = NAMES.flatMap((name) => [[name, 'a, b'] as const, [name, 'c'] as const])
    return JSON.parse(
      (await send((server.address() as AddressInfo).port, { target: '/', headers })).body,
    )
  }
  const each = (value: string) => Object.fromEntries(NAMES.map((name) => [name, value]))

  test('is read with both values, also where Node keeps only one', async () => {
    expect(await read()).toEqual(each('a, b, c'))
  })

  test('is read as the single value that replaced it', async () => {
    expect(await read((headers, name) => void Object.assign(headers, { [name]: 'd' }))).toEqual(
      each('d'),
    )
    expect(await read((headers, name) => void Object.assign(headers, { [name]: 'c' }))).toEqual(
      each('c'),
    )
  })

  test('is absent after its removal', async () => {
    expect(await read((headers, name) => void delete headers[name])).toEqual({})
  })
})
