import type { AliasRecord, KeyRecord, KeyState } from '../model/api-key.ts'

/** A record in a store: a key, or the alias that leads from an imported secret to its key. */
export type StoredKey = KeyRecord | AliasRecord

/** Filters and paging of `list`, which never returns aliases. */
export interface ListQuery {
  /** Keys whose scope lists this tenant. A scope of `'*'` lists none. */
  readonly tenant?: string | undefined
  /** Keys of this owner; null for keys without an owner. */
  readonly owner?: string | null | undefined
  readonly state?: KeyState | undefined
  /** Keys with a secret whose digest names this pepper; null for a digest without pepper. */
  readonly pepper?: string | null | undefined
  /** The maximum number of keys on the page: 1 to 100. */
  readonly limit: number
  /** The `next` value of the previous page. */
  readonly cursor?: string | undefined
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
   */
  put(
    next: StoredKey,
    expectedVersion: number | undefined,
    signal?: AbortSignal,
  ): Promise<'stored' | 'conflict' | 'missing'>
  /** Compare-and-delete. Also deletes the last use of the key's secrets. */
  delete(
    id: string,
    expectedVersion: number,
    signal?: AbortSignal,
  ): Promise<'deleted' | 'conflict' | 'missing'>
  /** Returns one page of keys. The order is the same on every page. */
  list(
    query: ListQuery,
    signal?: AbortSignal,
  ): Promise<{ keys: KeyRecord[]; next?: string | undefined }>
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
