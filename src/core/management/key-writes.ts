import type { KeyCache } from '../decision/key-cache.ts'
import type { KeyRecord } from '../model/api-key.ts'
import { isId } from '../model/api-key.ts'
import { messageOf, requireInput, TwinkeyError } from '../model/error.ts'
import type { CheckedStore } from '../store/checked-store.ts'
import type { StoredKey } from '../store/store.ts'
import { isNotWritten } from '../store/store-error.ts'

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
  ): Promise<'stored' | 'conflict' | 'missing'>
  /** Tries a change once. Throws `version_conflict` if another change came first. */
  change(id: string, transition: (key: KeyRecord) => KeyRecord): Promise<KeyRecord>
  /** Reads the key again and retries while other changes come first. */
  updateWithRetry(id: string, transition: (key: KeyRecord) => KeyRecord): Promise<KeyRecord>
  /** Deletes a key, retrying while other changes come first. Returns the deleted record. */
  remove(id: string): Promise<KeyRecord>
  /** Stops the retries of all changes in progress. */
  end(): void
}

// The result of a failed write. The write may have been made, unless the cause says that it was
// not.
interface Unknown {
  readonly cause: unknown
}

// A lost attempt means that another change won. So many losses in a row mean a broken store, not
// contention.
const MAX_ATTEMPTS = 1000
// Time limit for the retries of one change.
const MAX_MILLISECONDS = 30_000
// Limits the retries on a store that can be read but not written.
const MAX_UNKNOWN = 3

export function createKeyWrites(store: CheckedStore, keys: KeyCache, now: () => number): KeyWrites {
  let ends = 0

  // Returns a function that says whether a change that begins now may be tried again.
  function patience(maxAttempts: number): (attempts: number, unknowns: number) => boolean {
    const [begun, before] = [now(), ends]
    return (attempts, unknowns) =>
      attempts < maxAttempts &&
      unknowns < MAX_UNKNOWN &&
      ends === before &&
      Math.abs(now() - begun) < MAX_MILLISECONDS
  }

  async function read(id: string): Promise<KeyRecord> {
    requireInput(isId(id) ? undefined : 'must be the id of a key', 'id')
    const record = await store.get(id)
    // The cached key may be older than the record that was just read.
    keys.forget(id)
    if (record?.kind !== 'key') throw notFound()
    return record
  }

  async function put(
    next: StoredKey,
    expectedVersion: number | undefined,
  ): Promise<'stored' | 'conflict' | 'missing' | Unknown> {
    try {
      return await store.put(next, expectedVersion)
    } catch (cause) {
      return !isNotWritten(cause) && (await settle(next, expectedVersion)) ? 'stored' : { cause }
    } finally {
      keys.forget(next.id)
    }
  }

  // Finds out whether a failed write was made after all. The version identifies the write, and
  // repeating the same compare-and-set is safe.
  async function settle(next: StoredKey, expectedVersion: number | undefined): Promise<boolean> {
    const isThere = async () => (await store.get(next.id))?.version === next.version
    try {
      return (
        (await isThere()) ||
        (await store.put(next, expectedVersion)) === 'stored' ||
        (await isThere())
      )
    } catch {
      return false
    }
  }

  async function change(
    id: string,
    transition: (key: KeyRecord) => KeyRecord,
    maxAttempts: number,
  ): Promise<KeyRecord> {
    const mayRetry = patience(maxAttempts)
    let unknowns = 0
    let cause: unknown
    for (let attempt = 1; ; attempt++) {
      // If an earlier write may have been made, a failed read leaves the outcome unknown.
      const record = await read(id).catch((error: unknown) => {
        throw unknowns > 0 ? outcomeUnknown(error) : error
      })
      const next = transition(record)
      if (next === record) return record
      const outcome = await put(next, record.version)
      if (outcome === 'stored') return next
      if (outcome === 'missing') throw notFound()
      if (typeof outcome === 'object') {
        // An earlier attempt may have been written, so this cause alone settles nothing.
        if (unknowns === 0) throwIfNotWritten(outcome.cause)
        unknowns++
        cause = outcome.cause
      }
      if (mayRetry(attempt, unknowns)) continue
      throw unknowns > 0 ? outcomeUnknown(cause) : conflict()
    }
  }

  return {
    async put(next, expectedVersion) {
      const outcome = await put(next, expectedVersion)
      if (typeof outcome !== 'object') return outcome
      throwIfNotWritten(outcome.cause)
      throw outcomeUnknown(outcome.cause)
    },
    change: (id, transition) => change(id, transition, 1),
    updateWithRetry: (id, transition) => change(id, transition, MAX_ATTEMPTS),
    async remove(id) {
      const mayRetry = patience(MAX_ATTEMPTS)
      let record = await read(id)
      let cause: unknown
      let unknowns = 0
      for (let attempt = 1; ; attempt++) {
        try {
          const outcome = await store.delete(id, record.version)
          if (outcome !== 'conflict') return record
        } catch (error) {
          if (unknowns === 0) throwIfNotWritten(error)
          // The record may be deleted after all: the read below tells.
          cause = error
          unknowns++
        } finally {
          keys.forget(id)
        }
        const found = await store.get(id).catch((error: unknown) => {
          throw unknowns > 0 ? outcomeUnknown(error) : error
        })
        if (found?.kind !== 'key') return record
        record = found
        if (!mayRetry(attempt, unknowns)) throw unknowns > 0 ? outcomeUnknown(cause) : conflict()
      }
    },
    end() {
      ends++
    },
  }
}

function notFound(): TwinkeyError {
  return new TwinkeyError('key_not_found', 'There is no key with this id.')
}

function conflict(): TwinkeyError {
  return new TwinkeyError(
    'version_conflict',
    'Another change to this key came first. Read the key again and decide anew.',
  )
}

function throwIfNotWritten(cause: unknown): void {
  if (isNotWritten(cause)) throw cause
}

/** The error for a change that may or may not have been made. */
export function outcomeUnknown(cause: unknown): TwinkeyError {
  const message =
    'The store failed during the write, so the change may or may not have been made. Read the key when the store is back.'
  return new TwinkeyError(
    'outcome_unknown',
    cause === undefined ? message : `${message} ${messageOf(cause)}`,
    { cause },
  )
}
