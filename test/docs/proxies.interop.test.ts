import { once } from 'node:events'
import { createServer, request as httpRequest, type RequestListener, type Server } from 'node:http'
import { type AddressInfo, createServer as createSocketServer, type Socket } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import express, { type Express } from 'express'
import { fastify } from 'fastify'
import type * as Installed from 'twinkey'
import { createTwinkey, from, type Throttle, type Twinkey, type WireRequest } from 'twinkey'
import type * as InstalledExpress from 'twinkey/express'
import { requireAuth } from 'twinkey/express'
import { requireAuth as fastifyAuth } from 'twinkey/fastify'
import type * as InstalledProfiles from 'twinkey/profiles'
import { standard } from 'twinkey/profiles'
import { requireAuth as webAuth } from 'twinkey/web'
import { afterAll, afterEach, describe, expect, test } from 'vitest'
import { blocksOf, createGuideRunner } from '../support/guide.ts'
import { caddy, haproxy, nginx, type ProxyServer } from '../support/proxy-server.ts'
import { sendRaw } from '../support/raw-http.ts'

const { load, remove } = createGuideRunner()
afterAll(remove)

const ending: (() => unknown)[] = []
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end()
})

const NAMES = ['nginx', 'haproxy', 'caddy'] as const
type Name = (typeof NAMES)[number]
const STARTS = { nginx, haproxy, caddy }
// The address that callers come from, which is not that of the proxy.
const CALLER = '127.0.0.2'
const FORGED = '203.0.113.9'

/** The only configuration of docs/proxies.md that contains this text. */
function configWith(text: string): string {
  const found = blocksOf('proxies', 'text').filter((block) => block.includes(text))
  expect(found, `blocks of docs/proxies.md with ${text}`).toHaveLength(1)
  return found[0] ?? ''
}

const codeWith = <T>(text: string) =>
  load<T>(blocksOf('proxies', 'ts').find((block) => block.includes(text)) ?? '')

/** Starts a proxy with a configuration of the page, in front of these servers. */
async function startProxy(
  name: Name,
  config: string,
  api: number,
  files = api,
): Promise<ProxyServer> {
  // In one pass, because an inserted port may itself contain 4000 or 8080.
  const ports: Record<string, number> = { 3000: api, 4000: files }
  const proxy = await STARTS[name]((port) =>
    config.replace(/\b(?:3000|4000|8080)\b/g, (written) => `${ports[written] ?? port}`),
  )
  ending.push(() => proxy.stop())
  return proxy
}

const RECOMMENDED: Record<Name, string> = {
  nginx: configWith('keepalive 32'),
  haproxy: configWith('option forwardfor'),
  caddy: configWith('8080 {\n  reverse_proxy'),
}
const DEFAULTS: Record<Name, string> = {
  nginx: 'server { listen 8080; location / { proxy_pass http://127.0.0.1:3000; } }',
  haproxy: RECOMMENDED.haproxy
    .replace('  option forwardfor\n', '')
    .replace('  http-reuse always\n', ''),
  caddy: RECOMMENDED.caddy,
}
/** The recommended configuration of HAProxy with more lines in its backend. */
const haproxyWith = (lines: string) =>
  RECOMMENDED.haproxy.replace('  server api1', `${lines.trimEnd()}\n  server api1`)

async function listen(listener: RequestListener): Promise<Server & { port: number }> {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  ending.push(
    () => server.closeAllConnections(),
    () => server.close(),
  )
  return Object.assign(server, { port: (server.address() as AddressInfo).port })
}

/** Calls a proxy from the address of callers. */
function call(
  port: number,
  headers: Readonly<Record<string, string>> = {},
  method = 'GET',
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = httpRequest(
      {
        port,
        host: '127.0.0.1',
        localAddress: CALLER,
        path: '/files/1',
        method,
        headers,
        agent: false,
      },
      (answer) => {
        let body = ''
        answer.setEncoding('utf8').on('data', (text) => {
          body += text
        })
        answer.on('end', () =>
          resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body }),
        )
      },
    )
    sent.on('error', reject)
    sent.end()
  })
}

interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: string
}

const codeOf = ({ body }: Answer) => (JSON.parse(body) as { code?: string }).code

async function createCaller(options: { profile?: Installed.Profile } = {}) {
  const twinkey = createTwinkey()
  const { primary } = await twinkey.keys.create({
    name: 'Caller',
    scope: { tenants: ['t1'], workflows: '*' },
  })
  const app = express().use(
    requireAuth(twinkey, options),
    (req, res) => void res.json({ name: req.principal.name, tenant: req.principal.tenant }),
  )
  return { secret: primary, port: (await listen(app)).port }
}

describe('keep-alive', () => {
  const countConnections = async () => {
    let count = 0
    const server = await listen((req, res) => void res.end(req.httpVersion))
    server.on('connection', () => count++)
    return { port: server.port, count: () => count }
  }
  test.each([
    ['nginx', 'default', DEFAULTS, 5, '1.0'],
    ['haproxy', 'default', DEFAULTS, 5, '1.1'],
    ['nginx', 'recommended', RECOMMENDED, 1, '1.1'],
    ['haproxy', 'recommended', RECOMMENDED, 1, '1.1'],
    ['caddy', 'recommended', RECOMMENDED, 1, '1.1'],
  ] as const)(
    '%s in its %s configuration sends five requests over the expected number of connections',
    async (name, _kind, configs, expected, version) => {
      const { port, count } = await countConnections()
      const proxy = await startProxy(name, configs[name], port)
      for (let i = 0; i < 5; i++)
        expect(await call(proxy.port)).toMatchObject({ status: 200, body: version })
      expect(count()).toBe(expected)
    },
  )

  test.each(NAMES)(
    '%s answers 502 to a POST on a connection that the API closes at that moment',
    async (name) => {
      const seen: string[] = []
      const upstream = createSocketServer((socket: Socket) => {
        let requests = 0
        socket.on('error', () => {})
        socket.on('data', (bytes) => {
          seen.push(bytes.toString('latin1').split(' ')[0] ?? '')
          if (++requests === 2) socket.destroy()
          else socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
        })
      }).listen(0, '127.0.0.1')
      await once(upstream, 'listening')
      ending.push(() => upstream.close())
      const proxy = await startProxy(
        name,
        RECOMMENDED[name],
        (upstream.address() as AddressInfo).port,
      )
      expect(await call(proxy.port)).toMatchObject({ status: 200 })
      expect(await call(proxy.port, { 'content-length': '0' }, 'POST')).toMatchObject({
        status: 502,
      })
      expect(seen).toEqual(['GET', 'POST'])
    },
  )

  test('the API of the page keeps connections for longer than any proxy', async () => {
    const { app, keepConnections } = await codeWith<{
      app: Express
      keepConnections(server: Server): void
    }>('keepConnections')
    const server = await listen(app)
    keepConnections(server)
    expect((await fetch(`http://127.0.0.1:${server.port}/`)).headers.get('keep-alive')).toBe(
      'timeout=125',
    )
    expect(app.get('trust proxy')).toBe('127.0.0.1')
  })

  test.each([
    ['nginx', DEFAULTS, '127.0.0.1:'],
    ['nginx', RECOMMENDED, 'api.example'],
    ['haproxy', RECOMMENDED, 'api.example'],
    ['caddy', RECOMMENDED, 'api.example'],
  ] as const)('%s names a host to the API', async (name, configs, expected) => {
    const { port } = await listen((req, res) => void res.end(req.headers.host))
    const proxy = await startProxy(name, configs[name], port)
    const { body } = await call(proxy.port, { host: 'api.example' })
    expect(body).toContain(expected)
  })
})

