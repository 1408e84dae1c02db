import { createHash, createHmac } from 'node:crypto'
import { createTwinkey, type ImportedDigest, type ImportKeyInput, memoryStore } from 'twinkey'
import type { KeyRecord } from 'twinkey/store'
import { describe, expect, it, test } from 'vitest'
import {
  FIRST,
  HMAC,
  importBench,
  input,
  LEGACY,
  PLAIN,
  pepper,
  SECOND,
  slotIn,
} from '../../clients/imported.ts'
import { errorCodeOf } from '../../support/faults.ts'
import { verdict } from '../../support/sent.ts'

type Encoding = ImportedDigest['encoding']

const BASE64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
const BASE64URL = `${BASE64.slice(0, -2)}-_`

const kinds = [
  [
    'SHA-256',
    { algorithm: 'sha-256' },
    (secret: string) => createHash('sha256').update(secret).digest(),
  ],
  [
    'HMAC-SHA-256',
    { algorithm: 'hmac-sha-256', pepper: 'legacy' },
    (secret: string) => createHmac('sha256', LEGACY).update(secret).digest(),
  ],
] as const

const bench = () => importBench({ pepper, importedSecrets: [PLAIN, HMAC] })

/**
 * The other spellings that a lenient decoder reads as the same bytes: two bits of the last
 * character are unused.
 */
function withStrayBits(text: string, alphabet: string): string[] {
  const digits = text.replace(/=$/, '')
  const last = alphabet.indexOf(digits.at(-1) as string)
  return [1, 2, 3].map(
    (stray) => digits.slice(0, -1) + alphabet[last + stray] + text.slice(digits.length),
  )
}

describe.each(kinds)('a digest by %s', (_name, kind, digestOf) => {
  const given = (digest: string, encoding: Encoding) =>
    ({ ...kind, digest, encoding, entropyBits: 190 }) as ImportedDigest
  const bytes = digestOf(FIRST)

  it.each<[string, string, Encoding]>([
    ...withStrayBits(bytes.toString('base64'), BASE64).map(
      (text) => ['stray bits in base64', text, 'base64'] as [string, string, Encoding],
    ),
    ...withStrayBits(bytes.toString('base64url'), BASE64URL).map(
      (text) => ['stray bits in base64url', text, 'base64url'] as [string, string, Encoding],
    ),
    ['base64 without its padding', bytes.toString('base64').slice(0, -1), 'base64'],
    ['base64 with too much padding', `${bytes.toString('base64')}=`, 'base64'],
    ['base64url with padding', `${bytes.toString('base64url')}=`, 'base64url'],
    [
      'the plain alphabet as base64url',
      Buffer.alloc(32, 0xff).toString('base64').slice(0, -1),
      'base64url',
    ],
    [
      'the alphabet for URLs as base64',
      `${Buffer.alloc(32, 0xff).toString('base64url')}=`,
      'base64',
    ],
    ['a line break behind base64', `${bytes.toString('base64')}\n`, 'base64'],
    ['a line break behind base64url', `${bytes.toString('base64url')}\n`, 'base64url'],
    ['a line break behind hex', `${bytes.toString('hex')}\n`, 'hex'],
    ['33 bytes', Buffer.concat([bytes, Buffer.alloc(1)]).toString('base64'), 'base64'],
  ])('with %s is refused: %s', async (_what, digest, encoding) => {
    const { twinkey, spy } = bench()
    const call = twinkey.keys.import(input({ primary: given(digest, encoding) }))
    expect(await errorCodeOf(call)).toBe('invalid_input')
    await expect(call).rejects.toThrow(
      /primary\.digest must be 32 bytes in the given encoding \(hex, base64 or base64url\)/,
    )
    expect(spy.calls.put).toBe(0)
  })

  const spellings: [string, Encoding][] = [
    [bytes.toString('hex'), 'hex'],
    [bytes.toString('hex').toUpperCase(), 'hex'],
    [bytes.toString('base64'), 'base64'],
    [bytes.toString('base64url'), 'base64url'],
  ]

  it('is the same secret in every spelling, and cannot be imported twice into one key or into two', async () => {
    for (const first of spellings) {
      for (const second of spellings) {
        const { twinkey } = bench()
        const twice = input({ primary: given(...first), secondary: given(...second) })
        expect(await errorCodeOf(twinkey.keys.import(twice))).toBe('invalid_input')
        await twinkey.keys.import(input({ primary: given(...first) }))
        expect(await errorCodeOf(twinkey.keys.import(input({ primary: given(...second) })))).toBe(
          'secret_taken',
        )
        expect((await twinkey.keys.list()).keys).toHaveLength(1)
      }
    }
  })

  it('verifies in every spelling, until its slot gets a new secret', async () => {
    for (const spelling of spellings) {
      const its = bench()
      const { id } = await its.twinkey.keys.import(
        input({
          primary: given(...spelling),
          secondary: given(digestOf(SECOND).toString('hex'), 'hex'),
        }),
      )
      expect([await slotIn(its, FIRST), await slotIn(its, SECOND)]).toEqual([
        'primary',
        'secondary',
      ])
      await its.twinkey.keys.renew(id, { slots: 'primary' })
      expect([await slotIn(its, FIRST), await slotIn(its, SECOND)]).toEqual([
        'credential_invalid',
        'secondary',
      ])
    }
  })
})

