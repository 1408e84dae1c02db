import { createHash } from 'node:crypto'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { Profile, TwinkeyOptions } from 'twinkey'
import { atRoot, tokenEndpoints } from 'twinkey'
import { type OAuthEndpointOptions, oauthEndpoints } from 'twinkey/oauth'
import { boomiFlow, flowgear, standard } from 'twinkey/profiles'
import { mount } from 'twinkey/web'
import { describe, expect, it, vi } from 'vitest'
import { createBench, ISSUER, signingKey } from '../../support/bench.ts'

const SCOPE = { tenants: ['t1'], workflows: ['customers.read'] }
const MCP = `${ISSUER}/mcp`
const GRANT = { grant_type: 'client_credentials' }
const IMPORTED = `${createHash('sha256').update('imported').digest('base64url')}+end`

type Fields = Readonly<Record<string, string>>

function createScene(
  options: Partial<OAuthEndpointOptions> = {},
  twinkeyOptions: TwinkeyOptions = {},
) {
  const bench = createBench({
    environments: ['production'],
    resources: [MCP],
    importedSecrets: [{ algorithm: 'sha-256', minLength: 40, maxLength: 90 }],
    tokens: { issuer: ISSUER, audience: ISSUER, signingKeys: [signingKey] },
    ...twinkeyOptions,
  })
  const endpoints = oauthEndpoints(bench.twinkey, { url: `${ISSUER}/oauth`, ...options })
  const handle = mount(endpoints, '/oauth')
  const root = mount(atRoot(endpoints))
  const post = async (path: string, headers: Fields, body: Fields | string) => {
    const request = new Request(`${ISSUER}/oauth${path}`, {
      method: 'POST',
      headers,
      body: new URLSearchParams(body),
    })
    const answer = (await handle(request)) as Response
    return { status: answer.status, text: await answer.text() }
  }
  return { ...bench, post, get: (path: string) => root(new Request(`${ISSUER}${path}`)) }
}