describe('trusted hops', () => {
  type Trusted = string | boolean | number
  type Hosted = (
    twinkey: Twinkey,
    throttle: Throttle<WireRequest>,
    trusted: Trusted,
  ) => Promise<number>
  const hosts: Record<string, Hosted> = {
    async Express(twinkey, throttle, trusted) {
      const app = express().set('trust proxy', trusted).use(requireAuth(twinkey, { throttle }))
      return (await listen(app)).port
    },
    async Fastify(twinkey, throttle, trusted) {
      const app = fastify({ trustProxy: trusted as string })
      app.get('/files/1', { onRequest: fastifyAuth(twinkey, { throttle }) }, async () => 'let in')
      await app.listen({ port: 0, host: '127.0.0.1' })
      ending.push(() => app.close())
      return (app.server.address() as AddressInfo).port
    },
    async 'a plain handler'(twinkey, throttle) {
      const { peer } = await codeWith<{ peer: NonNullable<Throttle<WireRequest>['peer']> }>(
        'export const peer',
      )
      const handler = webAuth(
        twinkey,
        { throttle: { ...throttle, peer } },
        () => new Response('let in'),
      )
      return (await listen(getRequestListener((request) => handler(request)))).port
    },
  }

  /** The address that a throttle counts when a caller with a bad key forges an address. */
  async function countedFor(
    host: string,
    trusted: Trusted,
    through: (port: number) => Promise<number>,
  ): Promise<string[]> {
    const counted: string[] = []
    const throttle = {
      retryAfterSeconds: () => undefined,
      failed: (peer: string) => counted.push(peer),
    }
    const port = await (hosts[host] as Hosted)(createTwinkey(), throttle, trusted)
    const headers = { 'x-api-key': 'tk_wrong', 'x-forwarded-for': FORGED }
    expect(await call(await through(port), headers)).toMatchObject({ status: 401 })
    return counted
  }
  const by =
    (name: Name, configs = RECOMMENDED) =>
    async (port: number) =>
      (await startProxy(name, configs[name], port)).port
  const directly = async (port: number) => port

  const all = Object.keys(hosts).flatMap((host) => NAMES.map((name) => [host, name] as const))
  test.each(all)(
    '%s that trusts %s by its address counts the caller and not the forged address',
    async (host, name) => {
      expect(await countedFor(host, '127.0.0.1', by(name))).toEqual([CALLER])
    },
  )

  test.each(['Express', 'Fastify'])(
    '%s that trusts a proxy by its address counts a caller that bypasses the proxy',
    async (host) => {
      expect(await countedFor(host, '127.0.0.1', directly)).toEqual([CALLER])
    },
  )

  test('a number of hops lets a caller bypass the proxy on Express, and is no trust on Fastify', async () => {
    expect(await countedFor('Express', 1, by('nginx'))).toEqual([CALLER])
    expect(await countedFor('Express', 1, directly)).toEqual([FORGED])
    expect(await countedFor('Fastify', 1, by('nginx'))).toEqual(['127.0.0.1'])
  })

  test.each([
    ['nginx', FORGED],
    ['haproxy', FORGED],
    ['caddy', CALLER],
  ] as const)('Express that trusts everybody behind %s counts %s', async (name, expected) => {
    expect(await countedFor('Express', true, by(name))).toEqual([expected])
  })

  test.each(NAMES)('Express that trusts nobody counts the proxy, behind %s', async (name) => {
    expect(await countedFor('Express', false, by(name))).toEqual(['127.0.0.1'])
  })

  test.each(['nginx', 'haproxy'] as const)(
    'a trusted %s that appends nothing lets callers forge an address',
    async (name) => {
      expect(await countedFor('Express', '127.0.0.1', by(name, DEFAULTS))).toEqual([FORGED])
    },
  )
})

