import { from, type Twinkey, type TwinkeyEvent } from 'twinkey'
import { createVerifier, type Verifier } from 'twinkey/verifier'
import { requireAuth } from 'twinkey/web'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { decoded } from '../support/forge.ts'
import { sendRaw } from '../support/raw-http.ts'
import { allowed, type Expected, refused, seen } from './expect.ts'
import { createFixture, type Fixture, RESOURCE } from './fixture.ts'
import { type Host, hosts } from './hosts.ts'
import type { Route } from './routes.ts'

// An API issues tokens and publishes its keys. A service has only the address of those keys. Both
// run on the same host.

const routes: readonly Route[] = [
  { method: 'GET', path: '/customers', requirement: { workflow: 'customers.read' } },
  { method: 'POST', path: '/customers', requirement: { workflow: 'customers.write' } },
  {
    method: 'GET',
    path: '/tenants/:tenant',
    requirement: { tenant: from.param('tenant'), workflow: 'customers.read' },
  },
  {
    method: 'GET',
    path: '/whoami',
    requirement: { anyTarget: true },
    answer: (principal) => ({ ...principal }),
  },
  {
    method: 'GET',
    path: '/by-resource',
    requirement: { workflow: 'customers.read', resource: 'https://api.test' },
  },
]

interface Row {
  readonly name: string
  readonly token?: keyof Fixture['tokens']
  readonly headers?: (fixture: Fixture) => [string, string]
  readonly method?: 'GET' | 'POST'
  readonly target?: string
  readonly expected: Expected | ((keyId: string) => Expected)
  /** Milliseconds after the start at which the request is made. */
  readonly at?: number
}

const invalid = refused('credential_invalid')
const holder = { via: 'token', tenant: 't1', environment: 'production' }
const reads = (name: string) => allowed({ name, ...holder, workflow: 'customers.read' })
const writes = (name: string) => allowed({ name, ...holder, workflow: 'customers.write' })
const scope = { tenants: ['t1'], environments: ['production'], workflows: ['customers.read'] }

const table: readonly Row[] = [
  {
    name: 'a token is let in, for the tenant that is its only one',
    token: 'primary',
    expected: reads,
  },
  {
    name: 'a token that the secondary secret minted is let in',
    token: 'secondary',
    expected: reads,
  },
  {
    name: 'a token is let in for what it may write',
    token: 'primary',
    method: 'POST',
    expected: writes,
  },
  {
    name: 'a token is let in for a tenant in the path',
    token: 'primary',
    target: '/tenants/t1',
    expected: reads,
  },
  {
    name: 'another tenant in the path is denied',
    token: 'primary',
    target: '/tenants/t2',
    expected: refused('tenant_denied', { axis: 'tenant' }),
  },
  {
    name: 'a tenant in another case is denied',
    token: 'primary',
    target: '/tenants/T1',
    expected: refused('tenant_denied', { axis: 'tenant' }),
  },
  {
    name: 'a token for the audience is let in where that is required',
    token: 'primary',
    target: '/by-resource',
    expected: reads,
  },
  {
    name: 'a workflow that the token was not narrowed to is denied',
    token: 'narrow',
    method: 'POST',
    expected: refused('workflow_denied', { axis: 'workflow', scope: 'workflow:customers.write' }),
  },
  {
    name: 'a token of another environment is denied',
    token: 'ofTest',
    expected: refused('environment_denied', { axis: 'environment' }),
  },
  {
    name: 'who it is stands in the principal, as far as the token tells',
    token: 'narrow',
    target: '/whoami',
    expected: (keyId) =>
      allowed({
        ...{ keyId, name: keyId, owner: 'alice', metadata: {}, via: 'token' },
        expiresAt: Date.UTC(2026, 0, 1, 1),
        scope,
      }),
  },
  {
    name: 'an API key as Bearer is refused',
    headers: ({ secrets }) => ['Authorization', `Bearer ${secrets.primary}`],
    expected: invalid,
  },
  {
    name: 'an API key in its own header is refused',
    headers: ({ secrets }) => ['X-API-Key', secrets.primary],
    expected: invalid,
  },
  {
    name: 'a token in the header of API keys is refused',
    headers: ({ tokens }) => ['X-API-Key', tokens.primary],
    expected: invalid,
  },
  { name: 'nobody is refused', expected: refused('credential_missing') },
  { name: 'a token of another issuer is refused', token: 'otherIssuer', expected: invalid },
  { name: 'a token for a resource is refused', token: 'forResource', expected: invalid },
  { name: 'a token for another audience is refused', token: 'otherAudience', expected: invalid },
  {
    name: 'a token by a key that is not published is refused',
    token: 'otherKey',
    expected: invalid,
  },
  {
    name: 'a token of an hour is let in a millisecond before its end',
    token: 'primary',
    at: 3_599_999,
    expected: reads,
  },
  {
    name: 'a token of an hour is refused at its end',
    token: 'primary',
    at: 3_600_000,
    expected: invalid,
  },
  {
    name: 'a token of a minute is refused after a minute',
    token: 'short',
    at: 60_000,
    expected: invalid,
  },
  // The documentation says that a verifier cannot see these.
  {
    name: 'a token of a key that is disabled lives until it expires',
    token: 'ofDisabled',
    expected: reads,
  },
  {
    name: 'a token of a key that is revoked lives until it expires',
    token: 'ofRevoked',
    expected: reads,
  },
  {
    name: 'a token of a secret that was replaced lives until it expires',
    token: 'ofReplaced',
    expected: reads,
  },
]

