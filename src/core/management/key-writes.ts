import type { KeyCache } from '../decision/key-cache.ts'
import type { KeyRecord } from '../model/api-key.ts'
import { isId } from '../model/api-key.ts'
import { messageOf, requireInput, TwinkeyError } from '../model/error.ts'
import type { CheckedStore } from '../store/checked-store.ts'
import type { StoredKey } from '../store/store.ts'
import { isNotWritten } from '../store/store-error.ts'

/**
 * Changes to keys by compare-and-set. What is written here holds on this node when the promise
 * resolves.
 */
export interface KeyWrites {
  /**
   * Writes a record where the version that is there is the expected one, or where nothing is there
   * and it is undefined.
   */
  put(
    next: StoredKey,
    expectedVersion: number | undefined,
  ): Promise<'stored' | 'conflict' | 'missing'>
  /** Changes a key once. Loses with `version_conflict` where another change came first. */
  change(id: string, transition: (key: KeyRecord) => KeyRecord): Promise<KeyRecord>
  /** Changes a key whatever else happens to it: re-reads and tries again until the change holds. */
  updateWithRetry(id: string, transition: (key: KeyRecord) => KeyRecord): Promise<KeyRecord>
  /** Deletes a key whatever else happens to it, and answers what was deleted. */
  remove(id: string): Promise<KeyRecord>
  /** From now on, what was begun before is not tried again. */
  end(): void
}

// Whether the write was made is open, because of this, unless the cause itself says that it was
// not.
interface Unknown {
  readonly cause: unknown
}

// Every attempt that loses means that another change won, so this many in a row is not contention
// but a broken store.
const MAX_ATTEMPTS = 1000
// And nobody waits longer than this for one change.
const MAX_MILLISECONDS = 30_000
// A store that can be read and not be written is not asked again and again.
const MAX_UNKNOWN = 3

export function createKeyWrites(store: CheckedStore, keys: KeyCache, now: () => number): KeyWrites {
  let ends = 0

  // Whether something that begins now may be tried once more, after so many attempts.
  function patience(maxAttempts: number): (attempts: number, unknowns: number) => boolean {
    const [begun, before] = [now(), ends]
    return (attempts, unknowns) =>
      attempts < maxAttempts &&
      unknowns < MAX_UNKNOWN &&
      ends === before &&
      Math.abs(now() - begun) < MAX_MILLISECONDS
  }

  // The key as it is in the store now.
  async function read(id: string): Promise<KeyRecord> {
    requireInput(isId(id) ? undefined : 'must be the id of a key', 'id')
    const record = await store.get(id)
    // What is known here of the key may be older than what another node has written meanwhile.
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

  // A write that failed may have been done all the same. The version tells whose write is there,
  // and doing the same compare-and-set a second time cannot do more than doing it once.
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
      // Once a write may have been made, a store that cannot be read leaves that open.
      const record = await read(id).catch((error: unknown) => {
        throw unknowns > 0 ? outcomeUnknown(error) : error
      })
      const next = transition(record)
      if (next === record) return record
      const outcome = await put(next, record.version)
      if (outcome === 'stored') return next
      if (outcome === 'missing') throw notFound()
      if (typeof outcome === 'object') {
        // What was tried before may still have been written.
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
          // It may have been done all the same: what is there now says.
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

/** The error where a change may have been made. */
export function outcomeUnknown(cause: unknown): TwinkeyError {
  const message =
    'The store failed while it wrote, and whether the change was made cannot be told. Read the key when the store is back.'
  return new TwinkeyError(
    'outcome_unknown',
    cause === undefined ? message : `${message} ${messageOf(cause)}`,
    { cause },
  )
}
