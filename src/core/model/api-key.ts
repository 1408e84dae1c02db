import type { Slot } from '../secrets/secret.ts'
import { TwinkeyError } from './error.ts'
import type { RefusalReason } from './refusal.ts'
import { freezeScope, type Scope } from './scope.ts'

/** A JSON value. */
export type Json =
  | string
  | number
  | boolean
  | null
  | readonly Json[]
  | { readonly [name: string]: Json }

/** Application data on a key: a plain JSON object, at most 4 KiB and five levels deep. */
export type Metadata = Readonly<Record<string, Json>>

/** The state of a key. Expiry is not a state: it depends on the clock only. */
export type KeyState = 'enabled' | 'disabled' | 'revoked'

/** One slot as stored: the digest of the secret, never the secret. */
export interface StoredSecret {
  /** Random. A token refers to its secret by this id. */
  readonly id: string
  /** Algorithm, pepper and digest: `sha-256:…` or `hmac-sha-256:<pepper>:…`. */
  readonly digest: string
  /** The last four characters of the secret. */
  readonly hint: string
  readonly createdAt: number
  /** When this secret expires; null for never. */
  readonly expiresAt: number | null
}

/** A key as stored. Times are epoch milliseconds. */
export interface KeyRecord {
  readonly kind: 'key'
  readonly id: string
  /** Identifies the write: starts at a random number and grows by random steps. */
  readonly version: number
  readonly name: string
  readonly owner: string | null
  readonly metadata: Metadata
  readonly scope: Scope
  readonly enabled: boolean
  readonly createdAt: number
  readonly updatedAt: number
  readonly expiresAt: number | null
  readonly revokedAt: number | null
  readonly primary: StoredSecret
  readonly secondary: StoredSecret | null
  /** Last use by secret id, in epoch milliseconds. The store adds it when it reads. */
  readonly lastUsedAt: Readonly<Record<string, number>>
}

/** Leads from an imported secret to its key. Its id derives from the digest of the secret. */
export interface AliasRecord {
  readonly kind: 'alias'
  readonly id: string
  readonly version: number
  readonly keyId: string
}

/** Why the key is inactive at time `now` for both secrets, or undefined. */
export function inactiveKeyReason(key: KeyRecord, now: number): RefusalReason | undefined {
  if (key.revokedAt !== null) return 'key_revoked'
  if (!key.enabled) return 'key_disabled'
  return key.expiresAt !== null && now >= key.expiresAt ? 'key_expired' : undefined
}

/** Why a slot is inactive at time `now`, or undefined. Applies to secrets and tokens alike. */
export function inactiveReason(key: KeyRecord, slot: Slot, now: number): RefusalReason | undefined {
  const reason = inactiveKeyReason(key, now)
  if (reason !== undefined) return reason
  const secret = key[slot]
  if (secret === null) return 'secret_replaced'
  if (secret.expiresAt !== null && now >= secret.expiresAt) return 'secret_expired'
  return undefined
}

/**
 * When the slot becomes inactive, if the record does not change: epoch milliseconds, null for
 * never. Is 0 for a revoked or disabled key and for an empty slot.
 */
export function validUntil(key: KeyRecord, slot: Slot): number | null {
  const secret = key[slot]
  if (key.revokedAt !== null || !key.enabled || secret === null) return 0
  if (key.expiresAt === null || secret.expiresAt === null) return key.expiresAt ?? secret.expiresAt
  return Math.min(key.expiresAt, secret.expiresAt)
}

export function stateOf(key: KeyRecord): KeyState {
  if (key.revokedAt !== null) return 'revoked'
  return key.enabled ? 'enabled' : 'disabled'
}

/** The slot of the secret with this id, or undefined. */
export function slotOf(key: KeyRecord, secretId: string): Slot | undefined {
  if (key.primary.id === secretId) return 'primary'
  return key.secondary?.id === secretId ? 'secondary' : undefined
}

/** A random first version: a write that expects an old version cannot match a re-created id. */
export function firstVersion(): number {
  const [high, low] = crypto.getRandomValues(new Uint32Array(2)) as unknown as [number, number]
  return (high % 0x10000) * 0x100000000 + low + 1
}

type Change = Partial<Omit<KeyRecord, 'kind' | 'id' | 'version' | 'createdAt' | 'lastUsedAt'>>

/** The record after a change. A random step makes each version identify one write. */
function changed(key: KeyRecord, change: Change, now: number): KeyRecord {
  const [step] = crypto.getRandomValues(new Uint32Array(1)) as unknown as [number]
  // 28 random bits avoid collisions, and leave room for 67 million writes within safe integers.
  return { ...key, ...change, version: key.version + (step >>> 4) + 1, updatedAt: now }
}

