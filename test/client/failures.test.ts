import { describe, expect, it } from 'vitest'
import { createGate, settled } from '../support/gate.ts'
import { type Answer, hostile, json, redirect, serve } from './scene.ts'

describe('a 401 of the API', () => {
  it('once: the call is repeated with a new token', async () => {
    const scene = await hostile()
    await scene.client.token()
    let refused = false
    const accept = scene.onCall
    scene.onCall = (response, seen) => {
      if (refused) accept(response, seen)
      else json(response, 401, {})
      refused = true
    }
    const response = await scene.client.fetch(scene.url('/a'), { method: 'POST', body: 'text' })
    expect([response.status, await response.json()]).toEqual([200, { body: 'text' }])
    expect(scene.at('/a').map(({ headers }) => headers.authorization)).toEqual([
      'Bearer token-1',
      'Bearer token-2',
    ])
  })

  it('always: one repetition for each call, and one exchange in two seconds for all of them', async () => {
    const scene = await hostile()
    const { client, clock, url, exchanges, at } = scene
    scene.onCall = (response) => json(response, 401, { code: 'never' })
    const many = () =>
      Promise.all(Array.from({ length: 100 }, async () => (await client.fetch(url('/a'))).status))
    expect(new Set(await many())).toEqual(new Set([401]))
    expect([exchanges().length, at('/a').length]).toEqual([2, 200])
    for (let second = 0; second < 20; second++) {
      await many()
      clock.advance(500)
    }
    expect(exchanges().length).toBeLessThanOrEqual(2 + 5)
    const response = await client.fetch(url('/a'))
    expect(await response.json()).toEqual({ code: 'never' })
  })

  it('of 1,000 calls at once causes one exchange', async () => {
    const scene = await hostile()
    const { client, url, exchanges, at } = scene
    await client.token()
    const accept = scene.onCall
    scene.onCall = (response, seen) =>
      seen.headers.authorization === 'Bearer token-1'
        ? json(response, 401, {})
        : accept(response, seen)
    const calls = Array.from({ length: 1000 }, () => client.fetch(url('/a')))
    expect(new Set((await Promise.all(calls)).map(({ status }) => status))).toEqual(new Set([200]))
    expect([exchanges().length, at('/a').length]).toEqual([2, 2000])
  })

  it('that arrives late uses the token that another call got in the meantime', async () => {
    const scene = await hostile()
    const { client, url, exchanges } = scene
    await client.token()
    const gate = createGate()
    const accept = scene.onCall
    scene.onCall = async (response, seen) => {
      const isOld = seen.headers.authorization === 'Bearer token-1'
      if (isOld && seen.url === '/late') await gate.opened
      if (isOld) json(response, 401, {})
      else accept(response, seen)
    }
    const late = client.fetch(url('/late'))
    await expect.poll(() => scene.at('/late').length).toBe(1)
    expect((await client.fetch(url('/early'))).status).toBe(200)
    gate.open()
    expect((await late).status).toBe(200)
    expect(exchanges().length).toBe(2)
  })

  it('and an exchange that fails: the call fails, and the token of another call stays', async () => {
    const scene = await hostile()
    const { client, url, clock, exchanges } = scene
    await client.token()
    scene.onCall = (response, seen) => json(response, seen.url === '/bad' ? 401 : 200, {})
    scene.onExchange = (response) => json(response, 503, {})
    await expect(client.fetch(url('/bad'))).rejects.toMatchObject({ code: 'exchange_unavailable' })
    expect((await client.fetch(url('/good'))).status).toBe(200)
    expect(scene.at('/good').map(({ headers }) => headers.authorization)).toEqual([
      'Bearer token-1',
    ])
    clock.advance(2000)
    scene.onExchange = (response) => scene.grant(response)
    scene.onCall = (response, { headers }) =>
      json(response, headers.authorization === 'Bearer token-2' ? 200 : 401, {})
    expect((await client.fetch(url('/bad'))).status).toBe(200)
    expect(exchanges().length).toBe(3)
  })
})

