import { describe, expect, it } from 'vitest'
import { hostile, json, PRIMARY, redirect, SECONDARY, type Seen, serve } from './scene.ts'

/** An API and a server that the client must not trust. */
async function two() {
  const scene = await hostile()
  const elsewhere = await serve((response) => json(response, 200, { elsewhere: true }))
  return { ...scene, scene, elsewhere }
}

/** No member of a request holds a secret or a token. */
function expectNoCredential(seen: readonly Seen[]): void {
  expect(seen.length).toBeGreaterThan(0)
  for (const text of [PRIMARY, SECONDARY, 'token-'])
    expect(JSON.stringify(seen)).not.toContain(text)
}

describe('a request to another origin', () => {
  it('is sent without a token, and causes no exchange', async () => {
    const { client, elsewhere, exchanges } = await two()
    const response = await client.fetch(`${elsewhere.origin}/a`, { headers: { 'x-own': '1' } })
    expect(await response.json()).toEqual({ elsewhere: true })
    expect(elsewhere.seen[0]?.headers['x-own']).toBe('1')
    expectNoCredential(elsewhere.seen)
    expect(exchanges()).toEqual([])
  })

  it('is sent without a token, even if its URL resembles an allowed origin', async () => {
    const asked: string[] = []
    const scene = await hostile()
    const fetched: typeof fetch = async (input, init) => {
      const url = new URL(input instanceof Request ? input.url : String(input))
      if (url.pathname === '/tokens') return fetch(input, init)
      asked.push(`${url.origin} ${new Headers(init?.headers).has('authorization')}`)
      return new Response()
    }
    const origins = ['https://api.example.com', 'https://api.example.com:8443']
    const client = scene.another({ origins, fetch: fetched })
    const outside = [
      'https://api.example.com.evil.example/',
      'https://api.example.com@evil.example/',
      'https://api.example.com%2f@evil.example/',
      'https://evil.example/https://api.example.com/',
      'https://evil.example#https://api.example.com/',
      'https://evil.example\\@api.example.com/',
      'https://api.example.com./',
      'https://api.example.com:444/',
      'http://api.example.com/',
      'https://xapi.example.com/',
      'https://a.api.example.com/',
      'https://api-example.com/',
      'https://аpi.example.com/',
      'blob:https://api.example.com/x',
    ]
    for (const url of outside) await client.fetch(url)
    expect(asked.filter((each) => each.endsWith('true'))).toEqual([])
    expect(asked.length).toBe(outside.length)
    asked.length = 0
    const inside = [
      'https://API.example.com/',
      'https://api.example.com:443/a?b#c',
      '  https:\\\\api.example.com\\a ',
      'https://api%2eexample.com/',
      'https://ａpi.example.com:8443/',
    ]
    for (const url of inside) await client.fetch(url)
    expect(asked).toEqual([
      ...inside.slice(0, 4).map(() => 'https://api.example.com true'),
      'https://api.example.com:8443 true',
    ])
  })

  it.each(['user@', 'user:pass@', ':pass@'])('is refused with a user name: %s', async (user) => {
    const { client, origin, seen } = await hostile()
    const url = origin.replace('//', `//${user}`)
    await expect(client.fetch(`${url}/a`)).rejects.toThrow(TypeError)
    expect(seen).toEqual([])
  })

  it('gets no token if the url member of a Request hides its real URL', async () => {
    const { client, elsewhere, url } = await two()
    const request = new Request(`${elsewhere.origin}/a`)
    Object.defineProperty(request, 'url', { value: url('/a') })
    await expect(client.fetch(request)).rejects.toThrow('changed')
    const object = {
      reads: 0,
      toString: () => (object.reads++ === 0 ? url('/a') : elsewhere.origin),
    }
    expect((await client.fetch(object as never)).status).toBe(200)
    expect(elsewhere.seen).toEqual([])
  })
})

