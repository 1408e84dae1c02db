import { memoryStore } from 'twinkey'
import type { KeyRecord, KeyStore, ListQuery } from 'twinkey/store'
import { storeContract } from 'twinkey/testing'
import { describe, expect, it } from 'vitest'

// Stores with one fault each, and the rule of the contract that finds it.

type Entry = NonNullable<Parameters<KeyStore['put']>[2]>
type HistoryQuery = Parameters<KeyStore['history']>[0]
type Fault = readonly [what: string, rule: string, fault: (inner: KeyStore) => Partial<KeyStore>]

/** A store whose `list` ignores or changes a part of the query. */
const listing =
  (change: (query: ListQuery) => ListQuery) =>
  (inner: KeyStore): Partial<KeyStore> => ({ list: (query) => inner.list(change(query)) })

const reading =
  (change: (query: HistoryQuery) => HistoryQuery) =>
  (inner: KeyStore): Partial<KeyStore> => ({ history: (query) => inner.history(change(query)) })

/** A store that writes something else for an entry. */
const writing =
  (change: (entry: Entry) => Entry) =>
  (inner: KeyStore): Partial<KeyStore> => ({
    put: (next, version, entry) => inner.put(next, version, entry && change(entry)),
    delete: (id, version, entry) => inner.delete(id, version, entry && change(entry)),
  })

/** A store that first writes the entry, as a change of its own. */
async function writeAlone(inner: KeyStore, entry: Entry | undefined): Promise<void> {
  const id = `alone-${entry?.id}`
  const alias = { kind: 'alias', id, version: 1, keyId: id } as const
  if (entry !== undefined) await inner.put(alias, undefined, entry)
}

/** Keeps only the keys of a page for which `holds` holds. */
const filtering =
  (holds: (key: KeyRecord, query: ListQuery) => boolean) =>
  (inner: KeyStore): Partial<KeyStore> => ({
    async list(query) {
      const { keys, next } = await inner.list(query)
      return { keys: keys.filter((key) => holds(key, query)), next }
    },
  })

const without = (...members: (keyof ListQuery)[]) =>
  listing(
    (query) =>
      Object.fromEntries(
        Object.entries(query).filter(([name]) => !members.includes(name as keyof ListQuery)),
      ) as unknown as ListQuery,
  )

const writeFaults: Fault[] = [
  [
    'writes the entry before the change',
    'writes the entry of the history with the change',
    (inner) => ({
      async put(next, version, entry) {
        await writeAlone(inner, entry)
        return inner.put(next, version, undefined)
      },
    }),
  ],
  [
    'writes the entry before the deletion',
    'leaves exactly one entry of a deletion',
    (inner) => ({
      async delete(id, version, entry) {
        await writeAlone(inner, entry)
        return inner.delete(id, version, undefined)
      },
    }),
  ],
  [
    'writes no entry with a deletion',
    'keeps the history of a deleted key',
    (inner) => ({ delete: (id, version) => inner.delete(id, version, undefined) }),
  ],
  [
    'makes up an entry',
    'writes no entry with a change that has none',
    (inner) => ({
      put: (next, version, entry) =>
        inner.put(
          next,
          version,
          entry ?? { ...NOBODY, keyId: next.id, id: `x${Math.random()}`.replace('.', '') },
        ),
    }),
  ],
  [
    'writes the entry of every racing writer',
    'leaves after racing writers exactly',
    (inner) => ({
      async put(next, version, entry) {
        await writeAlone(inner, entry)
        return inner.put(next, version, undefined)
      },
    }),
  ],
  [
    'loses the source of an entry',
    'returns exactly the entry',
    writing(({ source: _, ...entry }) => entry),
  ],
  [
    'rounds the numbers of an entry',
    'returns exactly the entry',
    writing((entry) => JSON.parse(JSON.stringify(entry).replaceAll('-1.5e-300', '0'))),
  ],
  [
    'has one entry for each version of a key',
    'keeps the history of a deleted key',
    writing((entry) => ({ ...entry, id: `${entry.keyId}-${entry.version}` })),
  ],
]

const NOBODY = {
  type: 'key.updated',
  at: 5,
  version: 1,
  name: 'n',
  owner: null,
  tenants: '*',
  actor: null,
} as const

