import { memoryStore } from 'twinkey'
import type { HistoryEntry, KeyRecord, KeyStore, StoredKey } from 'twinkey/store'
import { describe, expect, it, test } from 'vitest'
import { everyThird, rounds } from '../support/rounds.ts'
import { keyringModel } from './keyring-model.ts'

// The model would also agree with nodes that reject everything and never change.
const SELDOM = [
  'verify secret: let in, one of several',
  'verify secret: credential_invalid, one of several',
  'verify token: let in, one of several',
  'authenticate: let in without waiting',
  'authenticate: target_missing',
  'authenticate: tenant_denied',
  'issue: issued',
  'list: several pages',
  'race: one lost',
  'race: one after the other',
  'revokeAll: narrowed',
  'rotate: secondary_live',
  'update: key_revoked',
  'delete: done',
  'create: invalid_input',
  'update: done, expecting the current version',
  'update: version_conflict',
  'endSecondary: done',
  'renew: done',
  'list by: state',
  'list by: name',
  'list by: secret',
  'list by: expiresWithin',
  'list by: unusedFor',
  'history: several pages',
  'consume: on the way',
  'consume: to the present',
  'forgetHistory: some',
]
const RUNS = rounds(250)
// These runs may show an outcome too seldom by chance. Then more follow.
const MOST_RUNS = 1000
const ENOUGH = rounds(6)

it('several nodes over the memory store keep the contract under random commands', async () => {
  const store = memoryStore()
  const tally = new Map<string, number>()
  const missing = () => SELDOM.filter((outcome) => (tally.get(outcome) ?? 0) < ENOUGH)
  for (let runs = 0; runs < MOST_RUNS && (runs === 0 || missing().length > 0); runs += RUNS) {
    const found = await keyringModel(async () => store, { runs: RUNS, commands: 100 })
    for (const [outcome, count] of found) tally.set(outcome, (tally.get(outcome) ?? 0) + count)
  }
  expect(missing()).toEqual([])
})

