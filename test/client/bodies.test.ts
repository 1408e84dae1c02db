import { Readable } from 'node:stream'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { type Hostile, hostile, json } from './scene.ts'

/** The API refuses the first call, and accepts the second one. */
async function refusingOnce(): Promise<Hostile> {
  const scene = await hostile()
  await scene.client.token()
  const accept = scene.onCall
  scene.onCall = (response, seen) =>
    scene.at('/a').length === 1 ? json(response, 401, {}) : accept(response, seen)
  return scene
}

const text = 'text '.repeat(10)
const bytes = new TextEncoder().encode(text)
const form = () => {
  const data = new FormData()
  data.append('name', 'value')
  data.append('file', new File([bytes], 'file.txt', { type: 'text/plain' }))
  return data
}
const stream = () => new Blob([bytes]).stream()
const post = (body: unknown) => ({ method: 'POST', body, duplex: 'half' }) as RequestInit

describe('a body that can be sent again is sent again after a 401', () => {
  const bodies: Record<string, () => unknown> = {
    'a text': () => text,
    'an ArrayBuffer': () => bytes.slice().buffer,
    'a part of a buffer': () => new Uint8Array([0, ...bytes, 0]).subarray(1, bytes.length + 1),
    'a DataView': () => new DataView(bytes.slice().buffer),
    'a Blob': () => new Blob([bytes], { type: 'text/x' }),
    'a query': () => new URLSearchParams({ a: 'b c' }),
    'a form': form,
  }

  it.each(Object.entries(bodies))('%s', async (_what, make) => {
    const { client, url, at } = await refusingOnce()
    expect((await client.fetch(url('/a'), post(make()))).status).toBe(200)
    const [first, second] = at('/a').map(({ headers, body }) => ({
      type: headers['content-type']?.replace(/boundary=.*/, ''),
      // Each form has a boundary of its own.
      body: body.replace(/-+formdata-undici-\d+/g, '--'),
      length: headers['content-length'],
    }))
    expect(second).toEqual(first)
    await fetch(url('/a'), post(make()))
    const [, , plain] = at('/a')
    expect(plain?.headers['content-length']).toBe(first?.length)
    expect(first?.body.length).toBeGreaterThan(4)
  })

  it.each(Object.entries(bodies))('in a Request: %s', async (_what, make) => {
    const { client, url, at } = await refusingOnce()
    const request = new Request(url('/a'), post(make()))
    expect((await client.fetch(request)).status).toBe(200)
    expect(request.bodyUsed).toBe(true)
    const [first, second] = at('/a')
    expect([second?.body, second?.headers['content-type']]).toEqual([
      first?.body,
      first?.headers['content-type'],
    ])
    expect(first?.headers['content-length']).toBe(second?.headers['content-length'])
  })

  it('without one', async () => {
    const { client, url, at } = await refusingOnce()
    const request = new Request(url('/a'), { method: 'DELETE', headers: { 'x-own': '1' } })
    expect((await client.fetch(request)).status).toBe(200)
    expect(at('/a').map(({ method, headers }) => [method, headers['x-own']])).toEqual([
      ['DELETE', '1'],
      ['DELETE', '1'],
    ])
  })
})

it('changes that the caller makes after the call are not sent', async () => {
  const scene = await hostile()
  const body = bytes.slice()
  const query = new URLSearchParams({ a: '1' })
  const headers = new Headers({ 'x-own': '1' })
  const init = { method: 'POST', body: body as unknown, headers }
  const calls = [
    scene.client.fetch(scene.url('/a'), init as RequestInit),
    scene.client.fetch(scene.url('/b'), { ...init, body: query }),
  ]
  body.fill(0)
  query.set('a', '2')
  headers.set('x-own', '2')
  init.method = 'PUT'
  init.body = 'other'
  await Promise.all(calls)
  expect(scene.at('/a')[0]).toMatchObject({ method: 'POST', body: text, headers: { 'x-own': '1' } })
  expect(scene.at('/b')[0]?.body).toBe('a=1')
})

