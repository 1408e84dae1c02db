import { memoryStore, type TwinkeyOptions } from 'twinkey'
import type { KeyRecord, KeyStore, StoredKey } from 'twinkey/store'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createBench } from '../../support/bench.ts'
import { anyTarget, byHeaders, codeOf, decidedNow, sent, verdict } from '../../support/sent.ts'

const INPUT = { name: 'n', owner: 'ada', scope: { tenants: ['t'], workflows: '*' } } as const
const HASH = 'A'.repeat(43)

async function createWithKey(options: TwinkeyOptions = {}) {
  const inner = memoryStore()
  const bench = createBench({ store: inner, ...options })
  const created = await bench.twinkey.keys.create(INPUT)
  const issued = await bench.twinkey.tokens.issue(created.primary)
  await bench.twinkey.close()
  bench.clock.advance(10_000)
  const record = (await inner.get(created.key.id)) as KeyRecord
  return { ...bench, ...created, token: issued.ok ? issued.token : '', inner, record }
}

/** The outcomes of all calls that take a credential, with the cache as it is. */
async function verdicts({ twinkey, primary, token }: Awaited<ReturnType<typeof createWithKey>>) {
  return [
    await verdict(twinkey, primary),
    await verdict(twinkey, token),
    codeOf(await twinkey.keys.verify(primary)),
    codeOf(await twinkey.tokens.verify(token)),
    codeOf(await twinkey.tokens.issue(primary)),
  ]
}
const UNAVAILABLE = Array.from({ length: 5 }, () => 'unavailable')
const LET_IN = Array.from({ length: 5 }, () => 'let in')

describe('a store that fails', () => {
  it.each<[string, KeyStore['get']]>([
    ['rejects', async () => Promise.reject(new Error('connection refused'))],
    [
      'throws',
      () => {
        throw new Error('no client')
      },
    ],
    ['rejects with nothing', () => Promise.reject(undefined)],
    ['rejects with a string', () => Promise.reject('down')],
  ])(
    'makes a request unavailable and never admits it, and is called anew each time: it %s',
    async (_, get) => {
      const bench = await createWithKey()
      bench.spy.override({ get })
      const before = bench.spy.calls.get
      expect(await verdicts(bench)).toEqual(UNAVAILABLE)
      expect(bench.spy.calls.get - before).toBe(5)
      bench.spy.override({})
      expect(await verdicts(bench)).toEqual(LET_IN)
    },
  )

  it('gives a time to retry, and an event with the error for the operator', async () => {
    const bench = await createWithKey()
    const error = new Error('connection refused')
    bench.spy.override({ get: () => Promise.reject(error) })
    const decision = await bench.twinkey.authenticate(
      sent({ credential: bench.primary }),
      anyTarget,
    )
    expect(decision).toMatchObject({
      ok: false,
      refusal: { code: 'unavailable', retryAfterSeconds: 2 },
    })
    expect(bench.events.slice(-2)).toMatchObject([
      { type: 'warning.store_unavailable', error: { code: 'store_unavailable', cause: error } },
      { type: 'access.refused', code: 'unavailable', reason: 'store_unavailable' },
    ])
  })

  it('does not make an optional guard admit the request', async () => {
    const bench = await createWithKey()
    bench.spy.override({ get: () => Promise.reject(new Error('down')) })
    const decision = await bench.twinkey.authenticate(sent({ credential: bench.primary }), {
      ...anyTarget,
      optional: true,
    })
    expect(decision.ok).toBe(false)
  })

  it('does not affect a key that is cached, up to the maximum age', async () => {
    const bench = await createWithKey()
    expect(await verdict(bench.twinkey, bench.primary)).toBe('let in')
    bench.spy.override({ get: () => Promise.reject(new Error('down')) })
    bench.clock.advance(4999)
    expect(await verdict(bench.twinkey, bench.primary)).toBe('let in')
    bench.clock.advance(1)
    expect(await verdict(bench.twinkey, bench.primary)).toBe('unavailable')
  })
})

