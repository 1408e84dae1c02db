import { inspect } from 'node:util'
import { type KeyStore, memoryStore } from 'twinkey'
import { afterEach, describe, expect, it, vi } from 'vitest'
import type { HistoryEntry } from '../../../src/core/model/history.ts'
import { type CheckedStore, checkedStore } from '../../../src/core/store/checked-store.ts'
import type { ListQuery } from '../../../src/core/store/store.ts'
import { readOnce } from '../../support/read-once.ts'

// What the core accepts as an answer to `history` and `forgetHistory`, and as a position in a list.

const LEAK = `sha-256:${'L'.repeat(43)}`
const entry: HistoryEntry = {
  id: 'e1',
  type: 'key.updated',
  at: 5,
  keyId: 'k1',
  version: 7,
  name: 'n',
  owner: 'ada',
  tenants: ['t', 'u'],
  actor: null,
  slots: ['primary'],
  changes: { metadata: [{}, { a: { b: { c: { d: [1] } } } }] },
  source: { requestId: 'r' },
}
const QUERY = { sort: 'newest', limit: 3 } as const
const KEYS: ListQuery = { ...QUERY, now: 0 }

const thrower = () => {
  throw new Error(`cannot read the row of ${LEAK}`)
}
const without = (member: string) =>
  Object.fromEntries(Object.entries(entry).filter(([name]) => name !== member))
const withGetter = (value: object, member: string) =>
  Object.defineProperty(Array.isArray(value) ? [...value] : { ...value }, member, {
    get: thrower,
    enumerable: true,
  })

function answering(answers: { [method in keyof KeyStore]?: unknown }): CheckedStore {
  const methods = Object.entries(answers).map(([name, answer]) => [name, async () => answer])
  return checkedStore({ ...memoryStore(), ...Object.fromEntries(methods) }, 1000)
}

/** Expects the error of a malformed answer, without anything of the answer in it. */
async function expectMalformed(call: Promise<unknown>): Promise<void> {
  const error = await call.then(
    () => expect.fail('it did not reject'),
    (thrown: unknown) => thrown,
  )
  expect(error).toMatchObject({ name: 'TwinkeyError', code: 'store_malformed' })
  expect(inspect(error, { depth: 20, showHidden: true })).not.toContain(LEAK.slice(-43))
}

afterEach(() => void vi.useRealTimers())

describe('a page of the history', () => {
  it('is copied whole and frozen, and each member is read once', async () => {
    const page = { entries: [entry], next: { at: 5, id: 'e1' } }
    const read = await answering({ history: readOnce(page) }).history(QUERY)
    expect(read).toEqual(page)
    expect(read.entries[0]).not.toBe(entry)
    expect(Object.isFrozen(read.entries[0])).toBe(true)
  })

  it('may be empty or without a next page, and its entries may have unknown members', async () => {
    expect(await answering({ history: { entries: [] } }).history(QUERY)).toEqual({
      entries: [],
      next: undefined,
    })
    const more = { ...entry, type: 'key.later', rowid: 7 }
    expect((await answering({ history: { entries: [more] } }).history(QUERY)).entries).toEqual([
      more,
    ])
  })

  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['null', null],
    ['a list', [entry]],
    ['no entries', {}],
    ['the member of a list of keys', { keys: [] }],
    ['entries of another type', { entries: 'x' }],
    ['entries that are an iterator', { entries: [entry].values() }],
    ['next of null', { entries: [], next: null }],
    ['next that is text', { entries: [], next: 'text' }],
    ['next that is a list', { entries: [], next: [5, 'e1'] }],
    ['next without a time', { entries: [], next: { id: 'e1' } }],
    ['next without an id', { entries: [], next: { at: 5 } }],
    ['next with a time as digits', { entries: [], next: { at: '5', id: 'e1' } }],
    ['next before 1970', { entries: [], next: { at: -1, id: 'e1' } }],
    ['next with an id that is none', { entries: [], next: { at: 5, id: 'e 1' } }],
    ['entries that throw', withGetter({ entries: [] }, 'entries')],
    ['an entry that throws', { entries: withGetter([entry], '0') }],
    ['next that throws', withGetter({ entries: [] }, 'next')],
    ['a next whose time throws', { entries: [], next: withGetter({ at: 1, id: 'a' }, 'at') }],
    ...Object.keys(entry).map((member): [string, unknown] => [
      `an entry whose ${member} throws`,
      { entries: [withGetter(entry, member)] },
    ]),
    ...['id', 'type', 'at', 'keyId', 'version', 'name', 'owner', 'tenants', 'actor'].flatMap(
      (member): [string, unknown][] => [
        [`an entry without ${member}`, { entries: [without(member)] }],
        [`an entry with ${member} of another type`, { entries: [{ ...entry, [member]: [{}] }] }],
      ],
    ),
    ['an entry that is text', { entries: [JSON.stringify(entry)] }],
    ['an entry that is null', { entries: [null] }],
    ['an entry with a star among tenants', { entries: [{ ...entry, tenants: ['t', '*'] }] }],
    ['an entry with an id that is none', { entries: [{ ...entry, id: 'e 1' }] }],
  ])('is store_malformed: %s', async (_, page) => {
    await expectMalformed(answering({ history: page }).history(QUERY))
  })

  it.each([
    { keyId: 'k2' },
    { owner: 'bob' },
    { owner: null },
    { tenant: 'v' },
    { tenants: ['t'] },
    { tenants: [] },
  ])('must not have an entry that does not match the query %j', async (filter) => {
    const store = answering({ history: { entries: [entry] } })
    await expectMalformed(store.history({ ...QUERY, ...filter }))
  })

  it('matches by all members of an entry', async () => {
    const store = answering({ history: { entries: [entry] } })
    const filter = { keyId: 'k1', owner: 'ada', tenant: 't', tenants: ['u', 't', 'v'] }
    expect((await store.history({ ...QUERY, ...filter })).entries).toEqual([entry])
  })

  it.each(['list', 'history'] as const)(
    'whose next page is the same or an earlier page is store_malformed: %s',
    async (method) => {
      const next = { at: 5, id: 'e1' }
      const store = answering({
        list: { keys: [], next: { ...next } },
        history: { entries: [], next: { ...next } },
      })
      const read = (sort: 'newest' | 'oldest', after?: typeof next) =>
        method === 'list'
          ? store.list({ ...KEYS, sort, after })
          : store.history({ ...QUERY, sort, after })
      const [before, behind] = [
        [
          { at: 5, id: 'e0' },
          { at: 4, id: 'e1' },
        ],
        [
          { at: 5, id: 'e2' },
          { at: 6, id: 'e1' },
        ],
      ]
      for (const [sort, earlier, later] of [
        ['newest', behind, before],
        ['oldest', before, behind],
      ] as const) {
        expect((await read(sort)).next).toEqual(next)
        for (const after of earlier) expect((await read(sort, after)).next).toEqual(next)
        // A caller that follows `next` would never reach the end.
        for (const after of [next, ...later]) await expectMalformed(read(sort, after))
      }
    },
  )
})

