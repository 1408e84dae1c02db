import {
  created,
  freezeJson,
  isId,
  type KeyRecord,
  type Metadata,
  regenerated,
  revoked,
  rotated,
  type StoredSecret,
  stateOf,
  switched,
  updated,
  withoutOwner,
  withoutTenant,
} from './api-key.ts'
import type { CheckedStore } from './checked-store.ts'
import type { Emit, KeyEvent } from './events.ts'
import { isTwinkeyError, requireInput } from './fault.ts'
import { dropAliases, type ImportKeyInput, type ImportRules, readImported, writeAliases } from './key-import.ts'
import {
  type ActorOption,
  type CreateKeyInput,
  type ListKeysInput,
  MAX_PAGE,
  type RevokeAllInput,
  type RotateOptions,
  readActor,
  readCreateInput,
  readListInput,
  readRevokeAllInput,
  readRotateOptions,
  readUpdateInput,
  type UpdateKeyInput,
} from './key-input.ts'
import { type ApiKey, viewOf } from './key-view.ts'
import type { KeyWrites } from './key-writes.ts'
import { freezeScope, type Scope } from './scope.ts'
import { digestSecret, hintOf, mintId, mintSecret, type Slot } from './secret.ts'

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

/** What is needed to manage keys. */
export interface KeyringParts {
  readonly store: CheckedStore
  readonly writes: KeyWrites
  /** Prefixes, pepper and foreign secrets: the first prefix and the current pepper are those of new secrets. */
  readonly rules: ImportRules
  /** What a key reaches by default, besides its tenants. */
  readonly defaultScope: Omit<Scope, 'tenants'>
  readonly emit: Emit | undefined
  readonly now: () => number
}

/**
 * Management of keys. Every method but `get` and `list` changes the store by compare-and-set, and the change holds on this node when its
 * promise resolves; on every other node within `cache.maxAgeSeconds`. All throw {@link TwinkeyError}: `invalid_input`, `store_unavailable`
 * and `store_malformed` in any case, `outcome_unknown` where a write could not be told to have been done or not.
 */
export interface Keyring<M extends Metadata = Metadata> {
  /** Creates a key and shows its secrets, this once. */
  create(input: CreateKeyInput<M>): Promise<CreatedKey<M>>
  /**
   * Creates a key whose secrets another system issued, from their digests or, in a migration script, from the secrets themselves. They verify,
   * rotate into secrets of ours, and are disabled like any other. The `foreign` option turns their lookup on.
   *
   * @throws {@link TwinkeyError} `secret_taken` where one of the secrets belongs to a key already; `invalid_input` also where a secret has less
   * than 112 bits of entropy, or would never be looked up.
   */
  import(input: ImportKeyInput<M>): Promise<ApiKey<M>>
  /** The key, or undefined where there is none of that id. Never shows a secret. */
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
   * Refuses a key and all its tokens until it is enabled again. Retries until it holds, whatever else changes the key meanwhile.
   *
   * @throws {@link TwinkeyError} `key_not_found`, `key_revoked`.
   */
  disable(id: string, options?: ActorOption): Promise<ApiKey<M>>
  /**
   * Puts a new secret into the primary slot; the old one moves to the secondary slot and dies after the grace. For keys with one live secret.
   *
   * No live secret is ended unasked. To rotate a key with two live secrets, see {@link Keyring.regenerate}.
   *
   * @returns The key and the new primary secret, which cannot be read back later.
   * @throws {@link TwinkeyError} `secondary_live`, `key_not_found`, `key_revoked`, `version_conflict`.
   */
  rotate(id: string, options?: RotateOptions): Promise<RenewedKey<M>>
  /**
   * Puts a new secret into one slot and leaves the other slot alone, so that callers can move over without a moment in which neither works.
   *
   * The old secret of that slot, and every token minted from it, is refused on this node when the promise resolves, and on every other node
   * within `cache.maxAgeSeconds`. This does not touch the other slot: to end the key, see {@link Keyring.revoke}.
   *
   * @param id Key id, the part between prefix and secret.
   * @param slot Slot to replace. Replace the one nobody uses, move callers to it, then replace the other.
   * @returns The key and the new secret, which cannot be read back later.
   * @throws {@link TwinkeyError} `key_not_found`, `key_revoked`, `version_conflict`.
   */
  regenerate(id: string, slot: Slot, options?: ActorOption): Promise<RenewedKey<M>>
  /**
   * Ends a key and all its tokens for good, and keeps its record. Retries until it holds, whatever else changes the key meanwhile. Revoking
   * twice is no error.
   *
   * @throws {@link TwinkeyError} `key_not_found`.
   */
  revoke(id: string, options?: ActorOption): Promise<ApiKey<M>>
  /**
   * Ends what an owner or a tenant holds, for when one is deleted. A key of several tenants is not revoked, but loses the tenant.
   *
   * Keys created while this runs may be missed: stop creating first. Can be called again after a fault.
   *
   * @returns How many keys were revoked, and how many lost the tenant.
   */
  revokeAll(input: RevokeAllInput): Promise<{ revoked: number; narrowed: number }>
  /**
   * Removes a key and its record. To end a key and still be able to say who had it, see {@link Keyring.revoke}.
   *
   * @throws {@link TwinkeyError} `key_not_found`.
   */
  delete(id: string, options?: ActorOption): Promise<void>
}

