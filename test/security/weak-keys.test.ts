import { createHash } from 'node:crypto'
import type { CryptoKey, JWK } from 'jose'
import { createTwinkey, generateSigningKey, type TwinkeyEvent } from 'twinkey'
import { createVerifier } from 'twinkey/verifier'
import { describe, expect, it } from 'vitest'
import { AUDIENCE, createBench, ISSUER, signingKey } from '../support/bench.ts'
import { base64url, claimsFor, decoded, encoded } from '../support/forge.ts'
import { codeOf } from '../support/sent.ts'
import { type WeakKey, weakKeys } from './weak-keys.ts'

const INPUT = { name: 'n', scope: { tenants: ['t'], workflows: '*' } } as const
// A forged signature that holds for one hash in eight holds for one of these.
const TRIES = { OKP: 64, EC: 1, RSA: 1 }

const bench = createBench()
const { key, primary } = await bench.twinkey.keys.create(INPUT)
const issued = await bench.twinkey.tokens.issue(primary)
const good = issued.ok ? issued.token : ''
const published = await bench.twinkey.tokens.jwks()

// RFC 7638, section 3: how a token names its key.
function thumbprintOf({ crv, e, kty, n, x, y }: JWK): string {
  const members = { crv, e, kty, n, x, y }
  return createHash('sha256').update(JSON.stringify(members)).digest('base64url')
}

function forgedUnder({ jwk, forge = () => Buffer.alloc(64, 1) }: WeakKey): string[] {
  const claims = claimsFor(key.id, key.primary.id, bench.clock.now() / 1000)
  return Array.from({ length: TRIES[jwk.kty as keyof typeof TRIES] }, (_, number) => {
    const jti = `try${String(number).padStart(13, '0')}`
    const input = `${encoded({ alg: jwk.alg, typ: 'at+jwt', kid: thumbprintOf(jwk) })}.${encoded({ ...claims, jti })}`
    return `${input}.${base64url(forge(input))}`
  })
}

describe('a set with a key that proves nothing', () => {
  it.each(weakKeys)(
    'accepts no token that names it, and accepts those of the other keys as before: $name',
    async (weak) => {
      const events: TwinkeyEvent[] = []
      for (const keys of [
        [weak.jwk, ...published.keys],
        [...published.keys, weak.jwk],
      ]) {
        const verifier = createVerifier({
          jwks: async () => ({ keys }),
          issuer: ISSUER,
          audience: AUDIENCE,
          now: bench.clock.now,
          onEvent: (event) => events.push(event),
        })
        const codes = await Promise.all(
          forgedUnder(weak).map(async (token) => codeOf(await verifier.verify(token))),
        )
        expect(new Set(codes)).toEqual(new Set(['credential_invalid']))
        expect(codeOf(await verifier.verify(good))).toBe('let in')
      }
      expect(
        new Set(
          events.map((event) => (event.type === 'access.refused' ? event.reason : event.type)),
        ),
      ).toEqual(new Set(['token_key_unknown', 'access.allowed']))
    },
  )
})

describe('a signing key that proves nothing is refused at construction', () => {
  it.each(weakKeys)('$name', ({ jwk, says }) => {
    const make = () =>
      createTwinkey({
        tokens: { issuer: ISSUER, audience: AUDIENCE, signingKeys: [signingKey, jwk] },
      })
    expect(make).toThrow(TypeError)
    expect(make).toThrow(/^tokens\.signingKeys\[1\] is not a key for /)
    expect(make).toThrow(says)
    expect(() =>
      createVerifier({ jwks: { keys: [jwk] }, issuer: ISSUER, audience: AUDIENCE }),
    ).toThrow(/one of which can verify tokens/)
  })
})

describe('a private part that does not sign for its public one is refused at construction', async () => {
  const two = async (algorithm: Parameters<typeof generateSigningKey>[0]) =>
    [await generateSigningKey(algorithm), await generateSigningKey(algorithm)] as const
  const [[ec, otherEc], [ed, otherEd], [rsa, otherRsa]] = await Promise.all([
    two('ES256'),
    two('EdDSA'),
    two('RS256'),
  ])
  const { p: _p, q: _q, dp: _dp, dq: _dq, qi: _qi, ...bare } = rsa
  const order = 'ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551'

  it.each<[string, JWK, RegExp]>([
    [
      'P-256 with the number of another',
      { ...ec, d: String(otherEc.d) },
      /does not belong to its public part/,
    ],
    ['P-256 with 0', { ...ec, d: base64url(Buffer.alloc(32)) }, /does not belong/],
    ['P-256 with its order', { ...ec, d: base64url(Buffer.from(order, 'hex')) }, /does not belong/],
    [
      'P-256 with 31 bytes',
      { ...ec, d: base64url(Buffer.alloc(31, 1)) },
      /is not base64url of 32 bytes/,
    ],
    ['P-256 with nothing', { ...ec, d: '' }, /is not base64url of 32 bytes/],
    ['Ed25519 with the bytes of another', { ...ed, d: String(otherEd.d) }, /does not belong/],
    [
      'Ed25519 with 33 bytes',
      { ...ed, d: base64url(Buffer.alloc(33, 1)) },
      /is not base64url of 32 bytes/,
    ],
    ['RSA with d of another', { ...rsa, d: String(otherRsa.d) }, /does not belong/],
    [
      'RSA with the primes of another',
      { ...otherRsa, n: String(rsa.n), e: 'AQAB' },
      /does not belong/,
    ],
    ['RSA with dp for dq', { ...rsa, dp: String(rsa.dq) }, /does not belong/],
    ['RSA with dq for dp', { ...rsa, dq: String(rsa.dp) }, /does not belong/],
    ['RSA with another qi', { ...rsa, qi: String(otherRsa.qi) }, /does not belong/],
    [
      'RSA with 1 and the modulus for its primes',
      { ...rsa, p: 'AQ', q: String(rsa.n) },
      /does not belong/,
    ],
    ['RSA with d alone', bare as JWK, /is not base64url of d, p, q, dp, dq and qi/],
  ])('%s', (_name, jwk, says) => {
    const make = () =>
      createTwinkey({ tokens: { issuer: ISSUER, audience: AUDIENCE, signingKeys: [jwk] } })
    expect(make).toThrow(/^tokens\.signingKeys\[0\] has a private part that /)
    expect(make).toThrow(says)
    try {
      make()
    } catch (error) {
      expect(error).toBeInstanceOf(TypeError)
      for (const member of [jwk.d, jwk.p, jwk.q].filter(
        (each) => each !== undefined && each.length > 2,
      ))
        expect((error as Error).message).not.toContain(member)
    }
  })
})

