import { createTwinkey, from, generateSigningKey, redactUrl, type WireRequest } from 'twinkey'
import { type GatewayOptions, gatewayEndpoints } from 'twinkey/gateway'
import { boomiFlow, flowgear } from 'twinkey/profiles'
import { createVerifier } from 'twinkey/verifier'
import { mount } from 'twinkey/web'
import { describe, expect, test } from 'vitest'

const twinkey = createTwinkey()
const ok = { workflow: 'read' }
const create = (routes: object, more: object = {}) =>
  gatewayEndpoints(twinkey, { proxy: 'nginx', routes, ...more } as GatewayOptions)

async function ask(
  options: GatewayOptions,
  uri: string,
  headers: Record<string, string> = {},
  method = 'GET',
) {
  const handle = mount(gatewayEndpoints(twinkey, options))
  const pair = { 'x-original-method': method, 'x-original-uri': uri }
  const response = await handle(
    new Request('http://localhost/', { headers: { ...pair, ...headers } }),
  )
  return response as Response
}

describe('gatewayEndpoints rejects', () => {
  test('anything but a Twinkey or a verifier', () => {
    for (const none of [undefined, {}, express])
      expect(() =>
        gatewayEndpoints(none as never, { proxy: 'nginx', routes: { 'GET /': ok } }),
      ).toThrow(
        'gatewayEndpoints: the first argument must be what createTwinkey or createVerifier returns.',
      )
  })

  test('an unknown proxy, and options that it does not know', () => {
    for (const proxy of [undefined, 'caddy', 'NGINX', ['nginx'], 'constructor'])
      expect(() => create({ 'GET /': ok }, { proxy })).toThrow(
        "gatewayEndpoints: proxy must be 'nginx' or 'forwarded'.",
      )
    expect(() => create({ 'GET /': ok }, { header: 'x' })).toThrow(
      'The options of gatewayEndpoints',
    )
    expect(() => create({ 'GET /': ok }, { profile: {} })).toThrow(
      'gatewayEndpoints: profile must be a profile, like standard().',
    )
  })

  test('no routes', () => {
    for (const routes of [undefined, null, {}, [], 'GET /', new Map([['GET /', ok]])])
      expect(() => create(routes as never)).toThrow('gatewayEndpoints: routes must be an object')
  })

  test.each([
    '/customers',
    'GET customers',
    'get /customers',
    'GET  /customers',
    ' GET /customers',
    'GET /customers ',
    'GET /customers/:',
    'GET /customers/:1',
    'GET /customers/:id?',
    'GET /customers/:id*',
    'GET /customers/*',
    'GET /*',
    'GET //customers',
    'GET /customers//',
    'GET /customers/.',
    'GET /../customers',
    'GET /customers/a%20b',
    'GET /customers;a',
    'GET /customers?a=1',
    'GET /customers#a',
    'GET /customers\\a',
    'GET /kün',
    'GET /:id/:id',
    '* /customers',
    'GET,POST /customers',
  ])('the route %s', (name) => {
    expect(() => create({ [name]: ok })).toThrow(
      `gatewayEndpoints: the route '${name}' must be a method and a path, like 'GET /customers/:id'.`,
    )
  })

  test('a route for HEAD', () => {
    expect(() => create({ 'HEAD /': ok })).toThrow('must be one for GET, which also matches HEAD')
  })

  test.each([
    ['GET /:a', 'GET /:b'],
    ['GET /customers/:a', 'GET /customers/:b'],
    ['GET /Customers', 'GET /customers'],
    ['GET /acme/:id', 'GET /:tenant/export'],
    ['GET /:a/b/:c', 'GET /:a/:b/c'],
  ])('%s beside %s', (one, other) => {
    for (const routes of [
      { [one]: ok, [other]: ok },
      { [other]: ok, 'GET /': ok, [one]: ok },
    ])
      expect(() => create(routes)).toThrow('match the same request, and neither is more specific')
  })

  test('a requirement that requireAuth rejects, with the name of its route', () => {
    const wrong = { workflow: '*' }
    expect(() => create({ 'GET /a': ok, 'GET /b': wrong })).toThrow(
      "gatewayEndpoints: the route 'GET /b' is not valid. requireAuth: workflow must be one name",
    )
    for (const none of [undefined, null, 'read', [], { scope: 'read' }])
      expect(() => create({ 'GET /a': none })).toThrow("the route 'GET /a' is not valid.")
  })
})

