import fc from 'fast-check'
import { hasValidChecksum, secretPattern } from 'twinkey'
import { describe, expect, it } from 'vitest'
import { isDigest } from '../../../src/core/secrets/digest.ts'
import {
  hasOurPrefix,
  hintOf,
  holdsSecret,
  keyIdOf,
  mintId,
  mintSecret,
  prefixProblem,
  randomBase62,
} from '../../../src/core/secrets/secret.ts'
import checksums from '../../vectors/checksums.json' with { type: 'json' }
import secrets from '../../vectors/secrets.json' with { type: 'json' }

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const prefix = fc.stringMatching(/^[A-Za-z][A-Za-z0-9_]{0,31}$/)

describe('the form of a secret', () => {
  it.each(secrets)('is frozen: $secret', ({ prefix, id, secret }) => {
    let next = 0
    const counting = (bytes: Uint8Array) => bytes.map(() => next++ % 248)
    expect(mintId(counting)).toBe(id)
    expect(mintSecret(prefix, id, counting)).toBe(secret)
    expect(keyIdOf(secret, [prefix])).toBe(id)
    expect(hasValidChecksum(secret)).toBe(true)
  })

  it('is the prefix, an underscore, and 16, 43 and 6 characters of base62', () => {
    expect(mintSecret('acme', mintId())).toMatch(/^acme_[0-9A-Za-z]{65}$/)
    expect(mintId()).toMatch(/^[0-9A-Za-z]{16}$/)
  })

  it('begins with the prefix and an underscore, and no other text has the prefix', () => {
    expect(
      ['tk_', 'tk_x', 'tk', 'tkx', 'tk-x', 'xtk_x', 'TK_x'].filter((text) =>
        hasOurPrefix(text, ['tk']),
      ),
    ).toEqual(['tk_', 'tk_x'])
    expect(keyIdOf(mintSecret('tk', mintId()).replace('tk_', 'tk-'), ['tk'])).toBeUndefined()
  })

  it('shows its last four characters as the hint', () => {
    expect(hintOf('acme_0123456789wxyz')).toBe('wxyz')
  })

  it.each(['tk', 'a', 'acme_live', 'acme_', 'a__b', 'Z9_', 'x'.repeat(32)])(
    'may have the prefix %s',
    (each) => {
      expect(prefixProblem(each)).toBeUndefined()
    },
  )

  it.each([
    '',
    '_a',
    '9a',
    'a-b',
    'a b',
    'a.b',
    'é',
    'a\n',
    '$KEY',
    'x'.repeat(33),
    undefined,
    null,
    7,
    ['a'],
  ])('may not have the prefix %j', (each) => {
    expect(prefixProblem(each)).toMatch(/must begin with a letter/)
    expect(() => secretPattern(each as string)).toThrow(
      new TypeError(`secretPattern: prefix ${prefixProblem(each)}`),
    )
  })
})

describe('parsing', () => {
  it('finds in every generated secret the id that it was generated for', () => {
    fc.assert(
      fc.property(prefix, fc.array(prefix, { maxLength: 3 }), (ours, others) => {
        const id = mintId()
        const secret = mintSecret(ours, id)
        expect(keyIdOf(secret, [...others, ours])).toBe(id)
        expect(hasOurPrefix(secret, [ours])).toBe(true)
        expect(hasValidChecksum(secret)).toBe(true)
        expect(secret.match(secretPattern(ours))?.[0]).toBe(secret)
      }),
      { numRuns: 1000 },
    )
  })

  it('finds no id unless the text begins with exactly the prefix and an underscore', () => {
    const tail = 'a'.repeat(65)
    expect(keyIdOf(`acme_${tail}`, ['acme'])).toBe('a'.repeat(16))
    for (const text of [`acmeX${tail}`, `acme_x_${tail}`, `acm_${tail}`, `_${tail}`, tail])
      expect(keyIdOf(text, ['acme'])).toBeUndefined()
  })

  it('distinguishes prefixes with underscores, even if one begins with another', () => {
    const id = mintId()
    const secret = mintSecret('acme_live', id)
    expect(keyIdOf(secret, ['acme'])).toBeUndefined()
    expect(keyIdOf(secret, ['acme_live_'])).toBeUndefined()
    expect(keyIdOf(secret, ['acme', 'acme_live'])).toBe(id)
    expect(keyIdOf(mintSecret('acme_', id), ['acme'])).toBeUndefined()
  })

  it.each([
    ['nothing', ''],
    ['the prefix alone', 'tk_'],
    ['one character too few', mintSecret('tk', mintId()).slice(0, -1)],
    ['one character too many', `${mintSecret('tk', mintId())}0`],
    ['no underscore', `tk${mintId()}${'0'.repeat(50)}`],
    ['no prefix', mintSecret('', mintId())],
    ['another spelling of the prefix', mintSecret('TK', mintId())],
  ])('finds no id in %s', (_, text) => {
    expect(keyIdOf(text, ['tk'])).toBeUndefined()
  })
})

