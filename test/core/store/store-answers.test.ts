import { inspect } from 'node:util'
import { memoryStore } from 'twinkey'
import type { AliasRecord, KeyRecord, KeyStore } from 'twinkey/store'
import { describe, expect, it, test } from 'vitest'
import { FIRST, importBench, input } from '../../clients/imported.ts'
import { errorCodeOf } from '../../support/faults.ts'
import { settled } from '../../support/gate.ts'
import { readOnce } from '../../support/read-once.ts'
import { verdict } from '../../support/sent.ts'

const store = memoryStore()
const seed = importBench({ store })
const { id } = await seed.twinkey.keys.import(input({ metadata: { list: ['a'], deep: { er: 1 } } }))
const record = (await store.get(id)) as KeyRecord
const ours = await seed.twinkey.keys.create({
  name: 'n',
  scope: { tenants: ['t'], workflows: ['w'] },
})
const own = (await store.get(ours.key.id)) as KeyRecord
const LEAK = record.primary.digest
const REDACTED = LEAK.slice(-43)

const thrower = () => {
  throw new Error(`cannot read the row of ${LEAK}`)
}

/** The same object, with a getter in place of one member. */
function withGetter<T extends object>(value: T, member: string, get: () => unknown): T {
  return Object.defineProperty(Array.isArray(value) ? [...value] : { ...value }, member, {
    get,
    enumerable: true,
    configurable: true,
  }) as T
}

const members = Object.keys(record).filter((member) => member !== 'kind')
/** Records that throw when a part of them is read. */
const broken: [string, (of: KeyRecord) => unknown][] = [
  ...members.map((member): [string, (of: KeyRecord) => unknown] => [
    `its ${member}`,
    (of) => withGetter(of, member, thrower),
  ]),
  ['its kind', (of) => withGetter(of, 'kind', thrower)],
  ...Object.keys(record.primary).map((member): [string, (of: KeyRecord) => unknown] => [
    `the ${member} of its primary`,
    (of) => ({ ...of, primary: withGetter(of.primary, member, thrower) }),
  ]),
  [
    'the tenants of its scope',
    (of) => ({ ...of, scope: withGetter(of.scope, 'tenants', thrower) }),
  ],
  [
    'a name in its scope',
    (of) => ({ ...of, scope: { ...of.scope, tenants: withGetter(['t'], '0', thrower) } }),
  ],
  ['its metadata', (of) => ({ ...of, metadata: withGetter({}, 'a', thrower) })],
  [
    'a list deep in its metadata',
    (of) => ({ ...of, metadata: { a: [{ b: withGetter(['x'], '0', thrower) }] } }),
  ],
  ['one of its last uses', (of) => ({ ...of, lastUsedAt: withGetter({}, of.primary.id, thrower) })],
  ['which members it has', (of) => new Proxy(of, { ownKeys: thrower, has: thrower })],
  ['what it is', (of) => new Proxy(of, { getPrototypeOf: thrower })],
  [
    'what its scope is',
    (of) => ({ ...of, scope: new Proxy(of.scope, { getPrototypeOf: thrower }) }),
  ],
  [
    'anything of it',
    (of) =>
      new Proxy(of, {
        get: (target, name) =>
          name === 'then' ? undefined : Reflect.get(target, name) && thrower(),
      }),
  ],
]

/** A bench over the seeded store, whose `get` and `list` return each key after `change`. */
function benchOf(change: (of: KeyRecord) => unknown) {
  const bench = importBench({ store })
  const changed = <T>(found: T): T =>
    (found as KeyRecord | undefined)?.kind === 'key' ? (change(found as KeyRecord) as T) : found
  bench.spy.override({
    get: async (wanted) => changed(await store.get(wanted)),
    list: async (query) => {
      const { keys, next } = await store.list(query)
      return { keys: keys.map(changed), next }
    },
  })
  return bench
}

function expectNoLeak(...told: unknown[]): void {
  for (const each of told)
    expect(inspect(each, { depth: 20, showHidden: true, getters: true })).not.toContain(REDACTED)
}

