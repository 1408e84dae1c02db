import { connect, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { createFixture, type Fixture } from '../http/fixture.ts'
import { type Host, hosts } from '../http/hosts.ts'
import { standardRoutes } from '../http/routes.ts'
import { tokenHandler } from '../support/token-handler.ts'

const BODY_DEADLINE = 10_000
const REST_DEADLINE = 30_000

let fixture: Fixture
const sockets: Socket[] = []

beforeEach(async () => {
  fixture = await createFixture()
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
})
afterEach(async () => {
  vi.useRealTimers()
  await fixture.twinkey.close()
})

describe.each(Object.entries(hosts))('a body that does not arrive, on %s', (_name, start) => {
  let host: Host

  beforeEach(async () => {
    host = await start(fixture.twinkey, {
      routes: standardRoutes,
      tokens: { '/tokens': undefined },
    })
  })
  afterEach(async () => {
    vi.useRealTimers()
    for (const socket of sockets.splice(0)) socket.destroy()
    await host.close()
  })

  test.each([
    ['at all', ''],
    ['to its end', '{"scope":'],
  ])(
    '%s, at an exchange with an active key, gets 408 after ten seconds and ends the connection',
    async (_title, part) => {
      const caller = call(
        host.port,
        post('/tokens', fixture.secrets.primary, ['Content-Length: 100']) + part,
      )
      await caller.isWaitedFor()
      await vi.advanceTimersByTimeAsync(BODY_DEADLINE - 1)
      expect(caller.heard()).toBe('')
      await vi.advanceTimersByTimeAsync(1)
      await until(() => caller.heard().includes('"code":"request_timeout"'))
      expect(caller.heard()).toMatch(/^HTTP\/1\.1 408 /)
      expect(caller.heard()).toMatch(/\r\nconnection: close\r\n/i)
      await caller.isWaitedFor()
      await vi.advanceTimersByTimeAsync(REST_DEADLINE)
      await caller.ended
    },
  )

  test('although its sender continues byte by byte, gets the same answer and end', async () => {
    const caller = call(
      host.port,
      post('/tokens', fixture.secrets.primary, ['Transfer-Encoding: chunked']),
    )
    await caller.isWaitedFor()
    for (let second = 0; second < BODY_DEADLINE / 1000; second++) {
      caller.socket.write('1\r\nx\r\n')
      await vi.advanceTimersByTimeAsync(1000)
    }
    await until(() => caller.heard().includes('"code":"request_timeout"'))
    await caller.isWaitedFor()
    for (let second = 0; second < REST_DEADLINE / 1000; second++) {
      caller.socket.write('1\r\nx\r\n')
      await vi.advanceTimersByTimeAsync(1000)
    }
    await caller.ended
  })

  test('after a refusal, keeps a connection to be closed open for thirty seconds and no longer', async () => {
    const caller = call(
      host.port,
      post('/customers/1', 'nobody', ['Connection: close', 'Content-Length: 100']),
    )
    await until(() => /^HTTP\/1\.1 401 /.test(caller.heard()))
    await caller.isWaitedFor()
    await vi.advanceTimersByTimeAsync(REST_DEADLINE - 1)
    expect(caller.socket.readableEnded).toBe(false)
    await vi.advanceTimersByTimeAsync(1)
    await caller.ended
  })

  test('after a refusal, is read to 64 MiB and no further', async () => {
    const caller = call(
      host.port,
      post('/customers/1', 'nobody', ['Connection: close', `Content-Length: ${2 ** 40}`]),
    )
    const part = Buffer.alloc(2 ** 20)
    let sent = 0
    const send = () => {
      while (!caller.socket.destroyed && caller.socket.write(part)) sent += part.length
      sent += part.length
    }
    caller.socket.on('drain', send)
    send()
    await caller.ended
    expect(sent).toBeGreaterThan(64 * 2 ** 20)
    expect(sent).toBeLessThan(128 * 2 ** 20)
  })

  test('with its headers delays neither the refusal nor the next request on the connection', async () => {
    const caller = call(host.port, post('/customers/1', 'nobody', ['Content-Length: 10']))
    await until(() => /^HTTP\/1\.1 401 [\s\S]*}$/.test(caller.heard()))
    caller.socket.write(
      `0123456789GET /customers/1 HTTP/1.1\r\nHost: localhost\r\nX-API-Key: ${fixture.secrets.primary}\r\n\r\n`,
    )
    await until(() => /HTTP\/1\.1 200 [\s\S]*}$/.test(caller.heard()))
    expect(vi.getTimerCount()).toBe(0)
    caller.socket.destroy()
  })

  // A server may close an idle connection: @hono/node-server does half a second after an answer.
  test('at once, after a refusal on a connection that stays open, is awaited', async () => {
    const caller = call(host.port, post('/customers/1', 'nobody', ['Content-Length: 10']))
    await until(() => /^HTTP\/1\.1 401 [\s\S]*}$/.test(caller.heard()))
    for (const part of ['01234', '56789']) {
      await vi.advanceTimersByTimeAsync(5000)
      caller.socket.write(part)
    }
    await until(() => vi.getTimerCount() === 0)
    caller.socket.write(
      `GET /customers/1 HTTP/1.1\r\nHost: localhost\r\nX-API-Key: ${fixture.secrets.primary}\r\n\r\n`,
    )
    await until(() => /HTTP\/1\.1 200 [\s\S]*}$/.test(caller.heard()))
  })

  test('because the client disconnected leaves no timer behind', async () => {
    const caller = call(
      host.port,
      post('/tokens', fixture.secrets.primary, ['Content-Length: 100']),
    )
    await caller.isWaitedFor()
    const refused = call(host.port, post('/customers/1', 'nobody', ['Content-Length: 100']))
    await until(() => /^HTTP\/1\.1 401 /.test(refused.heard()))
    caller.socket.destroy()
    refused.socket.destroy()
    // Within less time than either deadline has: a server may have timers of its own for a moment.
    for (let waited = 0; waited < 2000; waited += 100) {
      await new Promise((resolve) => setImmediate(resolve))
      await vi.advanceTimersByTimeAsync(100)
    }
    expect(vi.getTimerCount()).toBe(0)
  })
})

