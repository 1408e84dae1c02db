import { once } from 'node:events'
import http2 from 'node:http2'
import { type AddressInfo, connect } from 'node:net'
import { serve } from '@hono/node-server'
import { fastify } from 'fastify'
import { requireAuth as guardOfFastify, tokenRoutes as routesOfFastify } from 'twinkey/fastify'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createFixture, type Fixture } from '../http/fixture.ts'
import { createHonoApp } from '../http/host-hono.ts'
import { type Host, hosts } from '../http/hosts.ts'
import { standardRoutes } from '../http/routes.ts'
import { type ProxyServer, nginx as startNginx } from '../support/proxy-server.ts'
import { runPython } from '../support/python.ts'

const TRIES = 20
const UPLOAD_BYTES = 10_000_000
const UPLOAD = Buffer.alloc(UPLOAD_BYTES, 'x')
const REFUSED = '401 credential_invalid'

// The routes that refuse uploads: a guarded one and the exchange.
const PATHS = ['/customers/1', '/tokens']

// urllib asks to close the connection, sends all of the body and reads only then.
const URLLIB = `
import json, sys, urllib.error, urllib.request
url, secret, tries, size = sys.argv[1:]
seen = {}
for _ in range(int(tries)):
    try:
        request = urllib.request.Request(url, data=b'x' * int(size), headers={'Authorization': 'Bearer ' + secret}, method='POST')
        found = str(urllib.request.urlopen(request, timeout=30).status)
    except urllib.error.HTTPError as error:
        found = str(error.code) + ' ' + json.loads(error.read())['code']
    except OSError as error:
        found = repr(error)
    seen[found] = seen.get(found, 0) + 1
print(json.dumps(seen))
`

describe.each(Object.entries(hosts))('a refused upload of 10 MB on %s', (_name, start) => {
  let fixture: Fixture
  let host: Host
  let nginx: ProxyServer

  beforeAll(async () => {
    fixture = await createFixture()
    host = await start(fixture.twinkey, { routes: standardRoutes, tokens: { '/tokens': undefined } })
    nginx = await startNginx(
      (port) => `
  client_max_body_size 64m;
  server {
    listen 127.0.0.1:${port};
    location / { proxy_pass http://127.0.0.1:${host.port}; }
  }`,
    )
  })
  afterAll(async () => {
    await nginx.stop()
    await host.close()
    await fixture.twinkey.close()
  })

  const wrong = () => fixture.secrets.revoked

  test.each(PATHS)('through nginx with its defaults, gets the refusal of %s each time', async (path) => {
    const seen = await tally(async () => {
      const headers = { authorization: `Bearer ${wrong()}` }
      const response = await fetch(`http://127.0.0.1:${nginx.port}${path}`, { method: 'POST', headers, body: UPLOAD })
      const body = await response.text()
      return `${response.status} ${response.headers.get('content-type')?.includes('json') ? JSON.parse(body).code : body}`
    })
    expect(seen).toEqual({ [REFUSED]: TRIES })
  })

  test.each(PATHS)("by Python's urllib, gets the refusal of %s each time", async (path) => {
    const args = [`http://127.0.0.1:${host.port}${path}`, wrong(), String(TRIES), String(UPLOAD_BYTES)]
    expect(JSON.parse(await runPython(URLLIB, args))).toEqual({ [REFUSED]: TRIES })
  })

  test.each([
    ['HTTP/1.0', 'HTTP/1.0', ''],
    ['Connection: close', 'HTTP/1.1', 'Connection: close\r\n'],
  ])('over a socket with %s that reads only when all is sent, gets the refusal each time', async (_title, version, field) => {
    for (const path of PATHS) {
      const head = `POST ${path} ${version}\r\nHost: localhost\r\n${field}Authorization: Bearer ${wrong()}\r\nContent-Length: ${UPLOAD_BYTES}\r\n\r\n`
      expect(await tally(() => sendThenRead(host.port, head, UPLOAD))).toEqual({ [REFUSED]: TRIES })
    }
  })

  test('over a socket with a chunked body, gets the refusal each time', async () => {
    const head = `POST /customers/1 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Bearer ${wrong()}\r\nTransfer-Encoding: chunked\r\n\r\n`
    const chunk = Buffer.from(`186A0\r\n${'x'.repeat(100_000)}\r\n`)
    const body = Buffer.concat([...Array.from({ length: 100 }, () => chunk), Buffer.from('0\r\n\r\n')])
    expect(await tally(() => sendThenRead(host.port, head, body))).toEqual({ [REFUSED]: TRIES })
  })

  test('and an upload to the exchange with a live key, which takes 64 KiB, gets its refusal each time', async () => {
    const head = `POST /tokens HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Bearer ${fixture.secrets.primary}\r\nContent-Length: ${UPLOAD_BYTES}\r\n\r\n`
    expect(await tally(() => sendThenRead(host.port, head, UPLOAD))).toEqual({ '400 request_malformed': TRIES })
  })
})

