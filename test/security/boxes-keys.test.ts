import { createHash, createHmac } from 'node:crypto'
import { createTwinkey, hasValidChecksum, memoryStore, type TwinkeyOptions } from 'twinkey'
import type { KeyRecord, StoredSecret } from 'twinkey/store'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { sha256 } from '#hash'
import { matchSecret, slotDigests } from '../../src/core/secrets/digest.ts'
import { mintSecret } from '../../src/core/secrets/secret.ts'
import { sqliteStore } from '../../src/stores/sqlite/index.ts'
import { AUDIENCE, createBench, ISSUER, signingKey } from '../support/bench.ts'
import { errorCodeOf } from '../support/faults.ts'
import { openSqlite } from '../support/sqlite.ts'
import checksums from '../vectors/checksums.json' with { type: 'json' }

// Counted, to check that a wrong secret costs as much as a right one.
vi.mock('#hash', async (load) => {
  const real = await load<typeof import('#hash')>()
  return { ...real, sha256: vi.fn(real.sha256) }
})

const INPUT = { name: 'n', scope: { tenants: ['t'], workflows: '*' } } as const
const PEPPER = { current: 'p', keys: { p: new Uint8Array(32).fill(7) } }
const FOREIGN: TwinkeyOptions = {
  importedSecrets: [{ algorithm: 'sha-256', minLength: 16, maxLength: 64 }],
}
/** The parts of a secret with the prefix `tk`. */
const partsOf = (secret: string) => ({
  id: secret.slice(3, 19),
  body: secret.slice(19, 62),
  checksum: secret.slice(62),
})
const reasonsOf = ({ events }: ReturnType<typeof createBench>) =>
  events.flatMap((event) => (event.type === 'access.refused' ? [event.reason] : []))

afterEach(() => void vi.restoreAllMocks())