describe('a key that arrives twice', () => {
  const copying: Record<Name, string> = {
    nginx: DEFAULTS.nginx.replace(
      '3000;',
      '3000; proxy_set_header Authorization "Bearer $http_x_api_key";',
    ),
    haproxy: haproxyWith('  http-request set-header Authorization "Bearer %[req.hdr(X-API-Key)]"'),
    caddy: RECOMMENDED.caddy.replace(
      '3000',
      '3000 {\n header_up Authorization "Bearer {http.request.header.X-API-Key}"\n}',
    ),
  }
  const moving: Record<Name, string> = {
    nginx: configWith('$api_authorization {'),
    haproxy: haproxyWith(configWith('del-header X-API-Key')),
    caddy: `http://:8080 {\n${configWith('request_header @key')}}`,
  }

  test.each(NAMES)(
    'is refused when %s copies it, and so is the copy of a missing key',
    async (name) => {
      const { secret, port } = await createCaller()
      const proxy = await startProxy(name, copying[name], port)
      expect(codeOf(await call(proxy.port, { 'x-api-key': secret }))).toBe('credential_ambiguous')
      expect(codeOf(await call(proxy.port))).toBe('credential_malformed')
    },
  )

  test.each(NAMES)('is accepted when %s moves it, and no other header is lost', async (name) => {
    const { secret, port } = await createCaller()
    const proxy = await startProxy(name, moving[name], port)
    expect(await call(proxy.port, { 'x-api-key': secret })).toMatchObject({ status: 200 })
    expect(await call(proxy.port, { authorization: `Bearer ${secret}` })).toMatchObject({
      status: 200,
    })
    expect(codeOf(await call(proxy.port))).toBe('credential_missing')
    expect(
      codeOf(
        await call(proxy.port, { 'x-api-key': 'tk_wrong', authorization: `Bearer ${secret}` }),
      ),
    ).toBe('credential_invalid')
  })

  test.each(NAMES)(
    'is accepted behind %s that copies nothing, and two keys are refused',
    async (name) => {
      const { secret, port } = await createCaller()
      const proxy = await startProxy(name, RECOMMENDED[name], port)
      expect(await call(proxy.port, { 'x-api-key': secret })).toMatchObject({ status: 200 })
      expect(
        codeOf(await call(proxy.port, { 'x-api-key': secret, authorization: `Bearer ${secret}` })),
      ).toBe('credential_ambiguous')
      for (const field of ['X-API-Key', 'Authorization']) {
        const value = field === 'Authorization' ? `Bearer ${secret}` : secret
        const { status, body } = await sendRaw(proxy.port, {
          target: '/',
          headers: [
            [field, value],
            [field, value],
          ],
        })
        expect(status).toBe(400)
        expect(body).toContain(
          name === 'nginx' && field === 'Authorization' ? 'nginx' : 'credential_ambiguous',
        )
      }
    },
  )
})

describe('header names with underscores', () => {
  test.each([
    ['nginx', 'default', DEFAULTS.nginx, 200],
    [
      'nginx',
      'with underscores_in_headers',
      DEFAULTS.nginx.replace('listen 8080;', 'listen 8080; underscores_in_headers on;'),
      403,
    ],
    ['haproxy', 'default', DEFAULTS.haproxy, 403],
    ['caddy', 'default', DEFAULTS.caddy, 403],
  ] as const)(
    '%s (%s) drops or passes them on, and none is read as one with hyphens',
    async (name, _kind, config, status) => {
      const profile = { ...standard(), target: { tenant: from.header('x_tenant') } }
      const { secret, port } = await createCaller({ profile })
      const proxy = await startProxy(name, config, port)
      expect(await call(proxy.port, { 'x-api-key': secret, X_Tenant: 't2' })).toMatchObject({
        status,
      })
      expect(codeOf(await call(proxy.port, { X_API_Key: secret }))).toBe('credential_missing')
    },
  )
})

