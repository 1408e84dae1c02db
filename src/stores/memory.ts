/** Keys in the memory of the process. @module twinkey/stores/memory */

import type { KeyRecord } from '../core/model/api-key.ts'
import type { HistoryEntry } from '../core/model/history.ts'
import { matchesHistory } from '../core/store/history-query.ts'
import { isListed } from '../core/store/list-query.ts'
import { comparePositions, fillPage } from '../core/store/paging.ts'
import type { KeyStore, Position, StoredKey } from '../core/store/store.ts'

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
  const inOrder = createSortedList<KeyRecord>((key) => ({ at: key.createdAt, id: key.id }))
  const entries = createSortedList<HistoryEntry>((entry) => entry)
  const watchers = new Set<(id: string | undefined) => void>()

  const notifyWatchers = (id: string) => {
    for (const changed of watchers) changed(id)
  }
  const read = (record: StoredKey): StoredKey =>
    record.kind === 'alias'
      ? record
      : { ...record, lastUsedAt: Object.fromEntries(lastUses.get(record.id) ?? []) }
  // All in one turn, so that no caller sees a part of a change.
  const write = (before: StoredKey | undefined, next: StoredKey | undefined, id: string) => {
    if (before?.kind === 'key') inOrder.remove(before)
    if (next?.kind === 'key') inOrder.add(next)
    if (next === undefined) records.delete(id)
    else records.set(id, next)
    notifyWatchers(id)
  }

  const store: KeyStore = {
    async get(id) {
      const record = records.get(id)
      return record && read(record)
    },
    async put(next, expectedVersion, entry) {
      const found = records.get(next.id)
      if (found === undefined && expectedVersion !== undefined) return 'missing'
      if (found?.version !== expectedVersion) return 'conflict'
      const copies = structuredClone({ next, entry })
      if (copies.entry) entries.add(copies.entry)
      write(found, copies.next, next.id)
      return 'stored'
    },
    async delete(id, expectedVersion, entry) {
      const found = records.get(id)
      if (found === undefined) return 'missing'
      if (found.version !== expectedVersion) return 'conflict'
      if (entry) entries.add(structuredClone(entry))
      lastUses.delete(id)
      write(found, undefined, id)
      return 'deleted'
    },
    async list(query) {
      const { values, next } = await fillPage(query, inOrder.read(query.sort), (key) =>
        isListed(read(key), query),
      )
      return { keys: values.map((key) => read(key) as KeyRecord), next }
    },
    async history(query) {
      const { values, next } = await fillPage(query, entries.read(query.sort), (entry) =>
        matchesHistory(entry, query),
      )
      return { entries: values, next }
    },
    async forgetHistory(before) {
      return entries.removeBefore(before)
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

interface SortedList<T> {
  add(value: T): void
  remove(value: T): void
  /** Removes the values before a time, and returns their number. */
  removeBefore(at: number): number
  /** Returns the function that reads the list for {@link fillPage}. */
  read(sort: 'newest' | 'oldest'): Parameters<typeof fillPage<T>>[1]
}

function createSortedList<T>(positionOf: (value: T) => Position): SortedList<T> {
  const list: T[] = []
  const compare = (index: number, position: Position) =>
    comparePositions(positionOf(list[index] as T), position)
  // The index of the first value that is not before the position, by binary search.
  const indexOf = (position: Position): number => {
    let [low, high] = [0, list.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      if (compare(middle, position) < 0) low = middle + 1
      else high = middle
    }
    return low
  }
  const has = (index: number, position: Position) =>
    index < list.length && compare(index, position) === 0
  return {
    add(value) {
      list.splice(indexOf(positionOf(value)), 0, value)
    },
    remove(value) {
      const index = indexOf(positionOf(value))
      if (has(index, positionOf(value))) list.splice(index, 1)
    },
    removeBefore: (at) => list.splice(0, indexOf({ at, id: '' })).length,
    read: (sort) => async (after, count) => {
      const index = after && indexOf(after)
      const from = index === undefined ? 0 : index + Number(has(index, after as Position))
      const to = index ?? list.length
      const values =
        sort === 'oldest'
          ? list.slice(from, from + count)
          : list.slice(Math.max(0, to - count), to).reverse()
      return {
        found: values.map((value) => ({ at: positionOf(value), value })),
        isEnd: values.length < count,
      }
    },
  }
}

/**
 * Tells whether a store was made by {@link memoryStore}.
 *
 * @internal
 */
export function isMemoryStore(store: KeyStore): boolean {
  return IN_MEMORY in store
}
