/** Keys in the memory of the process. @module twinkey/stores/memory */

import type { KeyRecord } from '../core/model/api-key.ts'
import { matchesQuery } from '../core/store/list-query.ts'
import type { KeyStore, StoredKey } from '../core/store/store.ts'

// Marks memory stores. Only they may be combined with a temporary signing key, because both are
// lost when the process ends.
const IN_MEMORY = Symbol.for('twinkey.memory-store')

/**
 * Keeps keys in the memory of this process, for trials and tests. The keys are lost when the
 * process ends, and other processes cannot see them.
 *
 * @returns A store that several instances of Twinkey in one process can share.
 * @example
 * ```ts
 * import { createTwinkey, memoryStore } from 'twinkey'
 *
 * const twinkey = createTwinkey({ store: memoryStore() })
 * ```
 */
export function memoryStore(): KeyStore {
  const records = new Map<string, StoredKey>()
  const lastUses = new Map<string, Map<string, number>>()
  const watchers = new Set<(id: string | undefined) => void>()

  const notifyWatchers = (id: string) => {
    for (const changed of watchers) changed(id)
  }
  const read = (record: StoredKey): StoredKey =>
    record.kind === 'alias'
      ? record
      : { ...record, lastUsedAt: Object.fromEntries(lastUses.get(record.id) ?? []) }

  const store: KeyStore = {
    async get(id) {
      const record = records.get(id)
      return record && read(record)
    },
    async put(next, expectedVersion) {
      const found = records.get(next.id)
      if (found === undefined && expectedVersion !== undefined) return 'missing'
      if (found?.version !== expectedVersion) return 'conflict'
      records.set(next.id, structuredClone(next))
      notifyWatchers(next.id)
      return 'stored'
    },
    async delete(id, expectedVersion) {
      const found = records.get(id)
      if (found === undefined) return 'missing'
      if (found.version !== expectedVersion) return 'conflict'
      records.delete(id)
      lastUses.delete(id)
      notifyWatchers(id)
      return 'deleted'
    },
    async list(query) {
      const found = [...records.values()].filter(
        (record): record is KeyRecord => record.kind === 'key' && matchesQuery(record, query),
      )
      found.sort((a, b) => (a.id < b.id ? -1 : 1))
      const keys = found
        .filter(({ id }) => query.cursor === undefined || id > query.cursor)
        .slice(0, query.limit)
      const last = keys.at(-1)
      const more = last !== undefined && last !== found.at(-1)
      return { keys: keys.map((key) => read(key) as KeyRecord), next: more ? last.id : undefined }
    },
    async recordUse(uses) {
      for (const { keyId, secretId, usedAt } of uses) {
        if (!records.has(keyId)) continue
        const ofKey = lastUses.get(keyId) ?? new Map<string, number>()
        ofKey.set(secretId, Math.max(usedAt, ofKey.get(secretId) ?? 0))
        lastUses.set(keyId, ofKey)
      }
    },
    async watch(changed) {
      // A new function for each call, so that the same `changed` can be registered twice.
      const watcher = (id: string | undefined) => changed(id)
      watchers.add(watcher)
      return async () => {
        watchers.delete(watcher)
      }
    },
  }
  Object.defineProperty(store, IN_MEMORY, { value: true })
  return store
}

/**
 * Tells whether a store was made by {@link memoryStore}.
 *
 * @internal
 */
export function isMemoryStore(store: KeyStore): boolean {
  return IN_MEMORY in store
}