describe('keys: their form, their creation, and what is stored of them', () => {
  it('A1: a secret has 256 bits of the CSPRNG, and no byte of it favours a character', async () => {
    const { keys } = createTwinkey()
    let calls = 0
    const biased = vi.spyOn(crypto, 'getRandomValues').mockImplementation((array) => {
      // Every second time, only bytes that rejection sampling discards.
      const first = calls++ % 2 === 0 ? 248 : 0
      ;(array as Uint8Array).forEach((_, i, bytes) => {
        bytes[i] = first === 0 ? 61 : first + (i % 8)
      })
      return array
    })
    const guessed = vi.spyOn(Math, 'random')
    const { primary } = await keys.create(INPUT)
    expect([calls > 0, guessed.mock.calls.length]).toEqual([true, 0])
    expect(partsOf(primary).body).toBe('z'.repeat(43))
    biased.mockRestore()

    const characters = 1_000_000
    const counts = new Map<string, number>()
    for (let made = 0; made < characters; made += 86) {
      const { primary, secondary } = await keys.create(INPUT)
      for (const character of partsOf(primary).body + partsOf(secondary as string).body)
        counts.set(character, (counts.get(character) ?? 0) + 1)
    }
    const total = [...counts.values()].reduce((sum, count) => sum + count)
    expect([counts.size, total >= characters, 43 * Math.log2(62) > 256]).toEqual([62, true, true])
    // 61 degrees of freedom: more than 135 happens once in five million runs.
    expect(
      [...counts.values()].reduce(
        (sum, count) => sum + (count - total / 62) ** 2 / (total / 62),
        0,
      ),
    ).toBeLessThan(135)
  })

  it('A2: it is prefix, id, secret and the CRC-32 of these in base62, and a change anywhere breaks the checksum', async () => {
    const { primary } = await createTwinkey({ prefixes: ['acme'] }).keys.create(INPUT)
    expect(primary).toMatch(/^acme_[0-9A-Za-z]{65}$/)
    for (const { text, base62 } of checksums)
      expect(hasValidChecksum(text + base62), text).toBe(true)
    const changed = [...primary].map(
      (character, at) =>
        `${primary.slice(0, at)}${character === 'x' ? 'y' : 'x'}${primary.slice(at + 1)}`,
    )
    expect([hasValidChecksum(primary), changed.filter(hasValidChecksum)]).toEqual([true, []])
    expect(hasValidChecksum(primary.replace('acme_', 'acne_'))).toBe(false)
  })

  it('A3: form and checksum are checked before the store is asked, and a correct checksum alone lets nobody in', async () => {
    const { twinkey, spy } = createBench()
    const made = mintSecret('tk', 'A'.repeat(16))
    const wrong = [...made].map(
      (character, at) =>
        `${made.slice(0, at)}${character === '0' ? '1' : '0'}${made.slice(at + 1)}`,
    )
    for (const text of [
      ...wrong,
      '',
      'tk_',
      made.slice(1),
      `${made}0`,
      made.toLowerCase(),
      ` ${made}`,
    ])
      expect(await twinkey.keys.verify(text)).toMatchObject({
        refusal: { code: 'credential_invalid' },
      })
    expect(spy.calls).toEqual({
      get: 0,
      put: 0,
      delete: 0,
      list: 0,
      history: 0,
      forgetHistory: 0,
      recordUse: 0,
    })
    expect(await twinkey.keys.verify(made)).toMatchObject({
      refusal: { code: 'credential_invalid' },
    })
    expect(spy.calls.get).toBe(1)
  })

  it('A4: the store keeps only SHA-256 or a named HMAC of a secret; neither authenticates, and weaker secrets are not imported', async () => {
    for (const pepper of [undefined, PEPPER]) {
      const { twinkey, spy } = createBench({ pepper })
      const { key, primary } = await twinkey.keys.create(INPUT)
      const record = (await spy.inner.get(key.id)) as KeyRecord
      const hash = pepper === undefined ? createHash('sha256') : createHmac('sha256', PEPPER.keys.p)
      const digest = hash.update(primary).digest('base64url')
      expect(record.primary.digest).toBe(
        pepper === undefined ? `sha-256:${digest}` : `hmac-sha-256:p:${digest}`,
      )
      expect(JSON.stringify(record)).not.toContain(partsOf(primary).body)
      for (const text of [digest, record.primary.digest, mintSecretOf(key.id, digest)])
        expect((await twinkey.keys.verify(text)).ok).toBe(false)
    }
    const { keys } = createTwinkey(FOREIGN)
    const weak = { secret: 'x'.repeat(40), entropyBits: 111 }
    expect(await errorCodeOf(keys.import({ ...INPUT, primary: weak }))).toBe('invalid_input')
    await keys.import({ ...INPUT, primary: { ...weak, entropyBits: 112 } })
  })

  it('A5: a key is found by its public id; then both slots are compared in full, also for an unknown id', async () => {
    const bench = createBench()
    const { key, primary, secondary } = await bench.twinkey.keys.create(INPUT)
    const wrong = mintSecret('tk', key.id)
    const asked: string[] = []
    bench.spy.override({
      get(id) {
        asked.push(id)
        return bench.spy.inner.get(id)
      },
    })
    const hashes = vi.mocked(sha256).mock.calls
    const costs: number[] = []
    for (const secret of [primary, secondary as string, wrong, mintSecret('tk', '0'.repeat(16))]) {
      await bench.twinkey.keys.verify(secret)
      const before = hashes.length
      await bench.twinkey.keys.verify(secret)
      costs.push(hashes.length - before)
    }
    // A refused secret is compared twice, and hashed once more to recognise it when it is sent
    // again, whether its id is known or not.
    expect(costs).toEqual([1, 1, 3, 3])
    expect(asked).toEqual([key.id, '0'.repeat(16)])
    expect(reasonsOf(bench)).toEqual(['secret_wrong', 'secret_wrong', 'key_unknown', 'key_unknown'])

    const { primary: one, secondary: other } = (await bench.spy.inner.get(key.id)) as KeyRecord
    const laidOut = slotDigests(one.digest, other?.digest)
    const read = new Set<number>()
    const pairs = {
      charCodeAt: (at: number) => read.add(at) && laidOut.pairs.charCodeAt(at),
    } as unknown as string
    for (const [secret, slot] of [
      [primary, 'primary'],
      [secondary, 'secondary'],
      [wrong, undefined],
    ] as const) {
      read.clear()
      expect([matchSecret(secret as string, { ...laidOut, pairs }, undefined), read.size]).toEqual([
        slot,
        32,
      ])
    }
  })

  it('A6: ids are case-sensitive, in memory and in SQLite', async () => {
    const opened = await openSqlite('@libsql/client', ':memory:')
    const sqlite = sqliteStore(opened.database)
    await sqlite.migrate()
    for (const store of [memoryStore(), sqlite]) {
      const twinkey = createTwinkey({ store })
      const { key, primary } = await twinkey.keys.create(INPUT)
      const swapped = [...key.id]
        .map((each) => (each === each.toLowerCase() ? each.toUpperCase() : each.toLowerCase()))
        .join('')
      const { body } = partsOf(primary)
      expect((await twinkey.keys.verify(mintSecretOf(key.id, body))).ok).toBe(true)
      expect((await twinkey.keys.verify(mintSecretOf(swapped, body))).ok).toBe(false)
      expect([await twinkey.keys.get(swapped), (await twinkey.keys.get(key.id))?.id]).toEqual([
        undefined,
        key.id,
      ])
    }
    opened.close()
  })

  it('A7: a secret appears only in the answer that creates it; afterwards only its last four characters are visible', async () => {
    const { keys } = createTwinkey()
    const { key, primary } = await keys.create(INPUT)
    const { secondary: secret } = await keys.renew(key.id, { slots: 'secondary' })
    const shown = JSON.stringify([
      await keys.get(key.id),
      await keys.list(),
      await keys.verify(primary),
    ])
    expect(
      [primary, secret].filter(
        (each) => shown.includes(each.slice(0, -4)) || shown.includes(partsOf(each).body),
      ),
    ).toEqual([])
    expect(await keys.get(key.id)).toMatchObject({
      primary: { hint: primary.slice(-4) },
      secondary: { hint: secret.slice(-4) },
    })
  })

  it('A8: no two records share an id or a secret: a taken id is not overwritten, and a secret is imported once', async () => {
    const { twinkey, spy } = createBench(FOREIGN)
    const { key } = await twinkey.keys.create(INPUT)
    const record = (await spy.inner.get(key.id)) as KeyRecord
    expect(await spy.inner.put({ ...record, name: 'other' }, undefined, undefined)).toBe('conflict')
    const primary = { secret: 'a-secret-of-another-system-0123456789', entropyBits: 128 }
    await twinkey.keys.import({ ...INPUT, primary })
    expect(await errorCodeOf(twinkey.keys.import({ ...INPUT, primary }))).toBe('secret_taken')
    expect(await errorCodeOf(twinkey.keys.import({ ...INPUT, primary, secondary: primary }))).toBe(
      'invalid_input',
    )
    for (const same of ['id', 'digest'] as const) {
      const secondary = { ...(record.secondary as StoredSecret), [same]: record.primary[same] }
      spy.override({ get: async () => ({ ...record, secondary }) })
      expect(await errorCodeOf(twinkey.keys.get(key.id)), same).toBe('store_malformed')
    }
  })

  it.each<[string, TwinkeyOptions, RegExp]>([
    ['a prefix', { prefixes: ['$PREFIX'] }, /begin with a letter/],
    ['an environment', { environments: ['$NODE_ENV'] }, /not filled in/],
    [
      'an issuer',
      { tokens: { issuer: '$ISSUER', audience: AUDIENCE } },
      /issuer looks like a variable/,
    ],
    [
      'an audience',
      { tokens: { issuer: ISSUER, audience: '\u0024{AUDIENCE}' } },
      /audience looks like a variable/,
    ],
    [
      'a pepper',
      { pepper: { current: 'p', keys: { p: '$PEPPER' as unknown as Uint8Array } } },
      /must be a Uint8Array/,
    ],
    [
      'a signing key',
      { tokens: { issuer: ISSUER, audience: AUDIENCE, signingKeys: ['$KEY' as never] } },
      /must be a JWK/,
    ],
    [
      'a part of a signing key',
      { tokens: { issuer: ISSUER, audience: AUDIENCE, signingKeys: [{ ...signingKey, d: '$D' }] } },
      /not base64url/,
    ],
  ])(
    'A9: %s that is a variable nobody filled in ends the start, and is never taken literally',
    (_, options, message) => {
      expect(() => createTwinkey(options)).toThrow(message)
    },
  )

  it.each<[string, object]>([
    ['a name of 129 characters', { name: 'x'.repeat(129) }],
    ['an empty name', { name: '' }],
    ['a name with NUL', { name: 'a\0' }],
    ['a name with a control', { name: 'a\u0085' }],
    ['a name with half a surrogate pair', { name: '\ud83d' }],
    ['an owner with half a surrogate pair', { owner: '\udd11' }],
    ['metadata of more than 4 KiB', { metadata: { a: 'x'.repeat(4096) } }],
    ['metadata six levels deep', { metadata: { a: [[[[[1]]]]] } }],
    ['metadata with __proto__', { metadata: JSON.parse('{"__proto__":{"admin":true}}') }],
    ['65 tenants', { scope: { tenants: Array.from({ length: 65 }, (_, i) => `t${i}`) } }],
    ['a workflow of 129 characters', { scope: { tenants: ['t'], workflows: ['x'.repeat(129)] } }],
  ])('A10: %s is refused; what is at the bound is taken', async (_, more) => {
    const { keys } = createTwinkey()
    expect(await errorCodeOf(keys.create({ ...INPUT, ...more } as never))).toBe('invalid_input')
    const names = Array.from({ length: 64 }, (_, i) => `${i}`.padEnd(128, 'x'))
    const metadata = { a: { b: { c: { d: {} } } }, text: 'x'.repeat(4000) }
    await keys.create({
      name: 'x'.repeat(128),
      scope: { tenants: names, workflows: names },
      metadata,
    })
  })

  it('A11: an expiry of null is never; one that is not a future time is refused, and never read as never', async () => {
    const { twinkey, clock } = createBench()
    for (const expiresAt of [
      0,
      -1,
      Number.NaN,
      Number.POSITIVE_INFINITY,
      1.5,
      '2030-01-01',
      '',
      false,
      [],
      8.64e15 + 1,
      clock.now(),
    ])
      expect(
        await errorCodeOf(twinkey.keys.create({ ...INPUT, expiresAt: expiresAt as number })),
        String(expiresAt),
      ).toBe('invalid_input')
    const never = await twinkey.keys.create({ ...INPUT, expiresAt: null })
    const soon = await twinkey.keys.create({ ...INPUT, expiresAt: clock.now() + 1 })
    for (const expiresAt of [0, 'never']) {
      expect(
        await errorCodeOf(twinkey.keys.update(soon.key.id, { expiresAt: expiresAt as number })),
      ).toBe('invalid_input')
    }
    expect((await twinkey.keys.verify(soon.primary)).ok).toBe(true)
    clock.advance(1)
    expect((await twinkey.keys.verify(soon.primary)).ok).toBe(false)
    clock.advance(100 * 365 * 86_400_000)
    expect((await twinkey.keys.verify(never.primary)).ok).toBe(true)
  })
})

/** A secret of these parts, with its checksum. */
function mintSecretOf(id: string, body: string): string {
  const wanted = `${id}${body}`
  // The alphabet of secrets is that of random bytes below 62.
  const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
  return mintSecret('tk', id, (bytes) =>
    bytes.map((_, i) => Math.max(0, alphabet.indexOf(wanted[16 + (i % 43)] ?? '0'))),
  )
}
