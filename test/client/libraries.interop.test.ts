import axios from 'axios'
import got from 'got'
import ky from 'ky'
import type { Client } from 'twinkey/client'
import { Agent, interceptors, MockAgent, request, fetch as undiciFetch } from 'undici'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type Hostile, hostile, json, PRIMARY, real, redirect, serve } from './scene.ts'

interface Sent {
  readonly method?: 'GET' | 'POST'
  readonly body?: unknown
}

/** Sends a request, and returns status and body for every status. */
type Way = (client: Client, url: string, sent?: Sent) => Promise<{ status: number; body: string }>

function agentOf(client: Client) {
  const agent = new Agent()
  onTestFinished(() => agent.close())
  return agent.compose(interceptors.redirect({ maxRedirections: 5 }), client.undici)
}

const axiosOf = (client: Client, adapter: 'http' | 'fetch') =>
  axios.create({ adapter: client.axios(axios.getAdapter(adapter)), validateStatus: null })

const ways: Record<string, Way> = {
  async fetch(client, url, { method = 'GET', body } = {}) {
    const init = { method, body, duplex: 'half' } as RequestInit
    const response = await client.fetch(url, init)
    return { status: response.status, body: await response.text() }
  },
  async undici(client, url, { method = 'GET', body } = {}) {
    const answer = await request(url, {
      method,
      body: (body ?? null) as string,
      dispatcher: agentOf(client),
    })
    return { status: answer.statusCode, body: await answer.body.text() }
  },
  async 'fetch of undici'(client, url, { method = 'GET' } = {}) {
    const response = await undiciFetch(url, { method, dispatcher: agentOf(client) })
    return { status: response.status, body: await response.text() }
  },
  async axios(client, url, { method = 'GET', body } = {}) {
    const { status, data } = await axiosOf(
      client,
      'http',
    )({
      url,
      method,
      data: body,
      responseType: 'text',
    })
    return { status, body: data }
  },
  async 'axios by fetch'(client, url, { method = 'GET', body } = {}) {
    const { status, data } = await axiosOf(
      client,
      'fetch',
    )({
      url,
      method,
      data: body,
      responseType: 'text',
    })
    return { status, body: data }
  },
  async ky(client, url, { method = 'GET', body } = {}) {
    const send = ky.create({ fetch: client.fetch, retry: 0, throwHttpErrors: false })
    const response = await send(url, { method, body: body as string })
    return { status: response.status, body: await response.text() }
  },
  async got(client, url, { method = 'GET', body } = {}) {
    const send = got.extend(client.got, { retry: { limit: 0 }, throwHttpErrors: false })
    const { statusCode, body: text } = await send(url, { method, body: body as string })
    return { status: statusCode, body: text }
  },
}
const withBodies = Object.entries(ways).filter(([name]) => name !== 'fetch of undici')

describe.each(Object.entries(ways))('through %s', (_name, call) => {
  it('a call to a real Twinkey gets a token automatically, and the secret goes to the token URL only', async () => {
    const { client, origin, seen } = await real()
    const answers = [await call(client, `${origin}/customers`)]
    answers.push(await call(client, `${origin}/customers`))
    expect(answers).toEqual(answers.map(() => ({ status: 200, body: '{"via":"token"}' })))
    expect(seen).toEqual(['POST /tokens', 'GET /customers', 'GET /customers'])
  })

  it('200 calls at once cause one exchange', async () => {
    const { client, url, exchanges, at } = await hostile()
    const calls = Array.from({ length: 200 }, () => call(client, url('/a')))
    const statuses = (await Promise.all(calls)).map(({ status }) => status)
    expect(new Set(statuses)).toEqual(new Set([200]))
    expect([exchanges().length, at('/a').length]).toEqual([1, 200])
  })

  it('after a single 401, the request is repeated with a new token', async () => {
    const scene = await hostile()
    const accept = scene.onCall
    scene.onCall = (response, seen) =>
      scene.at('/a').length === 1 ? json(response, 401, {}) : accept(response, seen)
    expect((await call(scene.client, scene.url('/a'))).status).toBe(200)
    expect(scene.at('/a').map(({ headers }) => headers.authorization)).toEqual([
      'Bearer token-1',
      'Bearer token-2',
    ])
    expect(scene.exchanges().length).toBe(2)
  })

  it('after a repeated 401, the request is repeated once, and the 401 is returned with its body', async () => {
    const scene = await hostile()
    scene.onCall = (response) => json(response, 401, { code: 'never' })
    for (let i = 0; i < 3; i++)
      expect(await call(scene.client, scene.url('/a'))).toEqual({
        status: 401,
        body: '{"code":"never"}',
      })
    expect([scene.at('/a').length, scene.exchanges().length]).toEqual([4, 2])
  })

  it.each([403, 429, 503])('a %i is returned, and nothing is repeated', async (status) => {
    const scene = await hostile()
    scene.onCall = (response) => json(response, status, { status })
    expect(await call(scene.client, scene.url('/a'))).toEqual({
      status,
      body: `{"status":${status}}`,
    })
    expect([scene.at('/a').length, scene.exchanges().length]).toEqual([1, 1])
  })

  it('a failed exchange fails the call, and no request goes to the API', async () => {
    const scene = await hostile()
    scene.onExchange = (response) => json(response, 503, {})
    const error = await call(scene.client, scene.url('/a')).catch((thrown) => thrown)
    // Got wraps errors of hooks, and the fetch of undici errors of a dispatcher.
    expect([error.code, error.cause?.code]).toContain('exchange_unavailable')
    expect(scene.at('/a')).toEqual([])
  })

  it('another origin gets no token, directly or by a redirect', async () => {
    const scene = await hostile()
    const elsewhere = await serve((response) => json(response, 200, {}))
    scene.onCall = (response) => redirect(response, 302, `${elsewhere.origin}/b`)
    expect((await call(scene.client, `${elsewhere.origin}/a`)).status).toBe(200)
    expect(scene.exchanges()).toEqual([])
    expect((await call(scene.client, scene.url('/a'))).status).toBe(200)
    expect(scene.at('/a')[0]?.headers.authorization).toBe('Bearer token-1')
    expect(elsewhere.seen.map(({ url }) => url)).toEqual(['/a', '/b'])
    for (const text of [PRIMARY, 'token-'])
      expect(JSON.stringify(elsewhere.seen)).not.toContain(text)
  })

  it('a redirect within the origin keeps the token', async () => {
    const scene = await hostile()
    const accept = scene.onCall
    scene.onCall = (response, seen) =>
      seen.url === '/a' ? redirect(response, 302, '/b') : accept(response, seen)
    expect((await call(scene.client, scene.url('/a'))).status).toBe(200)
    expect(scene.at('/b')[0]?.headers.authorization).toBe('Bearer token-1')
  })
})

