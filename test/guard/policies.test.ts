import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { everyHost, type Host, sendTo } from '../http/hosts.ts'
import type { RawResponse } from '../support/raw-http.ts'
import { REFUSED } from './policy-answers.ts'
import {
  ANSWER,
  createPolicyScene,
  type KeyName,
  type PolicyScene,
  PROFILES,
  policyRoutes,
} from './policy-scene.ts'

type Field = readonly [string, string]

const bodyOf = ({ status, body }: RawResponse) => [status, JSON.parse(body)]
const HEADERS = ['retry-after', 'ratelimit', 'ratelimit-policy', 'www-authenticate'] as const
const headersOf = ({ headers }: RawResponse) => HEADERS.map((name) => headers[name] ?? null)

describe.each(Object.entries(everyHost))('policies on %s', (name, start) => {
  // These hosts do not expose the address of the peer.
  const hasPeer = !/^web|Hono 4 on Bun/.test(name)
  const trusts = /^(?:Express|Fastify)/.test(name)
  let scene: PolicyScene
  let host: Host
  let trusting: Host
  let byHeader: { readonly scene: PolicyScene; readonly host: Host }

  beforeAll(async () => {
    scene = await createPolicyScene()
    const application = { routes: policyRoutes, tokens: { '/tokens': {} } }
    host = await start(scene.twinkey, application)
    trusting = await start(scene.twinkey, { ...application, trustProxy: true })
    const other = await createPolicyScene('cf-connecting-ip')
    byHeader = { scene: other, host: await start(other.twinkey, application) }
  })
  afterAll(() => Promise.all([host, trusting, byHeader.host].map((each) => each.close())))
  // A new window of every limit.
  beforeEach(() => scene.clock.advance(60_000))

  function ask(
    profile: string,
    key: KeyName,
    path = '',
    { at = host, of = scene, headers = [] as readonly Field[], via = 'secrets' } = {},
  ): Promise<RawResponse> {
    const credentials = profile === 'flare' || via === 'tokens' ? of.tokens : of.secrets
    const field = PROFILES[profile]?.field(credentials[key]) as Field
    const target = `/${profile}${path}`
    return sendTo(at, { target, headers: [field, ...headers] })
  }
  const from = (address: string): readonly Field[] => [['x-forwarded-for', address]]
  const statusFrom = async (at: Host, key: KeyName, headers: readonly Field[]) =>
    (await ask('standard', key, '', { at, headers })).status

  describe.each(Object.keys(PROFILES))('in the profile %s', (profile) => {
    const refused = (of: string) => REFUSED[profile]?.[of]

    test('a client outside the networks of its key is refused', async () => {
      const answer = await ask(profile, 'office', '', { headers: from('192.0.2.7') })
      expect(bodyOf(answer)).toEqual(refused('network'))
      expect(headersOf(answer)).toEqual([null, null, null, null])
      expect(answer.headers['cache-control']).toBe('no-store')
    })

    test('answers show what is left of a limit until it is used up', async () => {
      for (const left of [2, 1, 0]) {
        const answer = await ask(profile, 'limited')
        expect(bodyOf(answer)).toEqual([200, { in: true }])
        const shown = [null, `"60s";r=${left};t=60`, '"60s";q=3;w=60', null]
        expect(headersOf(answer)).toEqual(shown)
      }
      scene.clock.advance(20_500)
      const answer = await ask(profile, 'limited')
      expect(bodyOf(answer)).toEqual(refused('quota'))
      expect(headersOf(answer)).toEqual(['40', '"60s";r=0;t=40', '"60s";q=3;w=60', null])
      expect(answer.headers['cache-control']).toBe('no-store')
      scene.clock.advance(39_500)
      expect((await ask(profile, 'limited')).status).toBe(200)
    })

    test('the route can refuse with a code of the application', async () => {
      for (const way of ['denied', 'a promise of denied']) {
        const answer = await ask(profile, 'limited', '/own', { headers: [[ANSWER, way]] })
        expect(bodyOf(answer)).toEqual(refused('plan'))
        const [wait, left, policy, challenge] = headersOf(answer)
        expect([wait, policy, challenge]).toEqual([null, '"60s";q=3;w=60', null])
        expect(left).toMatch(/^"60s";r=[12];t=60$/)
      }
      const answer = await ask(profile, 'plain', '/own', { headers: [[ANSWER, 'rateLimited']] })
      expect([answer.status, ...headersOf(answer)]).toEqual([429, '3', null, null, null])
    })
  })

  test('a key without policies has no headers about limits', async () => {
    const answer = await ask('standard', 'plain')
    expect([answer.status, ...headersOf(answer)]).toEqual([200, null, null, null, null])
  })

  test('a key that is limited to loopback works where the host shows the peer', async () => {
    const statuses = await Promise.all(
      (['secrets', 'tokens'] as const).map(
        async (via) => (await ask('standard', 'local', '', { via })).status,
      ),
    )
    expect(statuses).toEqual(hasPeer ? [200, 200] : [403, 403])
    const reasons = scene.events.flatMap((event) =>
      event.type === 'access.refused' && event.keyId === scene.ids.local ? [event.reason] : [],
    )
    expect(reasons).toEqual(hasPeer ? [] : ['address_unknown', 'address_unknown'])
  })

  test('X-Forwarded-For counts only if the framework trusts the proxy', async () => {
    expect(await statusFrom(host, 'office', from('192.0.2.7'))).toBe(403)
    const seen = trusts ? 200 : 403
    for (const address of [
      '192.0.2.7',
      '::ffff:192.0.2.7',
      '2001:db8::1',
      '203.0.113.1, 192.0.2.7',
    ])
      expect([address, await statusFrom(trusting, 'office', from(address))]).toEqual([
        address,
        seen,
      ])
    // The address nearest to the trusted proxy counts, not the one that the client has added.
    for (const address of ['192.0.3.7', '::ffff:192.0.3.7', '192.0.2.7, 203.0.113.1', 'x', ''])
      expect([address, await statusFrom(trusting, 'office', from(address))]).toEqual([address, 403])
  })

  test('the option clientAddress names the header of the client', async () => {
    const cf = (address: string): Field => ['cf-connecting-ip', address]
    const status = async (...headers: readonly Field[]) =>
      (await ask('standard', 'office', '', { at: byHeader.host, of: byHeader.scene, headers }))
        .status
    for (const address of ['192.0.2.7', '::ffff:192.0.2.7', '::ffff:c000:207', '2001:DB8::1'])
      expect([address, await status(cf(address))]).toEqual([address, 200])
    for (const address of [
      '192.0.3.7',
      '192.0.2.7:80',
      '[2001:db8::1]',
      '192.0.2.7, 192.0.2.8',
      '1',
    ])
      expect([address, await status(cf(address))]).toEqual([address, 403])
    expect(await status(cf('192.0.2.7'), cf('192.0.2.8'))).toBe(403)
    expect(await status()).toBe(403)
    expect(await status(['x-forwarded-for', '192.0.2.7'])).toBe(403)
  })

  test('answers show all limits of a key, and the limit without room decides', async () => {
    const policy = '"burst";q=2;w=10, "60s";q=3;w=60'
    const seen: unknown[] = []
    for (const pause of [0, 0, 0, 10_000, 0]) {
      scene.clock.advance(pause)
      const answer = await ask('standard', 'manyLimits')
      expect(answer.headers['ratelimit-policy']).toBe(policy)
      seen.push([answer.status, answer.headers['retry-after'], answer.headers['ratelimit']])
    }
    expect(seen).toEqual([
      [200, undefined, '"burst";r=1;t=10, "60s";r=2;t=60'],
      [200, undefined, '"burst";r=0;t=10, "60s";r=1;t=60'],
      [429, '10', '"burst";r=0;t=10, "60s";r=1;t=60'],
      [200, undefined, '"burst";r=1;t=10, "60s";r=0;t=50'],
      [429, '50', '"burst";r=1;t=10, "60s";r=0;t=50'],
    ])
  })

  test('a route has its own cost', async () => {
    const seen: unknown[] = []
    for (const path of ['/huge', '/double', '/double', '/free', '', '', '/free']) {
      const answer = await ask('standard', 'limited', path)
      seen.push([path, answer.status, answer.headers['ratelimit']])
    }
    expect(seen).toEqual([
      ['/huge', 429, '"60s";r=3;t=60'],
      ['/double', 200, '"60s";r=1;t=60'],
      ['/double', 429, '"60s";r=1;t=60'],
      ['/free', 200, '"60s";r=1;t=60'],
      ['', 200, '"60s";r=0;t=60'],
      ['', 429, '"60s";r=0;t=60'],
      ['/free', 200, '"60s";r=0;t=60'],
    ])
  })

  test('secrets and tokens of a key count against the same limits', async () => {
    const statuses: number[] = []
    for (const via of ['secrets', 'tokens', 'secrets', 'tokens'] as const)
      statuses.push((await ask('standard', 'limited', '', { via })).status)
    expect(statuses).toEqual([200, 200, 200, 429])
  })

  describe('authorize of a route', () => {
    // Frameworks print errors of handlers.
    beforeEach(() => void vi.spyOn(console, 'error').mockImplementation(() => {}))

    test.each([
      ['nothing', 200],
      ['a promise of nothing', 200],
      ['a thenable of nothing', 200],
      ['a refusal of another copy', 403],
      ['false', 500],
      ['true', 500],
      ['null', 500],
      ['a promise of false', 500],
      ['a promise of true', 500],
      ['a response', 500],
      ['an object like a refusal', 500],
      ['throws', 500],
      ['rejects', 500],
    ] as const)('that answers with %s has the status %i', async (way, status) => {
      scene.events.length = 0
      const answer = await ask('standard', 'plain', '/own', { headers: [[ANSWER, way]] })
      expect(answer.status).toBe(status)
      const types = scene.events.map(({ type }) => type)
      if (status === 200) expect(types).toEqual(['access.allowed'])
      if (status === 403) expect(types).toEqual(['access.refused'])
      if (status === 500) expect(types).toEqual([])
      expect(answer.body.includes('"in":true')).toBe(status === 200)
    })
  })

  describe('the exchange', () => {
    const form = (key: KeyName): string => {
      const { ids, secrets } = scene
      const members = { client_id: ids[key], client_secret: secrets[key] }
      return String(new URLSearchParams({ grant_type: 'client_credentials', ...members }))
    }
    const exchange = async (key: KeyName, way: 'OAuth' | 'native') => {
      const body = way === 'OAuth' ? form(key) : ''
      const answer = await sendTo(host, {
        method: 'POST',
        target: '/tokens',
        headers: [
          ['content-length', `${body.length}`],
          ['content-type', 'application/x-www-form-urlencoded'],
          ...(way === 'OAuth' ? [] : [['authorization', `Bearer ${scene.secrets[key]}`] as const]),
        ],
        body,
      })
      const { error, code } = JSON.parse(answer.body) as { error?: string; code?: string }
      return [answer.status, error ?? code, answer.headers['retry-after']]
    }

    test.each([
      ['OAuth', [400, 'unauthorized_client', undefined], [429, 'temporarily_unavailable', '60']],
      ['native', [403, 'network_denied', undefined], [429, 'quota_exceeded', '60']],
    ] as const)('checks networks and counts 1, in the form %s', async (way, outside, full) => {
      const { limiter } = scene
      limiter.charges.length = 0
      expect(await exchange('office', way)).toEqual(outside)
      expect(limiter.charges).toEqual([])
      for (let count = 1; count <= 3; count++) {
        expect(await exchange('limited', way)).toEqual([200, undefined, undefined])
        expect(limiter.charges.map(({ cost }) => cost)).toEqual(Array(count).fill(1))
      }
      expect(await exchange('limited', way)).toEqual(full)
      expect(limiter.charges).toHaveLength(4)
    })

    test('the token test is counted and shows what is left', async () => {
      const answer = await sendTo(host, {
        target: '/tokens/test',
        headers: [['authorization', `Bearer ${scene.tokens.limited}`]],
      })
      expect([answer.status, answer.headers['ratelimit']]).toEqual([200, '"60s";r=2;t=60'])
    })
  })
})