test('with autoCleanupIncoming: false, Hono on Node gets its refusals to their callers as well', async () => {
  const fixture = await createFixture()
  const app = createHonoApp(fixture.twinkey, { routes: standardRoutes, tokens: { '/tokens': undefined } })
  const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1', autoCleanupIncoming: false })
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const head = (path: string, secret: string) =>
    `POST ${path} HTTP/1.0\r\nHost: localhost\r\nAuthorization: Bearer ${secret}\r\nContent-Length: ${UPLOAD_BYTES}\r\n\r\n`
  const { revoked, primary } = fixture.secrets
  expect(await tally(() => sendThenRead(port, head('/customers/1', revoked), UPLOAD))).toEqual({ [REFUSED]: TRIES })
  expect(await tally(() => sendThenRead(port, head('/tokens', primary), UPLOAD))).toEqual({ '400 request_malformed': TRIES })
  server.close()
  await fixture.twinkey.close()
})

describe.each(['Fastify 5', 'Hono 4 on Node'])('over HTTP/2, a refused upload of 10 MB on %s', (name) => {
  test('gets the refusal each time, and the connection goes on', async () => {
    const fixture = await createFixture()
    const { port, close } = await startOnHttp2(name, fixture)
    const session = http2.connect(`http://127.0.0.1:${port}`, { maxSessionMemory: 1000 })
    const { revoked, primary } = fixture.secrets
    const post = (path: string, secret: string, body: Buffer) =>
      new Promise<string>((resolve, reject) => {
        const stream = session.request({ ':method': 'POST', ':path': path, authorization: `Bearer ${secret}` })
        let status = 0
        let answer = ''
        stream.on('response', (headers) => {
          status = Number(headers[':status'])
        })
        stream.setEncoding('utf8').on('data', (text) => {
          answer += text
        })
        stream.on('error', reject).on('close', () => resolve(`${status} ${answer === '' ? 'no answer' : JSON.parse(answer).code}`))
        stream.end(body)
      })
    expect(await tally(() => post('/customers/1', revoked, UPLOAD))).toEqual({ [REFUSED]: TRIES })
    expect(await tally(() => post('/tokens', revoked, UPLOAD))).toEqual({ [REFUSED]: TRIES })
    expect(await post('/tokens', primary, Buffer.from('{}'))).toBe('200 undefined')
    session.close()
    await close()
    await fixture.twinkey.close()
  })
})

async function startOnHttp2(name: string, { twinkey }: Fixture): Promise<Host> {
  if (name === 'Fastify 5') {
    const app = fastify({ http2: true })
    app.post('/customers/:id', { onRequest: guardOfFastify(twinkey, { workflow: 'customers.write' }) as never }, async () => ({}))
    await app.register(routesOfFastify(twinkey) as never, { prefix: '/tokens' })
    await app.listen({ port: 0, host: '127.0.0.1' })
    return { port: (app.server.address() as AddressInfo).port, close: () => app.close() }
  }
  const { fetch } = createHonoApp(twinkey, { routes: standardRoutes, tokens: { '/tokens': undefined } })
  const server = serve({ fetch, port: 0, hostname: '127.0.0.1', createServer: http2.createServer })
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  }
}

async function tally(attempt: () => Promise<string>): Promise<Record<string, number>> {
  const seen: Record<string, number> = {}
  for (let i = 0; i < TRIES; i++) {
    const found = await attempt()
    seen[found] = (seen[found] ?? 0) + 1
  }
  return seen
}

// Status and code of the answer, or how the connection broke. Nothing is read until everything is sent.
async function sendThenRead(port: number, head: string, body: Buffer): Promise<string> {
  const socket = connect(port, '127.0.0.1').setEncoding('utf8').pause()
  let answer = ''
  try {
    const broken = once(socket, 'close').then(() => Promise.reject(new Error('closed')))
    broken.catch(() => {})
    socket.write(head)
    await Promise.race([new Promise<void>((sent, failed) => socket.write(body, (error) => (error ? failed(error) : sent()))), broken])
    for await (const text of socket) answer += text
    const [, status] = /^HTTP\/1\.1 (\d+)/.exec(answer) ?? []
    return `${status} ${JSON.parse(answer.slice(answer.indexOf('\r\n\r\n'))).code}`
  } catch (error) {
    return String((error as NodeJS.ErrnoException).code ?? error)
  } finally {
    socket.destroy()
  }
}
