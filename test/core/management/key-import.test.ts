import { createHash, createHmac } from 'node:crypto'
import { inspect } from 'node:util'
import { type ImportKeyInput, isTwinkeyError, memoryStore } from 'twinkey'
import { describe, expect, it } from 'vitest'
import {
  both,
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
import { createBench } from '../../support/bench.ts'
import { errorCodeOf } from '../../support/faults.ts'
import { racingStore, seeded } from '../../support/racing-store.ts'
import { verdict } from '../../support/sent.ts'

const as = (value: unknown) => value as ImportKeyInput['primary']

describe('an import takes a secret of another system', () => {
  const digests = ['hex', 'base64', 'base64url'] as const

  it.each(digests)('by its SHA-256 in %s', async (encoding) => {
    const bench = importBench()
    const digest = createHash('sha256').update(FIRST).digest(encoding)
    await bench.twinkey.keys.import(
      input({ primary: { digest, encoding, algorithm: 'sha-256', entropyBits: 190, hint: '/=' } }),
    )
    expect(await slotIn(bench, FIRST)).toBe('primary')
    expect(await slotIn(bench, SECOND)).toBe('credential_invalid')
  })

  it.each(digests)('by its HMAC in %s', async (encoding) => {
    const bench = importBench({ pepper, importedSecrets: [HMAC] })
    const digest = createHmac('sha256', LEGACY).update(FIRST).digest(encoding)
    const primary = {
      digest,
      encoding,
      algorithm: 'hmac-sha-256',
      pepper: 'legacy',
      entropyBits: 190,
    } as const
    await bench.twinkey.keys.import(input({ primary }))
    expect(await slotIn(bench, FIRST)).toBe('primary')
    expect(await slotIn(bench, SECOND)).toBe('credential_invalid')
  })

  it('by hex in capitals', async () => {
    const bench = importBench()
    const digest = createHash('sha256').update(FIRST).digest('hex').toUpperCase()
    await bench.twinkey.keys.import(
      input({ primary: { digest, encoding: 'hex', algorithm: 'sha-256', entropyBits: 190 } }),
    )
    expect(await slotIn(bench, FIRST)).toBe('primary')
  })

  it('by itself, and shows its last four characters', async () => {
    const bench = importBench()
    const key = await bench.twinkey.keys.import(input())
    expect(key).toMatchObject({
      name: 'moved',
      owner: 'ada',
      state: 'active',
      secondary: null,
      primary: { hint: 'F+/=', expiresAt: null },
    })
    expect(await slotIn(bench, FIRST)).toBe('primary')
  })

  it('with a second secret for the same key', async () => {
    const bench = importBench()
    const key = await bench.twinkey.keys.import(both())
    expect([await slotIn(bench, FIRST), await slotIn(bench, SECOND)]).toEqual([
      'primary',
      'secondary',
    ])
    expect((await bench.twinkey.keys.list()).keys.map(({ id }) => id)).toEqual([key.id])
  })

  it('and a second one, digested by another algorithm, for the same key', async () => {
    const bench = importBench({ pepper, importedSecrets: [PLAIN, HMAC] })
    const digest = createHmac('sha256', LEGACY).update(SECOND).digest('hex')
    const secondary = {
      digest,
      encoding: 'hex',
      algorithm: 'hmac-sha-256',
      pepper: 'legacy',
      entropyBits: 190,
    } as const
    await bench.twinkey.keys.import(input({ secondary }))
    expect([await slotIn(bench, FIRST), await slotIn(bench, SECOND)]).toEqual([
      'primary',
      'secondary',
    ])
  })

  it('that is accepted at once, even right after a refusal', async () => {
    const bench = importBench()
    expect(await slotIn(bench, FIRST)).toBe('credential_invalid')
    await bench.twinkey.keys.import(input())
    expect(await slotIn(bench, FIRST)).toBe('primary')
  })

  it('with an expiry of its own', async () => {
    const bench = importBench()
    await bench.twinkey.keys.import(
      input({ primary: { secret: FIRST, entropyBits: 190, expiresAt: bench.clock.now() + 1000 } }),
    )
    expect(await slotIn(bench, FIRST)).toBe('primary')
    bench.clock.advance(1000)
    expect(await slotIn(bench, FIRST)).toBe('credential_invalid')
  })
})

describe('an import is refused', () => {
  const digest = { digest: '0'.repeat(64), encoding: 'hex', algorithm: 'sha-256', entropyBits: 190 }
  const secret = { secret: FIRST, entropyBits: 190 }

  it.each([
    [
      'weak entropy',
      { ...secret, entropyBits: 111 },
      /primary must state entropyBits of at least 112: a weaker secret can be guessed/,
    ],
    ['weak entropy of a digest', { ...digest, entropyBits: 64 }, /at least 112/],
    ['no entropy stated', { secret: FIRST }, /at least 112/],
    ['entropy that is no number', { ...secret, entropyBits: Number.NaN }, /at least 112/],
    [
      'more entropy than its characters hold',
      { ...secret, entropyBits: 300 },
      /too short to have that many entropyBits/,
    ],
    [
      'a secret of 15 characters',
      { secret: 'x'.repeat(15), entropyBits: 112 },
      /16 to 256 visible ASCII/,
    ],
    ['a secret with a comma', { secret: `${FIRST},`, entropyBits: 190 }, /without a comma/],
    ['a secret beyond ASCII', { secret: `${FIRST}é`, entropyBits: 190 }, /visible ASCII/],
    [
      'a secret with a prefix of this Twinkey',
      { secret: `tk_${FIRST}`, entropyBits: 190 },
      /begins with one of `prefixes`/,
    ],
    [
      'a secret shorter than importedSecrets says',
      { secret: FIRST.slice(0, 31), entropyBits: 112 },
      /never be looked up/,
    ],
    [
      'a secret longer than importedSecrets says',
      { secret: FIRST.repeat(2), entropyBits: 190 },
      /never be looked up/,
    ],
    [
      'an algorithm that is not looked up',
      { ...digest, algorithm: 'hmac-sha-256', pepper: 'legacy' },
      /never be looked up/,
    ],
    [
      'a pepper that is not configured',
      { ...digest, algorithm: 'hmac-sha-256', pepper: 'other' },
      /pepper must name one of pepper.keys/,
    ],
    ['an unknown algorithm', { ...digest, algorithm: 'md5' }, /algorithm must be/],
    ['a digest that is too short', { ...digest, digest: '0'.repeat(62) }, /must be 32 bytes/],
    ['a digest in another encoding', { ...digest, encoding: 'base64' }, /must be 32 bytes/],
    ['a digest that is no text', { ...digest, digest: 7 }, /must be 32 bytes/],
    ['a hint of five characters', { ...digest, hint: 'abcde' }, /at most four/],
    ['an expiry that is no time', { ...secret, expiresAt: 1.5 }, /expiresAt/],
    ['an unknown member of a digest', { ...digest, expires: 1 }, /cannot have "expires"/],
    ['an unknown member of a secret', { ...secret, expires: 1 }, /cannot have "expires"/],
    ['a secret and a digest at once', { ...digest, ...secret }, /cannot have "digest"/],
    ['nothing', undefined, /must be an object/],
    ['a bare string', FIRST, /must be an object/],
  ])('for %s', async (_name, primary, message) => {
    const { twinkey, spy } = importBench({ pepper })
    const error = await twinkey.keys
      .import(input({ primary: as(primary) }))
      .catch((reason: unknown) => reason)
    if (!isTwinkeyError(error)) throw error
    expect(error.code).toBe('invalid_input')
    expect(error.message).toMatch(message)
    expect(inspect(error)).not.toContain(FIRST)
    expect(spy.calls.put).toBe(0)
  })

  it('without importedSecrets, with what to do', async () => {
    const { twinkey, spy } = createBench()
    await expect(twinkey.keys.import(input())).rejects.toThrow(
      /add an entry to the option `importedSecrets`/,
    )
    expect(spy.calls.put).toBe(0)
  })

  it('for one secret in both slots', async () => {
    const { twinkey, spy } = importBench()
    expect(
      await errorCodeOf(
        twinkey.keys.import(input({ secondary: { secret: FIRST, entropyBits: 190 } })),
      ),
    ).toBe('invalid_input')
    expect(spy.calls.put).toBe(0)
  })

  it('for an input that is not an object', async () => {
    const { twinkey } = importBench()
    for (const none of [undefined, null, 'x'])
      expect(await errorCodeOf(() => twinkey.keys.import(none as unknown as ImportKeyInput))).toBe(
        'invalid_input',
      )
  })
})

describe('a secret belongs to only one key', () => {
  it('so importing it again is secret_taken, in either slot', async () => {
    const bench = importBench()
    const key = await bench.twinkey.keys.import(both())
    for (const again of [FIRST, SECOND]) {
      expect(
        await errorCodeOf(
          bench.twinkey.keys.import(input({ primary: { secret: again, entropyBits: 190 } })),
        ),
      ).toBe('secret_taken')
    }
    expect((await bench.twinkey.keys.list()).keys.map(({ id }) => id)).toEqual([key.id])
    expect([await slotIn(bench, FIRST), await slotIn(bench, SECOND)]).toEqual([
      'primary',
      'secondary',
    ])
  })

  it('and an import refused for its secondary leaves its primary free', async () => {
    const bench = importBench()
    await bench.twinkey.keys.import(input())
    const losing = input({
      primary: { secret: SECOND, entropyBits: 190 },
      secondary: { secret: FIRST, entropyBits: 190 },
    })
    expect(await errorCodeOf(bench.twinkey.keys.import(losing))).toBe('secret_taken')
    expect(await slotIn(bench, SECOND)).toBe('credential_invalid')
    await bench.twinkey.keys.import(input({ primary: { secret: SECOND, entropyBits: 190 } }))
    expect(await slotIn(bench, SECOND)).toBe('primary')
  })

  it('and exactly one of three racing imports wins, and its key verifies', async () => {
    for (let seed = 1; seed <= 200; seed++) {
      const inner = memoryStore()
      const bench = importBench({ store: racingStore(inner, seeded(seed)) })
      const nodes = [bench.twinkey, bench.another(), bench.another()]
      const outcomes = await Promise.allSettled(
        nodes.map(({ keys }, node) => keys.import(input({ name: `node ${node}` }))),
      )
      const winners = outcomes.flatMap((outcome) =>
        outcome.status === 'fulfilled' ? [outcome.value.id] : [],
      )
      const lost = outcomes.flatMap((outcome) =>
        outcome.status === 'rejected' ? [outcome.reason.code] : [],
      )
      const reader = importBench({ store: inner }).twinkey
      const verified = await reader.keys.verify(FIRST)
      const listed = (await reader.keys.list()).keys.map(({ id }) => id)
      expect({ seed, winners, lost, listed }).toEqual({
        seed,
        winners: [verified.ok && verified.key.id],
        lost: ['secret_taken', 'secret_taken'],
        listed: winners,
      })
    }
  })

  it.each([1, 2, 3])(
    'and an import interrupted at its write %i can be repeated',
    async (failing) => {
      const bench = importBench()
      let puts = 0
      const down = async () => {
        throw new Error('connection lost')
      }
      bench.spy.override({
        async put(next, expectedVersion, entry) {
          if (++puts < failing) return bench.spy.inner.put(next, expectedVersion, entry)
          bench.spy.override({ get: down, put: down })
          throw new Error('connection lost')
        },
      })
      expect(['outcome_unknown', 'store_unavailable']).toContain(
        await errorCodeOf(bench.twinkey.keys.import(both())),
      )
      bench.spy.override({})
      bench.clock.advance(1000)
      expect(await slotIn(bench, FIRST)).toBe('credential_invalid')
      const key = await bench.twinkey.keys.import(both())
      expect([await slotIn(bench, FIRST), await slotIn(bench, SECOND)]).toEqual([
        'primary',
        'secondary',
      ])
      expect((await bench.twinkey.keys.list()).keys.map(({ id }) => id)).toEqual([key.id])
    },
  )
})

it('an import whose key is written never reports that nothing was written, whatever later store calls reject with', async () => {
  const bench = importBench()
  const notWritten = () =>
    Promise.reject(Object.assign(new Error('no connection'), { code: 'not_written' }))
  let puts = 0
  // Two aliases and the key.
  bench.spy.override({
    put: (next, expectedVersion, entry) =>
      ++puts <= 3 ? bench.spy.inner.put(next, expectedVersion, entry) : notWritten(),
  })
  expect(await errorCodeOf(bench.twinkey.keys.import(both()))).toBe('outcome_unknown')
  expect(await slotIn(bench, FIRST)).toBe('primary')
})

describe('the lookup of an imported secret', () => {
  it('is skipped for a text with a configured prefix: 0 store calls', async () => {
    const { twinkey, spy } = importBench({ prefixes: ['acme', 'fw'] })
    for (const text of [
      `acme_${'x'.repeat(40)}`,
      `acme_${'x'.repeat(65)}`,
      FIRST,
      `fw_${'x'.repeat(65)}`,
    ]) {
      expect(await verdict(twinkey, text)).toBe('credential_invalid')
    }
    expect(spy.calls.get).toBe(0)
  })

  it.each([
    [31, 0],
    [32, 1],
    [64, 1],
    [65, 0],
    [255, 0],
    [300, 0],
  ])('for %i characters makes %i store calls', async (length, reads) => {
    const { twinkey, spy } = importBench()
    expect(await verdict(twinkey, 'x'.repeat(length))).toBe('credential_invalid')
    expect(spy.calls.get).toBe(reads)
  })

  it('is skipped without importedSecrets', async () => {
    const { twinkey, spy } = createBench()
    expect(await verdict(twinkey, FIRST)).toBe('credential_invalid')
    expect(spy.calls.get).toBe(0)
  })

  it('costs at most one store read per second for an unknown secret', async () => {
    const { twinkey, spy, clock } = importBench()
    for (let second = 1; second <= 5; second++) {
      await Promise.all(Array.from({ length: 20 }, () => verdict(twinkey, FIRST)))
      for (let call = 0; call < 20; call++)
        expect(await verdict(twinkey, FIRST)).toBe('credential_invalid')
      expect(spy.calls.get).toBe(second)
      clock.advance(1000)
    }
  })

  it('costs no store read for a cached secret', async () => {
    const bench = importBench()
    await bench.twinkey.keys.import(input())
    await verdict(bench.twinkey, FIRST)
    const reads = bench.spy.calls.get
    for (let call = 0; call < 20; call++) expect(await verdict(bench.twinkey, FIRST)).toBe('let in')
    expect(bench.spy.calls.get).toBe(reads)
  })
})
