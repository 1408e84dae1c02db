import type { KeyCache } from '../decision/key-cache.ts'
import type { KeyRecord } from '../model/api-key.ts'
import type { HistoryEntry } from '../model/history.ts'
import type { CheckedStore } from '../store/checked-store.ts'
import type { StoredKey } from '../store/store.ts'
import { isNotWritten } from '../store/store-error.ts'
import { createReadKey } from './key-read.ts'
import { createRemoval, type KeyRemoval, type Removed } from './key-removal.ts'
import { createPatience, MAX_ATTEMPTS } from './patience.ts'
import { conflict, keyNotFound, outcomeUnknown, throwIfNotWritten } from './write-errors.ts'

/** A change to one key. The functions are called with each record on which the change is tried. */
export interface KeyChange {
  /** Throws if the key must not be changed: what it throws ends the change. */
  check(key: KeyRecord): void
  /** Returns the next record, or the same one if nothing changes. */
  transition(key: KeyRecord): KeyRecord
  /** The entry of the history for the change. Undefined if this is not a management change. */
  entry(after: KeyRecord, before: KeyRecord): HistoryEntry | undefined
}

/**
 * Changes keys by compare-and-set. A change is effective on this node when its promise resolves.
 */
export interface KeyWrites {
  /**
   * Writes a record if the stored version is the expected one. If the expected version is
   * undefined, it writes only if there is no record yet.
   */
  put(
    next: StoredKey,
    expectedVersion: number | undefined,
    entry: HistoryEntry | undefined,
  ): Promise<'stored' | 'conflict' | 'missing'>
  /** Tries a change once. Throws `version_conflict` if another change came first. */
  change(id: string, change: KeyChange): Promise<Changed>
  /** Reads the key again and retries while other changes come first. */
  updateWithRetry(id: string, change: KeyChange): Promise<Changed>
  /** Deletes a key, retrying while other changes come first. */
  remove(id: string, removal: KeyRemoval): Promise<Removed>
  /** Stops the retries of all changes in progress. */
  end(): void
}

/** The record after a change. The entry is undefined if this call changed nothing. */
interface Changed {
  readonly key: KeyRecord
  readonly entry: HistoryEntry | undefined
}

// A write whose outcome is unknown.
type Attempt = Required<Changed>

// The result of a failed write. The write may have been made, unless the cause says that it was
// not.
interface Unknown {
  readonly cause: unknown
}

export function createKeyWrites(store: CheckedStore, keys: KeyCache, now: () => number): KeyWrites {
  const patience = createPatience(now)
  const read = createReadKey(store, keys)
  const write = createWrite(store, keys)

  async function change(
    id: string,
    { check, transition, entry: entryOf }: KeyChange,
    maxAttempts: number,
  ): Promise<Changed> {
    const mayRetry = patience.begin(maxAttempts)
    const attempts: Attempt[] = []
    let cause: unknown
    for (let attempt = 1; ; attempt++) {
      // If an earlier write may have been made, a failed read leaves the outcome unknown.
      const record = await read(id).catch((error: unknown) => {
        throw attempts.length > 0 ? outcomeUnknown(error) : error
      })
      // The version identifies the write: an earlier attempt was made after all.
      const made = attempts.find(({ key }) => key.version === record.version)
      if (made !== undefined) return made
      try {
        check(record)
      } catch (error) {
        // The record may differ from the expected one because of an earlier attempt.
        throw attempts.length > 0 ? outcomeUnknown(cause) : error
      }
      const key = transition(record)
      if (key === record) return { key, entry: undefined }
      const entry = entryOf(key, record)
      const outcome = await write(key, record.version, entry)
      if (outcome === 'stored') return { key, entry }
      if (outcome === 'missing') throw keyNotFound()
      if (typeof outcome === 'object') {
        // An earlier attempt may have been written, so this cause alone settles nothing.
        if (attempts.length === 0) throwIfNotWritten(outcome.cause)
        attempts.push({ key, entry })
        cause = outcome.cause
      }
      if (mayRetry(attempt, attempts.length)) continue
      throw attempts.length > 0 ? outcomeUnknown(cause) : conflict()
    }
  }

  return {
    async put(next, expectedVersion, entry) {
      const outcome = await write(next, expectedVersion, entry)
      if (typeof outcome !== 'object') return outcome
      throwIfNotWritten(outcome.cause)
      throw outcomeUnknown(outcome.cause)
    },
    change: (id, each) => change(id, each, 1),
    updateWithRetry: (id, each) => change(id, each, MAX_ATTEMPTS),
    remove: createRemoval(store, keys, read, patience),
    end: patience.end,
  }
}

// Writes a record once, and finds out whether a failed write was made after all.
function createWrite(store: CheckedStore, keys: KeyCache) {
  // The version identifies the write, and repeating the same compare-and-set is safe.
  async function settle(
    next: StoredKey,
    expectedVersion: number | undefined,
    entry: HistoryEntry | undefined,
  ): Promise<boolean> {
    const isThere = async () => (await store.get(next.id))?.version === next.version
    try {
      return (
        (await isThere()) ||
        (await store.put(next, expectedVersion, entry)) === 'stored' ||
        (await isThere())
      )
    } catch {
      return false
    }
  }

  return async (
    next: StoredKey,
    expectedVersion: number | undefined,
    entry: HistoryEntry | undefined,
  ): Promise<'stored' | 'conflict' | 'missing' | Unknown> => {
    try {
      return await store.put(next, expectedVersion, entry)
    } catch (cause) {
      const isDone = !isNotWritten(cause) && (await settle(next, expectedVersion, entry))
      return isDone ? 'stored' : { cause }
    } finally {
      keys.forget(next.id)
    }
  }
}
