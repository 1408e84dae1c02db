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
} from '../model/api-key.ts'
import { isTwinkeyError, requireInput, TwinkeyError } from '../model/error.ts'
import type { Emit, KeyEvent } from '../model/events.ts'
import {
  type ActorOption,
  MAX_PAGE,
  readActor,
  readCreateInput,
  readImportInput,
  readListInput,
  readRevokeAllInput,
  readRotateOptions,
  readUpdateInput,
} from '../model/key-input.ts'
import { type ApiKey, viewOf } from '../model/key-view.ts'
import { freezeScope, type Scope } from '../model/scope.ts'
import { digestSecret } from '../secrets/digest.ts'
import { hintOf, mintId, mintSecret, type Slot } from '../secrets/secret.ts'
import type { CheckedStore } from '../store/checked-store.ts'
import { createAliases } from './aliases.ts'
import { type ImportKeyInput, type ImportRules, readImported } from './key-import.ts'
import type { CreatedKey, Keyring } from './key-management.ts'
import { type KeyWrites, outcomeUnknown } from './key-writes.ts'

/** What is needed to manage keys. */
export interface KeyringParts {
  readonly store: CheckedStore
  readonly writes: KeyWrites
  /**
   * Prefixes, pepper and imported secrets: the first prefix and the current pepper are those of new
   * secrets.
   */
  readonly rules: ImportRules
  /** What a key reaches by default, besides its tenants. */
  readonly defaultScope: Omit<Scope, 'tenants'>
  readonly emit: Emit | undefined
  readonly now: () => number
}

const MAX_ID_ATTEMPTS = 5
const MAX_IMPORT_ATTEMPTS = 20

