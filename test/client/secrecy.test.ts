import { inspect } from 'node:util'
import axios, { type AxiosError } from 'axios'
import got from 'got'
import ky from 'ky'
import { ClientError, isClientError } from 'twinkey/client'
import { Agent, Client, Pool, request } from 'undici'
import { describe, expect, it, onTestFinished } from 'vitest'
import { hostile, json, PRIMARY, SECONDARY, serve } from './scene.ts'

/** Everything that a log could show of a value, and of its causes. */
function shownOf(value: unknown): string {
  const texts: string[] = []
  for (let each = value, depth = 0; each !== undefined && depth < 10; depth++) {
    const { message, stack, cause } = each as { message?: string; stack?: string; cause?: unknown }
    texts.push(inspect(each, { depth: 12 }), String(each), `${message}`, `${stack}`)
    try {
      texts.push(JSON.stringify(each) ?? '')
    } catch {
      // Circular.
    }
    each = cause
  }
  return texts.join('\n')
}

function expectNothing(value: unknown): void {
  const shown = shownOf(value)
  expect(shown.length).toBeGreaterThan(20)
  for (const text of [PRIMARY, SECONDARY, 'token-']) expect(shown).not.toContain(text)
}

const thrownBy = (call: () => Promise<unknown>): Promise<unknown> =>
  call().then(
    () => expect.fail('It should have failed.'),
    (error) => error,
  )

describe('no secret or token is shown', () => {
  it('by an error of an exchange, even if the service answers with the secret', async () => {
    const scene = await hostile()
    const echoes = [
      () => json0(401, { code: PRIMARY, detail: PRIMARY }),
      () => json0(403, { error: PRIMARY.toLowerCase(), error_description: PRIMARY }),
      () => json0(503, { code: `x${PRIMARY}` }),
      () => json0(200, { access_token: `${PRIMARY}\n`, token_type: 'Bearer', expires_in: 60 }),
    ]
    let answer: [number, object] = [200, {}]
    const json0 = (status: number, body: object) => {
      answer = [status, body]
    }
    scene.onExchange = (response) => json(response, ...answer)
    for (const echo of echoes) {
      echo()
      const error = await thrownBy(() => scene.client.fetch(scene.url('/a')))
      expect(isClientError(error)).toBe(true)
      expectNothing(error)
      scene.clock.advance(3000)
    }
  })

  it('by an error of a fetch that shows its request', async () => {
    const { another } = await hostile()
    const fetch = async (_input: unknown, init?: RequestInit): Promise<never> => {
      throw Object.assign(new Error(inspect(init)), { code: PRIMARY, cause: { init } })
    }
    expectNothing(await thrownBy(() => another({ fetch }).token()))
  })

  it('by the client itself', async () => {
    const { client } = await hostile()
    await client.token()
    expectNothing({ ...client, client })
  })

  it('by an error of the platform after the token was added', async () => {
    const scene = await hostile()
    await scene.client.token()
    scene.onCall = (response) => response.socket?.destroy()
    expectNothing(await thrownBy(() => scene.client.fetch(scene.url('/a'))))
  })

  it.each([
    ['a refusal', 401],
    ['an error', 500],
    ['a broken connection', 0],
  ])('by an error of axios, ky, got and undici after %s', async (_what, status) => {
    const scene = await hostile()
    const { client, url } = scene
    await client.token()
    scene.onCall = (response) =>
      status === 0 ? response.socket?.destroy() : json(response, status, {})
    const agent = new Agent()
    onTestFinished(() => agent.close())
    const { getAdapter } = axios
    for (const call of [
      () => axios.create({ adapter: client.axios(getAdapter('http')) }).get(url('/a')),
      () => axios.create({ adapter: client.axios(getAdapter('fetch')) }).get(url('/a')),
      () => ky.create({ fetch: client.fetch, retry: 0 }).get(url('/a')),
      () => got.extend(client.got, { retry: { limit: 0 } }).get(url('/a')),
      async () => {
        const dispatcher = agent.compose(client.undici)
        const { statusCode } = await request(url('/a'), { dispatcher })
        throw new Error(`status ${statusCode}, as undici reports it`)
      },
    ])
      expectNothing(await thrownBy(call))
    // Each of them has sent a token.
    const sent = scene.at('/a').filter(({ headers }) => headers.authorization !== undefined)
    expect(sent.length).toBe(scene.at('/a').length)
    expect(sent.length).toBeGreaterThanOrEqual(5)
  })

  it('by a response of axios, which has the configuration of the caller', async () => {
    const scene = await hostile()
    const response = await axios
      .create({ adapter: scene.client.axios(axios.getAdapter('http')) })
      .get(scene.url('/a'))
    expectNothing(response)
    expect(response.config.url).toBe(scene.url('/a'))
    expect(response.request.path).toBe('/a')
  })

  it('by an error of a wrong option', async () => {
    const { another } = await hostile()
    for (const secrets of [[`${PRIMARY} x`], [PRIMARY, `${SECONDARY}\nx`], PRIMARY as never]) {
      let error: unknown
      try {
        another({ secrets })
      } catch (thrown) {
        error = thrown
      }
      expect(error).toBeInstanceOf(TypeError)
      expectNothing(error)
    }
  })
})

describe('an error of axios', () => {
  it('has the configuration, the response and the request of the caller', async () => {
    const scene = await hostile()
    scene.onCall = (response) => json(response, 500, { code: 'x' })
    const instance = axios.create({
      baseURL: `${scene.origin}/`,
      adapter: scene.client.axios(axios.getAdapter('http')),
    })
    const error = (await thrownBy(() => instance.get('a'))) as AxiosError
    expect(error.config).toMatchObject({ baseURL: `${scene.origin}/`, url: 'a' })
    expect(error.response?.config).toBe(error.config)
    expect([error.response?.status, error.response?.data]).toEqual([500, { code: 'x' }])
    expect(error.request.path).toBe('/a')
  })
})