test('a body that does not arrive at a plain handler gets 408 after ten seconds, and is not cancelled', async () => {
  let cancelled = false
  const body = new ReadableStream({
    cancel() {
      cancelled = true
    },
  })
  const headers = { authorization: `Bearer ${fixture.secrets.primary}` }
  const exchange = tokenHandler(fixture.twinkey, undefined, '/tokens')
  const answer = exchange(
    new Request('http://localhost/tokens', {
      method: 'POST',
      headers,
      body,
      duplex: 'half',
    } as RequestInit),
  )
  await until(() => vi.getTimerCount() === 1)
  await vi.advanceTimersByTimeAsync(BODY_DEADLINE)
  const response = await answer
  expect(response.status).toBe(408)
  expect(await response.json()).toEqual({
    title: 'Request Timeout',
    status: 408,
    detail: 'The body of a token request must arrive within 10 seconds.',
    code: 'request_timeout',
  })
  expect(cancelled).toBe(false)
})

// By the loop of events alone: the timers stand still.
async function until(holds: () => boolean): Promise<void> {
  for (const limit = performance.now() + 10_000; !holds(); ) {
    if (performance.now() > limit) throw new Error(`waited in vain until ${String(holds)}`)
    await new Promise((resolve) => setImmediate(resolve))
  }
}

interface Caller {
  readonly socket: Socket
  readonly ended: Promise<void>
  /** What has arrived so far. */
  heard(): string
  /** Resolves when the server waits for more. */
  isWaitedFor(): Promise<void>
}

function call(port: number, bytes: string): Caller {
  const socket = connect(port, '127.0.0.1').setEncoding('utf8')
  sockets.push(socket)
  let heard = ''
  socket.on('error', () => {})
  socket.on('data', (text) => {
    heard += text
  })
  const ended = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  socket.write(bytes)
  return {
    socket,
    ended,
    heard: () => heard,
    isWaitedFor: () => until(() => vi.getTimerCount() > 0),
  }
}

function post(path: string, credential: string, fields: readonly string[]): string {
  return `POST ${path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${credential}\r\n${fields.join('\r\n')}\r\n\r\n`
}