describe('a redirect', () => {
  it('within the origin is followed with the token', async () => {
    const { client, scene, url, at } = await two()
    const accept = scene.onCall
    scene.onCall = (response, seen) =>
      seen.url === '/a' ? redirect(response, 302, '/b?c=1') : accept(response, seen)
    const response = await client.fetch(url('/a#part'))
    expect([response.status, response.redirected, response.url]).toEqual([200, true, url('/b?c=1')])
    expect(at('/b?c=1')[0]?.headers.authorization).toBe('Bearer token-1')
  })

  it('to another allowed origin gets the token, and nothing that the caller sent as a credential', async () => {
    const { scene, elsewhere, url } = await two()
    const client = scene.another({ origins: [scene.origin, elsewhere.origin] })
    scene.onCall = (response) => redirect(response, 307, `${elsewhere.origin}/b`)
    const headers = { 'x-api-key': 'own', cookie: 'own', 'x-trace': 'own' }
    await client.fetch(url('/a'), { headers })
    expect(elsewhere.seen[0]?.headers).toMatchObject({
      authorization: 'Bearer token-1',
      'x-trace': 'own',
    })
    expect(Object.keys(elsewhere.seen[0]?.headers ?? {})).not.toContain('x-api-key')
    expect(Object.keys(elsewhere.seen[0]?.headers ?? {})).not.toContain('cookie')
  })

  it.each([301, 302, 303, 307, 308])(
    'with %i to another origin loses every credential',
    async (status) => {
      const { client, scene, elsewhere, url, at } = await two()
      scene.onCall = (response) => redirect(response, status, `${elsewhere.origin}/b`)
      const headers = {
        authorization: 'Bearer token-own',
        'proxy-authorization': 'token-own',
        cookie: 'a=token-own',
        'x-api-key': 'token-own',
        'auth-key': 'token-own',
        'x-amz-security-token': 'token-own',
        range: 'bytes=0-9',
      }
      const request = new Request(url('/a'), { headers })
      expect((await client.fetch(request)).status).toBe(200)
      expect(at('/a')[0]?.headers.authorization).toBe('Bearer token-1')
      expect(elsewhere.seen[0]?.headers['range']).toBe('bytes=0-9')
      expectNoCredential(elsewhere.seen)
    },
  )

  it('that leads through another origin and back does not get the token again', async () => {
    const { client, scene, url, at, exchanges } = await two()
    const between = await serve((response) => redirect(response, 307, url('/admin')))
    scene.onCall = (response, { url: path }) =>
      path === '/a' ? redirect(response, 307, between.origin) : json(response, 401, {})
    const response = await client.fetch(url('/a'), { method: 'POST', body: 'x' })
    expect(response.status).toBe(401)
    expectNoCredential([...between.seen, ...at('/admin')])
    expect(exchanges().length).toBe(1)
  })

  it.each([
    ['http://other.example/', /not secure/],
    ['ftp://127.0.0.1/', /not secure/],
    ['javascript:alert(1)', /not secure/],
    ['data:text/plain,x', /not secure/],
    ['http://user:pass@127.0.0.1/', /user name/],
    ['http://[', /invalid/],
  ])('to %s is refused', async (location, message) => {
    const { client, scene, url } = await two()
    scene.onCall = (response) => redirect(response, 302, location)
    const error = await client.fetch(url('/a')).catch((thrown) => thrown)
    expect([error.code, error.message]).toEqual([
      'redirect_refused',
      expect.stringMatching(message),
    ])
    expect(error.message).not.toContain('pass')
  })

  it('from https to http on this machine is refused', async () => {
    const { scene } = await two()
    const fetched: typeof fetch = async (input, init) =>
      String(input).startsWith('https:')
        ? new Response(null, { status: 302, headers: { location: `${scene.origin}/a` } })
        : fetch(input, init)
    const client = scene.another({ origins: ['https://api.example.com'], fetch: fetched })
    await expect(client.fetch('https://api.example.com/')).rejects.toMatchObject({
      code: 'redirect_refused',
    })
    expect(scene.at('/a')).toEqual([])
  })

  it.each([
    [301, 'POST', 'GET', ''],
    [302, 'POST', 'GET', ''],
    [303, 'POST', 'GET', ''],
    [307, 'POST', 'POST', 'text'],
    [308, 'POST', 'POST', 'text'],
    [301, 'PUT', 'PUT', 'text'],
    [303, 'PUT', 'GET', ''],
    [302, 'DELETE', 'DELETE', 'text'],
  ])('with %i changes %s to %s, as in Fetch', async (status, method, then, body) => {
    const { client, scene, url, at } = await two()
    const accept = scene.onCall
    scene.onCall = (response, seen) =>
      seen.url === '/a' ? redirect(response, status, '/b') : accept(response, seen)
    const headers = { 'content-type': 'text/x', 'content-language': 'en', 'x-own': '1' }
    await client.fetch(url('/a'), { method, body: 'text', headers })
    const [second] = at('/b')
    expect([second?.method, second?.body, second?.headers['x-own']]).toEqual([then, body, '1'])
    expect(second?.headers['content-type']).toBe(body === '' ? undefined : 'text/x')
    // The same as the platform does without the client.
    await fetch(url('/a'), { method, body: 'text', headers })
    const [, plain] = at('/b')
    const bare = ({ headers: { authorization: _, ...rest }, ...other }: Seen) => ({
      ...other,
      rest,
    })
    expect(bare(second as Seen)).toEqual(bare(plain as Seen))
  })

  it('after HEAD stays HEAD, and a 303 after GET stays GET', async () => {
    const { client, scene, url, at } = await two()
    const accept = scene.onCall
    scene.onCall = (response, seen) =>
      seen.url === '/a' ? redirect(response, 303, '/b') : accept(response, seen)
    await client.fetch(url('/a'), { method: 'HEAD' })
    await client.fetch(url('/a'))
    expect(at('/b').map(({ method }) => method)).toEqual(['HEAD', 'GET'])
  })

  it('of a stream with 307 is refused, and with 303 followed', async () => {
    const { client, scene, url } = await two()
    const accept = scene.onCall
    const post = (path: string) => {
      const body = new Blob(['text']).stream()
      return client.fetch(url(path), { method: 'POST', body, duplex: 'half' } as object)
    }
    scene.onCall = (response, seen) =>
      seen.url === '/b'
        ? accept(response, seen)
        : redirect(response, Number(seen.url.slice(1)), '/b')
    await expect(post('/307')).rejects.toMatchObject({ code: 'redirect_refused' })
    expect((await post('/303')).status).toBe(200)
  })

  it('is followed at most 20 times', async () => {
    const { client, scene, url, at } = await two()
    const accept = scene.onCall
    scene.onCall = (response, seen) => {
      const left = Number(seen.url.slice(1))
      if (left > 0) redirect(response, 302, `/${left - 1}`)
      else accept(response, seen)
    }
    expect((await client.fetch(url('/20'))).status).toBe(200)
    expect(at('/0').length).toBe(1)
    await expect(client.fetch(url('/21'))).rejects.toMatchObject({ code: 'redirect_refused' })
  })

  it('is returned or refused as the caller has set `redirect`', async () => {
    const { client, scene, elsewhere, url } = await two()
    scene.onCall = (response) => redirect(response, 302, elsewhere.origin)
    const response = await client.fetch(url('/a'), { redirect: 'manual' })
    expect([response.status, response.headers.get('location')]).toEqual([302, elsewhere.origin])
    const request = new Request(url('/a'), { redirect: 'manual' })
    expect((await client.fetch(request)).status).toBe(302)
    await expect(client.fetch(url('/a'), { redirect: 'error' })).rejects.toMatchObject({
      code: 'redirect_refused',
    })
    expect(elsewhere.seen).toEqual([])
  })

  it('without Location is an answer like any other', async () => {
    const { client, scene, url } = await two()
    scene.onCall = (response) => response.writeHead(304).end()
    expect((await client.fetch(url('/a'))).status).toBe(304)
    scene.onCall = (response) => response.writeHead(302).end('body')
    const response = await client.fetch(url('/a'))
    expect([response.status, await response.text(), response.redirected]).toEqual([
      302,
      'body',
      false,
    ])
  })

  it('and a 401 after it: one request of the whole call is repeated', async () => {
    const { client, scene, url, at, exchanges } = await two()
    let refusals = 0
    scene.onCall = (response, seen) => {
      if (seen.url === '/a' && refusals > 0) redirect(response, 302, '/b')
      else json(response, 401, { refusals: ++refusals })
    }
    expect((await client.fetch(url('/a'))).status).toBe(401)
    expect([at('/a').length, at('/b').length, exchanges().length]).toEqual([2, 1, 2])
  })
})