export function createKeyring<M extends Metadata>({
  store,
  writes,
  rules,
  defaultScope,
  emit,
  now,
}: KeyringParts): Keyring<M> {
  const prefix = rules.prefixes[0] as string
  const aliases = createAliases(store, writes)

  function tell(
    type: KeyEvent['type'],
    { id, name, owner }: KeyRecord,
    { actor }: ActorOption,
    more?: Pick<KeyEvent, 'slot'>,
  ): void {
    emit?.({ type, at: now(), keyId: id, name, owner, actor: actor ?? null, ...more })
  }

  function mint(keyId: string): { secret: string; stored: StoredSecret } {
    const secret = mintSecret(prefix, keyId)
    const stored = {
      id: mintId(),
      digest: digestSecret(secret, rules.pepper),
      hint: hintOf(secret),
      createdAt: now(),
      expiresAt: null,
    }
    return { secret, stored }
  }

  async function create(
    input: ReturnType<typeof readCreateInput>,
    attempt = 1,
  ): Promise<CreatedKey<M>> {
    const { secondary, actor, ...attributes } = input
    const id = mintId()
    const first = mint(id)
    const second = secondary ? mint(id) : undefined
    const record = created(
      id,
      { ...attributes, primary: first.stored, secondary: second?.stored ?? null },
      now(),
    )
    // An id that is taken already, against all odds, is not overwritten.
    if ((await writes.put(record, undefined)) !== 'stored')
      return create(input, nextAttempt(attempt))
    tell('key.created', record, { actor })
    return { key: viewOf(record), primary: first.secret, secondary: second?.secret ?? null }
  }

  async function importKey(input: ImportKeyInput<M>): Promise<ApiKey<M>> {
    const { primary, secondary, ...rest } = readImportInput(input)
    const { secondary: _, actor, ...attributes } = readCreateInput(rest, defaultScope, now())
    const first = readImported(primary, 'primary', rules, now())
    const second =
      secondary === undefined ? null : readImported(secondary, 'secondary', rules, now())
    requireInput(
      first.digest === second?.digest ? 'must be another secret than the primary' : undefined,
      'secondary',
    )
    for (let attempt = 0; attempt < MAX_IMPORT_ATTEMPTS; attempt++) {
      const record = created(mintId(), { ...attributes, primary: first, secondary: second }, now())
      const claimed = await aliases.claim(record)
      if (claimed === 'taken')
        throw new TwinkeyError('secret_taken', 'One of the secrets is imported already.')
      if (claimed === 'raced' || (await writes.put(record, undefined)) !== 'stored') continue
      // The key is written: nothing that fails from here on means that it is not there.
      if (await aliases.confirm(claimed).catch(mayBeThere)) {
        tell('key.imported', record, { actor })
        return viewOf(record)
      }
      await writes.remove(record.id).catch(mayBeThere)
    }
    throw new TwinkeyError('version_conflict', 'Other imports of the same secrets came in between.')
  }

  // Makes a change and tells of it, unless there was nothing to change.
  async function apply(
    type: KeyEvent['type'],
    id: string,
    options: ActorOption,
    how: 'change' | 'updateWithRetry',
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
    let secret = ''
    const next = await writes.change(id, (key) => {
      const minted = mint(key.id)
      secret = minted.secret
      return transition(key, minted.stored)
    })
    tell(type, next, options, { slot })
    return { key: viewOf<M>(next), secret }
  }

  // Ends what an owner or a tenant holds of one key, as the key is now and not as it was listed.
  async function withdraw(
    id: string,
    owner: string | undefined,
    tenant: string | undefined,
    options: ActorOption,
  ) {
    let changes = false
    try {
      const next = await writes.updateWithRetry(id, (key) => {
        const after =
          tenant === undefined ? withoutOwner(key, owner, now()) : withoutTenant(key, tenant, now())
        changes ||= after !== key
        return after
      })
      if (!changes) return undefined
      tell(next.revokedAt === null ? 'key.updated' : 'key.revoked', next, options)
      return next.revokedAt === null ? 'narrowed' : 'revoked'
    } catch (error) {
      if (isTwinkeyError(error) && error.code === 'key_not_found') return undefined
      throw error
    }
  }

  return {
    create: async (input) => create(readCreateInput(input, defaultScope, now())),
    import: importKey,
    async get(id) {
      requireInput(typeof id === 'string' ? undefined : 'must be text', 'id')
      const record = isId(id) ? await store.get(id) : undefined
      return record?.kind === 'key' ? viewOf(record) : undefined
    },
    async list(input = {}) {
      const { keys, next } = await store.list(readListInput(input))
      return { keys: keys.map((key) => viewOf<M>(key)), next }
    },
    async update(id, input) {
      const { apply: change, actor } = readUpdateInput(input, now())
      return apply('key.updated', id, { actor }, 'change', (key) => {
        const { name, scope, expiresAt, metadata } = change(key)
        return updated(
          key,
          { name, scope: freezeScope(scope), expiresAt, metadata: freezeJson(metadata) },
          now(),
        )
      })
    },
    async enable(id, options = {}) {
      const by = readActor(options)
      return apply('key.enabled', id, by, 'change', (key) =>
        stateOf(key) === 'enabled' ? key : switched(key, true, now()),
      )
    },
    async disable(id, options = {}) {
      const by = readActor(options)
      return apply('key.disabled', id, by, 'updateWithRetry', (key) =>
        stateOf(key) === 'disabled' ? key : switched(key, false, now()),
      )
    },
    async rotate(id, options = {}) {
      const { graceSeconds, replace, actor } = readRotateOptions(options)
      return renew('key.rotated', id, 'primary', { actor }, (key, fresh) =>
        rotated(key, fresh, { graceSeconds, replace }, now()),
      )
    },
    async regenerate(id, slot, options = {}) {
      const by = readActor(options)
      requireInput(
        slot === 'primary' || slot === 'secondary' ? undefined : "must be 'primary' or 'secondary'",
        'slot',
      )
      return renew('key.regenerated', id, slot, by, (key, fresh) =>
        regenerated(key, slot, fresh, now()),
      )
    },
    async revoke(id, options = {}) {
      const by = readActor(options)
      return apply('key.revoked', id, by, 'updateWithRetry', (key) =>
        key.revokedAt === null ? revoked(key, now()) : key,
      )
    },
    async revokeAll(input) {
      const { owner, tenant, actor } = readRevokeAllInput(input)
      const counts = { revoked: 0, narrowed: 0 }
      let cursor: string | undefined
      do {
        const page = await store.list({ owner, tenant, limit: MAX_PAGE, cursor })
        for (const { id } of page.keys) {
          const done = await withdraw(id, owner, tenant, { actor })
          if (done !== undefined) counts[done]++
        }
        cursor = page.next
      } while (cursor !== undefined)
      return counts
    },
    async delete(id, options = {}) {
      const by = readActor(options)
      const record = await writes.remove(id)
      tell('key.deleted', record, by)
      await aliases.drop(record)
    },
  }
}

function nextAttempt(attempt: number): number {
  if (attempt === MAX_ID_ATTEMPTS)
    throw new TwinkeyError('store_malformed', 'The store says that every id is taken.')
  return attempt + 1
}

function mayBeThere(error: unknown): never {
  throw isTwinkeyError(error) && error.code === 'store_unavailable' ? outcomeUnknown(error) : error
}