describe('gatewayEndpoints', () => {
  test('accepts routes of which one is more specific, in any order', async () => {
    const { primary } = await twinkey.keys.create({
      name: 'Any',
      scope: { tenants: ['t1'], workflows: '*' },
    })
    const names = [
      'GET /',
      'GET /:a',
      'GET /a',
      'GET /:a/:b',
      'GET /a/:b',
      'GET /a/b',
      'GET /a/b/',
      'PUT /:a/:b',
    ]
    const found = async (order: readonly string[], uri: string, method?: string) => {
      const routes = Object.fromEntries(order.map((name) => [name, { workflow: name }]))
      const answer = await ask({ proxy: 'nginx', routes }, uri, { 'x-api-key': primary }, method)
      return decodeURIComponent(answer.headers.get('x-twinkey-workflow') ?? `${answer.status}`)
    }
    for (const order of [names, names.toReversed(), names.toSorted()]) {
      expect(await found(order, '/')).toBe('GET /')
      expect(await found(order, '/x')).toBe('GET /:a')
      expect(await found(order, '/a')).toBe('GET /a')
      expect(await found(order, '/a/x')).toBe('GET /a/:b')
      expect(await found(order, '/x/b')).toBe('GET /:a/:b')
      expect(await found(order, '/a/b')).toBe('GET /a/b')
      expect(await found(order, '/a/b/')).toBe('GET /a/b/')
      expect(await found(order, '/a/b', 'PUT')).toBe('PUT /:a/:b')
      expect(await found(order, '/a/b', 'HEAD')).toBe('GET /a/b')
    }
  })

  test('takes the profile of the options for routes without one, and for unreadable requests', async () => {
    const options: GatewayOptions = {
      proxy: 'nginx',
      profile: flowgear(),
      routes: { 'GET /': ok, 'GET /flow': { ...ok, profile: boomiFlow() } },
    }
    const shown = async (uri: string) => {
      const { headers } = await ask(options, uri)
      return [headers.get('x-twinkey-status'), headers.get('x-twinkey-body')]
    }
    expect(await shown('/')).toEqual(['404', '{"Message":"Not Found"}'])
    expect(await shown('/..')).toEqual(['404', '{"Message":"Not Found"}'])
    expect((await shown('/flow'))[0]).toBe('401')
    expect((await shown('/other'))[1]).toContain('not_found')
  })

  test('copies its options', async () => {
    const routes: Record<string, object> = { 'GET /': { optional: true, anyTarget: true } }
    const handle = mount(create(routes))
    delete routes['GET /']
    routes['GET /more'] = { optional: true, anyTarget: true }
    const statusOf = async (uri: string) => {
      const headers = { 'x-original-method': 'GET', 'x-original-uri': uri }
      return (await handle(new Request('http://localhost/', { headers })))?.status
    }
    expect([await statusOf('/'), await statusOf('/more')]).toEqual([200, 403])
  })

  test('accepts a verifier', async () => {
    const { d: _private, ...publicKey } = await generateSigningKey()
    const verifier = createVerifier({
      issuer: 'https://issuer.example',
      audience: 'https://api.example',
      jwks: { keys: [publicKey] },
    })
    const options = { proxy: 'nginx', routes: { 'GET /': ok } } as const
    const handle = mount(gatewayEndpoints(verifier, options))
    const headers = {
      'x-original-method': 'GET',
      'x-original-uri': '/',
      authorization: 'Bearer a.b.c',
    }
    expect((await handle(new Request('http://localhost/', { headers })))?.status).toBe(401)
  })

  test('a reader sees only the original request, not the request of the proxy', async () => {
    const seen: object[] = []
    const reader = ({
      method,
      url,
      originalUrl,
      receivedUrl,
      template,
      param,
      ...rest
    }: WireRequest) => {
      seen.push({ method, url, originalUrl, receivedUrl, template, rest: Object.keys(rest) })
      return undefined
    }
    const look = Object.assign(
      (request: WireRequest) => {
        reader(request)
        seen.push({
          id: request.param('id'),
          other: request.param('other'),
          host: request.header('host'),
        })
        seen.push({ native: request.native instanceof Request, requestId: request.requestId })
        return undefined
      },
      { optional: true },
    )
    const options: GatewayOptions = {
      proxy: 'nginx',
      routes: { 'GET /a/:id': { tenant: look, workflow: from.routeTemplate() } },
    }
    const { primary } = await twinkey.keys.create({
      name: 'Any',
      scope: { tenants: ['t1'], workflows: '*' },
    })
    const headers = { host: 'localhost', 'x-api-key': primary, 'x-request-id': 'r1' }
    await ask(options, '/a/b%20c?d=e', headers, 'HEAD')
    expect(seen).toMatchObject([
      {
        method: 'HEAD',
        url: '/a/b%20c?d=e',
        originalUrl: undefined,
        receivedUrl: undefined,
        template: '/a/:id',
      },
      { id: 'b c', other: undefined, host: 'localhost' },
      { native: true, requestId: 'r1' },
    ])
  })

  test('a body that a header cannot hold is left out for nginx, and other letters are escaped', async () => {
    const says = (body: string) => ({
      ...flowgear(),
      refuse: () => ({ status: 418, headers: {}, body }),
    })
    const shown = async (body: string) => {
      const routes = { 'GET /': { ...ok, profile: says(body) } }
      const { headers, status } = await ask({ proxy: 'nginx', routes }, '/')
      return [status, headers.get('x-twinkey-status'), headers.get('x-twinkey-body')]
    }
    expect(await shown('{"a":"ä\u20ac\u{1f511}"}')).toEqual([
      403,
      '418',
      String.raw`{"a":"\u00e4\u20ac\ud83d\udd11"}`,
    ])
    for (const body of ['', 'two\nlines', 'a\r\nX-Twinkey-Key: forged', `"${'a'.repeat(2000)}"`])
      expect(await shown(body)).toEqual([403, '418', null])
  })

  test('the query parameters that hold a credential are those of the profiles', () => {
    expect(create({ 'GET /': ok }).secretQuery).toBeUndefined()
    const { secretQuery } = create({
      'GET /': { ...ok, profile: flowgear() },
      'PUT /': { ...ok, profile: flowgear() },
      'POST /': ok,
    })
    expect(secretQuery).toEqual(['auth-key'])
    expect(redactUrl('/auth/a?auth-key=x', secretQuery ?? [])).not.toContain('x')
  })
})

function express(): void {}
