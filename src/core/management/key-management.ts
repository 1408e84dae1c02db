import type { Metadata } from '../model/api-key.ts'
import type {
  ActorOption,
  CreateKeyInput,
  ListKeysInput,
  RevokeAllInput,
  RotateOptions,
  UpdateKeyInput,
} from '../model/key-input.ts'
import type { ApiKey } from '../model/key-view.ts'
import type { Slot } from '../secrets/secret.ts'
import type { ImportKeyInput } from './key-import.ts'

/** A new key with its secrets, which cannot be read back later. */
export interface CreatedKey<M extends Metadata = Metadata> {
  readonly key: ApiKey<M>
  readonly primary: string
  /** Null if the key was created with `secondary: false`. */
  readonly secondary: string | null
}

/** A key with its new secret, which cannot be read back later. */
export interface RenewedKey<M extends Metadata = Metadata> {
  readonly key: ApiKey<M>
  readonly secret: string
}

/**
 * Manages keys. Performs no authorization: your application decides who may call it.
 *
 * Every method except `get` and `list` changes the store by compare-and-set. The change is
 * effective on this node when the promise resolves, and on other nodes within
 * `cache.maxAgeSeconds`.
 *
 * Every method can throw {@link TwinkeyError} `invalid_input`, `store_unavailable` and
 * `store_malformed`. Methods that write can also throw `outcome_unknown`: the store failed during
 * the write, so the change may or may not have been made.
 */
export interface Keyring<M extends Metadata = Metadata> {
  /** Creates a key and returns its secrets. They cannot be read back later. */
  create(input: CreateKeyInput<M>): Promise<CreatedKey<M>>
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
  /** Returns one page of keys without their secrets. */
  list(input?: ListKeysInput): Promise<{ keys: ApiKey<M>[]; next: string | undefined }>
  /**
   * Changes name, scope, metadata or expiry. If two changes race, one throws `version_conflict`.
   *
   * @throws {@link TwinkeyError} `key_not_found`, `key_revoked`, `version_conflict`.
   */
  update(id: string, input: UpdateKeyInput<M>): Promise<ApiKey<M>>
  /**
   * Enables a disabled key again, with the same secrets.
   *
   * @throws {@link TwinkeyError} `key_not_found`, `key_revoked`, `version_conflict`.
   */
  enable(id: string, options?: ActorOption): Promise<ApiKey<M>>
  /**
   * Disables a key and all its tokens until it is enabled again. Retries if other changes to the
   * key come first.
   *
   * @throws {@link TwinkeyError} `key_not_found`, `key_revoked`.
   */
  disable(id: string, options?: ActorOption): Promise<ApiKey<M>>
  /**
   * Puts a new secret into the primary slot. The old primary secret moves to the secondary slot and
   * expires after the grace period.
   *
   * Does not end an active secondary secret unless `replace` is `'secondary'`. To rotate a key with
   * two active secrets, see {@link Keyring.regenerate}.
   *
   * @returns The key and the new primary secret, which cannot be read back later.
   * @throws {@link TwinkeyError} `secondary_live`, `key_not_found`, `key_revoked`,
   *   `version_conflict`.
   */
  rotate(id: string, options?: RotateOptions): Promise<RenewedKey<M>>
  /**
   * Replaces the secret in one slot and leaves the other slot unchanged, so that callers can move
   * without downtime.
   *
   * The old secret of that slot and every token issued for it are refused on this node when the
   * promise resolves, and on other nodes within `cache.maxAgeSeconds`. The other slot stays valid:
   * to end the key, see {@link Keyring.revoke}.
   *
   * @param id Key id, the part of a secret after its prefix.
   * @param slot Slot to replace. Replace the unused slot, move callers to it, then replace the
   *   other.
   * @returns The key and the new secret, which cannot be read back later.
   * @throws {@link TwinkeyError} `key_not_found`, `key_revoked`, `version_conflict`.
   */
  regenerate(id: string, slot: Slot, options?: ActorOption): Promise<RenewedKey<M>>
  /**
   * Ends a key and all its tokens permanently, and keeps its record. Retries if other changes to
   * the key come first. Revoking a revoked key has no effect.
   *
   * @throws {@link TwinkeyError} `key_not_found`.
   */
  revoke(id: string, options?: ActorOption): Promise<ApiKey<M>>
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
  delete(id: string, options?: ActorOption): Promise<void>
}
