import type { Metadata } from '../model/api-key.ts'
import type { HistoryEntry } from '../model/history.ts'
import type {
  ChangeOptions,
  CreateKeyInput,
  RenewOptions,
  RenewSlots,
  RevokeAllInput,
  RotateOptions,
  UpdateKeyInput,
} from '../model/key-input.ts'
import type { ApiKey } from '../model/key-view.ts'
import type { LimitUse } from '../model/limiter.ts'
import type { HistoryAfterInput, HistoryInput, ListKeysInput } from '../model/query-input.ts'
import type { ImportKeyInput } from './key-import.ts'

/** A new key with its secrets, which cannot be read back later. */
export interface CreatedKey<M extends Metadata = Metadata> {
  readonly key: ApiKey<M>
  readonly primary: string
  /** Null if the key was created with `secondary: false`. */
  readonly secondary: string | null
}

/** A key that an earlier call with the same idempotency key created. */
export interface RepeatedKey<M extends Metadata = Metadata> {
  readonly key: ApiKey<M>
  /** Null: a secret is returned once. Renew it if it was lost. */
  readonly primary: null
  readonly secondary: null
}

/** A key with its new secrets, which cannot be read back later. */
export interface RenewedKey<M extends Metadata = Metadata, S extends RenewSlots = RenewSlots> {
  readonly key: ApiKey<M>
  /** The new primary secret; null if it was not renewed. */
  readonly primary: S extends 'primary' | 'both' ? string : null
  /** The new secondary secret; null if it was not renewed. */
  readonly secondary: S extends 'secondary' | 'both' ? string : null
}

/** A page of keys. It may be short, or empty, and still have a next page. */
export interface KeyList<M extends Metadata = Metadata> {
  readonly keys: readonly ApiKey<M>[]
  /** Pass it as `cursor` to read on; undefined after the last page. */
  readonly nextCursor: string | undefined
}

/** A page of the history, from the newest entry back. It may be short and still have a next page. */
export interface HistoryPage {
  readonly entries: readonly HistoryEntry[]
  /** Pass it as `cursor` to read on; undefined after the last page. */
  readonly nextCursor: string | undefined
}

/** What a consumer of the history reads in one call. */
export interface HistoryStep {
  /** Entries from the oldest on. Near the present, entries of the last two minutes repeat. */
  readonly entries: readonly HistoryEntry[]
  /** Pass it as `after` in the next call. */
  readonly nextCursor: string
  /** False if there is nothing more now: wait before the next call. */
  readonly hasMore: boolean
}

/**
 * Manages keys. Performs no authorization of its own: your application decides who may call it, or
 * hands out a keyring that is limited by `keys.within`.
 *
 * Every method except `get`, `list`, `all`, `usage` and `history` changes the store by compare-and-set, and
 * writes an entry of the history with the change. The change is effective on this node when the
 * promise resolves, and on other nodes within `cache.maxAgeSeconds`.
 *
 * Every method can throw {@link TwinkeyError} `invalid_input`, `store_unavailable` and
 * `store_malformed`. Methods that write can also throw `outcome_unknown`: the store failed during
 * the write, so the change may or may not have been made. A limited keyring can also throw
 * `not_permitted` and `not_grantable`, and to it a key that it does not see is `key_not_found`.
 */