it.each(['ES256', 'EdDSA', 'RS256', 'PS256'] as const)(
  'every generated key of %s is accepted',
  async (algorithm) => {
    const made = await Promise.all(
      Array.from({ length: algorithm.endsWith('S256') && algorithm !== 'ES256' ? 3 : 100 }, () =>
        generateSigningKey(algorithm),
      ),
    )
    for (const each of made)
      expect(() =>
        createTwinkey({ tokens: { issuer: ISSUER, audience: AUDIENCE, signingKeys: [each] } }),
      ).not.toThrow()
  },
)

it('an algorithm that the platform does not support excludes no other key of a set', async () => {
  const real = crypto.subtle.importKey.bind(crypto.subtle) as (
    ...args: unknown[]
  ) => Promise<CryptoKey>
  const { d: _private, ...unusable } = await generateSigningKey('EdDSA')
  Object.defineProperty(crypto.subtle, 'importKey', {
    configurable: true,
    value: async (...args: unknown[]) => {
      if (JSON.stringify(args).includes('Ed25519'))
        throw new DOMException('no Ed25519 here', 'NotSupportedError')
      return real(...args)
    },
  })
  try {
    const verifier = createVerifier({
      jwks: async () => ({ keys: [unusable, ...published.keys] }),
      issuer: ISSUER,
      audience: AUDIENCE,
      now: bench.clock.now,
    })
    const [forged] = forgedUnder({ name: 'unusable', jwk: unusable, says: /./ })
    expect([
      codeOf(await verifier.verify(String(forged))),
      codeOf(await verifier.verify(good)),
    ]).toEqual(['credential_invalid', 'let in'])
    const { twinkey, events } = createBench({
      tokens: { issuer: ISSUER, audience: AUDIENCE, signingKeys: [signingKey, unusable] },
    })
    expect(codeOf(await twinkey.tokens.verify(String(forged)))).toBe('credential_invalid')
    expect(events).toMatchObject([
      {
        type: 'warning.signing_key_invalid',
        message: /^tokens\.signingKeys\[1\] is a key for EdDSA that this platform cannot use/,
        error: { code: 'signing_key_invalid' },
      },
      { type: 'access.refused', reason: 'signing_key_invalid' },
    ])
  } finally {
    Reflect.deleteProperty(crypto.subtle, 'importKey')
  }
})

it('a key is used as it was when it was checked, whatever happens to the object afterwards', async () => {
  const [own, other] = [{ ...(await generateSigningKey()) }, await generateSigningKey()]
  const { twinkey } = createBench({
    tokens: { issuer: ISSUER, audience: AUDIENCE, signingKeys: [own] },
  })
  Object.assign(own, other)
  const created = await twinkey.keys.create(INPUT)
  const minted = await twinkey.tokens.issue(created.primary)
  expect(codeOf(await twinkey.tokens.verify(minted.ok ? minted.token : ''))).toBe('let in')
  expect(decoded(minted.ok ? minted.token : '').header['kid']).not.toBe(thumbprintOf(other))
})

it('a key that is still in the set at the next request is not checked again', async () => {
  const { d: _private, ...ed } = await generateSigningKey('EdDSA')
  const rsa = Object.fromEntries(
    Object.entries(await generateSigningKey('RS256')).filter(([name]) =>
      ['kty', 'alg', 'n', 'e'].includes(name),
    ),
  )
  const real = crypto.subtle.importKey.bind(crypto.subtle) as (
    ...args: unknown[]
  ) => Promise<CryptoKey>
  let imports = 0
  Object.defineProperty(crypto.subtle, 'importKey', {
    configurable: true,
    value: async (...args: unknown[]) => {
      imports++
      return real(...args)
    },
  })
  try {
    const clockBench = createBench()
    const verifier = createVerifier({
      jwks: async () => ({ keys: [...published.keys, ed, rsa as JWK] }),
      issuer: ISSUER,
      audience: AUDIENCE,
      now: clockBench.clock.now,
    })
    for (let minute = 0; minute <= 10; minute += 5) {
      expect(codeOf(await verifier.verify(good))).toBe('let in')
      clockBench.clock.advance(300_000)
    }
    expect(imports).toBe(3)
  } finally {
    Reflect.deleteProperty(crypto.subtle, 'importKey')
  }
})