describe.each(broken)('if a record of a store throws while %s is read', (_what, change) => {
  it('every management call is store_malformed, and repeats nothing of the error', async () => {
    const { twinkey } = benchOf(change)
    const { keys } = twinkey
    for (const call of [
      () => keys.get(id),
      () => keys.list(),
      () => keys.update(id, { name: 'other' }),
      () => keys.revoke(id),
      () => keys.disable(id),
      () => keys.enable(id),
      () => keys.renew(id, { slots: 'primary' }),
      () => keys.rotate(id),
      () => keys.delete(id),
      () => keys.revokeAll({ owner: 'ada' }),
      () => keys.import(input()),
    ]) {
      const thrown = await call().then(
        () => expect.fail('it did not reject'),
        (error: unknown) => error,
      )
      expect(thrown).toMatchObject({ name: 'TwinkeyError', code: 'store_malformed' })
      expectNoLeak(thrown)
    }
  })

  it('a request is unavailable, and the event holds only the TwinkeyError', async () => {
    const { twinkey, events } = benchOf(change)
    for (const secret of [FIRST, ours.primary]) {
      expect(await verdict(twinkey, secret)).toBe('unavailable')
      expect(events.at(-2)).toMatchObject({
        type: 'warning.store_unavailable',
        error: { name: 'TwinkeyError', code: 'store_malformed' },
      })
    }
    expectNoLeak(events)
  })
})

describe('an alias from a store', () => {
  const alias: AliasRecord = { kind: 'alias', id: 'a', version: 1, keyId: id }

  it.each(['kind', 'id', 'version', 'keyId'])(
    'that throws while its %s is read is store_malformed',
    async (member) => {
      const bench = importBench({ store })
      bench.spy.override({
        get: async (wanted) => withGetter({ ...alias, id: wanted }, member, thrower),
      })
      expect(await verdict(bench.twinkey, FIRST)).toBe('unavailable')
      expect(bench.events.at(-2)).toMatchObject({
        type: 'warning.store_unavailable',
        error: { code: 'store_malformed' },
      })
      expect(await errorCodeOf(bench.twinkey.keys.import(input()))).toBe('store_malformed')
      expectNoLeak(bench.events)
    },
  )
})

describe('a page from a store', () => {
  it.each<[string, () => unknown]>([
    ['its keys', () => withGetter({ keys: [], next: undefined }, 'keys', thrower)],
    ['its next', () => withGetter({ keys: [], next: undefined }, 'next', thrower)],
    ['one of its keys', () => ({ keys: withGetter([record], '0', thrower) })],
    [
      'how many keys it has',
      () => ({
        keys: new Proxy([], { get: (_, name) => (name === 'length' ? thrower() : undefined) }),
      }),
    ],
    [
      'anything of it',
      () => new Proxy({}, { get: (_, name) => (name === 'then' ? undefined : thrower()) }),
    ],
  ])('that throws while %s is read is store_malformed', async (_what, page) => {
    const { twinkey, spy } = importBench({ store })
    spy.override({ list: async () => page() as never })
    for (const call of [
      () => twinkey.keys.list(),
      () => twinkey.keys.revokeAll({ owner: 'ada' }),
    ]) {
      const thrown = await call().catch((error: unknown) => error)
      expect(thrown).toMatchObject({ name: 'TwinkeyError', code: 'store_malformed' })
      expectNoLeak(thrown)
    }
  })
})

describe('a record with a `then` member', () => {
  // Each promise that resolves to the record reads `then` again.
  it.each([1, 2, 3, 4, 5])(
    'that throws at read %i of `then` causes a TwinkeyError without anything of the thrown error',
    async (time) => {
      for (const call of ['get', 'list'] as const) {
        const { twinkey, spy } = importBench({ store })
        let asked = 0
        const answer = withGetter(
          call === 'get' ? { ...record } : { keys: [record] },
          'then',
          () => (++asked === time ? thrower() : undefined),
        )
        spy.override({ [call]: async () => answer } as Partial<KeyStore>)
        const thrown = await (call === 'get' ? twinkey.keys.get(id) : twinkey.keys.list()).catch(
          (error: unknown) => error,
        )
        if (thrown instanceof Error) expect(thrown).toMatchObject({ name: 'TwinkeyError' })
        expectNoLeak(thrown)
      }
    },
  )

  it('that resolves to another record is read as that record', async () => {
    const { twinkey, spy } = importBench({ store })
    spy.override({
      get: () =>
        // biome-ignore lint/suspicious/noThenProperty: a store may answer a promise of its own kind.
        ({ then: (resolve: (value: unknown) => void) => resolve(record) }) as never,
    })
    expect(await twinkey.keys.get(id)).toMatchObject({ id })
  })
})

