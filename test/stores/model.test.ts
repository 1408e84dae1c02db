import { memoryStore } from 'twinkey'
import type { KeyRecord, KeyStore, StoredKey } from 'twinkey/store'
import { describe, expect, it, test } from 'vitest'
import { keyringModel } from './keyring-model.ts'

it('several nodes over the memory store keep the contract under random commands', async () => {
  const store = memoryStore()
  const tally = await keyringModel(async () => store, { runs: 250, commands: 100 })
  // The model would also agree with nodes that accept nobody and to which nothing happens.
  for (const seldom of [
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
  ])
    expect([seldom, (tally.get(seldom) ?? 0) > 5]).toEqual([seldom, true])
})

describe('the model finds a store that', () => {
  const broken: [string, (inner: KeyStore) => Partial<KeyStore>][] = [
    [
      'does not compare versions',
      (inner) => ({ put: async (next) => inner.put(next, (await inner.get(next.id))?.version) }),
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
      (inner) => ({ put: (next, version) => inner.put(immortal(next), version) }),
    ],
  ]

  test.each(broken)('%s', async (_name, change) => {
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
    put(next, version) {
      if (next.kind === 'key' && version === undefined) beginnings.set(next.id, tenantsOf(next))
      return inner.put(next, version)
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
    async put(next, version) {
      const before = await inner.get(next.id)
      if (before !== undefined) behind.set(next.id, before)
      return inner.put(next, version)
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
        if (then !== undefined && now !== undefined) await inner.put(then, now.version)
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