describe('one pepper under two names', () => {
  const importedSecrets = [HMAC, { ...HMAC, pepper: 'same' }]

  it.each([
    ['with the same bytes', LEGACY],
    ['padded with zeros, which HMAC takes for the same key', Uint8Array.from([...LEGACY, 0, 0])],
  ])('is refused in importedSecrets, as one secret would have two digests: %s', (_how, same) => {
    const keys = { ...pepper.keys, same }
    expect(() => createTwinkey({ importedSecrets, pepper: { current: 'new', keys } })).toThrow(
      new TypeError(
        'importedSecrets[1].pepper is the same key as importedSecrets[0].pepper under another name. Use one name for both.',
      ),
    )
  })

  it('is allowed for generated secrets, and several entries of importedSecrets may share one pepper', () => {
    const keys = { ...pepper.keys, same: LEGACY }
    createTwinkey({
      importedSecrets: [HMAC, { ...HMAC, minLength: 65, maxLength: 80 }],
      pepper: { current: 'same', keys },
    })
  })
})

describe('the hint of a digest', () => {
  const digest = createHash('sha256').update(FIRST).digest('hex')
  const withHint = (hint: unknown) =>
    input({
      primary: {
        digest,
        encoding: 'hex',
        algorithm: 'sha-256',
        entropyBits: 190,
        hint,
      } as ImportKeyInput['primary'],
    })

  it.each(['', 'a', '9f3a', 'F+/=', 'ü🔑'])('may be %j', async (hint) => {
    expect((await importBench().twinkey.keys.import(withHint(hint))).primary.hint).toBe(hint)
  })

  it.each([
    'a\n',
    '\u001b[2J',
    '\0',
    '\u007f',
    '\u0085',
    '\ud800',
    'abcde',
    7,
    null,
    ['a'],
    { length: 1 },
  ])('may not be %j', async (hint) => {
    const { twinkey, spy } = importBench()
    const call = twinkey.keys.import(withHint(hint))
    expect(await errorCodeOf(call)).toBe('invalid_input')
    await expect(call).rejects.toThrow(
      'primary.hint must be a string of at most four characters, well-formed Unicode without control characters.',
    )
    expect(spy.calls.put).toBe(0)
  })
})

test.each<[string, unknown]>([
  ['a number', 7],
  ['a name that is not configured', 'other'],
  ['an object that converts to a name', { toString: () => 'legacy' }],
  ['a symbol', Symbol('legacy')],
  ['an inherited name', 'toString'],
])('a pepper that is %s is refused', async (_what, name) => {
  const digest = {
    digest: '0'.repeat(64),
    encoding: 'hex',
    algorithm: 'hmac-sha-256',
    pepper: name,
    entropyBits: 190,
  }
  expect(
    await errorCodeOf(
      bench().twinkey.keys.import(input({ primary: digest as ImportKeyInput['primary'] })),
    ),
  ).toBe('invalid_input')
})

describe('a record with a digest in another spelling, as an earlier version may have stored it', () => {
  /** A key whose secret verifies, in a store whose record is then rewritten by `change`. */
  async function rewritten(change: (record: KeyRecord) => KeyRecord) {
    const store = memoryStore()
    const before = importBench({ store })
    const { id } = await before.twinkey.keys.import(input())
    expect(await slotIn(before, FIRST)).toBe('primary')
    const record = (await store.get(id)) as KeyRecord
    expect(
      await store.put(
        { ...change(record), version: record.version + 1 },
        record.version,
        undefined,
      ),
    ).toBe('stored')
    return { id, its: importBench({ store }) }
  }
  const respelt = ({ primary }: KeyRecord) => ({
    ...primary,
    digest: withStrayBits(primary.digest, BASE64URL)[0] as string,
  })

  it.each<[string, (record: KeyRecord) => KeyRecord]>([
    ['in its primary', (record) => ({ ...record, primary: respelt(record) })],
    [
      'in its secondary, beside the same secret',
      (record) => ({ ...record, secondary: { ...respelt(record), id: 'second' } }),
    ],
  ])('admits no request and is store_malformed: %s', async (_where, change) => {
    const { id, its } = await rewritten(change)
    expect(await verdict(its.twinkey, FIRST)).toBe('unavailable')
    expect(its.events).toContainEqual(
      expect.objectContaining({
        type: 'warning.store_unavailable',
        error: expect.objectContaining({ code: 'store_malformed' }),
      }),
    )
    for (const call of [
      () => its.twinkey.keys.get(id),
      () => its.twinkey.keys.list(),
      () => its.twinkey.keys.update(id, { name: 'n' }),
      () => its.twinkey.keys.renew(id, { slots: 'primary' }),
    ])
      expect(await errorCodeOf(call)).toBe('store_malformed')
  })
})
