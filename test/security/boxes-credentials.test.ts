import { createTwinkey, type NodeRequest, NodeWireRequest, type Requirement, redactUrl, WebWireRequest, type WireRequest } from 'twinkey'
import { flowgear } from 'twinkey/profiles'
import { requireAuth, webEndpoints } from 'twinkey/web'
import { expect, it } from 'vitest'
import { createBench } from '../support/bench.ts'
import { anyTarget, codeOf } from '../support/sent.ts'

type Fields = readonly (readonly [string, string])[]

async function createScene() {
  const bench = createBench()
  const { primary, key } = await bench.twinkey.keys.create({ name: 'n', scope: { tenants: ['t'], workflows: ['read'] } })
  const issued = await bench.twinkey.tokens.issue(primary)
  const token = issued.ok ? issued.token : ''
  const decide = (request: WireRequest, more: Requirement = {}) => bench.twinkey.authenticate(request, { ...anyTarget, ...more })
  /** What is decided about a request as each kind of host hands it over: one code, because they must agree. */
  async function codeFor(fields: Fields, more: Requirement = {}, url = '/'): Promise<string> {
    const codes = await Promise.all(hostsOf(fields, url).map(async (request) => codeOf(await decide(request, more))))
    expect(new Set(codes).size, codes.join()).toBe(1)
    return codes[0] as string
  }
  return { ...bench, primary, key, token, decide, codeFor }
}

function hostsOf(fields: Fields, url: string): WireRequest[] {
  const headers = new Headers(fields.map(([name, value]) => [name, value]))
  const node: NodeRequest = { method: 'GET', url, rawHeaders: fields.flat() }
  return [new NodeWireRequest(node), new WebWireRequest(new Request(`https://api.example${url}`, { headers }))]
}

it('B1: two credentials are refused, in two fields, two places or a list, whichever host it is', async () => {
  const { codeFor, primary } = await createScene()
  const bearer = ['Authorization', `Bearer ${primary}`] as const
  const apiKey = ['X-API-Key', primary] as const
  const lists: Fields[] = [
    [bearer, bearer],
    [apiKey, apiKey],
    [bearer, apiKey],
    [['Authorization', `Bearer ${primary}, Bearer x`]],
    [['Authorization', 'Basic eDp5'], bearer],
  ]
  for (const fields of lists) expect(await codeFor(fields)).toBe('credential_ambiguous')
  const profile = flowgear()
  expect(await codeFor([bearer], { profile }, '/?auth-key=other')).toBe('credential_ambiguous')
  expect(await codeFor([], { profile }, `/?auth-key=${primary}&auth-key=${primary}`)).toBe('credential_ambiguous')
  // The one exception: what a client of Flowgear sends.
  expect(await codeFor([bearer], { profile }, `/?auth-key=${primary}`)).toBe('let in')
})

it('B2: the scheme is read in any case, blanks and one token68 follow, and no other scheme is read', async () => {
  const { codeFor, primary, token } = await createScene()
  const code = (field: string) => codeFor([['Authorization', field]])
  for (const field of [`Bearer ${primary}`, `bEARER   ${primary}`]) expect(await code(field)).toBe('let in')
  for (const field of ['Bearer', 'Bearer a b', 'Bearer "x"', `Bearer =${primary}`]) expect(await code(field)).toBe('credential_malformed')
  for (const field of [`Foo ${token}`, `Bearer\t${primary}`, `Bearer${primary}`, primary, 'Basic eDp5'])
    expect(await code(field)).toBe('credential_missing')
})

it('B3: each status has its challenge: nothing sent no error, malformed 400, invalid 401, out of scope 403 with the scope', async () => {
  const { twinkey, primary } = await createScene()
  const guarded = requireAuth(twinkey, { workflow: 'write' }, () => new Response('in'))
  const ask = async (authorization?: string) => {
    const headers = authorization === undefined ? {} : { authorization }
    const response = await guarded(new Request('https://api.example/', { headers }))
    expect(await response.text()).not.toContain('echo')
    return `${response.status} ${response.headers.get('www-authenticate')}`
  }
  expect(await ask()).toBe('401 Bearer realm="api"')
  expect(await ask('Foo echo')).toBe('401 Bearer realm="api"')
  expect(await ask('Bearer "echo"')).toMatch(/^400 Bearer realm="api", error="invalid_request", error_description="[ !#-[\]-~]+"$/)
  expect(await ask('Bearer echo')).toMatch(/^401 Bearer realm="api", error="invalid_token", error_description="[ !#-[\]-~]+"$/)
  expect(await ask(`Bearer ${primary}`)).toMatch(/^403 Bearer realm="api", error="insufficient_scope", .+, scope="workflow:write"$/)
})