describe('a stream', () => {
  it('is sent once: its 401 is returned, and the next call has a new token', async () => {
    const { client, url, at, exchanges } = await refusingOnce()
    const response = await client.fetch(url('/a'), post(stream()))
    expect([response.status, at('/a').length]).toEqual([401, 1])
    await expect.poll(() => exchanges().length).toBe(2)
    expect((await client.fetch(url('/a'), post(stream()))).status).toBe(200)
    expect(at('/a').map(({ body }) => body)).toEqual([text, text])
  })

  it('in a Request of more than 1 MiB is sent once, and all of it', async () => {
    const { client, url, at } = await refusingOnce()
    const large = 'x'.repeat(3 * 1024 * 1024)
    const response = await client.fetch(new Request(url('/a'), post(large)))
    expect([response.status, at('/a').length, at('/a')[0]?.body.length]).toEqual([
      401,
      1,
      large.length,
    ])
    expect(at('/a')[0]?.headers['content-length']).toBe(String(large.length))
  })

  it.each([
    ['a stream', () => post(stream())],
    [
      'an iterable',
      () =>
        post(
          (async function* () {
            yield bytes
          })(),
        ),
    ],
  ])('(%s) waits for the renewal of the token, because it has one chance', async (_what, init) => {
    const { client, url, at, clock } = await hostile()
    await client.token()
    clock.advance(0.86 * 3_600_000)
    expect((await client.fetch(url('/a'), init())).status).toBe(200)
    expect(at('/a')[0]?.headers.authorization).toBe('Bearer token-2')
  })

  it('is sent with the old token if the renewal fails', async () => {
    const scene = await hostile()
    await scene.client.token()
    scene.clock.advance(0.86 * 3_600_000)
    scene.onExchange = (response) => json(response, 503, {})
    expect((await scene.client.fetch(scene.url('/a'), post(stream()))).status).toBe(200)
  })

  it('that fails makes the call fail, as with fetch', async () => {
    const { client, url } = await hostile()
    const broken = () =>
      new ReadableStream({ pull: (controller) => controller.error(new Error('broken')) })
    await expect(client.fetch(url('/a'), post(broken()))).rejects.toThrow()
    await expect(client.fetch(new Request(url('/a'), post(broken())))).rejects.toThrow()
  })
})

it('a Request that was sent before is refused, as with fetch', async () => {
  const { client, url } = await hostile()
  const request = new Request(url('/a'), post(text))
  await client.fetch(request)
  await expect(client.fetch(request)).rejects.toThrow(TypeError)
})

it('an invalid call is refused, as with fetch', async () => {
  const { client, url } = await hostile()
  await expect(client.fetch('/relative')).rejects.toThrow(TypeError)
  await expect(client.fetch(url('/a'), { method: 'GET', body: 'x' })).rejects.toThrow(TypeError)
  await expect(client.fetch(url('/a'), { headers: { 'x y': 'z' } })).rejects.toThrow(TypeError)
})

it('members of init that only the platform knows are passed on', async () => {
  const scene = await hostile()
  const inits: object[] = []
  const client = scene.another({
    fetch: (input, init) => {
      inits.push(init ?? {})
      return fetch(input, init)
    },
  })
  const own = { keepalive: false, cf: { cacheTtl: 1 } }
  await client.fetch(scene.url('/a'), own as RequestInit)
  await client.fetch(new Request(scene.url('/a')), own as RequestInit)
  expect(inits.slice(1)).toEqual([expect.objectContaining(own), expect.objectContaining(own)])
})

// Bun and workerd replace the body of a Request even by null.
it.each([
  ['a body of its own', post(text), undefined],
  ['a body beside it', post('other'), post(text)],
  ['null beside it', post(text), { body: null }],
])('a Request with %s is sent without another body', async (_what, own, beside) => {
  const scene = await hostile()
  const inits: object[] = []
  const client = scene.another({
    fetch: (input, init) => {
      if (input instanceof Request) inits.push(init ?? {})
      return fetch(input, init)
    },
  })
  expect((await client.fetch(new Request(scene.url('/a'), own), beside)).status).toBe(200)
  expect(inits.map((init) => 'body' in init)).toEqual([false])
  expect(scene.at('/a').map(({ body }) => body)).toEqual([text])
})

it('a call that is aborted while it is sent ends', async () => {
  const scene = await hostile()
  scene.onCall = () => {}
  await scene.client.token()
  for (const make of [
    (signal: AbortSignal) => scene.client.fetch(scene.url('/a'), { signal }),
    (signal: AbortSignal) => scene.client.fetch(new Request(scene.url('/a'), { signal })),
  ]) {
    const controller = new AbortController()
    const before = scene.at('/a').length
    const call = make(controller.signal)
    await expect.poll(() => scene.at('/a').length).toBe(before + 1)
    controller.abort(new Error('left'))
    await expect(call).rejects.toThrow('left')
  }
})

it('a stream that calls itself FormData, like those of form-data, is not sent again', async () => {
  const { client, url, at } = await refusingOnce()
  const body = Object.assign(Readable.from([bytes]), { [Symbol.toStringTag]: 'FormData' })
  expect((await client.fetch(url('/a'), post(body))).status).toBe(401)
  expect(at('/a').length).toBe(1)
})

it('a 401 is returned at once, even if a long Request is still being sent', async () => {
  const api: typeof fetch = async (input, init) => {
    if (!(input instanceof Request)) return fetch(input, init)
    const reader = input.body?.getReader()
    for (let length = 0; length < 2 * 1024 * 1024; )
      length += (await reader?.read())?.value?.length ?? Number.NaN
    return new Response(null, { status: 401 })
  }
  const { client, url } = await hostile({ fetch: api })
  const endless = new ReadableStream({ pull: (to) => to.enqueue(new Uint8Array(64 * 1024)) })
  const request = new Request(url('/a'), post(endless))
  await client.token()
  vi.useFakeTimers({ toFake: ['setTimeout'] })
  onTestFinished(() => void vi.useRealTimers())
  expect((await client.fetch(request)).status).toBe(401)
})