describe.each(withBodies)('through %s', (name, call) => {
  // The fetch of undici sends each redirect as a new request, so it cannot keep this.
  it('a redirect through another origin and back does not get the token again', async () => {
    const scene = await hostile()
    const between = await serve((response) => redirect(response, 307, scene.url('/admin')))
    scene.onCall = (response, { url }) =>
      url === '/a' ? redirect(response, 307, `${between.origin}/b`) : json(response, 200, {})
    expect((await call(scene.client, scene.url('/a'))).status).toBe(200)
    expect(JSON.stringify([...between.seen, ...scene.at('/admin')])).not.toContain('token-')
  })

  it('a text is sent again after a 401', async () => {
    const scene = await hostile()
    const accept = scene.onCall
    scene.onCall = (response, seen) =>
      scene.at('/a').length === 1 ? json(response, 401, {}) : accept(response, seen)
    const answer = await call(scene.client, scene.url('/a'), { method: 'POST', body: 'text' })
    expect(answer).toEqual({ status: 200, body: '{"body":"text"}' })
    expect(scene.at('/a').map(({ body }) => body)).toEqual(['text', 'text'])
  })

  it('a stream is sent once, and its 401 is returned', async () => {
    const scene: Hostile = await hostile()
    scene.onCall = (response) => json(response, 401, {})
    const parts = async function* () {
      yield new TextEncoder().encode('text')
    }
    const { Readable } = await import('node:stream')
    const isNode = ['axios', 'got', 'undici'].includes(name)
    const body = isNode ? Readable.from(parts()) : new Blob(['text']).stream()
    const isRecorded = name === 'ky'
    const answer = await call(scene.client, scene.url('/a'), { method: 'POST', body })
    expect(answer.status).toBe(401)
    // Ky makes a Request of it, whose body is recorded.
    expect(scene.at('/a').map(({ body }) => body)).toEqual(isRecorded ? ['text', 'text'] : ['text'])
  })
})

describe('through undici', () => {
  /** A dispatcher that does not pause, and answers the first request with 401. */
  function refusingAgent({ client, origin }: Hostile) {
    const agent = new MockAgent()
    onTestFinished(() => agent.close())
    const pool = agent.get(origin)
    pool.intercept({ path: '/a' }).reply(401, 'refused')
    pool.intercept({ path: '/a' }).reply(200, 'accepted')
    return agent.compose(client.undici)
  }

  it('a 401 that arrives as a whole is followed by the repeated request', async () => {
    const scene = await hostile()
    const answer = await request(scene.url('/a'), { dispatcher: refusingAgent(scene) })
    expect([answer.statusCode, await answer.body.text()]).toEqual([200, 'accepted'])
    expect(scene.exchanges().length).toBe(2)
  })

  it('a 401 that arrives as a whole is returned as a whole if a new token will not help', async () => {
    const scene = await hostile()
    const grant = { access_token: 'same', token_type: 'Bearer', expires_in: 3600 }
    scene.onExchange = (response) => json(response, 200, grant)
    const answer = await request(scene.url('/a'), { dispatcher: refusingAgent(scene) })
    expect([answer.statusCode, await answer.body.text()]).toEqual([401, 'refused'])
  })

  it('a caller that aborts before there is a token stops waiting', async () => {
    const scene = await hostile()
    scene.onExchange = () => {}
    const controller = new AbortController()
    const { signal } = controller
    const call = request(scene.url('/a'), { dispatcher: agentOf(scene.client), signal })
    call.catch(() => {})
    await expect.poll(() => scene.exchanges().length).toBe(1)
    controller.abort(new Error('left'))
    await expect(call).rejects.toThrow('left')
    expect(scene.at('/a')).toEqual([])
  })
})