it('B4: a query holds no credential unless a profile says so, and never a token', async () => {
  const { twinkey, codeFor, primary, token } = await createScene()
  for (const name of ['access_token', 'api_key', 'auth-key'])
    expect(await codeFor([], {}, `/?${name}=${primary}`)).toBe('credential_missing')
  const profile = flowgear()
  expect(await codeFor([], { profile }, `/?auth-key=${primary}`)).toBe('let in')
  expect(await codeFor([], { profile }, `/?auth-key=${token}`)).toBe('credential_invalid')
  const seen: string[] = []
  const guarded = requireAuth(twinkey, { profile, anyTarget: true }, (request) => new Response(String(seen.push(request.url))))
  const answer = await guarded(new Request(`https://api.example/?auth-key=${primary}&a=1`))
  expect([seen, answer.headers.get('cache-control')]).toEqual([['https://api.example/?a=1'], 'no-store'])
  expect(redactUrl(`/?Auth%2Dkey=${primary}&a=1`)).toBe('/?Auth%2Dkey=[redacted]&a=1')
})

it('B5: cookies, Proxy-Authorization and bodies are no credentials', async () => {
  const { twinkey, codeFor, primary } = await createScene()
  expect(await codeFor([['Cookie', `token=${primary}; authorization=Bearer ${primary}`]])).toBe('credential_missing')
  expect(await codeFor([['Proxy-Authorization', `Bearer ${primary}`]])).toBe('credential_missing')
  const body = new URLSearchParams({ access_token: primary, client_secret: primary })
  const { exchange } = webEndpoints(twinkey)
  expect((await exchange(new Request('https://api.example/', { method: 'POST', body }))).status).toBe(401)
})

it('B6: what is too long is refused by its length, before an expression, a hash, the store or a signature costs anything', async () => {
  const { codeFor, spy, primary, token } = await createScene()
  const before = spy.calls.get
  for (const text of [`${primary}${'0'.repeat(256)}`, `${token}${'A'.repeat(8192)}`, 'a'.repeat(1_000_000), `${'='.repeat(1_000_000)}a`]) {
    const codes = [await codeFor([['Authorization', `Bearer ${text}`]]), await codeFor([['X-API-Key', text]])]
    expect(codes).toEqual(['credential_invalid', 'credential_invalid'])
  }
  expect(spy.calls.get).toBe(before)
})

it('B7: no header makes or changes a principal', async () => {
  const { decide, primary } = await createScene()
  const forged: Fields = [
    'X-Consumer-Id',
    'X-Consumer-Username',
    'X-User-Id',
    'X-Auth-Key-Id',
    'X-Authenticated-Scope',
    'X-Tenant',
    'keyId',
  ].map((name) => [name, 'mallory'])
  const bearer = ['Authorization', `Bearer ${primary}`] as const
  for (const [i, request] of hostsOf([bearer, ...forged], '/').entries()) {
    expect(await decide(request)).toEqual(await decide(hostsOf([bearer], '/')[i] as WireRequest))
  }
  expect(codeOf(await decide(hostsOf(forged, '/')[0] as WireRequest))).toBe('credential_missing')
})

it('B8: a guard belongs to its route and never asks the path whether it applies', async () => {
  const { twinkey } = await createScene()
  const guarded = requireAuth(twinkey, anyTarget, () => new Response('in'))
  for (const path of [
    '/',
    '//',
    '/public/../admin',
    '/%61dmin',
    '/ADMIN/',
    '/health',
    '/login',
    '/x.css',
    '/;a=b',
    '/?public=1',
    '/favicon.ico',
  ]) {
    for (const method of ['GET', 'HEAD', 'OPTIONS', 'POST'])
      expect((await guarded(new Request(`https://api.example${path}`, { method }))).status, path).toBe(401)
  }
  // There is nothing to exempt a path with: an unknown member is an error.
  expect(() => requireAuth(createTwinkey(), { exclude: ['/health'] } as Requirement, () => new Response(''))).toThrow(TypeError)
})