describe('the model finds a store that', () => {
  const broken: [string, (inner: KeyStore) => Partial<KeyStore>][] = [
    [
      'does not compare versions',
      (inner) => ({
        put: async (next, _, entry) => inner.put(next, (await inner.get(next.id))?.version, entry),
      }),
    ],
    ['says that it has deleted a key, and keeps it', () => ({ delete: async () => 'deleted' })],
    [
      'loses a key from one page to the next',
      (inner) => ({ list: (query) => inner.list(query).then(withoutLast) }),
    ],
    ['lists a key twice', (inner) => ({ list: (query) => inner.list(query).then(lastTwice) })],
    ['lists a key by the labels of its creation', listsOfTheBeginning],
    ['reports no change', () => ({ watch: async () => async () => {} })],
    ['reports writes, and no deletions', tellsOfWrites],
    ['answers from a replica that is one write behind', laggingReplica],
    ['writes whole records to record uses', wholeRecords],
    ['records no use', () => ({ recordUse: async () => {} })],
    [
      'answers uses that are older than the recorded ones',
      (inner) => ({ get: (id) => inner.get(id).then(usedLongAgo) }),
    ],
    [
      'forgets when a secondary secret expires',
      (inner) => ({ put: (next, version, entry) => inner.put(immortal(next), version, entry) }),
    ],
    ['lists by id within a millisecond in one direction only', listsTiesOneWay],
    ['loses the entry of a change', (inner) => ({ put: losesUpdates(inner) })],
    ['loses the entry of a deletion', losesDeletions],
    ['keeps the entry of a change that lost', keepsLostEntries],
    ['writes an entry twice', writesTwice],
    ['deletes the history with the key', forgetsWithKey],
    [
      'loses an entry from one page to the next',
      (inner) => ({
        history: async (query) => {
          const { entries, next } = await inner.history(query)
          return { entries: next === undefined ? entries : entries.slice(0, -1), next }
        },
      }),
    ],
    [
      'forgets entries that are not older than the time',
      (inner) => ({ forgetHistory: (before) => inner.forgetHistory(before + 1) }),
    ],
    [
      'shows a consumer no entry of the last second that it has',
      (inner) => ({
        async history(query) {
          const { entries, next } = await inner.history(query)
          const latest = Math.max(0, ...entries.map(({ at }) => at))
          const settled = entries.filter(({ at }) => at <= latest - 1000)
          return { entries: query.sort === 'oldest' ? settled : entries, next }
        },
      }),
    ],
  ]

  test.each(everyThird(broken))('%s', async (_name, change) => {
    const inner = memoryStore()
    const store = { ...inner, ...change(inner) }
    const running = keyringModel(async () => store, {
      runs: 300,
      commands: 100,
      feedMilliseconds: 10,
      seed: 1,
    })
    // The arguments that reproduce it, and the commands that it takes.
    await expect(running).rejects.toThrow(
      /^Property failed after \d+ tests\n\{ seed: 1, path: "[\d:]+".*\nCounterexample: \[create\(.*replayPath=/,
    )
  })
})

function listsTiesOneWay(inner: KeyStore): Partial<KeyStore> {
  return {
    async list(query) {
      const { keys, next } = await inner.list(query)
      const byId = (a: KeyRecord, b: KeyRecord) => (a.id < b.id ? -1 : 1)
      return {
        keys:
          query.sort === 'newest'
            ? [...keys].sort((a, b) => b.createdAt - a.createdAt || byId(a, b))
            : keys,
        next,
      }
    },
  }
}

function losesUpdates(inner: KeyStore): KeyStore['put'] {
  const isKept = (entry: HistoryEntry | undefined) => entry?.type !== 'key.updated'
  return (next, version, entry) => inner.put(next, version, isKept(entry) ? entry : undefined)
}

function losesDeletions(inner: KeyStore): Partial<KeyStore> {
  return { delete: (id, version) => inner.delete(id, version, undefined) }
}

// Writes an entry as the entry of a record of its own.
async function writeAlone(inner: KeyStore, entry: HistoryEntry | undefined): Promise<void> {
  const alone = { kind: 'alias', id: `alone-${entry?.id}`, version: 1, keyId: 'k' } as const
  await inner.put(alone, undefined, entry)
  await inner.delete(alone.id, 1, undefined)
}

function keepsLostEntries(inner: KeyStore): Partial<KeyStore> {
  return {
    async put(next, version, entry) {
      const outcome = await inner.put(next, version, entry)
      if (outcome === 'conflict') await writeAlone(inner, entry)
      return outcome
    },
  }
}

function writesTwice(inner: KeyStore): Partial<KeyStore> {
  return {
    async put(next, version, entry) {
      if (entry?.type === 'key.rotated')
        await writeAlone(inner, { ...entry, id: `${entry.id}again` })
      return inner.put(next, version, entry)
    },
  }
}

function forgetsWithKey(inner: KeyStore): Partial<KeyStore> {
  const deleted = new Set<string>()
  return {
    async delete(id, version, entry) {
      const outcome = await inner.delete(id, version, entry)
      if (outcome === 'deleted') deleted.add(id)
      return outcome
    },
    async history(query) {
      const { entries, next } = await inner.history(query)
      const isKept = ({ keyId, type }: HistoryEntry) =>
        type === 'key.deleted' || !deleted.has(keyId)
      return { entries: entries.filter(isKept), next }
    },
  }
}

type Page = Awaited<ReturnType<KeyStore['list']>>

function withoutLast({ keys, next }: Page): Page {
  return { keys: next === undefined ? keys : keys.slice(0, -1), next }
}

function lastTwice({ keys, next }: Page): Page {
  return { keys: keys.length === 2 ? [...keys.slice(0, 1), ...keys.slice(0, 1)] : keys, next }
}

function listsOfTheBeginning(inner: KeyStore): Partial<KeyStore> {
  const beginnings = new Map<string, string>()
  const tenantsOf = ({ scope }: KeyRecord) => JSON.stringify(scope.tenants)
  return {
    put(next, version, entry) {
      if (next.kind === 'key' && version === undefined) beginnings.set(next.id, tenantsOf(next))
      return inner.put(next, version, entry)
    },
    async list(query) {
      const { keys, next } = await inner.list(query)
      return {
        keys:
          query.tenant === undefined
            ? keys
            : keys.filter((key) => beginnings.get(key.id) === tenantsOf(key)),
        next,
      }
    },
  }
}

function tellsOfWrites(inner: KeyStore): Partial<KeyStore> {
  return {
    watch: async (changed) =>
      (await inner.watch?.((id) => {
        if (id !== undefined) void inner.get(id).then((found) => found && changed(id))
      })) ?? (async () => {}),
  }
}

function laggingReplica(inner: KeyStore): Partial<KeyStore> {
  const behind = new Map<string, StoredKey>()
  return {
    async put(next, version, entry) {
      const before = await inner.get(next.id)
      if (before !== undefined) behind.set(next.id, before)
      return inner.put(next, version, entry)
    },
    get: async (id) =>
      (await inner.get(id)) === undefined ? undefined : (behind.get(id) ?? inner.get(id)),
  }
}

// A record as this store last read it, put back whenever a secret of it is used.
function wholeRecords(inner: KeyStore): Partial<KeyStore> {
  const read = new Map<string, StoredKey>()
  return {
    async get(id) {
      const found = await inner.get(id)
      if (found !== undefined && !read.has(id)) read.set(id, found)
      return found
    },
    async recordUse(uses) {
      for (const { keyId } of uses) {
        const [then, now] = [read.get(keyId), await inner.get(keyId)]
        if (then !== undefined && now !== undefined) await inner.put(then, now.version, undefined)
      }
      await inner.recordUse(uses)
    },
  }
}

function usedLongAgo(found: StoredKey | undefined): StoredKey | undefined {
  if (found?.kind !== 'key') return found
  return {
    ...found,
    lastUsedAt: Object.fromEntries(
      Object.entries(found.lastUsedAt).map(([id, at]) => [id, at - 90_000]),
    ),
  }
}

function immortal(record: StoredKey): StoredKey {
  if (record.kind !== 'key' || record.secondary === null) return record
  return { ...record, secondary: { ...record.secondary, expiresAt: null } }
}
