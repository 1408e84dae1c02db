import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import express from 'express'
import { mount } from 'twinkey/express'
import { gatewayEndpoints } from 'twinkey/gateway'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { sendRaw } from '../../support/raw-http.ts'
import { createScene, ROUTES, type Scene } from './scene.ts'

let scene: Scene
let port: number
let logged: string[]
const server = createServer()
beforeAll(async () => {
  scene = await createScene()
  logged = []
  const app = express().use(
    '/auth',
    mount(gatewayEndpoints(scene.twinkey, { proxy: 'forwarded', routes: ROUTES })),
  )
  server.on('request', (req, res) => {
    res.on('finish', () => logged.push(`${req.url} ${(req as express.Request).originalUrl}`))
    app(req, res)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  port = (server.address() as AddressInfo).port
})
afterAll(() => server.close())

type Headers = readonly (readonly [string, string])[]
const credential = (): Headers => [['X-Api-Key', scene.good]]
const decided = (headers: Readonly<Record<string, string>>) => [
  decodeURIComponent(headers['x-twinkey-workflow'] ?? ''),
  headers['x-twinkey-tenant'],
]

// What pkg/middlewares/auth/forward.go of Traefik 2 and 3 writes: the headers of the client without
// hop-by-hop ones, then these. `preserveRequestMethod` keeps the method.
describe('the form of Traefik', () => {
  const traefik = (method: string, uri: string, client: Headers): Headers => [
    ['Host', '127.0.0.1:3000'],
    ['User-Agent', 'curl/8.5.0'],
    ['Accept', '*/*'],
    ...client,
    ['X-Forwarded-For', '192.0.2.7'],
    ['X-Forwarded-Host', 'api.example.com'],
    ['X-Forwarded-Method', method],
    ['X-Forwarded-Port', '80'],
    ['X-Forwarded-Proto', 'http'],
    ['X-Forwarded-Server', 'edge'],
    ['X-Forwarded-Uri', uri],
    ['X-Real-Ip', '192.0.2.7'],
    ['Accept-Encoding', 'gzip'],
  ]

  test.each(['GET', 'PUT'])('is decided, asked with %s', async (method) => {
    const headers = traefik('PUT', '/customers/7?tenant=t1', credential())
    const answer = await sendRaw(port, { method, target: '/auth', headers })
    expect([answer.status, decided(answer.headers)]).toEqual([200, ['customers.write', 't1']])
  })

  test('is refused with the answer for the client', async () => {
    const headers = traefik('GET', '/tenants/t3', credential())
    const { status, body, headers: got } = await sendRaw(port, { target: '/auth', headers })
    expect([status, JSON.parse(body).code]).toEqual([403, 'tenant_denied'])
    expect(got['www-authenticate']).toContain('insufficient_scope')
  })

  test('is refused if a client names a request for nginx, or an override', async () => {
    for (const name of ['X-Original-Uri', 'X-Original-Method', 'X-Http-Method-Override']) {
      const client = [...credential(), [name, '/tenants/t2']] as const
      const headers = traefik('GET', '/tenants/t1', client)
      expect((await sendRaw(port, { target: '/auth', headers })).status).toBe(400)
    }
  })

  // CVE-2024-45410: a client lists headers of Traefik in Connection.
  test('is refused if a client has removed the pair', async () => {
    for (const gone of ['X-Forwarded-Uri', 'X-Forwarded-Method']) {
      const headers = traefik('GET', '/tenants/t1', credential()).filter(([name]) => name !== gone)
      expect((await sendRaw(port, { target: '/auth', headers })).status).toBe(400)
    }
  })
})

// What ext_authz_http_impl.cc of Envoy sends: the method of the client, the path of the client behind
// `path_prefix`, the listed headers, and `headers_to_add`.
describe('the form of Envoy', () => {
  const envoy = (method: string, path: string, client: Headers): Headers => [
    ['host', 'api.example.com'],
    ['content-length', '0'],
    ...client.map(([name, value]) => [name.toLowerCase(), value] as const),
    ['x-forwarded-method', method],
    ['x-forwarded-uri', path],
    ['x-envoy-internal', 'true'],
    ['x-forwarded-for', '172.17.0.2'],
    ['x-envoy-expected-rq-timeout-ms', '1000'],
  ]
  const ask = (method: string, path: string, client: Headers = credential()) =>
    sendRaw(port, { method, target: `/auth${path}`, headers: envoy(method, path, client) })

  test('is decided, for each method and path', async () => {
    for (const [method, path, ...expected] of [
      ['GET', '/tenants/t2', 'customers.read', 't2'],
      ['HEAD', '/tenants/t2', 'customers.read', 't2'],
      ['PUT', '/customers/7?tenant=t1', 'customers.write', 't1'],
      ['GET', '/customers/?tenant=t2', 'customers.read', 't1'],
    ] as const) {
      const client = [...credential(), ['x-tenant', 't1']] as const
      const { status, headers } = await ask(method, path, client)
      expect([path, status, decided(headers)]).toEqual([path, 200, expected])
    }
  })

  test('is refused for a path that a service may read in another way', async () => {
    for (const path of ['/tenants/../t1', '//tenants/t1', '/tenants/t1;a', '/tenants/%2e%2e/t1'])
      expect((await ask('GET', path)).status).toBe(400)
    expect((await ask('DELETE', '/tenants/t1')).status).toBe(404)
  })

  // As if `headers_to_add` were evaluated on the request of Envoy itself, or not at all.
  test('is refused if the path has the prefix, or the header has no value', async () => {
    for (const [path, status] of [
      ['/auth/tenants/t1', 404],
      ['-', 400],
      ['%REQ(:PATH)%', 400],
    ] as const) {
      const headers = envoy('GET', path, credential())
      expect((await sendRaw(port, { target: '/auth/tenants/t1', headers })).status).toBe(status)
    }
  })

  test('hides a credential in its URL from what logs the request later', async () => {
    const from = logged.length
    const { status } = await ask('GET', `/flows/1?auth-key=${scene.good}&a=1`, [])
    expect(status).toBe(200)
    expect(logged.slice(from)).toEqual(['/flows/1?a=1 /auth/flows/1?a=1'])
  })
})
