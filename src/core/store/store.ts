import type { AliasRecord, KeyRecord, KeyState } from '../model/api-key.ts'

/**
 * What a store keeps under an id: a key, or the alias by which an imported secret finds its key.
 */
export type StoredKey = KeyRecord | AliasRecord

/** Which keys to list. Aliases are never listed. */
export interface ListQuery {
  /** Keys whose scope names this tenant. A key for `'*'` names none. */
  readonly tenant?: string | undefined
  /** Keys of this owner, or with null, of none. */
  readonly owner?: string | null | undefined
  readonly state?: KeyState | undefined
  /** Keys with a secret whose digest names this pepper, or with null, no pepper. */
  readonly pepper?: string | null | undefined
  /** Most keys on one page: 1 to 100. */
  readonly limit: number
  /** Where the page before ended: its `next`. */
  readonly cursor?: string | undefined
}

/** That a secret was used. */
export interface SecretUse {
  readonly keyId: string
  readonly secretId: string
  /** Epoch milliseconds. */
  readonly usedAt: number
}

/**
 * The pluggable persistence port. A store holds no policy: it keeps records, compares versions, and
 * answers what is there. It throws where it cannot do what is asked; what it throws becomes an
 * error or the refusal `unavailable`, never a decision.
 *
 * A write that throws is read back, for it may have been made all the same. Where a store knows
 * that nothing was written, and never will be, because its tables are not there or no connection
 * could be opened, it throws an error whose `code` is `'not_written'`: then the error is
 * `store_unavailable` and not `outcome_unknown`.
 *
 * Each call has a deadline, `deadlineSeconds`. When it is over, the `signal` of the call is
 * aborted, and the answer is not heard any more: a store that has more to send, or waits to try
 * again, must stop then, so that nothing changes after the caller was told that it had failed.
 */
export interface KeyStore {
  /**
   * The latest write, never that of a replica that may lag. A key comes with the last use of its
   * secrets joined.
   */
  get(id: string, signal?: AbortSignal): Promise<StoredKey | undefined>
  /**
   * Compare-and-set: writes `next` only where the version that is there is `expectedVersion`, or
   * where nothing is there and it is undefined. Does not write `lastUsedAt`.
   */
  put(
    next: StoredKey,
    expectedVersion: number | undefined,
    signal?: AbortSignal,
  ): Promise<'stored' | 'conflict' | 'missing'>
  /** Compare-and-delete. The last use of the key's secrets goes with it. */
  delete(
    id: string,
    expectedVersion: number,
    signal?: AbortSignal,
  ): Promise<'deleted' | 'conflict' | 'missing'>
  /** One page of keys, in an order that stays the same from page to page. */
  list(
    query: ListQuery,
    signal?: AbortSignal,
  ): Promise<{ keys: KeyRecord[]; next?: string | undefined }>
  /**
   * Keeps the latest use of each secret: never back in time, never touching a record or its
   * version, creating nothing.
   */
  recordUse(uses: readonly SecretUse[], signal?: AbortSignal): Promise<void>
  /**
   * Looks once at how the backend is set up. Answers a sentence for each setting under which it
   * loses what was acknowledged, each of which becomes `warning.store_unsafe`; none where all is
   * well or where it cannot be told. Called after the first call that was answered, if anybody
   * listens.
   */
  inspect?(signal?: AbortSignal): Promise<readonly string[]>
  /**
   * Calls `changed` with the id of every record that another instance has written or deleted, or
   * with undefined where some may have been missed. Resolves to a function that ends it.
   *
   * A store that goes on trying by itself calls `failed` with the error where it cannot hear of
   * changes: when the first attempt has failed, or when the feed was lost and is not back at the
   * next one. Once for each outage, not at each attempt.
   */
  watch?(
    changed: (id: string | undefined) => void,
    failed?: (error: unknown) => void,
  ): Promise<() => Promise<void>>
}
