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

/** A new key with its secrets. They cannot be read back later. */
export interface CreatedKey<M extends Metadata = Metadata> {
  readonly key: ApiKey<M>
  readonly primary: string
  /** Null where the key was asked for without one. */
  readonly secondary: string | null
}

/** A key with the secret that was made for it. It cannot be read back later. */
export interface RenewedKey<M extends Metadata = Metadata> {
  readonly key: ApiKey<M>
  readonly secret: string
}

/**
 * Management of keys. Every method but `get` and `list` changes the store by compare-and-set, and
 * the change holds on this node when its promise resolves; on every other node within
 * `cache.maxAgeSeconds`. All throw {@link TwinkeyError}: `invalid_input`, `store_unavailable` and
 * `store_malformed` in any case, `outcome_unknown` where a write could not be told to have been
 * done or not.
 */
export interface Keyring<M extends Metadata = Metadata> {
  /** Creates a key and shows its secrets, this once. */
  create(input: CreateKeyInput<M>): Promise<CreatedKey<M>>
  /**
   * Creates a key whose secrets another system issued, from their digests or, in a migration
   * script, from the secrets themselves. They verify, rotate into secrets of ours, and are disabled
   * like any other. The `importedSecrets` option turns their lookup on.
   *
   * @throws {@link TwinkeyError} `secret_taken` where one of the secrets belongs to a key already;
   *   `invalid_input` also where a secret has less than 112 bits of entropy, or would never be
   *   looked up.
   */
  import(input: ImportKeyInput<M>): Promise<ApiKey<M>>
  /**
   * The key, or undefined where there is none of that id, whatever the text. Never shows a secret.
   */
  get(id: string): Promise<ApiKey<M> | undefined>
  /** One page of keys. Never shows a secret. */
  list(input?: ListKeysInput): Promise<{ keys: ApiKey<M>[]; next: string | undefined }>
  /**
   * Changes name, scope, metadata or expiry. Of two changes that race, one wins.
   *
   * @throws {@link TwinkeyError} `key_not_found`, `key_revoked`, `version_conflict`.
   */
  update(id: string, input: UpdateKeyInput<M>): Promise<ApiKey<M>>
  /**
   * Lets a disabled key in again, with the secrets it had.
   *
   * @throws {@link TwinkeyError} `key_not_found`, `key_revoked`, `version_conflict`.
   */
  enable(id: string, options?: ActorOption): Promise<ApiKey<M>>
  /**
   * Refuses a key and all its tokens until it is enabled again. Retries until it holds, whatever
   * else changes the key meanwhile.
   *
   * @throws {@link TwinkeyError} `key_not_found`, `key_revoked`.
   */
  disable(id: string, options?: ActorOption): Promise<ApiKey<M>>
  /**
   * Puts a new secret into the primary slot; the old one moves to the secondary slot and dies after
   * the grace. For keys with one live secret.
   *
   * No live secret is ended unasked. To rotate a key with two live secrets, see {@link
   * Keyring.regenerate}.
   *
   * @returns The key and the new primary secret, which cannot be read back later.
   * @throws {@link TwinkeyError} `secondary_live`, `key_not_found`, `key_revoked`,
   *   `version_conflict`.
   */
  rotate(id: string, options?: RotateOptions): Promise<RenewedKey<M>>
  /**
   * Puts a new secret into one slot and leaves the other slot alone, so that callers can move over
   * without a moment in which neither works.
   *
   * The old secret of that slot, and every token minted from it, is refused on this node when the
   * promise resolves, and on every other node within `cache.maxAgeSeconds`. This does not touch the
   * other slot: to end the key, see {@link Keyring.revoke}.
   *
   * @param id Key id, the part between prefix and secret.
   * @param slot Slot to replace. Replace the one nobody uses, move callers to it, then replace the
   *   other.
   * @returns The key and the new secret, which cannot be read back later.
   * @throws {@link TwinkeyError} `key_not_found`, `key_revoked`, `version_conflict`.
   */
  regenerate(id: string, slot: Slot, options?: ActorOption): Promise<RenewedKey<M>>
  /**
   * Ends a key and all its tokens for good, and keeps its record. Retries until it holds, whatever
   * else changes the key meanwhile. Revoking twice is no error.
   *
   * @throws {@link TwinkeyError} `key_not_found`.
   */
  revoke(id: string, options?: ActorOption): Promise<ApiKey<M>>
  /**
   * Ends what an owner or a tenant holds, for when one is deleted. A key of several tenants is not
   * revoked, but loses the tenant.
   *
   * Keys created while this runs may be missed: stop creating first. Can be called again after an
   * error.
   *
   * @returns How many keys were revoked, and how many lost the tenant.
   */
  revokeAll(input: RevokeAllInput): Promise<{ revoked: number; narrowed: number }>
  /**
   * Removes a key and its record. To end a key and still be able to say who had it, see {@link
   * Keyring.revoke}.
   *
   * @throws {@link TwinkeyError} `key_not_found`.
   */
  delete(id: string, options?: ActorOption): Promise<void>
}