describe('a store that hangs', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }))
  afterEach(() => void vi.useRealTimers())

  it('makes a request unavailable at the deadline, and not before', async () => {
    const bench = await createWithKey({ deadlineSeconds: 3 })
    bench.spy.override({ get: () => new Promise(() => {}) })
    let answer: string | undefined
    const waiting = verdict(bench.twinkey, bench.primary).then((code) => {
      answer = code
    })
    await vi.advanceTimersByTimeAsync(2999)
    expect(answer).toBeUndefined()
    await vi.advanceTimersByTimeAsync(1)
    await waiting
    expect(answer).toBe('unavailable')
  })

  it('leaves no timer behind if it answers in time', async () => {
    const bench = await createWithKey()
    expect(await verdicts(bench)).toEqual(LET_IN)
    await bench.twinkey.close()
    expect(vi.getTimerCount()).toBe(0)
  })

  it('does not fill the cache with an answer after the deadline', async () => {
    const bench = await createWithKey()
    let answer: (record: StoredKey) => void = () => {}
    bench.spy.override({
      get: () =>
        new Promise((resolve) => {
          answer = resolve
        }),
    })
    const waiting = verdict(bench.twinkey, bench.primary)
    await vi.advanceTimersByTimeAsync(2000)
    expect(await waiting).toBe('unavailable')
    answer(bench.record)
    await vi.advanceTimersByTimeAsync(0)
    expect(
      decidedNow(bench.twinkey, sent({ credential: bench.primary }), anyTarget),
    ).toBeUndefined()
  })

  it('causes no unhandled rejection if it rejects after the deadline', async () => {
    const bench = await createWithKey()
    const unhandled = vi.fn()
    process.on('unhandledRejection', unhandled)
    let fail: (error: Error) => void = () => {}
    bench.spy.override({
      get: () =>
        new Promise((_, reject) => {
          fail = reject
        }),
    })
    const waiting = verdict(bench.twinkey, bench.primary)
    await vi.advanceTimersByTimeAsync(2000)
    await waiting
    fail(new Error('late'))
    await new Promise((resolve) => setImmediate(resolve))
    process.off('unhandledRejection', unhandled)
    expect(unhandled).not.toHaveBeenCalled()
  })
})

