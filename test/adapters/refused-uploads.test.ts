import { once } from 'node:events'
import http2 from 'node:http2'
import { type AddressInfo, connect } from 'node:net'
import { serve } from '@hono/node-server'
import { fastify } from 'fastify'
import { tokenEndpoints } from 'twinkey'
import { requireAuth as guardOfFastify, mount as mountOnFastify } from 'twinkey/fastify'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createFixture, type Fixture } from '../http/fixture.ts'
import { createHonoApp } from '../http/host-hono.ts'
import { type Host, hosts } from '../http/hosts.ts'
import { standardRoutes } from '../http/routes.ts'
import {
  describeUploadsThroughNginx,
  PATHS,
  REFUSED,
  TRIES,
  tally,
  UPLOAD,
  UPLOAD_BYTES,
} from './refused-uploads-suite.ts'

// refused-uploads.interop.test.ts has the other hosts behind nginx, and a client in Python.
describeUploadsThroughNginx(['Express 5'])

describe.each(Object.entries(hosts))('a refused upload of 10 MB on %s', (_name, start) => {
  let fixture: Fixture
  let host: Host

  beforeAll(async () => {
    fixture = await createFixture()
    host = await start(fixture.twinkey, {
      routes: standardRoutes,
      tokens: { '/tokens': undefined },
    })
  })
  afterAll(async () => {
    await host.close()
    await fixture.twinkey.close()
  })

  const wrong = () => fixture.secrets.revoked

  test.each([
    ['HTTP/1.0', 'HTTP/1.0', ''],
    ['Connection: close', 'HTTP/1.1', 'Connection: close\r\n'],
  ])(
    'sent whole over a socket with %s before the client reads, gets the refusal each time',
    async (_title, version, field) => {
      for (const path of PATHS) {
        const head = `POST ${path} ${version}\r\nHost: localhost\r\n${field}Authorization: Bearer ${wrong()}\r\nContent-Length: ${UPLOAD_BYTES}\r\n\r\n`
        expect(await tally(() => sendThenRead(host.port, head, UPLOAD))).toEqual({
          [REFUSED]: TRIES,
        })
      }
    },
  )

  test('over a socket with a chunked body, gets the refusal each time', async () => {
    const head = `POST /customers/1 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Bearer ${wrong()}\r\nTransfer-Encoding: chunked\r\n\r\n`
    const chunk = Buffer.from(`186A0\r\n${'x'.repeat(100_000)}\r\n`)
    const body = Buffer.concat([
      ...Array.from({ length: 100 }, () => chunk),
      Buffer.from('0\r\n\r\n'),
    ])
    expect(await tally(() => sendThenRead(host.port, head, body))).toEqual({ [REFUSED]: TRIES })
  })

  test('and an upload to the exchange with an active key, which accepts 64 KiB, gets its refusal each time', async () => {
    const head = `POST /tokens HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Bearer ${fixture.secrets.primary}\r\nContent-Length: ${UPLOAD_BYTES}\r\n\r\n`
    expect(await tally(() => sendThenRead(host.port, head, UPLOAD))).toEqual({
      '400 request_malformed': TRIES,
    })
  })
})

test('with autoCleanupIncoming: false, Hono on Node delivers its refusals too', async () => {
  const fixture = await createFixture()
  const app = createHonoApp(fixture.twinkey, {
    routes: standardRoutes,
    tokens: { '/tokens': undefined },
  })
  const server = serve({
    fetch: app.fetch,
    port: 0,
    hostname: '127.0.0.1',
    autoCleanupIncoming: false,
  })
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const head = (path: string, secret: string) =>
    `POST ${path} HTTP/1.0\r\nHost: localhost\r\nAuthorization: Bearer ${secret}\r\nContent-Length: ${UPLOAD_BYTES}\r\n\r\n`
  const { revoked, primary } = fixture.secrets
  expect(await tally(() => sendThenRead(port, head('/customers/1', revoked), UPLOAD))).toEqual({
    [REFUSED]: TRIES,
  })
  expect(await tally(() => sendThenRead(port, head('/tokens', primary), UPLOAD))).toEqual({
    '400 request_malformed': TRIES,
  })
  server.close()
  await fixture.twinkey.close()
})

describe.each(['Fastify 5', 'Hono 4 on Node'])(
  'over HTTP/2, a refused upload of 10 MB on %s',
  (name) => {
    test('gets the refusal each time, and the connection stays open', async () => {
      const fixture = await createFixture()
      const { port, close } = await startOnHttp2(name, fixture)
      const session = http2.connect(`http://127.0.0.1:${port}`, { maxSessionMemory: 1000 })
      const { revoked, primary } = fixture.secrets
      const post = (path: string, secret: string, body: Buffer) =>
        new Promise<string>((resolve, reject) => {
          const stream = session.request({
            ':method': 'POST',
            ':path': path,
            authorization: `Bearer ${secret}`,
          })
          let status = 0
          let answer = ''
          stream.on('response', (headers) => {
            status = Number(headers[':status'])
          })
          stream.setEncoding('utf8').on('data', (text) => {
            answer += text
          })
          stream
            .on('error', reject)
            .on('close', () =>
              resolve(`${status} ${answer === '' ? 'no answer' : JSON.parse(answer).code}`),
            )
          stream.end(body)
        })
      expect(await tally(() => post('/customers/1', revoked, UPLOAD))).toEqual({ [REFUSED]: TRIES })
      expect(await tally(() => post('/tokens', revoked, UPLOAD))).toEqual({ [REFUSED]: TRIES })
      expect(await post('/tokens', primary, Buffer.from('{}'))).toBe('200 undefined')
      session.close()
      await close()
      await fixture.twinkey.close()
    })
  },
)

async function startOnHttp2(name: string, { twinkey }: Fixture): Promise<Host> {
  if (name === 'Fastify 5') {
    const app = fastify({ http2: true })
    app.post(
      '/customers/:id',
      { onRequest: guardOfFastify(twinkey, { workflow: 'customers.write' }) as never },
      async () => ({}),
    )
    await app.register(mountOnFastify(tokenEndpoints(twinkey)) as never, { prefix: '/tokens' })
    await app.listen({ port: 0, host: '127.0.0.1' })
    return { port: (app.server.address() as AddressInfo).port, close: () => app.close() }
  }
  const { fetch } = createHonoApp(twinkey, {
    routes: standardRoutes,
    tokens: { '/tokens': undefined },
  })
  const server = serve({ fetch, port: 0, hostname: '127.0.0.1', createServer: http2.createServer })
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  }
}

// Status and code of the answer, or how the connection broke. Nothing is read until everything is
// sent.
async function sendThenRead(port: number, head: string, body: Buffer): Promise<string> {
  const socket = connect(port, '127.0.0.1').setEncoding('utf8').pause()
  let answer = ''
  try {
    const broken = once(socket, 'close').then(() => Promise.reject(new Error('closed')))
    broken.catch(() => {})
    socket.write(head)
    await Promise.race([
      new Promise<void>((sent, failed) =>
        socket.write(body, (error) => (error ? failed(error) : sent())),
      ),
      broken,
    ])
    for await (const text of socket) answer += text
    const [, status] = /^HTTP\/1\.1 (\d+)/.exec(answer) ?? []
    return `${status} ${JSON.parse(answer.slice(answer.indexOf('\r\n\r\n'))).code}`
  } catch (error) {
    return String((error as NodeJS.ErrnoException).code ?? error)
  } finally {
    socket.destroy()
  }
}
