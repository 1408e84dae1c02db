import fc from 'fast-check'
import type { Pepper } from 'twinkey'
import { describe, expect, it } from 'vitest'
import {
  digestSecret,
  matchSecret,
  pepperOf,
  slotDigests,
} from '../../../src/core/secrets/digest.ts'
import * as onNode from '../../../src/core/secrets/hash.node.ts'
import * as anywhere from '../../../src/core/secrets/hash.ts'
import vectors from '../../vectors/digests.json' with { type: 'json' }

const base64url = (hex: string) => Buffer.from(hex, 'hex').toString('base64url')

describe.each([
  ['hash.ts', anywhere],
  ['hash.node.ts', onNode],
])('%s', (_, { sha256, hmacSha256, sha512 }) => {
  // The one-block example of FIPS 180-4.
  it('gives the known SHA-512 of bytes', () => {
    expect(Buffer.from(sha512(Buffer.from('abc'))).toString('hex')).toBe(
      'ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f',
    )
  })

  it.each(vectors.sha256)('gives the known SHA-256 of "$text"', ({ text, hex }) => {
    expect(Buffer.from(sha256(text), 'utf16le').toString('hex')).toBe(hex)
  })

  it.each(vectors.hmacSha256)('gives the known HMAC of "$text"', ({ key, text, hex }) => {
    expect(Buffer.from(hmacSha256(Buffer.from(key, 'hex'), text), 'utf16le').toString('hex')).toBe(
      hex,
    )
  })
})

describe('both implementations of the hash', () => {
  const anyText = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 200 }),
    fc.string({ unit: 'grapheme' }),
    fc.constant('\ud800'),
    fc.constant('a\udc00b'),
  )

  it('agree on any text', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        expect(anywhere.sha256(text)).toBe(onNode.sha256(text))
      }),
      { numRuns: 2000 },
    )
  })

  it('agree on any text under any key', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), anyText, (key, text) => {
        expect(anywhere.hmacSha256(key, text)).toBe(onNode.hmacSha256(key, text))
      }),
      { numRuns: 1000 },
    )
  })
})

describe('the digest of a secret', () => {
  const old: Pepper = { current: '2025', keys: { '2025': new Uint8Array(32).fill(1) } }
  const both: Pepper = {
    current: '2026',
    keys: { ...old.keys, '2026': new Uint8Array(32).fill(2) },
  }

  it('names its algorithm', () => {
    expect(digestSecret('abc', undefined)).toBe(
      `sha-256:${base64url(vectors.sha256[1]?.hex ?? '')}`,
    )
    expect(pepperOf(digestSecret('abc', undefined))).toBeUndefined()
  })

  it('names its pepper, and differs under each pepper', () => {
    expect(digestSecret('abc', old)).toMatch(/^hmac-sha-256:2025:[A-Za-z0-9_-]{43}$/)
    expect(pepperOf(digestSecret('abc', both))).toBe('2026')
    expect(digestSecret('abc', old).slice(-43)).not.toBe(digestSecret('abc', both).slice(-43))
  })

  it.each([undefined, old, both])('matches in the slot that holds it', (pepper) => {
    const digest = digestSecret('mine', pepper)
    const other = digestSecret('other', pepper)
    expect(matching('mine', digest, other, pepper)).toBe('primary')
    expect(matching('mine', other, digest, pepper)).toBe('secondary')
    expect(matching('mine', digest, undefined, pepper)).toBe('primary')
    expect(matching('mine', other, undefined, pepper)).toBeUndefined()
    expect(matching('mine', other, other, pepper)).toBeUndefined()
  })

  it('matches old secrets after the pepper has changed, and secrets without a pepper after one was added', () => {
    expect(matching('mine', digestSecret('mine', old), digestSecret('other', both), both)).toBe(
      'primary',
    )
    expect(
      matching('mine', digestSecret('other', both), digestSecret('mine', undefined), both),
    ).toBe('secondary')
    expect(matching('mine', digestSecret('mine', undefined), undefined, both)).toBe('primary')
  })

  it('reports a pepper that is not configured, unless the other slot matches', () => {
    expect(matching('mine', digestSecret('mine', both), undefined, old)).toBe('pepper_missing')
    expect(matching('mine', digestSecret('mine', both), undefined, undefined)).toBe(
      'pepper_missing',
    )
    expect(matching('mine', digestSecret('mine', old), digestSecret('other', both), old)).toBe(
      'primary',
    )
    expect(matching('mine', digestSecret('other', both), digestSecret('mine', old), old)).toBe(
      'secondary',
    )
    expect(matching('mine', digestSecret('other', old), digestSecret('mine', both), old)).toBe(
      'pepper_missing',
    )
  })

  it('does not find a pepper among inherited properties', () => {
    const digest = `hmac-sha-256:constructor:${'A'.repeat(43)}`
    expect(matching('mine', digest, undefined, old)).toBe('pepper_missing')
  })

  it.each([undefined, old])(
    'matches nothing if the key is unknown, whatever the text',
    (pepper) => {
      for (const text of ['mine', '', 'A'.repeat(43), `sha-256:${'A'.repeat(43)}`])
        expect(matchSecret(text, undefined, pepper)).toBeUndefined()
    },
  )
})

function matching(
  secret: string,
  primary: string,
  secondary: string | undefined,
  pepper: Pepper | undefined,
) {
  return matchSecret(secret, slotDigests(primary, secondary), pepper)
}
