import { memoryStore } from 'twinkey'
import type { KeyRecord } from 'twinkey/store'
import { storeContract } from 'twinkey/testing'
import { describe, expect, test } from 'vitest'

describe('the memory store', () => {
  const store = memoryStore()
  test.each(storeContract)('$name', ({ run }) => run(async () => store))
})

type Store = ReturnType<typeof memoryStore>

test('the contract accepts a store that omits next on the last page', async () => {
  const inner = memoryStore()
  const list: Store['list'] = async (query) => {
    const { keys, next } = await inner.list(query)
    return next === undefined ? { keys } : { keys, next }
  }
  for (const { run } of storeContract) await run(async () => ({ ...inner, list }))
})

describe('the contract finds a store that', () => {
  const broken: [string, string, (inner: Store) => Partial<Store>][] = [
    [
      'does not compare versions',
      'writes where the version matches',
      (inner) => ({
        put: async (next, _, entry) => inner.put(next, (await inner.get(next.id))?.version, entry),
      }),
    ],
    [
      'overwrites what exists',
      'creates once',
      (inner) => ({
        put: async (next, _, entry) => inner.put(next, (await inner.get(next.id))?.version, entry),
      }),
    ],
    [
      'deletes any version',
      'deletes where',
      (inner) => ({
        delete: async (id, _, entry) =>
          inner.delete(id, (await inner.get(id))?.version ?? 0, entry),
      }),
    ],
    ['forgets uses', 'joins the latest use', () => ({ recordUse: async () => {} })],
    [
      'lists everything',
      'lists by tenant',
      (inner) => ({
        list: ({ now, sort, limit, after }) => inner.list({ now, sort, limit, after }),
      }),
    ],
    [
      'ends pages too early',
      'lists 10,000 keys',
      (inner) => ({ list: async (query) => ({ ...(await inner.list(query)), next: undefined }) }),
    ],
    [
      'folds case',
      'tells ids apart',
      (inner) => ({
        get: (id) => inner.get(id.toLowerCase()),
        put: (next, version, entry) =>
          inner.put({ ...next, id: next.id.toLowerCase() }, version, entry),
      }),
    ],
  ]
  test.each(broken)('%s', async (_name, sentence, change) => {
    const inner = memoryStore()
    const store = { ...inner, ...change(inner) }
    const found = storeContract.find(({ name }) => name.startsWith(sentence))
    await expect(found?.run(async () => store)).rejects.toThrow('found')
  })

  const lists: [string, string, string, (inner: Store) => Partial<Store>][] = [
    [
      'ends its pages with null',
      'keeps aliases',
      'list of {"owner":"…","sort":"newest"}: found next null, expected { at, id }, or undefined on the last page',
      (inner) => ({
        list: async (query) => ({ ...(await inner.list(query)), next: null as never }),
      }),
    ],
    [
      'answers the same next again',
      'keeps aliases',
      'list of {"owner":"…","sort":"newest"} answered next {"at":1,"id":"a"} behind {"at":1,"id":"a"}: its pages never end',
      () => ({ list: async () => ({ keys: [], next: { at: 1, id: 'a' } }) }),
    ],
    [
      'has a next page without end',
      'keeps aliases',
      'list of {"owner":"…","sort":"newest"} answered next {"at":90000,"id":"a"} after 10000 pages: its pages never end',
      () => ({
        list: async ({ after = { at: 100_000, id: 'a' } }) => ({
          keys: [],
          next: { ...after, at: after.at - 1 },
        }),
      }),
    ],
    [
      'answers a list alone',
      'ends with the page',
      'list of {"owner":"…","limit":3}: found [], expected { keys, next }',
      (inner) => ({ list: async (query) => (await inner.list(query)).keys as never }),
    ],
    [
      'answers more than a page',
      'lists 10,000 keys',
      'list of {"owner":"…","limit":100}: found 101 keys on a page of 100',
      (inner) => ({ list: (query) => inner.list({ ...query, limit: query.limit + 1 }) }),
    ],
    [
      'lists no last uses',
      'joins the last uses in a list,',
      'list: the key that was used differs at lastUsedAt.…: found nothing, expected 1000',
      (inner) => ({
        async list(query) {
          const { keys, ...rest } = await inner.list(query)
          return { ...rest, keys: keys.map((key) => ({ ...key, lastUsedAt: {} })) }
        },
      }),
    ],
    [
      'creates where an older version is expected',
      'returns undefined for',
      'put of … in version 281474976710655 that expects version 5: found "stored", expected "missing"',
      (inner) => ({ put: (next, _, entry) => inner.put(next, undefined, entry) }),
    ],
    [
      'has no word for what is missing',
      'returns undefined for',
      'delete of … that expects version 5: found "conflict", expected "missing"',
      () => ({ delete: async () => 'conflict' }),
    ],
    [
      'adds a member of its own',
      'creates once',
      'get of … differs at _id: found "…", expected nothing',
      (inner) => ({ get: async (id) => ({ ...(await inner.get(id)), _id: id }) as never }),
    ],
    [
      'answers versions as bigint',
      'creates once',
      'get of … differs at version: found 281474976710655n, expected 281474976710655',
      (inner) => ({
        get: async (id) => ({ ...(await inner.get(id)), version: 281_474_976_710_655n }) as never,
      }),
    ],
    [
      'loses a name',
      'keeps a record in which everything',
      `get of … differs at scope.workflows.63: found nothing, expected "w63${'\u4e2d'.repeat(125)}"`,
      (inner) => ({
        async get(id) {
          const { scope, ...key } = (await inner.get(id)) as KeyRecord
          return { ...key, scope: { ...scope, workflows: scope.workflows.slice(0, 63) } } as never
        },
      }),
    ],
  ]
  test.each(lists)(
    '%s, and names the call and the place',
    async (_name, sentence, message, change) => {
      const inner = memoryStore()
      const store = { ...inner, ...change(inner) }
      const found = storeContract.find(({ name }) => name.startsWith(sentence))
      const problem = await found
        ?.run(async () => store)
        .then(
          () => 'nothing',
          (error: Error) => error.message,
        )
      expect(problem?.replace(/o-[0-9a-f]{16}|[0-9a-f]{16}[_-]*/g, '…')).toBe(message)
    },
  )
})