it.each([403, 404, 429, 500, 503])('a %i of the API is returned as it is', async (status) => {
  const scene = await hostile()
  scene.onCall = (response) => json(response, status, { code: 'x' }, { 'retry-after': '7' })
  const response = await scene.client.fetch(scene.url('/a'))
  expect([response.status, response.headers.get('retry-after'), await response.json()]).toEqual([
    status,
    '7',
    { code: 'x' },
  ])
  expect([scene.exchanges().length, scene.at('/a').length]).toEqual([1, 1])
})

describe('an exchange that fails', () => {
  const failures: Record<string, [Answer, string, RegExp]> = {
    'with 503': [(r) => json(r, 503, {}), 'exchange_unavailable', /status 503/],
    'with 429': [
      (r) => json(r, 429, { code: 'rate_limited' }),
      'exchange_unavailable',
      /rate_limited/,
    ],
    'with 403': [
      (r) => json(r, 403, { code: 'tenant_denied' }),
      'exchange_refused',
      /tenant_denied/,
    ],
    'with 400': [
      (r) => json(r, 400, { error: 'invalid_scope' }),
      'exchange_refused',
      /invalid_scope/,
    ],
    'with 404': [(r) => r.writeHead(404).end('<html>'), 'exchange_refused', /status 404/],
    'by a broken connection': [(r) => r.socket?.destroy(), 'exchange_unavailable', /be reached/],
    'with half an answer': [
      (r) => {
        r.writeHead(200, { 'content-length': '500' })
        r.write('{"access_token":"to')
        setTimeout(() => r.socket?.destroy(), 20)
      },
      'exchange_unavailable',
      /be reached/,
    ],
    'with half an answer that looks whole': [
      (r) => r.writeHead(200).end('{"access_token":"to'),
      'exchange_malformed',
      /Bearer token/,
    ],
    'with an answer without a token': [
      (r) => json(r, 200, []),
      'exchange_malformed',
      /Bearer token/,
    ],
    'with null': [(r) => r.writeHead(200).end('null'), 'exchange_malformed', /Bearer token/],
    'with a token of another type': [
      (r) => json(r, 200, { access_token: 'a', token_type: 'DPoP', expires_in: 60 }),
      'exchange_malformed',
      /Bearer token/,
    ],
    'with a token that would break a header': [
      (r) => json(r, 200, { access_token: 'a\r\nx: y', token_type: 'Bearer', expires_in: 60 }),
      'exchange_malformed',
      /Bearer token/,
    ],
    'with a token of 17 KiB': [
      (r) =>
        json(r, 200, { access_token: 'a'.repeat(17_000), token_type: 'Bearer', expires_in: 60 }),
      'exchange_malformed',
      /Bearer token/,
    ],
    'without a lifetime': [
      (r) => json(r, 200, { access_token: 'a', token_type: 'Bearer' }),
      'exchange_malformed',
      /how long/,
    ],
    'with a lifetime of zero': [
      (r) => json(r, 200, { access_token: 'a', token_type: 'Bearer', expires_in: 0 }),
      'exchange_malformed',
      /how long/,
    ],
    'with an endless answer': [
      (r) => {
        r.writeHead(200)
        const more = () => {
          if (r.destroyed) return
          if (r.write('x'.repeat(16_384))) setImmediate(more)
          else r.once('drain', more)
        }
        more()
      },
      'exchange_malformed',
      /more than 65536 bytes/,
    ],
    'with a redirect': [(r) => redirect(r, 307, '/elsewhere'), 'exchange_malformed', /redirects/],
  }

  it.each(Object.entries(failures))('%s', async (_what, [answer, code, message]) => {
    const scene = await hostile()
    scene.onExchange = answer
    const error = await scene.client.fetch(scene.url('/a')).catch((thrown) => thrown)
    expect([error.code, error.message]).toEqual([code, expect.stringMatching(message)])
    // No other requests: not to the API, not again to the service, and not to another URL.
    expect(scene.seen.map(({ url }) => url)).toEqual(['/tokens'])
  })

  it('by silence ends after the deadline', async () => {
    const scene = await hostile({ deadlineSeconds: 0.1 })
    scene.onExchange = () => {}
    await expect(scene.client.token()).rejects.toMatchObject({
      code: 'exchange_unavailable',
      message: 'The token service did not answer in time.',
    })
  })

  it('by silence after the head of the answer ends after the deadline', async () => {
    const scene = await hostile({ deadlineSeconds: 0.1 })
    scene.onExchange = (response) => response.writeHead(200).write('{')
    await expect(scene.client.token()).rejects.toMatchObject({ code: 'exchange_unavailable' })
  })

  it('by a fetch that never settles ends after the deadline', async () => {
    const { another } = await hostile()
    const fetch = () => new Promise<never>(() => {})
    await expect(another({ deadlineSeconds: 0.05, fetch }).token()).rejects.toMatchObject({
      code: 'exchange_unavailable',
    })
  })

  it('because nothing listens reports the error code of the platform', async () => {
    const { origin, close } = await serve(() => {})
    close()
    const { another } = await hostile()
    await expect(another({ tokenUrl: `${origin}/tokens` }).token()).rejects.toMatchObject({
      code: 'exchange_unavailable',
      message: 'The token service could not be reached (ECONNREFUSED).',
    })
  })

  it('is remembered for one to two seconds', async () => {
    const scene = await hostile()
    const { client, clock, exchanges } = scene
    scene.onExchange = (response) => json(response, 503, {})
    const ask = () => client.token().catch(({ code }) => code)
    for (let i = 0; i < 100; i++) expect(await ask()).toBe('exchange_unavailable')
    clock.advance(999)
    await ask()
    expect(exchanges().length).toBe(1)
    clock.advance(1001)
    await ask()
    expect(exchanges().length).toBe(2)
    scene.onExchange = (response) => scene.grant(response)
    clock.advance(2000)
    expect(await ask()).toBe('token-1')
  })

  it.each([
    ['5', 5],
    ['0', 1],
    ['86400', 60],
    ['soon', 1],
    ['-5', 1],
    ['Thu, 01 Jan 2026 00:00:30 GMT', 30],
    ['Thu, 01 Jan 2037 00:00:30 GMT', 60],
    ['Wed, 31 Dec 2025 23:59:30 GMT', 1],
  ])('with Retry-After: %s is remembered for %i seconds', async (retryAfter, seconds) => {
    const scene = await hostile()
    const { client, clock, exchanges } = scene
    const date = 'Thu, 01 Jan 2026 00:00:00 GMT'
    scene.onExchange = (response) => json(response, 429, {}, { 'retry-after': retryAfter, date })
    const ask = () => client.token().catch((error) => error)
    await ask()
    clock.advance(seconds * 1000 - 1)
    expect((await ask()).retryAfterSeconds).toBeGreaterThanOrEqual(1)
    expect(exchanges().length).toBe(1)
    clock.advance(1001)
    await ask()
    expect(exchanges().length).toBe(2)
  })

  it('is remembered for all clients of the key', async () => {
    const scene = await hostile()
    scene.onExchange = (response) => json(response, 503, {})
    for (const client of [scene.client, scene.another()])
      await expect(client.token()).rejects.toMatchObject({ code: 'exchange_unavailable' })
    expect(scene.exchanges().length).toBe(1)
  })

  it('leaves no unhandled rejection', async () => {
    const unhandled: unknown[] = []
    const note = (reason: unknown) => unhandled.push(reason)
    process.on('unhandledRejection', note)
    const scene = await hostile()
    await scene.client.token()
    scene.onExchange = (response) => json(response, 503, {})
    scene.onCall = (response) => json(response, 401, {})
    scene.clock.advance(0.9 * 3_600_000)
    const body = new ReadableStream({ pull: (controller) => controller.close() })
    await scene.client.fetch(scene.url('/a'), { method: 'POST', body, duplex: 'half' } as object)
    const controller = new AbortController()
    controller.abort()
    scene.clock.advance(3_600_000)
    await scene.client.fetch(scene.url('/a'), controller).catch(() => {})
    scene.client.token().catch(() => {})
    scene.client.close()
    await new Promise((resolve) => setTimeout(resolve, 50))
    await settled()
    process.off('unhandledRejection', note)
    expect(unhandled).toEqual([])
  })
})