const historyFaults: Fault[] = [
  ...(['keyId', 'owner', 'tenant', 'tenants'] as const).map(
    (member): Fault => [
      `ignores ${member} in the history`,
      'reads the history by key, owner and tenants',
      reading((query) => ({ ...query, [member]: undefined })),
    ],
  ),
  [
    'reads the history always from the newest on',
    'sorts entries by time',
    reading((query) => ({ ...query, sort: 'newest' })),
  ],
  [
    'repeats the first page of the history',
    'pages back through the history',
    reading(({ after: _, ...query }) => query),
  ],
  [
    'continues the history at the next millisecond',
    'continues the history from any position',
    reading((query) => ({
      ...query,
      ...(query.after && {
        after: { ...query.after, id: query.sort === 'oldest' ? 'z'.repeat(64) : '-' },
      }),
    })),
  ],
  [
    'finds the entries of a key by its present owner',
    'finds an entry by the owner and the tenants after its change',
    (inner) => ({
      async history(query) {
        const { entries, next } = await inner.history({ ...query, owner: undefined })
        const owners = await Promise.all(
          entries.map(async ({ keyId }) => {
            const key = await inner.get(keyId)
            return key?.kind === 'key' ? key.owner : null
          }),
        )
        const isMatch = (_: Entry, i: number) =>
          query.owner === undefined || owners[i] === query.owner
        return { entries: entries.filter(isMatch), next }
      },
    }),
  ],
  [
    'shows a written entry a call later',
    'shows a reader of the history each entry once',
    (inner) => {
      let late: (() => Promise<unknown>) | undefined
      return {
        async put(next, version, entry) {
          await late?.()
          late = () => writeAlone(inner, entry)
          return inner.put(next, version, undefined)
        },
      }
    },
  ],
  [
    'forgets entries at the time itself',
    'forgets the entries before a time',
    (inner) => ({ forgetHistory: (before) => inner.forgetHistory(before + 1) }),
  ],
  [
    'forgets nothing',
    'forgets the entries before a time',
    () => ({ forgetHistory: async () => 0 }),
  ],
  [
    'does not count what it forgets',
    'forgets the entries before a time',
    (inner) => ({
      async forgetHistory(before) {
        await inner.forgetHistory(before)
        return 0
      },
    }),
  ],
  [
    'never answers that nothing is left to forget',
    'forgets the entries before a time',
    () => ({ forgetHistory: async () => 1 }),
  ],
  [
    'forgets all entries of a key with an old one',
    'forgets old entries while writers write',
    (inner) => ({ forgetHistory: () => inner.forgetHistory(Number.MAX_SAFE_INTEGER) }),
  ],
]

const listFaults: Fault[] = [
  ...(
    [
      ['tenants', 'lists for some tenants only'],
      ['state', 'lists by each state'],
      ['pepper', 'lists by tenant, owner, state and pepper'],
      ['owner', 'lists by tenant, owner, state and pepper'],
      ['hint', 'lists by the hint'],
      ['name', 'lists by the beginning of a name'],
      ['expiresBefore', 'lists the keys that expire before'],
      ['unusedSince', 'lists the keys that were not used'],
      ['unusedSince', 'lists by every filter at once'],
    ] as const
  ).map(([member, rule]): Fault => [`ignores ${member}`, rule, without(member)]),
  ['has its own clock', 'lists by each state', listing((query) => ({ ...query, now: Date.now() }))],
  [
    'sorts always from the newest on',
    'sorts keys by time',
    listing((query) => ({ ...query, sort: 'newest' })),
  ],
  [
    'sorts the ids of a millisecond without regard to case',
    'sorts keys by time',
    (inner) => ({
      async list(query) {
        const { keys, next } = await inner.list({ ...query, limit: 100 })
        const sorted = keys.toSorted(
          (a, b) =>
            (a.createdAt - b.createdAt || a.id.localeCompare(b.id, 'en')) *
            (query.sort === 'oldest' ? 1 : -1),
        )
        return { keys: sorted, next }
      },
    }),
  ],
  [
    'repeats the first page',
    'lists by tenant, owner, state and pepper',
    listing(({ after: _, ...query }) => query),
  ],
  [
    'continues only behind a key that exists',
    'continues from any position',
    (inner) => ({
      list: async (query) =>
        query.after && (await inner.get(query.after.id)) === undefined
          ? { keys: [] }
          : inner.list(query),
    }),
  ],
  [
    'continues behind the millisecond of the position',
    'skips no key and repeats none',
    listing((query) => ({
      ...query,
      ...(query.after && {
        after: { ...query.after, id: query.sort === 'oldest' ? 'z'.repeat(64) : '-' },
      }),
    })),
  ],
  [
    'ends with an empty page',
    'follows short and empty pages',
    (inner) => ({
      async list(query) {
        const page = await inner.list(query)
        return page.keys.length === 0 ? { keys: [] } : page
      },
    }),
  ],
  [
    'answers a next page at the end',
    'ends with the page that holds the last key',
    (inner) => ({
      async list(query) {
        const { keys, next } = await inner.list(query)
        const last = keys.at(-1)
        return { keys, next: next ?? (last && { at: last.createdAt, id: last.id }) }
      },
    }),
  ],
  [
    'compares names with regard to case',
    'compares the beginnings of names without regard to case',
    filtering(({ name }, query) => name.startsWith(query.name ?? '')),
  ],
  [
    'compares names without regard to composition only',
    'compares the beginnings of names without regard to case',
    filtering(({ name }, query) =>
      name
        .normalize('NFC')
        .toLowerCase()
        .startsWith((query.name ?? '').normalize('NFC').toLowerCase()),
    ),
  ],
  [
    'reads a percent sign in a name as a wildcard',
    'compares the beginnings of names literally',
    listing(({ name, ...query }) => (name?.includes('%') ? query : { ...query, name })),
  ],
  [
    'finds only the longest beginnings of names',
    'lists by the beginning of a name',
    filtering((_, { name = '' }) => name === '' || [...name].length >= 6),
  ],
]

describe('the contract finds a store that', () => {
  it.each([...writeFaults, ...historyFaults, ...listFaults])('%s', async (_, rule, fault) => {
    const inner = memoryStore()
    const store = { ...inner, ...fault(inner) }
    const found = storeContract.filter(({ name }) => name.startsWith(rule))
    expect(found.map(({ name }) => name)).toHaveLength(1)
    await expect(found[0]?.run(async () => store)).rejects.toThrow(/found|answered|returned/)
  })
})

it('each rule of the contract has a name of its own', () => {
  const names = storeContract.map(({ name }) => name)
  expect(new Set(names).size).toBe(names.length)
})