describe.each(['put', 'delete', 'recordUse'] as const)('the answer of a store to %s', (method) => {
  it('does not leak the error if reading it throws', async () => {
    for (let time = 1; time <= 4; time++) {
      const { twinkey, spy, events } = importBench({ store: memoryStore() })
      const { key, primary } = await twinkey.keys.create({
        name: 'n',
        scope: { tenants: ['t'], workflows: '*' },
      })
      let asked = 0
      const answer = withGetter({}, 'then', () => (++asked === time ? thrower() : undefined))
      spy.override({ [method]: async () => answer } as Partial<KeyStore>)
      const calls = {
        put: () => twinkey.keys.disable(key.id),
        delete: () => twinkey.keys.delete(key.id),
        recordUse: () => verdict(twinkey, primary),
      }
      const outcome = await calls[method]().catch((error: unknown) => error)
      await settled()
      if (method === 'recordUse') expect(outcome).toBe('let in')
      else expect(outcome).toMatchObject({ name: 'TwinkeyError', code: 'outcome_unknown' })
      expectNoLeak(outcome, events)
    }
  })
})

test('an unreadable notification from a store means that any key may have changed', async () => {
  let changed: Parameters<NonNullable<KeyStore['watch']>>[0] = () => {}
  const watched: KeyStore = {
    ...store,
    watch: async (told) => {
      changed = told
      return 'no function' as never
    },
  }
  const bench = importBench({ store })
  const twinkey = bench.another({ store: watched })
  expect(await verdict(twinkey, ours.primary)).toBe('let in')
  changed(withGetter({}, 'id', thrower) as never)
  changed(new Proxy({}, { get: thrower, getPrototypeOf: thrower }) as never)
  expect(await verdict(twinkey, ours.primary)).toBe('let in')
  await twinkey.close()
  expectNoLeak(bench.events)
})

test.each<[string, unknown]>([
  ['a function', Object.assign(() => {}, { digest: LEAK })],
  ['a symbol', Symbol(LEAK)],
  ['an object that cannot be read', new Proxy({}, { get: thrower, getPrototypeOf: thrower })],
])(
  'a feed that fails with %s is reported without the content of that value',
  async (_what, thrown) => {
    const bench = importBench({ store })
    const twinkey = bench.another({ store: { ...store, watch: () => Promise.reject(thrown) } })
    await twinkey.keys.list()
    expect(bench.events.some(({ type }) => type === 'warning.store_unavailable')).toBe(true)
    expectNoLeak(bench.events)
  },
)

describe('each member of a record is read once, and the first value counts,', () => {
  it('in get and list', async () => {
    const bench = importBench({ store })
    bench.spy.override({
      get: async (wanted) => readOnce(await store.get(wanted)),
      list: async (query) => readOnce(await store.list(query)),
    })
    expect(await bench.twinkey.keys.get(id)).toMatchObject({
      id,
      metadata: { list: ['a'], deep: { er: 1 } },
    })
    expect((await bench.twinkey.keys.list({ owner: 'ada' })).keys).toMatchObject([{ id }])
    expect(await verdict(bench.twinkey, FIRST)).toBe('let in')
    expect(await verdict(bench.twinkey, ours.primary)).toBe('let in')
  })

  it('so a key that reads as revoked only once is revoked, and a scope that widens later stays narrow', async () => {
    let reads = 0
    const bench = importBench({ store })
    const flipping = withGetter({ ...own }, 'revokedAt', () => (reads++ === 0 ? 1 : null))
    bench.spy.override({ get: async () => flipping })
    expect(await verdict(bench.twinkey, ours.primary)).toBe('credential_invalid')

    for (let narrow = 1; narrow <= 8; narrow++) {
      let asked = 0
      const scope = withGetter({ ...own.scope }, 'tenants', () => (++asked <= narrow ? ['t'] : '*'))
      const other = importBench({ store })
      other.spy.override({ get: async () => ({ ...own, scope }) })
      expect(await other.twinkey.keys.verify(ours.primary)).toMatchObject({
        scope: { tenants: ['t'] },
      })
    }
  })
})