describe('a store that returns malformed data', () => {
  type Change = (record: KeyRecord) => unknown
  const without =
    (name: keyof KeyRecord): Change =>
    (record) =>
      Object.fromEntries(Object.entries(record).filter(([each]) => each !== name))
  const slot =
    (change: object): Change =>
    (record) => ({ ...record, primary: { ...record.primary, ...change } })
  const formatOne = ({ format: _, ...record }: KeyRecord, enabled: unknown) => ({
    ...record,
    enabled,
  })
  const members = [
    'kind',
    'format',
    'id',
    'version',
    'revision',
    'name',
    'owner',
    'metadata',
    'scope',
    'tokens',
    'limits',
    'networks',
    'disabledBy',
    'createdAt',
    'updatedAt',
    'expiresAt',
    'revokedAt',
    'primary',
    'secondary',
    'revokedTokens',
    'lastUsedAt',
  ] as const

  it.each<[string, Change]>([
    ...members.map((name): [string, Change] => [`without ${name}`, without(name)]),
    ...members.map((name): [string, Change] => [
      `with ${name} of another type`,
      (record) => ({ ...record, [name]: [1] }),
    ]),
    ['null', () => null],
    ['a string', (record) => JSON.stringify(record)],
    ['a list of one record', (record) => [record]],
    ['an empty object', () => ({})],
    ['the record of another id', (record) => ({ ...record, id: 'another0id000000' })],
    [
      'a record with a prototype of its own',
      (record) => Object.assign(Object.create({ admin: true }), record),
    ],
    [
      'an id in another case',
      (record) => ({
        ...record,
        id: record.id.replace(/[a-z]/i, (c) => (c < 'a' ? c.toLowerCase() : c.toUpperCase())),
      }),
    ],
    ['a later format', (record) => ({ ...record, format: 3 })],
    ['a format as digits', (record) => ({ ...record, format: '2' })],
    ['an enabled of 1', (record) => formatOne(record, 1)],
    ['an enabled of "false"', (record) => formatOne(record, 'false')],
    ['a disabledBy of false', (record) => ({ ...record, disabledBy: false })],
    ['a scope as a string', (record) => ({ ...record, scope: '*' })],
    ['a scope as JSON text', (record) => ({ ...record, scope: JSON.stringify(record.scope) })],
    [
      'a scope with an axis as a string',
      (record) => ({ ...record, scope: { ...record.scope, tenants: 't' } }),
    ],
    [
      'a scope with an axis missing',
      (record) => ({ ...record, scope: { tenants: ['t'], environments: '*' } }),
    ],
    [
      'a scope with a star among names',
      (record) => ({ ...record, scope: { ...record.scope, tenants: ['t', '*'] } }),
    ],
    ['a scope with null', (record) => ({ ...record, scope: { ...record.scope, workflows: null } })],
    ['revokedAt as text', (record) => ({ ...record, revokedAt: '2026-01-01' })],
    ['revokedAt as a date', (record) => ({ ...record, revokedAt: new Date() })],
    ['revokedAt undefined', (record) => ({ ...record, revokedAt: undefined })],
    ['expiresAt NaN', (record) => ({ ...record, expiresAt: Number.NaN })],
    ['expiresAt Infinity', (record) => ({ ...record, expiresAt: Number.POSITIVE_INFINITY })],
    ['expiresAt 0', (record) => ({ ...record, expiresAt: 0 })],
    ['expiresAt as digits', (record) => ({ ...record, expiresAt: '99999999999999' })],
    ['a version of 0', (record) => ({ ...record, version: 0 })],
    ['a version as digits', (record) => ({ ...record, version: String(record.version) })],
    ['a secondary undefined', (record) => ({ ...record, secondary: undefined })],
    ['an empty digest', slot({ digest: '' })],
    ['a digest without algorithm', slot({ digest: HASH })],
    ['a digest cut off', slot({ digest: `sha-256:${HASH.slice(1)}` })],
    ['a digest of an unknown algorithm', slot({ digest: `md5:${HASH}` })],
    ['a digest with padding', slot({ digest: `sha-256:${HASH}=` })],
    ['a digest as bytes', slot({ digest: new Uint8Array(32) })],
    ['a slot without expiry', slot({ expiresAt: undefined })],
    ['a slot that expires at 0', slot({ expiresAt: 0 })],
    ['a slot without id', slot({ id: undefined })],
    [
      'a last use as text',
      (record) => ({ ...record, lastUsedAt: { [record.primary.id]: 'today' } }),
    ],
    ['an alias of itself', ({ id, version }) => ({ kind: 'alias', id, version })],
    ['metadata as JSON text', (record) => ({ ...record, metadata: '{}' })],
    [
      'metadata with an own __proto__',
      (record) => ({ ...record, metadata: JSON.parse('{"__proto__":{}}') }),
    ],
    ['an owner of ""', (record) => ({ ...record, owner: '' })],
  ])('makes a request unavailable, never admits it and caches nothing: %s', async (_, change) => {
    const bench = await createWithKey()
    bench.spy.override({ get: async () => change(bench.record) as StoredKey })
    expect(await verdicts(bench)).toEqual(UNAVAILABLE)
    await expect(bench.twinkey.keys.get(bench.key.id)).rejects.toMatchObject({
      code: 'store_malformed',
    })
    bench.spy.override({})
    expect(await verdicts(bench)).toEqual(LET_IN)
  })

  it.each<[string, unknown]>([
    ['null', null],
    ['a list', []],
    ['no keys', {}],
    ['keys of another type', { keys: 'x' }],
    ['an alias', { keys: [{ kind: 'alias', id: 'a', version: 1, keyId: 'b' }] }],
    ['half a record', { keys: [{ kind: 'key', id: 'a' }] }],
    ['next of another type', { keys: [], next: 5 }],
    ['next of null', { keys: [], next: null }],
    ['next of the pre-release', { keys: [], next: 'text' }],
    ['next without an id', { keys: [], next: { at: 1 } }],
    ['next before 1970', { keys: [], next: { at: -1, id: 'a' } }],
    ['next with an id that is none', { keys: [], next: { at: 1, id: 'a b' } }],
  ])('makes list reject: %s', async (_, page) => {
    const bench = await createWithKey()
    bench.spy.override({ list: async () => page as never })
    await expect(bench.twinkey.keys.list()).rejects.toMatchObject({ code: 'store_malformed' })
    await expect(bench.twinkey.keys.revokeAll({ owner: 'ada' })).rejects.toMatchObject({
      code: 'store_malformed',
    })
  })

  it('may return a record without a prototype, or with unknown members', async () => {
    const bench = await createWithKey()
    bench.spy.override({
      get: async () => Object.assign(Object.create(null), bench.record, { rowid: 7 }),
    })
    expect(await verdicts(bench)).toEqual(LET_IN)
  })
})

describe('a pepper that is not configured', () => {
  it('makes a request unavailable, not credential_invalid, for a right and a wrong secret', async () => {
    const store = memoryStore()
    const [a, b] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)]
    const before = createBench({ store, pepper: { current: 'a', keys: { a } } })
    const { primary, secondary, key } = await before.twinkey.keys.create(INPUT)
    const after = createBench({ store, pepper: { current: 'b', keys: { b } } })
    const without = createBench({ store })
    for (const { twinkey, events } of [after, without]) {
      expect([
        await verdict(twinkey, primary),
        await verdict(twinkey, secondary as string),
      ]).toEqual(['unavailable', 'unavailable'])
      expect(events.at(-1)).toMatchObject({ reason: 'pepper_missing', keyId: key.id })
      expect(codeOf(await twinkey.keys.verify(primary))).toBe('unavailable')
      expect(codeOf(await twinkey.tokens.issue(primary))).toBe('unavailable')
    }
    const { primary: secret } = await after.twinkey.keys.renew(key.id, { slots: 'primary' })
    expect(
      codeOf(
        await after.twinkey.authenticate(sent({ credential: secret, tenant: 't' }), byHeaders),
      ),
    ).toBe('let in')
    expect(await verdict(after.twinkey, secondary as string)).toBe('unavailable')
  })
})