export function createKeyring<M extends Metadata>({ store, writes, rules, defaultScope, emit, now }: KeyringParts): Keyring<M> {
  const prefix = rules.prefixes[0] as string

  function tell(type: KeyEvent['type'], { id, name, owner }: KeyRecord, { actor }: ActorOption, more?: Pick<KeyEvent, 'slot'>): void {
    emit?.({ type, at: now(), keyId: id, name, owner, actor: actor ?? null, ...more })
  }

  function mint(keyId: string): { secret: string; stored: StoredSecret } {
    const secret = mintSecret(prefix, keyId)
    const stored = { id: mintId(), digest: digestSecret(secret, rules.pepper), hint: hintOf(secret), createdAt: now(), expiresAt: null }
    return { secret, stored }
  }

  async function create(input: CreateKeyInput<M>): Promise<CreatedKey<M>> {
    const { secondary, ...attributes } = readCreateInput(input, defaultScope, now())
    const id = mintId()
    const first = mint(id)
    const second = secondary ? mint(id) : undefined
    const record = created(id, { ...attributes, primary: first.stored, secondary: second?.stored ?? null }, now())
    // An id that is taken already, against all odds, is not overwritten.
    if ((await writes.put(record, undefined)) !== 'stored') return create(input)
    tell('key.created', record, input)
    return { key: viewOf(record), primary: first.secret, secondary: second?.secret ?? null }
  }

  async function importKey(input: ImportKeyInput<M>): Promise<ApiKey<M>> {
    const { primary, secondary, ...rest } = input
    const { secondary: _, ...attributes } = readCreateInput(rest, defaultScope, now())
    const first = readImported(primary, 'primary', rules, now())
    const second = secondary === undefined ? null : readImported(secondary, 'secondary', rules, now())
    requireInput(first.digest === second?.digest ? 'must be another secret than the primary' : undefined, 'secondary')
    const record = created(mintId(), { ...attributes, primary: first, secondary: second }, now())
    await writeAliases(record, store, writes)
    if ((await writes.put(record, undefined)) !== 'stored') return importKey(input)
    tell('key.imported', record, input)
    return viewOf(record)
  }

  // Makes a change and tells of it, unless there was nothing to change.
  async function apply(
    type: KeyEvent['type'],
    id: string,
    options: ActorOption,
    how: 'change' | 'insist',
    transition: (key: KeyRecord) => KeyRecord,
  ) {
    let changes = false
    const next = await writes[how](id, (key) => {
      const after = transition(key)
      changes ||= after !== key
      return after
    })
    if (changes) tell(type, next, options)
    return viewOf<M>(next)
  }

  async function renew(
    type: KeyEvent['type'],
    id: string,
    slot: Slot,
    options: ActorOption,
    transition: (key: KeyRecord, fresh: StoredSecret) => KeyRecord,
  ) {
    const { secret, stored } = mint(id)
    const next = await writes.change(id, (key) => transition(key, stored))
    tell(type, next, options, { slot })
    return { key: viewOf<M>(next), secret }
  }

  // Ends what an owner or a tenant holds of one key, as the key is now and not as it was listed.
  async function withdraw(id: string, owner: string | undefined, tenant: string | undefined, options: ActorOption) {
    let before: KeyRecord | undefined
    try {
      const next = await writes.insist(id, (key) => {
        before = key
        return tenant === undefined ? withoutOwner(key, owner, now()) : withoutTenant(key, tenant, now())
      })
      if (next === before) return undefined
      tell(next.revokedAt === null ? 'key.updated' : 'key.revoked', next, options)
      return next.revokedAt === null ? 'narrowed' : 'revoked'
    } catch (error) {
      if (isTwinkeyError(error) && error.code === 'key_not_found') return undefined
      throw error
    }
  }

  return {
    create,
    import: importKey,
    async get(id) {
      const record = isId(id) ? await store.get(id) : undefined
      return record?.kind === 'key' ? viewOf(record) : undefined
    },
    async list(input = {}) {
      const { keys, next } = await store.list(readListInput(input))
      return { keys: keys.map((key) => viewOf<M>(key)), next }
    },
    async update(id, input) {
      const after = readUpdateInput(input)
      return apply('key.updated', id, input, 'change', (key) => {
        const { name, scope, expiresAt, metadata } = after(key)
        return updated(key, { name, scope: freezeScope(scope), expiresAt, metadata: freezeJson(metadata) }, now())
      })
    },
    async enable(id, options = {}) {
      readActor(options)
      return apply('key.enabled', id, options, 'change', (key) => (stateOf(key) === 'enabled' ? key : switched(key, true, now())))
    },
    async disable(id, options = {}) {
      readActor(options)
      return apply('key.disabled', id, options, 'insist', (key) => (stateOf(key) === 'disabled' ? key : switched(key, false, now())))
    },
    async rotate(id, options = {}) {
      const { graceSeconds, replace } = readRotateOptions(options)
      return renew('key.rotated', id, 'primary', options, (key, fresh) => rotated(key, fresh, { graceSeconds, replace }, now()))
    },
    async regenerate(id, slot, options = {}) {
      readActor(options)
      requireInput(slot === 'primary' || slot === 'secondary' ? undefined : "must be 'primary' or 'secondary'", 'slot')
      return renew('key.regenerated', id, slot, options, (key, fresh) => regenerated(key, slot, fresh, now()))
    },
    async revoke(id, options = {}) {
      readActor(options)
      return apply('key.revoked', id, options, 'insist', (key) => (key.revokedAt === null ? revoked(key, now()) : key))
    },
    async revokeAll(input) {
      const { owner, tenant } = readRevokeAllInput(input)
      const counts = { revoked: 0, narrowed: 0 }
      let cursor: string | undefined
      do {
        const page = await store.list({ owner, tenant, limit: MAX_PAGE, cursor })
        for (const { id } of page.keys) {
          const done = await withdraw(id, owner, tenant, input)
          if (done !== undefined) counts[done]++
        }
        cursor = page.next
      } while (cursor !== undefined)
      return counts
    },
    async delete(id, options = {}) {
      readActor(options)
      const record = await writes.remove(id)
      tell('key.deleted', record, options)
      if (rules.foreign.length > 0) await dropAliases(record, store)
    },
  }
}
