import type { AliasRecord, KeyRecord, KeyState } from '../model/api-key.ts'
import type { HistoryEntry } from '../model/history.ts'

/**
 * A record in a store: a key, or an alias. An alias leads from an imported secret or a unique name
 * to its key.
 */
export type StoredKey = KeyRecord | AliasRecord

/** A place in a list that is sorted by time and id. Ids are compared by their bytes. */
export interface Position {
  /** The `createdAt` of a key, or the `at` of an entry. */
  readonly at: number
  readonly id: string
}

/** Filters, order and paging of `list`, which never returns aliases. A key must match all filters. */
export interface ListQuery {
  /** Keys whose scope lists this tenant. A scope of `'*'` lists none. */
  readonly tenant?: string | undefined
  /** Keys all of whose tenants are in this list. A scope of `'*'` matches no list. */
  readonly tenants?: readonly string[] | undefined
  /** Keys of this owner; null for keys without an owner. */
  readonly owner?: string | null | undefined
  /** The state at time `now`. */
  readonly state?: KeyState | undefined
  /** Keys with a secret whose digest names this pepper; null for a digest without pepper. */
  readonly pepper?: string | null | undefined
  /** Keys with a secret that has this hint. */
  readonly hint?: string | undefined
  /** Keys whose name begins with this text, without regard to case. */
  readonly name?: string | undefined
  /** Keys neither of whose secrets works from this time on, in epoch milliseconds. */
  readonly expiresBefore?: number | undefined
  /**
   * Keys that were created before this time and not used since, in epoch milliseconds, and whose
   * secrets were created before it.
   */
  readonly unusedSince?: number | undefined
  /** The time to which `state` refers: that of the first page. */
  readonly now: number
  /** By `createdAt`, and by `id` within a millisecond. */
  readonly sort: 'newest' | 'oldest'
  /** The maximum number of keys on the page: 1 to 100. */
  readonly limit: number
  /** The `next` value of the previous page. */
  readonly after?: Position | undefined
}

/** A page of keys. It may be short, or empty, and still have a next page. */
export interface KeyPage {
  readonly keys: KeyRecord[]
  /** Where the next page begins; undefined after the last page. */
  readonly next?: Position | undefined
}

/** Filters, order and paging of `history`. An entry must match all filters. */
export interface HistoryQuery {
  readonly keyId?: string | undefined
  /** Entries of this owner's keys; null for keys without an owner. */
  readonly owner?: string | null | undefined
  /** Entries of keys that listed this tenant after the change. */
  readonly tenant?: string | undefined
  /** Entries of keys all of whose tenants were in this list after the change. */
  readonly tenants?: readonly string[] | undefined
  /** By `at`, and by `id` within a millisecond. */
  readonly sort: 'newest' | 'oldest'
  /** The maximum number of entries on the page: 1 to 100. */
  readonly limit: number
  /** Where to begin, exclusive: the `next` value of the previous page, or any other place. */
  readonly after?: Position | undefined
}

/** A page of the history. It may be short, or empty, and still have a next page. */
export interface HistoryPage {
  readonly entries: HistoryEntry[]
  readonly next?: Position | undefined
}

/** The use of a secret at one time. */
export interface SecretUse {
  readonly keyId: string
  readonly secretId: string
  /** Epoch milliseconds. */
  readonly usedAt: number
}

/**
 * The pluggable persistence port. A store has no policy: it keeps records, compares versions and
 * returns what it has. It throws if a call fails. The caller then gets an error, or the refusal
 * `unavailable`: a failing store never allows a request.
 *
 * If a write throws, Twinkey reads the record back, because the write may have succeeded. A store
 * that knows that nothing was written and never will be throws an error with the `code`
 * `'not_written'`, for example if a table is missing or no connection could be opened. The caller
 * then gets `store_unavailable` and never `outcome_unknown`.
 *
 * Each call has `deadlineSeconds`. After that, Twinkey aborts the `signal` of the call and ignores
 * its answer. A store that sends several commands or retries must then stop, so that nothing
 * changes after the caller got an error.
 */
export interface KeyStore {
  /**
   * Returns the latest acknowledged write, never that of a replica that may lag. A key includes the
   * last use of its secrets.
   */
  get(id: string, signal?: AbortSignal): Promise<StoredKey | undefined>
  /**
   * Compare-and-set: writes `next` only if the stored version is `expectedVersion`. If
   * `expectedVersion` is undefined, it writes only if there is no record. Does not write
   * `lastUsedAt`.
   *
   * @param entry The entry of the history to write in the same transaction, in the place of the
   *   record: no change without its entry, no entry without its change. Undefined for aliases, and
   *   for changes that are not a matter of management.
   */
  put(
    next: StoredKey,
    expectedVersion: number | undefined,
    entry: HistoryEntry | undefined,
    signal?: AbortSignal,
  ): Promise<'stored' | 'conflict' | 'missing'>
  /**
   * Compare-and-delete. Also deletes the last use of the key's secrets, and keeps the history.
   *
   * @param entry As in `put`.
   */
  delete(
    id: string,
    expectedVersion: number,
    entry: HistoryEntry | undefined,
    signal?: AbortSignal,
  ): Promise<'deleted' | 'conflict' | 'missing'>
  /**
   * Returns one page of keys. Pages that follow each other skip no key and repeat none, while others
   * are created, changed and deleted.
   */
  list(query: ListQuery, signal?: AbortSignal): Promise<KeyPage>
  /** Returns one page of the history. */
  history(query: HistoryQuery, signal?: AbortSignal): Promise<HistoryPage>
  /**
   * Deletes entries of the history that are older than `before`, in epoch milliseconds: some of them
   * in each call, the oldest first.
   *
   * @returns How many were deleted; 0 if none is left.
   */
  forgetHistory(before: number, signal?: AbortSignal): Promise<number>
  /**
   * Keeps the latest use of each secret. Never moves it back in time, never changes a record or its
   * version, and never creates a record.
   */
  recordUse(uses: readonly SecretUse[], signal?: AbortSignal): Promise<void>
  /**
   * Inspects the settings of the backend. Returns a sentence for each setting that can lose
   * acknowledged writes; each becomes `warning.store_unsafe`. Returns an empty list if there is
   * none, or if the settings cannot be read. Called after the first answered call if there is an
   * `onEvent`, and up to three times if it throws.
   */
  inspect?(signal?: AbortSignal): Promise<readonly string[]>
  /**
   * Reads the clock of the backend, in epoch milliseconds. `twinkey doctor` compares it with the
   * clock of the process.
   */
  clock?(signal?: AbortSignal): Promise<number>
  /**
   * Opens the change feed. Calls `changed` with the id of every record that another instance writes
   * or deletes, or with undefined if it may have missed some. Resolves to a function that ends the
   * feed.
   *
   * A store that reconnects by itself calls `failed` once for each outage: when the first attempt
   * fails, or when the feed is lost and the next attempt fails.
   */
  watch?(
    changed: (id: string | undefined) => void,
    failed?: (error: unknown) => void,
  ): Promise<() => Promise<void>>
}