/**
 * The type that the test applications take. Without token endpoints they call only what a verifier
 * has.
 */
function deciding(verifier: Verifier): Twinkey {
  return verifier as Verifier & Twinkey
}

describe.each(Object.entries(hosts))(
  'a service that has only the public keys, on %s',
  (_name, start) => {
    let fixture: Fixture
    let api: Host
    let service: Host
    let events: TwinkeyEvent[]
    let published: number
    let stopped = false

    const verifierOf = (port: number) =>
      createVerifier({
        jwks: `http://127.0.0.1:${port}/tokens/jwks.json`,
        issuer: 'https://api.test',
        audience: 'https://api.test',
        environments: ['production'],
        now: fixture.clock.now,
        onEvent: (event) => events.push(event),
      })

    beforeAll(async () => {
      fixture = await createFixture()
      events = []
      published = 0
      const log = ({ when, urls }: { when: string; urls: readonly string[] }) => {
        if (when === 'received' && urls.some((url) => url.endsWith('/tokens/jwks.json')))
          published++
      }
      api = await start(fixture.twinkey, { routes: [], tokens: { '/tokens': undefined }, log })
      service = await start(deciding(verifierOf(api.port)), { routes, tokens: {} })
    })
    afterAll(async () => {
      await service.close()
      if (!stopped) await api.close()
      await fixture.twinkey.close()
    })

    async function send(
      port: number,
      { token, headers, method = 'GET', target = '/customers' }: Omit<Row, 'name' | 'expected'>,
    ) {
      const credential =
        token === undefined
          ? headers?.(fixture)
          : (['Authorization', `Bearer ${fixture.tokens[token]}`] as const)
      return sendRaw(port, {
        method,
        target,
        headers: [...(credential === undefined ? [] : [credential]), ['Content-Length', '0']],
      })
    }

    test.each(table)('$name', async ({ expected, at = 0, ...row }) => {
      const keyId =
        row.token === undefined
          ? ''
          : String(decoded(fixture.tokens[row.token]).payload['client_id'])
      const answer = typeof expected === 'function' ? expected(keyId) : expected
      fixture.clock.advance(at)
      try {
        // Twice: the first answer comes from verification, the second from the cache.
        for (const _ of ['verified', 'remembered'])
          expect(seen(await send(service.port, row), answer)).toEqual(answer)
      } finally {
        fixture.clock.advance(-at)
      }
    })

    test('a service that is a resource accepts the tokens for it, and no others', async () => {
      const options = {
        jwks: `http://127.0.0.1:${api.port}/tokens/jwks.json`,
        issuer: 'https://api.test',
        audience: RESOURCE,
        environments: ['production'],
        now: fixture.clock.now,
      }
      const verifier = createVerifier(options)
      const resource = await start(deciding(verifier), { routes: routes.slice(0, 3), tokens: {} })
      try {
        for (const _ of ['verified', 'remembered'])
          for (const [token, status] of [
            ['forResource', 200],
            ['forOtherResource', 401],
            ['primary', 401],
          ] as const)
            expect((await send(resource.port, { token })).status).toBe(status)
        const other = { resource: 'https://api.test' }
        expect(() => requireAuth(verifier, other, () => new Response())).toThrow(
          /With a verifier, it must be the audience of the verifier\./,
        )
      } finally {
        await resource.close()
      }
    })

    test('requests the keys once in five minutes, and for a key id that is not published', async () => {
      const before = published
      for (let i = 0; i < 20; i++) await send(service.port, { token: 'otherKey' })
      expect(published - before).toBeLessThanOrEqual(1)
      const known = published
      for (let i = 0; i < 20; i++) await send(service.port, { token: 'otherKey' })
      expect(published - known).toBe(0)
      fixture.clock.advance(10_000)
      for (let i = 0; i < 20; i++) await send(service.port, { token: 'otherKey' })
      expect(published - known).toBe(1)
      fixture.clock.advance(-10_000)
    })

    test('keeps working when the issuing API is down; a service that starts then is unavailable, sends Retry-After, and warns', async () => {
      await api.close()
      stopped = true
      expect((await send(service.port, { token: 'narrow' })).status).toBe(200)
      events.length = 0
      const late = await start(deciding(verifierOf(api.port)), { routes, tokens: {} })
      try {
        const expected = refused('unavailable', { retryAfter: '2' })
        expect(seen(await send(late.port, { token: 'primary' }), expected)).toEqual(expected)
        expect(events.map(({ type }) => type)).toEqual([
          'warning.jwks_unavailable',
          'access.refused',
        ])
        const none = refused('credential_missing')
        expect(seen(await send(late.port, {}), none)).toEqual(none)
      } finally {
        await late.close()
      }
    })
  },
)