describe('the checksum', () => {
  it.each(checksums)(
    'of $text is the CRC-32 $crc32 in base62: $base62',
    ({ text, crc32, base62 }) => {
      expect(
        [...base62].reduce((sum, digit) => sum * 62 + ALPHABET.indexOf(digit), 0).toString(16),
      ).toBe(crc32.replace(/^0+(?=.)/, ''))
      expect(hasValidChecksum(text + base62)).toBe(true)
      expect(hasValidChecksum(`${text.slice(0, -1)}~${base62}`)).toBe(false)
      expect(
        hasValidChecksum(text + base62.replace(/.$/, (last) => (last === '1' ? '2' : '1'))),
      ).toBe(false)
    },
  )

  it('needs text before it', () => {
    expect(hasValidChecksum('')).toBe(false)
    expect(hasValidChecksum('000000')).toBe(false)
  })

  it('covers the prefix and the id, so no other prefix or id passes', () => {
    const secret = mintSecret('acme', mintId())
    fc.assert(
      fc.property(
        fc.nat(secret.length - 1),
        fc.constantFrom(...ALPHABET, '_', '-', 'é', 'ſ', '\u{1F600}', '\0'),
        (at, other) => {
          fc.pre(secret[at] !== other)
          expect(hasValidChecksum(secret.slice(0, at) + other + secret.slice(at + 1))).toBe(false)
        },
      ),
      { numRuns: 3000 },
    )
  })
})

describe('randomness', () => {
  it('rejects the bytes 248 to 255, which would make some characters more likely', () => {
    const fed: number[] = []
    const text = randomBase62(4, (bytes) => {
      bytes.set([248, 249, 250, 251, 252, 253, 254, 255].slice(0, bytes.length))
      if (fed.length > 0) bytes.set([255, 0, 61, 62, 247, 248, 7, 7].slice(0, bytes.length))
      fed.push(...bytes)
      return bytes
    })
    expect(text).toBe('0z0z')
    expect(fed.length).toBe(16)
  })

  it('gives every character with equal probability', () => {
    const counts = new Map<string, number>()
    const total = 1_000_000
    for (const character of Array.from({ length: total / 1000 }, () => randomBase62(1000)).join(''))
      counts.set(character, (counts.get(character) ?? 0) + 1)
    expect([...counts.keys()].sort()).toEqual([...ALPHABET].sort())
    const expected = total / 62
    const chiSquare = [...counts.values()].reduce(
      (sum, count) => sum + (count - expected) ** 2 / expected,
      0,
    )
    // With 61 degrees of freedom, a value above 135 occurs once in five million runs. `byte % 62`
    // over all bytes gives about 7,000.
    expect(chiSquare).toBeLessThan(135)
  })
})

describe('holdsSecret', () => {
  it('finds 65 characters of base62 in a row', () => {
    expect(holdsSecret(`key=${'a1Z'.repeat(22)}`)).toBe(true)
    expect(holdsSecret('a'.repeat(64))).toBe(false)
    expect(holdsSecret(`${'a'.repeat(64)}_${'a'.repeat(64)}`)).toBe(false)
    expect(holdsSecret('-'.repeat(65))).toBe(false)
  })
})

describe('secretPattern', () => {
  // Created once, because it is part of the test names.
  const secret = mintSecret('acme_live', '0123456789abcdef', (bytes) => bytes.fill(7))

  it.each([
    [`export KEY=${secret}`, true],
    [`"${secret}"`, true],
    [`https://x/?key=${secret}&y=1`, true],
    [`${secret}\n`, true],
    [`x${secret}`, false],
    [`${secret}x`, false],
    [`_${secret}`, false],
    [secret.slice(0, -1), false],
    [secret.replace('acme_live', 'acme'), false],
  ])('handles %s', (text, found) => {
    expect(secretPattern('acme_live').exec(text)?.[0]).toBe(found ? secret : undefined)
  })

  it('keeps no state between uses', () => {
    const pattern = secretPattern('acme_live')
    expect([pattern.test(secret), pattern.test(secret), pattern.lastIndex]).toEqual([true, true, 0])
  })
})

describe('the form of a stored digest', () => {
  const hash = 'A'.repeat(43)
  it.each([
    `sha-256:${hash}`,
    `hmac-sha-256:2026a:${hash}`,
    `hmac-sha-256:${'p'.repeat(32)}:${hash}`,
  ])('may be %s', (digest) => {
    expect(isDigest(digest)).toBe(true)
  })

  it.each([
    hash,
    `sha-256:${hash}=`,
    `sha-256:${hash.slice(1)}`,
    `sha-512:${hash}`,
    `sha-256:x:${hash}`,
    `hmac-sha-256:${hash}`,
    `hmac-sha-256::${hash}`,
    `hmac-sha-256:a b:${hash}`,
    `hmac-sha-256:${'p'.repeat(33)}:${hash}`,
    `sha-256:${hash}\n`,
    null,
    [`sha-256:${hash}`],
  ])('may not be %j', (digest) => {
    expect(isDigest(digest)).toBe(false)
  })
})