it('an error is recognised by its brand, and says what happened', () => {
  const details = { status: 503, reason: 'unavailable', retryAfterSeconds: 2 }
  const error = new ClientError('exchange_unavailable', 'Text.', details)
  expect(isClientError(error)).toBe(true)
  for (const other of [new Error('Text.'), null, undefined, 'text', { code: 'x' }])
    expect(isClientError(other)).toBe(false)
  expect(JSON.parse(JSON.stringify(error))).toEqual({
    name: 'ClientError',
    code: 'exchange_unavailable',
    message: 'Text.',
    ...details,
  })
  expect(error.cause).toBeUndefined()
})

describe('through undici', () => {
  it.each<[string, unknown]>([
    ['an object', { 'X-Own': '1', Authorization: 'own', 'x-many': ['1', '2'] }],
    ['a flat list', ['X-Own', '1', 'AUTHORIZATION', 'own', 'x-many', '1', 'x-many', '2']],
    [
      'pairs',
      [
        ['X-Own', '1'],
        ['authorization', 'own'],
        ['x-many', '1'],
        ['x-many', '2'],
      ],
    ],
    [
      'a Map',
      new Map<string, unknown>([
        ['X-Own', '1'],
        ['Authorization', 'own'],
        ['x-many', ['1', '2']],
      ]),
    ],
    [
      'Headers',
      new Headers([
        ['X-Own', '1'],
        ['Authorization', 'own'],
        ['x-many', '1'],
        ['x-many', '2'],
      ]),
    ],
  ])('headers as %s are kept, except Authorization', async (_form, headers) => {
    const { client, url, at } = await hostile()
    const agent = new Agent()
    onTestFinished(() => agent.close())
    const dispatcher = agent.compose(client.undici)
    const { statusCode } = await request(url('/a'), { headers: headers as never, dispatcher })
    expect(statusCode).toBe(200)
    expect(at('/a')[0]?.headers).toMatchObject({
      'x-own': '1',
      'x-many': '1, 2',
      authorization: 'Bearer token-1',
    })
  })

  it('a dispatcher that does not say which origin it calls is refused, unless the request says it', async () => {
    const { client, origin, seen } = await hostile()
    for (const own of [new Client(origin), new Pool(origin)]) {
      const composed = own.compose(client.undici)
      expect(() => composed.dispatch({ path: '/a', method: 'GET' }, {})).toThrow(/Agent/)
      await expect(composed.request({ path: '/a', method: 'GET' })).rejects.toThrow(TypeError)
      expect((await composed.request({ origin, path: '/a', method: 'GET' })).statusCode).toBe(200)
      await own.close()
    }
    expect(seen.map(({ url }) => url)).toEqual(['/tokens', '/a', '/a'])
  })

  it('a call that is aborted while it waits for a token or a response ends', async () => {
    const scene = await hostile()
    scene.onCall = () => {}
    const agent = new Agent()
    onTestFinished(() => agent.destroy())
    const dispatcher = agent.compose(scene.client.undici)
    const controller = new AbortController()
    const call = request(scene.url('/a'), { dispatcher, signal: controller.signal })
    await expect.poll(() => scene.at('/a').length).toBe(1)
    controller.abort()
    await expect(call).rejects.toThrow(/abort/i)
  })

  it('the body of a 401 that never ends does not delay the repeated request', async () => {
    const scene = await hostile()
    await scene.client.token()
    const accept = scene.onCall
    scene.onCall = (response, seen) => {
      if (scene.at('/a').length > 1) return void accept(response, seen)
      response.writeHead(401)
      response.write('x')
    }
    const agent = new Agent()
    onTestFinished(() => agent.destroy())
    const dispatcher = agent.compose(scene.client.undici)
    expect((await request(scene.url('/a'), { dispatcher })).statusCode).toBe(200)
  })
})

describe('through axios', () => {
  it.each([
    ['http://HOST/', undefined, '/a', true],
    ['http://HOST', undefined, 'a', true],
    ['http://HOST/a', undefined, '', true],
    [undefined, undefined, 'http://HOST/a', true],
    ['http://HOST/', undefined, 'http://ELSEWHERE/a', false],
    ['http://ELSEWHERE/', undefined, 'http://HOST/a', true],
    ['http://HOST', false, '//ELSEWHERE/a', true],
    ['http://ELSEWHERE', false, 'http://HOST/a', false],
    ['http://HOST@ELSEWHERE', undefined, 'a', false],
  ])(
    'baseURL %s with allowAbsoluteUrls %s and url %s: a token %s',
    async (baseURL, absolute, url, isTold) => {
      const scene = await hostile()
      const elsewhere = await serve((response) => json(response, 200, {}))
      scene.onCall = (response) => json(response, 200, {})
      const place = (text = '') =>
        text.replace('HOST', scene.origin.slice(7)).replace('ELSEWHERE', elsewhere.origin.slice(7))
      const instance = axios.create({
        adapter: scene.client.axios(axios.getAdapter('http')),
        ...(baseURL === undefined ? {} : { baseURL: place(baseURL) }),
        ...(absolute === undefined ? {} : { allowAbsoluteUrls: absolute }),
      })
      await instance.get(place(url), { params: { b: '1' } }).catch(() => {})
      expect(JSON.stringify(elsewhere.seen)).not.toContain('token-')
      const told = scene.seen.filter(({ headers }) => headers.authorization === 'Bearer token-1')
      expect(told.length).toBe(isTold ? 1 : 0)
    },
  )
})