describe('the number of forgotten entries', () => {
  it.each([0, 1, 1000])('is a whole number: %i', async (count) => {
    expect(await answering({ forgetHistory: count }).forgetHistory(5)).toBe(count)
  })

  it.each([undefined, null, '5', -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 5n, [5], true])(
    'is store_malformed if it is %s',
    async (answer) => {
      await expectMalformed(answering({ forgetHistory: answer }).forgetHistory(5))
    },
  )
})

describe.each(['history', 'forgetHistory'] as const)('a call of %s', (method) => {
  const callOf = (store: CheckedStore) =>
    method === 'history' ? store.history(QUERY) : store.forgetHistory(5)

  it('that throws is store_unavailable, and repeats no digest of the error', async () => {
    const store = checkedStore({ ...memoryStore(), [method]: async () => thrower() }, 1000)
    const error = await callOf(store).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ name: 'TwinkeyError', code: 'store_unavailable' })
    expect(inspect(error, { depth: 20, showHidden: true })).not.toContain(LEAK.slice(-43))
  })

  it('fails at the deadline and is aborted, and not before', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    let signal: AbortSignal | undefined
    const hanging = (_: unknown, given: AbortSignal) => {
      signal = given
      return new Promise<never>(() => {})
    }
    const store = checkedStore({ ...memoryStore(), [method]: hanging }, 1000)
    const failed = callOf(store).catch((error: { code: string }) => error.code)
    await vi.advanceTimersByTimeAsync(999)
    expect(signal?.aborted).toBe(false)
    await vi.advanceTimersByTimeAsync(1)
    expect([await failed, signal?.aborted]).toEqual(['store_unavailable', true])
  })
})

it.each(['put', 'delete'] as const)(
  'the entry and the signal reach the store in their places: %s',
  async (method) => {
    let given: unknown[] = []
    const store = checkedStore(
      {
        ...memoryStore(),
        [method]: async (...args: unknown[]) => {
          given = args
          return 'conflict'
        },
      },
      1000,
    )
    const alias = { kind: 'alias', id: 'a', version: 1, keyId: 'k1' } as const
    await (method === 'put' ? store.put(alias, 3, entry) : store.delete('a', 3, entry))
    expect(given.slice(0, 3)).toEqual([method === 'put' ? alias : 'a', 3, entry])
    expect(given[3]).toBeInstanceOf(AbortSignal)
  },
)
