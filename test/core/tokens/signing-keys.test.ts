import { decodeProtectedHeader } from 'jose'
import { createTwinkey, generateSigningKey, memoryStore, type Twinkey } from 'twinkey'
import { describe, expect, it } from 'vitest'
import { readSigningKey } from '../../../src/core/tokens/signing-key.ts'
import { AUDIENCE, createBench, ISSUER, signingKey } from '../../support/bench.ts'
import { createClock } from '../../support/clock.ts'
import { errorCodeOf } from '../../support/faults.ts'
import { verdict } from '../../support/sent.ts'
import thumbprints from '../../vectors/thumbprints.json' with { type: 'json' }

const INPUT = { name: 'n', scope: { tenants: ['t'], workflows: '*' } } as const

async function issue(twinkey: Twinkey, secret: string) {
  const issued = await twinkey.tokens.issue(secret)
  if (!issued.ok) throw new Error(`refused: ${issued.refusal.code}`)
  return issued
}

describe('signing keys', () => {
  it.each(thumbprints)('are named by their thumbprint: $from', ({ jwk, kid }) => {
    expect(readSigningKey(jwk, 'key').kid).toBe(kid)
  })

  it('can be several: the first one signs, and all of them verify until they are removed', async () => {
    const store = memoryStore()
    const clock = createClock()
    const [old, next] = [await generateSigningKey(), await generateSigningKey('EdDSA')]
    const node = (...signingKeys: object[]) =>
      createTwinkey({
        store,
        now: clock.now,
        tokens: { issuer: ISSUER, audience: AUDIENCE, signingKeys },
      })
    const { d: _private, ...retired } = old
    const before = node(old, next)
    const { primary } = await before.keys.create(INPUT)
    const byOld = (await issue(before, primary)).token
    const after = node(next, retired)
    const byNext = (await issue(after, primary)).token
    expect([await verdict(after, byOld), await verdict(before, byNext)]).toEqual([
      'let in',
      'let in',
    ])
    expect(decodeProtectedHeader(byNext).alg).toBe('EdDSA')
    expect((await after.tokens.jwks()).keys.map(({ kid }) => kid)).toEqual([
      decodeProtectedHeader(byNext).kid,
      decodeProtectedHeader(byOld).kid,
    ])
    expect(await verdict(node(next), byOld)).toBe('credential_invalid')
  })

  it('are published with their public members only', async () => {
    const signingKeys = await Promise.all(
      (['ES256', 'EdDSA', 'RS256', 'PS256'] as const).map((algorithm) =>
        generateSigningKey(algorithm),
      ),
    )
    const marked = signingKeys.map((key) => ({
      ...key,
      use: 'sig',
      key_ops: ['sign'],
      ext: true,
      'x-note': 'private',
    }))
    const { twinkey } = createBench({
      tokens: { issuer: ISSUER, audience: AUDIENCE, signingKeys: marked },
    })
    const { keys } = await twinkey.tokens.jwks()
    expect(keys.map((key) => Object.keys(key).sort().join())).toEqual([
      'alg,crv,kid,kty,use,x,y',
      'alg,crv,kid,kty,use,x',
      'alg,e,kid,kty,n,use',
      'alg,e,kid,kty,n,use',
    ])
    expect(keys.map(({ alg, use }) => [alg, use])).toEqual(
      ['ES256', 'EdDSA', 'RS256', 'PS256'].map((alg) => [alg, 'sig']),
    )
    expect(new Set(keys.map(({ kid }) => kid)).size).toBe(4)
  })

  it('sign regardless of their use, key_ops and ext members', async () => {
    const { twinkey } = createBench({
      tokens: {
        issuer: ISSUER,
        audience: AUDIENCE,
        signingKeys: [{ ...signingKey, key_ops: ['verify'], use: 'enc', ext: false }],
      },
    })
    const { primary } = await twinkey.keys.create(INPUT)
    expect(await verdict(twinkey, (await issue(twinkey, primary)).token)).toBe('let in')
  })

  it('may be omitted over memoryStore, and the ephemeral key causes one warning', async () => {
    const types: string[] = []
    const twinkey = createTwinkey({ onEvent: ({ type }) => types.push(type) })
    const { primary } = await twinkey.keys.create(INPUT)
    expect(types).toEqual(['key.created'])
    const { token } = await issue(twinkey, primary)
    await issue(twinkey, primary)
    expect(await verdict(twinkey, token)).toBe('let in')
    expect(types.filter((type) => type.startsWith('warning.'))).toEqual([
      'warning.ephemeral_signing_key',
    ])
    expect((await twinkey.tokens.jwks()).keys).toHaveLength(1)
    expect(await verdict(createTwinkey(), token)).toBe('credential_invalid')
  })

  it('may not be omitted over another store: issue throws signing_key_missing, and every token is invalid', async () => {
    const { twinkey } = createBench({ tokens: { issuer: ISSUER, audience: AUDIENCE } })
    const { primary } = await twinkey.keys.create(INPUT)
    expect(await errorCodeOf(() => twinkey.tokens.issue(primary))).toBe('signing_key_missing')
    expect(await twinkey.tokens.jwks()).toEqual({ keys: [] })
    const other = createBench()
    const created = await other.twinkey.keys.create(INPUT)
    expect(await verdict(twinkey, (await issue(other.twinkey, created.primary)).token)).toBe(
      'credential_invalid',
    )
  })
})
