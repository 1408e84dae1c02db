import type { KeyCache } from '../decision/key-cache.ts'
import type { KeyRecord } from '../model/api-key.ts'
import type { HistoryEntry } from '../model/history.ts'
import type { CheckedStore } from '../store/checked-store.ts'
import type { ReadKey } from './key-read.ts'
import { MAX_ATTEMPTS, type Patience } from './patience.ts'
import { conflict, outcomeUnknown, throwIfNotWritten } from './write-errors.ts'

/** A deletion of one key. */
export interface KeyRemoval {
  /** Throws if the key must not be deleted: what it throws ends the deletion. */
  check(key: KeyRecord): void
  entry(deleted: KeyRecord): HistoryEntry
}

/** The deleted record. The entry is undefined if another call deleted it. */
export interface Removed {
  readonly key: KeyRecord
  readonly entry: HistoryEntry | undefined
}

/** Creates the function that deletes a key, and retries while other changes come first. */
export function createRemoval(
  store: CheckedStore,
  keys: KeyCache,
  read: ReadKey,
  patience: Patience,
): (id: string, removal: KeyRemoval) => Promise<Removed> {
  // The entry of a deletion that failed. The history tells whether it was made, or another one.
  async function ifWritten(entry: HistoryEntry | undefined): Promise<HistoryEntry | undefined> {
    if (entry === undefined) return undefined
    const query = { keyId: entry.keyId, sort: 'newest', limit: 1 } as const
    const page = await store.history(query).catch(() => undefined)
    return page?.entries[0]?.id === entry.id ? entry : undefined
  }

  return async (id, { check, entry: entryOf }) => {
    const mayRetry = patience.begin(MAX_ATTEMPTS)
    let key = await read(id)
    let cause: unknown
    let unknowns = 0
    let entry: HistoryEntry | undefined
    // The failed deletion of this version. It may have been made nevertheless.
    let attempted: HistoryEntry | undefined
    for (let attempt = 1; ; attempt++) {
      if (entry === undefined) check(key)
      entry ??= entryOf(key)
      try {
        const outcome = await store.delete(id, key.version, entry)
        if (outcome === 'deleted') return { key, entry }
        if (outcome === 'missing') return { key, entry: await ifWritten(attempted) }
      } catch (error) {
        if (unknowns === 0) throwIfNotWritten(error)
        // The record may be deleted after all: the read below tells.
        cause = error
        unknowns++
        attempted = entry
      } finally {
        keys.forget(id)
      }
      const found = await store.get(id).catch((error: unknown) => {
        throw unknowns > 0 ? outcomeUnknown(error) : error
      })
      if (found?.kind !== 'key') return { key, entry: await ifWritten(attempted) }
      if (found.version !== key.version) {
        entry = undefined
        attempted = undefined
      }
      key = found
      if (!mayRetry(attempt, unknowns)) throw unknowns > 0 ? outcomeUnknown(cause) : conflict()
    }
  }
}