export function created(
  id: string,
  attributes: Pick<
    KeyRecord,
    'name' | 'owner' | 'scope' | 'expiresAt' | 'metadata' | 'primary' | 'secondary'
  >,
  now: number,
): KeyRecord {
  const { name, owner, scope, expiresAt, metadata, primary, secondary } = attributes
  return {
    kind: 'key',
    id,
    version: firstVersion(),
    name,
    owner,
    metadata: freezeJson(metadata),
    scope: freezeScope(scope),
    enabled: true,
    createdAt: now,
    updatedAt: now,
    expiresAt,
    revokedAt: null,
    primary,
    secondary,
    lastUsedAt: {},
  }
}

/** Puts a new secret into one slot and leaves the other slot unchanged. */
export function regenerated(
  key: KeyRecord,
  slot: Slot,
  secret: StoredSecret,
  now: number,
): KeyRecord {
  requireNotRevoked(key)
  return changed(key, { [slot]: secret }, now)
}

/**
 * Sets a new primary secret. The old one becomes the secondary and expires after the grace period.
 *
 * @param replace `'secondary'` permits ending an active secondary.
 * @throws `secondary_live` without that permission.
 */
export function rotated(
  key: KeyRecord,
  secret: StoredSecret,
  { graceSeconds, replace }: { graceSeconds: number; replace: 'secondary' | undefined },
  now: number,
): KeyRecord {
  requireNotRevoked(key)
  const { primary, secondary } = key
  const isSecondaryActive =
    secondary !== null && (secondary.expiresAt === null || now < secondary.expiresAt)
  if (isSecondaryActive && replace !== 'secondary') {
    throw new TwinkeyError(
      'secondary_live',
      `The secondary secret is still active, and rotating would end it. ${
        secondary.expiresAt === null
          ? 'It has no expiry: regenerate the secret that is not in use'
          : "Wait until it expires, or call regenerate(id, 'primary') if the new secret was lost"
      }, or rotate with { replace: 'secondary' } if the secondary is not in use.`,
    )
  }
  const endsAt = Math.min(now + graceSeconds * 1000, primary.expiresAt ?? Number.POSITIVE_INFINITY)
  return changed(
    key,
    { primary: secret, secondary: endsAt > now ? { ...primary, expiresAt: endsAt } : null },
    now,
  )
}

/** Enables or disables the key. */
export function switched(key: KeyRecord, enabled: boolean, now: number): KeyRecord {
  requireNotRevoked(key)
  return changed(key, { enabled }, now)
}

/** Revokes the key, which is final. */
export function revoked(key: KeyRecord, now: number): KeyRecord {
  return changed(key, { revokedAt: now }, now)
}

/** Revokes the key if it belongs to this owner. */
export function withoutOwner(key: KeyRecord, owner: string | undefined, now: number): KeyRecord {
  return key.revokedAt === null && key.owner === owner ? revoked(key, now) : key
}

/** Removes a tenant from the scope. Revokes the key if the scope lists no other tenant. */
export function withoutTenant(key: KeyRecord, tenant: string, now: number): KeyRecord {
  const { tenants } = key.scope
  if (key.revokedAt !== null || tenants === '*' || !tenants.includes(tenant)) return key
  const others = tenants.filter((name) => name !== tenant)
  return others.length === 0
    ? revoked(key, now)
    : changed(key, { scope: freezeScope({ ...key.scope, tenants: others }) }, now)
}

export function updated(
  key: KeyRecord,
  change: Pick<Change, 'name' | 'scope' | 'metadata' | 'expiresAt'>,
  now: number,
): KeyRecord {
  requireNotRevoked(key)
  return changed(key, change, now)
}

/** A deeply frozen copy. */
export function freezeJson<T extends Json>(value: T): T {
  if (typeof value !== 'object' || value === null) return value
  const copy = Array.isArray(value)
    ? value.map(freezeJson)
    : Object.fromEntries(Object.entries(value).map(([n, v]) => [n, freezeJson(v)]))
  return Object.freeze(copy) as T
}

/** Whether a value is a valid id of a record or a secret. */
export function isId(value: unknown): value is string {
  return typeof value === 'string' && /^[0-9A-Za-z_-]{1,64}$/.test(value)
}

function requireNotRevoked(key: KeyRecord): void {
  if (key.revokedAt !== null)
    throw new TwinkeyError('key_revoked', 'The key is revoked, which is final. Create another key.')
}