describe('auth_request', async () => {
  const core = await load<typeof Installed>("export * from 'twinkey'")
  const guard = await load<typeof InstalledExpress>("export * from 'twinkey/express'")
  const { flowgear } = await load<typeof InstalledProfiles>("export * from 'twinkey/profiles'")
  const { authService } = await codeWith<{
    authService(twinkey: Twinkey, throttle: Throttle<WireRequest>): Express
  }>('authService(')
  const workaround = configWith('@refused {')
  const plain = workaround
    .replace(/ {4}error_page.*\n/, '')
    .replace(/ {4}auth_request_set \$auth_(?:status|retry_after).*\n/g, '')
    .replace(/\n {2}location @refused[\s\S]*?\n {2}}\n/, '')
  const forwardAuth = configWith('forward_auth')

  async function startBehind(name: Name, config: string) {
    const twinkey = core.createTwinkey({
      environments: ['production'],
      ownerScope: async (owner) => {
        if (owner === 'unknown') throw new Error('the directory is down')
        return { tenants: '*', environments: '*', workflows: '*' }
      },
    })
    const { keys } = twinkey
    const create = async (more: Partial<Installed.CreateKeyInput>) =>
      (
        await keys.create({
          name: 'Any',
          scope: { tenants: ['t1'], workflows: ['files.read'] },
          ...more,
        })
      ).primary
    const good = await create({})
    const elsewhere = await create({ scope: { tenants: ['t1'], workflows: ['flows.read'] } })
    const ownerless = await create({ owner: 'unknown' })
    const throttle = {
      retryAfterSeconds: (peer: string) => (peer === CALLER ? 7 : undefined),
      failed: () => {},
    }
    const calm = { retryAfterSeconds: () => undefined, failed: () => {} }
    const apis: Record<string, Express> = {
      standard: authService(twinkey as unknown as Twinkey, calm),
      throttled: authService(twinkey as unknown as Twinkey, throttle),
      flowgear: express().get(
        '/auth',
        guard.requireAuth(twinkey, { profile: flowgear(), workflow: 'files.read' }),
      ),
    }
    const api = await listen(
      (req, res) => void apis[String(req.headers['x-case'] ?? 'standard')]?.(req, res),
    )
    const files = await listen(
      (req, res) =>
        void res.end(
          JSON.stringify({ tenant: req.headers['x-tenant'], key: req.headers['x-api-key'] }),
        ),
    )
    return {
      proxy: await startProxy(name, config, api.port, files.port),
      good,
      elsewhere,
      ownerless,
    }
  }

  const refusals = ({ good, elsewhere, ownerless }: Awaited<ReturnType<typeof startBehind>>) =>
    [
      [401, {}],
      [401, { 'x-api-key': 'tk_wrong' }],
      [403, { 'x-api-key': elsewhere }],
      [400, { authorization: 'Bearer "quoted"' }],
      [400, { 'x-api-key': good, authorization: `Bearer ${good}` }],
      [404, { 'x-api-key': good, 'x-case': 'flowgear' }],
      [429, { 'x-api-key': 'tk_wrong', 'x-case': 'throttled' }],
      [503, { 'x-api-key': ownerless }],
    ] as const

  test.each([
    ['nginx', 'without more', plain],
    ['nginx', 'with the configuration of the page', workaround],
    ['caddy', 'with forward_auth', forwardAuth],
  ] as const)(
    '%s %s lets in the good key, tells the tenant and keeps the key to itself',
    async (name, _kind, config) => {
      const { proxy, good } = await startBehind(name, config)
      const answer = await call(proxy.port, { 'x-api-key': good, 'x-tenant': 'forged' })
      expect(answer).toMatchObject({ status: 200, body: '{"tenant":"t1"}' })
    },
  )

  test('of nginx turns every refusal except 401 and 403 into 500, with bodies of its own', async () => {
    const started = await startBehind('nginx', plain)
    for (const [status, headers] of refusals(started)) {
      const answer = await call(started.proxy.port, headers)
      expect(answer).toMatchObject({
        status: status === 401 || status === 403 ? status : 500,
        body: expect.stringContaining('<html>'),
      })
      expect(answer.headers['retry-after']).toBeUndefined()
      expect(answer.headers['www-authenticate'] !== undefined).toBe(status === 401)
    }
  })

  test.each([
    ['nginx', workaround],
    ['caddy', forwardAuth],
  ] as const)(
    '%s answers each refusal as the API does, by the configuration of the page',
    async (name, config) => {
      const started = await startBehind(name, config)
      for (const [status, headers] of refusals(started)) {
        const answer = await call(started.proxy.port, headers)
        expect(answer.status).toBe(status)
        expect(answer.headers['retry-after'] !== undefined).toBe(status === 429 || status === 503)
        expect(answer.body.includes('"code"')).toBe(name === 'caddy' && status !== 404)
      }
    },
  )
})