export interface Keyring<M extends Metadata = Metadata> {
  /**
   * Creates a key and returns its secrets. They cannot be read back later.
   *
   * @throws {@link TwinkeyError} `name_taken` with `uniqueNames`, `key_limit_reached`.
   */
  create(input: CreateKeyInput<M>): Promise<CreatedKey<M>>
  /**
   * Creates a key at most once, so that a caller that lost the answer can repeat the call. The id of
   * the key is derived from the actor, the owner and the idempotency key.
   *
   * @param idempotencyKey A text of 1 to 255 printable ASCII characters that the caller makes up for
   *   each key, such as a random UUID.
   * @returns The key and its secrets. A repeated call returns the key without them.
   * @throws {@link TwinkeyError} `idempotency_conflict` if an earlier call had another input.
   *   `name_taken` with `uniqueNames`, `key_limit_reached`.
   */
  createOnce(
    input: CreateKeyInput<M>,
    idempotencyKey: string,
  ): Promise<CreatedKey<M> | RepeatedKey<M>>
  /**
   * Creates a key whose secrets another system issued, from their digests or from the secrets
   * themselves. The key then works like any other, and its rotation issues Twinkey secrets.
   * Requires an entry in the `importedSecrets` option that fits the secrets.
   *
   * @throws {@link TwinkeyError} `secret_taken` if one of the secrets already belongs to a key.
   *   `invalid_input` also if a secret has less than 112 bits of entropy or fits no entry of
   *   `importedSecrets`. `version_conflict` if other imports of the same secrets interfere.
   */
  import(input: ImportKeyInput<M>): Promise<ApiKey<M>>
  /**
   * Returns a key without its secrets. Returns undefined for an unknown id or any other text.
   */
  get(id: string): Promise<ApiKey<M> | undefined>
  /**
   * Returns one page of keys without their secrets, the newest first. Pages that follow each other
   * skip no key and repeat none, while keys are created and deleted.
   */
  list(input?: ListKeysInput): Promise<KeyList<M>>
  /** Returns all keys of a query, page by page: `for await (const key of keys.all())`. */
  all(input?: Omit<ListKeysInput, 'cursor'>): AsyncGenerator<ApiKey<M>, void, undefined>
  /**
   * Returns what is left of each limit of a key: of its own limits, otherwise of those of the
   * deployment. Counts nothing. Empty for a key without limits, and without a `limiter`.
   *
   * @throws {@link TwinkeyError} `key_not_found`. `limiter_unavailable` if the limiter fails or
   *   takes longer than `deadlineSeconds`.
   */
  usage(id: string): Promise<readonly LimitUse[]>
  /**
   * Returns the management changes of keys, the newest first, also those of deleted keys.
   *
   * With `after`, reads from the oldest entry on, for a consumer that must see every entry. Near the
   * present it repeats the entries of the last 120 seconds, because an entry can be stored that much
   * later than its time: remove repeated entries by their id.
   */
  history(input: HistoryAfterInput): Promise<HistoryStep>
  history(input?: HistoryInput): Promise<HistoryPage>
  /**
   * Changes name, scope, metadata, expiry, limits, networks, or whether the key may be exchanged for
   * tokens. If two changes race, one throws `version_conflict`.
   *
   * @throws {@link TwinkeyError} `key_not_found`, `key_revoked`, `version_conflict`, and `name_taken`
   *   with `uniqueNames`.
   */
  update(id: string, input: UpdateKeyInput<M>): Promise<ApiKey<M>>
  /**
   * Enables a disabled key again, with the same secrets.
   *
   * @throws {@link TwinkeyError} `key_not_found`, `key_revoked`, `version_conflict`.
   */
  enable(id: string, options?: ChangeOptions): Promise<ApiKey<M>>
  /**
   * Disables a key and all its tokens until it is enabled again. Retries if other changes to the
   * key come first.
   *
   * @throws {@link TwinkeyError} `key_not_found`, `key_revoked`.
   */
  disable(id: string, options?: ChangeOptions): Promise<ApiKey<M>>
  /**
   * Puts a new secret into the primary slot. The old primary secret moves to the secondary slot and
   * expires after the grace period.
   *
   * Does not end an active secondary secret unless `replace` is `'secondary'`. To rotate a key with
   * two active secrets, see {@link Keyring.renew}.
   *
   * @returns The key and the new primary secret, which cannot be read back later.
   * @throws {@link TwinkeyError} `secondary_live`, `key_not_found`, `key_revoked`,
   *   `version_conflict`.
   */
  rotate(id: string, options?: RotateOptions): Promise<RenewedKey<M, 'primary'>>
  /**
   * Replaces the secret in one slot or in both, and leaves the other slot unchanged, so that callers
   * can move without downtime.
   *
   * A replaced secret and every token issued for it are refused on this node when the promise
   * resolves, and on other nodes within `cache.maxAgeSeconds`. The other slot stays valid: to end
   * the key, see {@link Keyring.revoke}.
   *
   * @param id Key id, the part of a secret after its prefix.
   * @param options The slots to renew. Renew the unused slot, move callers to it, then renew the
   *   other. Renew both at once if you do not know which secret was leaked.
   * @returns The key and the new secrets, which cannot be read back later.
   * @throws {@link TwinkeyError} `key_not_found`, `key_revoked`, `version_conflict`.
   */
  renew<S extends RenewSlots>(id: string, options: RenewOptions<S>): Promise<RenewedKey<M, S>>
  /**
   * Ends the secondary secret now and leaves the primary one unchanged: after callers have moved, or
   * if the new secret of a rotation was lost and the next rotation must not wait for the old one.
   *
   * @throws {@link TwinkeyError} `key_not_found`, `key_revoked`, `version_conflict`.
   */
  endSecondary(id: string, options?: ChangeOptions): Promise<ApiKey<M>>
  /**
   * Ends a key and all its tokens permanently, and keeps its record. Retries if other changes to
   * the key come first. Revoking a revoked key has no effect.
   *
   * @throws {@link TwinkeyError} `key_not_found`.
   */
  revoke(id: string, options?: ChangeOptions): Promise<ApiKey<M>>
  /**
   * Revokes all keys of an owner or a tenant, for example when it is deleted. A key that names
   * further tenants is not revoked but loses the tenant.
   *
   * Can miss keys that are created while it runs, so stop creating keys first. After an error, some
   * keys may be revoked already: call it again.
   *
   * @returns The number of revoked keys, and of keys that lost the tenant.
   */
  revokeAll(input: RevokeAllInput): Promise<{ revoked: number; narrowed: number }>
  /**
   * Deletes a key and its record. To end a key but keep its record, see {@link Keyring.revoke}.
   *
   * @throws {@link TwinkeyError} `key_not_found`.
   */
  delete(id: string, options?: ChangeOptions): Promise<void>
}
