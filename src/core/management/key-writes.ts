import type { KeyCache } from '../decision/key-cache.ts'
import { isId, type KeyRecord } from '../model/api-key.ts'
import { isTwinkeyError, messageOf, requireInput, TwinkeyError } from '../model/error.ts'
import type { HistoryEntry } from '../model/history.ts'
import type { CheckedStore } from '../store/checked-store.ts'
import type { StoredKey } from '../store/store.ts'
import { isNotWritten } from '../store/store-error.ts'
import { createPatience } from './patience.ts'

/** A change to one key. The functions are called with each record on which the change is tried. */
export interface KeyChange {
  /** Throws if the key must not be changed: what it throws ends the change. */
  check(key: KeyRecord): void
  /** Returns the next record, or the same one if nothing changes. */
  transition(key: KeyRecord): KeyRecord
  /** The entry of the history for the change. Undefined if this is not a management change. */
  entry(after: KeyRecord, before: KeyRecord): HistoryEntry | undefined
}

/** A deletion of one key. */
type KeyRemoval = Pick<KeyChange, 'check'> & { entry(deleted: KeyRecord): HistoryEntry }

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

/** The deleted record. The entry is undefined if another call deleted it. */
interface Removed {
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

// A lost attempt means that another change won. So many losses in a row mean a broken store, not
// contention.
const MAX_ATTEMPTS = 1000

export function createKeyWrites(store: CheckedStore, keys: KeyCache, now: () => number): KeyWrites {
  const patience = createPatience(now)
  const write = createWrite(store, keys)

  async function read(id: string): Promise<KeyRecord> {
    requireInput(isId(id) ? undefined : 'must be the id of a key', 'id')
    const record = await store.get(id)
    // The cached key may be older than the record that was just read.
    keys.forget(id)
    if (record?.kind !== 'key') throw keyNotFound()
    return record
  }

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

  // The entry of a deletion that failed. The history tells whether it was made, or another one.
  async function ifWritten(entry: HistoryEntry | undefined): Promise<HistoryEntry | undefined> {
    if (entry === undefined) return undefined
    const query = { keyId: entry.keyId, sort: 'newest', limit: 1 } as const
    const page = await store.history(query).catch(() => undefined)
    return page?.entries[0]?.id === entry.id ? entry : undefined
  }

  async function remove(id: string, { check, entry: entryOf }: KeyRemoval): Promise<Removed> {
    const mayRetry = patience.begin(MAX_ATTEMPTS)
    let key = await read(id)
    let cause: unknown
    let unknowns = 0
    let entry: HistoryEntry | undefined
    // The deletion of this version that failed, and that may have been made after all.
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

  return {
    async put(next, expectedVersion, entry) {
      const outcome = await write(next, expectedVersion, entry)
      if (typeof outcome !== 'object') return outcome
      throwIfNotWritten(outcome.cause)
      throw outcomeUnknown(outcome.cause)
    },
    change: (id, each) => change(id, each, 1),
    updateWithRetry: (id, each) => change(id, each, MAX_ATTEMPTS),
    remove,
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

/** The error for a key that does not exist, or that the keyring does not see. */
export function keyNotFound(): TwinkeyError {
  return new TwinkeyError('key_not_found', 'There is no key with this id.')
}

/** The error for a change that lost against another one. */
export function conflict(): TwinkeyError {
  return new TwinkeyError(
    'version_conflict',
    'Another change to this key came first. Read the key again and decide anew.',
  )
}

function throwIfNotWritten(cause: unknown): void {
  if (isNotWritten(cause)) throw cause
}

/** The error for a change that may or may not have been made. */
function outcomeUnknown(cause: unknown): TwinkeyError {
  const message =
    'The store failed during the write, so the change may or may not have been made. Read the key when the store is back.'
  return new TwinkeyError(
    'outcome_unknown',
    cause === undefined ? message : `${message} ${messageOf(cause)}`,
    { cause },
  )
}

/** Rethrows an error after a write that was made: from then on, a store failure leaves it unknown. */
export function rethrowAsUnknown(error: unknown): never {
  throw isTwinkeyError(error) && error.code === 'store_unavailable' ? outcomeUnknown(error) : error
}
