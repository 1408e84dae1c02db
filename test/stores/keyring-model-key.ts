import type { ApiKey, ErrorCode, Metadata, RenewSlots, Scope, Slot } from 'twinkey'
import { type EntryType, entryOf, type ModelEntry, updatesOf } from './keyring-model-entry.ts'
import { sorted } from './keyring-model-scope.ts'

/** A secret that was shown once. */
export interface ModelSecret {
  readonly text: string
  readonly keyId: string
  /** Its id, as the key showed it at its creation. */
  readonly id: string
}

export interface ModelSlot {
  readonly secret: ModelSecret
  readonly createdAt: number
  readonly expiresAt: number | null
}

/** A key as the documentation promises it. */
export interface ModelKey {
  readonly id: string
  /** As the keyring showed it: the model knows only that it grows. */
  readonly version: number
  readonly name: string
  readonly owner: string | null
  readonly metadata: Metadata
  readonly scope: Scope
  readonly tokens: boolean
  /** The model gives no key limits or networks. */
  readonly limits: null
  readonly networks: null
  readonly disabledBy: { readonly actor: string | null; readonly at: number } | null
  readonly createdAt: number
  readonly updatedAt: number
  readonly expiresAt: number | null
  readonly revokedAt: number | null
  readonly primary: ModelSlot
  readonly secondary: ModelSlot | null
}

/** A management call for one key. Times are relative, so that it can be made at any moment. */
export type Change = {
  readonly actor?: string | undefined
  /** The version that it expects: the current one, or an older one. */
  readonly base?: 'current' | 'stale' | undefined
} & (
  | {
      readonly kind: 'update'
      readonly name?: string | undefined
      readonly scope?: Partial<Scope> | undefined
      readonly metadata?: Metadata | undefined
      readonly tokens?: boolean | undefined
      readonly expiresIn?: number | null | undefined
    }
  | { readonly kind: 'enable' | 'disable' | 'endSecondary' | 'revoke' | 'delete' }
  | {
      readonly kind: 'rotate'
      readonly graceSeconds?: number | undefined
      readonly replace?: 'secondary' | undefined
    }
  | { readonly kind: 'renew'; readonly slots: RenewSlots }
)

/** A change with the version that it expects. */
export type BoundChange = Change & { readonly expectedVersion?: number | undefined }

/** What a call answered that no model can know before: the new secrets, and the new version. */
export interface Made {
  readonly secrets: { readonly [slot in Slot]?: ModelSecret }
  readonly version: number | undefined
}

/**
 * The result of a change: the key after it, undefined if it is gone, and the entry of the history if
 * anything changed. Or an error.
 */
export type Changed =
  | { readonly key: ModelKey | undefined; readonly entry?: ModelEntry }
  | { readonly fault: ErrorCode }

const DAY_SECONDS = 86_400
const NEVER_MADE: ModelSecret = { text: '', keyId: '', id: '' }
const TYPES = {
  update: 'key.updated',
  enable: 'key.enabled',
  disable: 'key.disabled',
  endSecondary: 'key.secondary_ended',
  revoke: 'key.revoked',
  delete: 'key.deleted',
  rotate: 'key.rotated',
  renew: 'key.renewed',
} as const satisfies Record<Change['kind'], EntryType>

/** The slots into which a change puts a new secret. */
export function renewedSlots(change: Change): readonly Slot[] {
  if (change.kind === 'rotate') return ['primary']
  if (change.kind !== 'renew') return []
  return change.slots === 'both' ? ['primary', 'secondary'] : [change.slots]
}

/** Whether a change retries until it succeeds, so that it never loses to another one. */
export function insists({ kind }: Change): boolean {
  return kind === 'disable' || kind === 'revoke' || kind === 'delete'
}

/** The result of a change. */
export function changed(
  key: ModelKey | undefined,
  change: BoundChange,
  made: Made,
  now: number,
): Changed {
  if (key === undefined) return { fault: 'key_not_found' }
  const { kind, expectedVersion } = change
  if (expectedVersion !== undefined && expectedVersion !== key.version)
    return { fault: 'version_conflict' }
  const actor = change.actor ?? null
  if (kind === 'delete') {
    const at = Math.max(now, key.updatedAt + 1)
    return { key: undefined, entry: entryOf('key.deleted', key, at, actor) }
  }
  if (kind === 'update' && Object.values(change.scope ?? {}).some((reach) => reach?.length === 0))
    return { fault: 'invalid_input' }
  const next =
    kind !== 'revoke' && key.revokedAt !== null ? 'key_revoked' : after(key, change, made, now)
  if (typeof next === 'string') return { fault: next }
  if (next === key) return { key }
  const slots = renewedSlots(change)
  const details = {
    ...(kind === 'update' ? { changes: updatesOf(key, next) } : {}),
    ...(slots.length > 0 ? { slots } : {}),
  }
  return written(key, next, made.version, now, (then) => ({
    ...entryOf(TYPES[kind], then, then.updatedAt, actor),
    ...details,
  }))
}