const basic = (id: string, secret: string) => ({
  authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`,
})

function counting() {
  const failed: string[] = []
  return {
    failed,
    throttle: {
      retryAfterSeconds: () => undefined,
      failed: (peer: string) => failed.push(peer),
      peer: () => '192.0.2.1',
    },
  }
}

describe('two readings of Basic', () => {
  it('the reason of the first reading counts if its secret is valid', async () => {
    const { twinkey, post } = createScene()
    const { key, primary } = await twinkey.keys.create({ name: 'a', scope: SCOPE, tokens: false })
    const encoded = basic(key.id, primary.replaceAll('_', '%5F'))
    for (const headers of [basic(key.id, primary), encoded]) {
      const { status, text } = await post('/token', headers, GRANT)
      expect([status, JSON.parse(text).error]).toEqual([400, 'unauthorized_client'])
    }
  })

  it('a secret with a plus that is not encoded counts as no failure', async () => {
    const { failed, throttle } = counting()
    const { twinkey, post, events } = createScene({ throttle })
    const { id } = await twinkey.keys.import({
      name: 'imported',
      scope: SCOPE,
      primary: { secret: IMPORTED, entropyBits: 256 },
    })
    for (const secret of [IMPORTED, encodeURIComponent(IMPORTED)]) {
      expect((await post('/token', basic(id, secret), GRANT)).status).toBe(200)
      expect((await post('/introspect', basic(id, secret), { token: 'x' })).status).toBe(200)
    }
    expect(failed).toEqual([])
    // Only the tokens of the introspection are refused.
    const refused = events.filter((event) => event.type === 'access.refused')
    expect(refused.map(({ reason }) => reason)).toEqual(['token_malformed', 'token_malformed'])
  })

  it('each wrong secret counts, even if its first reading is not a secret', async () => {
    const { failed, throttle } = counting()
    const { post } = createScene({ throttle })
    for (let i = 0; i < 20; i++) await post('/token', basic('id', `${i}+${IMPORTED}`), GRANT)
    expect(failed.length).toBe(20)
    for (let i = 0; i < 20; i++) await post('/introspect', basic('id', `${i}%2C${IMPORTED}`), {})
    expect(failed.length).toBe(40)
  })
})

describe('a token request', () => {
  it('an unreadable form is answered with invalid_request, even without Basic', async () => {
    const { post } = createScene()
    const twice = `grant_type=client_credentials&client_id=a&client_secret=b&client_secret=b`
    const { status, text } = await post('/token', {}, twice)
    expect([status, JSON.parse(text).error]).toEqual([400, 'invalid_request'])
  })

  it.each(['a"b', 'ü', 'a\\b', 'a\u00a0b', 'tenant:ü'])(
    'the scope %j is malformed',
    async (scope) => {
      const { twinkey, post } = createScene()
      const all = { tenants: '*', workflows: '*' } as const
      const { key, primary } = await twinkey.keys.create({ name: 'a', scope: all })
      const wrong = await post('/token', basic(key.id, primary), { ...GRANT, scope })
      expect([wrong.status, JSON.parse(wrong.text).error]).toEqual([400, 'invalid_scope'])
      const encoded = { ...GRANT, scope: encodeURIComponent(scope).replace('%3A', ':') }
      expect((await post('/token', basic(key.id, primary), encoded)).status).toBe(200)
    },
  )
})

describe('a remembered decision', () => {
  it.each([undefined, counting().throttle])('does not hold the secret', async (throttle) => {
    const { twinkey } = createScene()
    const { primary: text } = await twinkey.keys.create({ name: 'a', scope: SCOPE })
    const refs: WeakRef<object>[] = []
    const profile: Profile = {
      ...standard(),
      credential() {
        const credential = { text, kinds: 'secret', inAuthorizationHeader: true } as const
        refs.push(new WeakRef(credential))
        return credential
      },
    }
    const handle = mount(tokenEndpoints(twinkey, { profile, throttle }))
    const answer = await handle(new Request(`${ISSUER}/`, { method: 'POST' }))
    expect(answer?.status).toBe(200)
    setFlagsFromString('--expose-gc')
    const collect = runInNewContext('gc') as () => void
    await vi.waitFor(() => {
      collect()
      expect(refs.map((ref) => ref.deref())).toEqual([undefined])
    })
  })
})

describe('introspect', () => {
  it('must return a list: a text is rejected', async () => {
    const { twinkey, post } = createScene({ introspect: (() => MCP) as never })
    const one = await twinkey.keys.create({ name: 'one', scope: SCOPE })
    const two = await twinkey.keys.create({ name: 'two', scope: SCOPE })
    const issued = await twinkey.tokens.issue(one.primary)
    const token = issued.ok ? issued.token : ''
    await expect(post('/introspect', basic(two.key.id, two.primary), { token })).rejects.toThrow(
      /introspect must return/,
    )
  })

  it('fails in the same way for every token, so that a failure reveals nothing', async () => {
    const { twinkey, post } = createScene({
      introspect: () => {
        throw new Error('no such server')
      },
    })
    const one = await twinkey.keys.create({ name: 'one', scope: SCOPE })
    const two = await twinkey.keys.create({ name: 'two', scope: SCOPE })
    const issued = await twinkey.tokens.issue(one.primary)
    for (const token of [issued.ok ? issued.token : '', 'nonsense'])
      await expect(post('/introspect', basic(two.key.id, two.primary), { token })).rejects.toThrow(
        'no such server',
      )
  })
})

describe('metadata', () => {
  it('each resource has its own document, in any order', async () => {
    const { get } = createScene(
      {},
      { resources: [ISSUER], tokens: { issuer: ISSUER, audience: MCP, signingKeys: [signingKey] } },
    )
    for (const [path, resource] of [
      ['', ISSUER],
      ['/mcp', MCP],
    ]) {
      const answer = await get(`/.well-known/oauth-protected-resource${path}`)
      expect(await answer?.json()).toMatchObject({ resource })
    }
  })

  it('a path that routers would read as a pattern is refused', () => {
    for (const path of [':tenant', '*', 'a%20b'])
      expect(() => createScene({}, { resources: [`${ISSUER}/${path}`] })).toThrow(/must be a path/)
  })
})

describe.each([
  ['boomi-flow', boomiFlow(), 'x-boomi-flow-api-key', 401],
  ['flowgear', flowgear(), 'authorization', 404],
] as const)('%s', (_name, profile, header, status) => {
  it('has no OAuth clients', async () => {
    const { twinkey } = createScene()
    const { key, primary } = await twinkey.keys.create({ name: 'a', scope: SCOPE })
    const handle = mount(tokenEndpoints(twinkey, { profile }))
    const send = (headers: Fields, body: Fields) =>
      handle(
        new Request(`${ISSUER}/`, { method: 'POST', headers, body: new URLSearchParams(body) }),
      ) as Promise<Response>
    const inForm = { ...GRANT, client_id: key.id, client_secret: primary }
    expect((await send(basic(key.id, primary), {})).status).toBe(status)
    expect((await send(basic(key.id, primary), GRANT)).status).toBe(status)
    expect((await send({}, inForm)).status).toBe(status)
    const native = header === 'authorization' ? `Key=${primary}` : primary
    expect((await send({ [header]: native }, {})).status).toBe(200)
  })
})