// The key after a change, or the same key if nothing changes, or the code of an error.
function after(
  key: ModelKey,
  change: Change,
  { secrets }: Made,
  now: number,
): ModelKey | ErrorCode {
  const fresh = (slot: Slot): ModelSlot => ({
    secret: secrets[slot] ?? NEVER_MADE,
    createdAt: now,
    expiresAt: null,
  })
  switch (change.kind) {
    case 'revoke':
      return key.revokedAt === null ? { ...key, revokedAt: now } : key
    case 'enable':
      return key.disabledBy === null ? key : { ...key, disabledBy: null }
    case 'disable':
      return key.disabledBy === null
        ? { ...key, disabledBy: { actor: change.actor ?? null, at: now } }
        : key
    case 'endSecondary':
      return key.secondary === null ? key : { ...key, secondary: null }
    case 'update': {
      const { name = key.name, metadata = key.metadata, tokens = key.tokens } = change
      const expiresAt =
        change.expiresIn === undefined ? key.expiresAt : expiryOf(change.expiresIn, now)
      return { ...key, name, metadata, tokens, expiresAt, scope: { ...key.scope, ...change.scope } }
    }
    case 'renew': {
      const slots = renewedSlots(change).map((slot) => [slot, fresh(slot)])
      return { ...key, ...Object.fromEntries(slots) }
    }
    case 'rotate': {
      const { graceSeconds = DAY_SECONDS, replace } = change
      if (replace === undefined && key.secondary !== null && isAlive(key.secondary, now))
        return 'secondary_live'
      const old =
        graceSeconds === 0 ? null : { ...key.primary, expiresAt: now + graceSeconds * 1000 }
      return { ...key, primary: fresh('primary'), secondary: old }
    }
    case 'delete':
      return key
  }
}

// Versions grow, and each change is later than the one before.
function written(
  before: ModelKey,
  next: ModelKey,
  version: number | undefined,
  now: number,
  entry: (key: ModelKey) => ModelEntry,
): { readonly key: ModelKey; readonly entry: ModelEntry } {
  const grown = version !== undefined && version > before.version ? version : Number.NaN
  const key = { ...next, version: grown, updatedAt: Math.max(now, before.updatedAt + 1) }
  return { key, entry: entry(key) }
}

/** What remains of a key after its owner or one of its tenants is gone. */
export function withdrawn(
  key: ModelKey,
  gone: { readonly owner?: string; readonly tenant?: string },
  version: number | undefined,
  now: number,
): { readonly key: ModelKey; readonly entry?: ModelEntry } {
  const { owner, tenant } = gone
  const { tenants } = key.scope
  const isOf =
    owner === undefined ? tenants !== '*' && tenants.includes(tenant ?? '') : key.owner === owner
  if (key.revokedAt !== null || !isOf) return { key }
  const others =
    owner === undefined && tenants !== '*' ? tenants.filter((name) => name !== tenant) : []
  const isRevoked = others.length === 0
  const next = isRevoked
    ? { ...key, revokedAt: now }
    : { ...key, scope: { ...key.scope, tenants: others } }
  return written(key, next, version, now, (then) =>
    isRevoked
      ? entryOf('key.revoked', then, then.updatedAt, null)
      : { ...entryOf('key.updated', then, then.updatedAt, null), changes: updatesOf(key, then) },
  )
}

/** The slot in which a secret of that id is valid at this moment, or undefined. */
export function liveSlot(
  key: ModelKey | undefined,
  secretId: string,
  now: number,
): Slot | undefined {
  if (key === undefined || stateOf(key, now) !== 'active') return undefined
  return (['primary', 'secondary'] as const).find((slot) => {
    const held = key[slot]
    return held !== null && held.secret.id === secretId && isAlive(held, now)
  })
}

/** When a key with a lifetime of so many milliseconds expires. */
export function expiryOf(expiresIn: number | null, now: number): number | null {
  return expiresIn === null ? null : now + expiresIn
}

export function stateOf(
  { revokedAt, disabledBy, expiresAt }: ModelKey,
  now: number,
): ApiKey['state'] {
  if (revokedAt !== null) return 'revoked'
  if (disabledBy !== null) return 'disabled'
  // A primary secret never expires by itself, so a key ends with its own time only.
  return expiresAt !== null && now >= expiresAt ? 'expired' : 'active'
}

/** What management must show of a key at this time, except the last use of its secrets. */
export function expectedView(key: ModelKey, now: number) {
  const { disabledBy, primary, secondary, scope, ...rest } = key
  const slot = ({ secret, ...times }: ModelSlot) => ({
    id: secret.id,
    hint: secret.text.slice(-4),
    ...times,
  })
  return {
    ...rest,
    scope: sorted(scope),
    state: stateOf(key, now),
    disabledBy: disabledBy && { ...disabledBy, owner: null, tenants: null },
    primary: slot(primary),
    secondary: secondary && slot(secondary),
  }
}

/** What management shows of a key, except the last use of its secrets. */
export function foundView({ lastUsedAt: _, ...view }: ApiKey) {
  const slot = ({ lastUsedAt: _, ...rest }: ApiKey['primary']) => ({ ...rest })
  return {
    ...view,
    scope: sorted(view.scope),
    primary: slot(view.primary),
    secondary: view.secondary && slot(view.secondary),
  }
}

function isAlive({ expiresAt }: ModelSlot, now: number): boolean {
  return expiresAt === null || now < expiresAt
}
