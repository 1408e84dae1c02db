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

/**
 * What an application keeps with a key: a plain JSON object, at most 4 KiB and five levels deep.
 */
export type Metadata = Readonly<Record<string, Json>>

/** `enabled`, `disabled` or `revoked`. Expiry is no state: it comes by itself. */
export type KeyState = 'enabled' | 'disabled' | 'revoked'

/** One slot as it is stored: never the secret, only its digest. */
export interface StoredSecret {
  /** Random; a token names the secret that minted it by this. */
  readonly id: string
  /** Algorithm, pepper and digest, as in `sha-256:…` and `hmac-sha-256:<pepper>:…`. */
  readonly digest: string
  /** The last four characters. */
  readonly hint: string
  readonly createdAt: number
  /** When this secret dies, or null. */
  readonly expiresAt: number | null
}

/** A key as it is stored. */
export interface KeyRecord {
  readonly kind: 'key'
  readonly id: string
  /** Identifies the write: starts at random and grows by a random step. */
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
  /** Last use by secret id, in epoch milliseconds. Joined by the store on reading. */
  readonly lastUsedAt: Readonly<Record<string, number>>
}

/**
 * The way from a secret that another system issued to its key. Its id derives from the digest of
 * the secret.
 */
export interface AliasRecord {
  readonly kind: 'alias'
  readonly id: string
  readonly version: number
  readonly keyId: string
}

/**
 * Why a key is not live at a moment, whichever of its secrets is used, or undefined where it is.
 */
export function inactiveKeyReason(key: KeyRecord, now: number): RefusalReason | undefined {
  if (key.revokedAt !== null) return 'key_revoked'
  if (!key.enabled) return 'key_disabled'
  return key.expiresAt !== null && now >= key.expiresAt ? 'key_expired' : undefined
}

/**
 * Why a slot of a key is not live at a moment, or undefined where it is. Secrets and tokens are
 * both judged by this.
 */
export function inactiveReason(key: KeyRecord, slot: Slot, now: number): RefusalReason | undefined {
  const dead = inactiveKeyReason(key, now)
  if (dead !== undefined) return dead
  const secret = key[slot]
  if (secret === null) return 'secret_replaced'
  if (secret.expiresAt !== null && now >= secret.expiresAt) return 'secret_expired'
  return undefined
}

/**
 * When {@link inactiveReason} first has a reason, as long as the record stays as it is: 0 where it
 * has one already, null where it never will.
 */
export function validUntil(key: KeyRecord, slot: Slot): number | null {
  const secret = key[slot]
  if (key.revokedAt !== null || !key.enabled || secret === null) return 0
  if (key.expiresAt === null || secret.expiresAt === null) return key.expiresAt ?? secret.expiresAt
  return Math.min(key.expiresAt, secret.expiresAt)
}

/** The state that a record is in. */
export function stateOf(key: KeyRecord): KeyState {
  if (key.revokedAt !== null) return 'revoked'
  return key.enabled ? 'enabled' : 'disabled'
}

/** The slot that holds the secret of that id, or undefined. */
export function slotOf(key: KeyRecord, secretId: string): Slot | undefined {
  if (key.primary.id === secretId) return 'primary'
  return key.secondary?.id === secretId ? 'secondary' : undefined
}

/** A random first version, so that a re-created id cannot meet an old write. */
export function firstVersion(): number {
  const [high, low] = crypto.getRandomValues(new Uint32Array(2)) as unknown as [number, number]
  return (high % 0x10000) * 0x100000000 + low + 1
}

type Change = Partial<Omit<KeyRecord, 'kind' | 'id' | 'version' | 'createdAt' | 'lastUsedAt'>>

/** The record after a change. The step is random, so that a version tells whose write it is. */
function changed(key: KeyRecord, change: Change, now: number): KeyRecord {
  const [step] = crypto.getRandomValues(new Uint32Array(1)) as unknown as [number]
  // 28 random bits: two writes do not share a version by chance, and 67 million fit before a
  // version is no safe integer.
  return { ...key, ...change, version: key.version + (step >>> 4) + 1, updatedAt: now }
}

/** A new record. */
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

/** The record with a new secret in one slot and the other slot untouched. */
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
 * The record with a new primary; the old one moves to secondary and dies after the grace. Where
 * that would end a live secondary, it is not done unless asked for.
 */
export function rotated(
  key: KeyRecord,
  secret: StoredSecret,
  { graceSeconds, replace }: { graceSeconds: number; replace: 'secondary' | undefined },
  now: number,
): KeyRecord {
  requireNotRevoked(key)
  const { primary, secondary } = key
  const secondaryLives =
    secondary !== null && (secondary.expiresAt === null || now < secondary.expiresAt)
  if (secondaryLives && replace !== 'secondary') {
    throw new TwinkeyError(
      'secondary_live',
      `The secondary secret is still live, and rotating would end it. ${
        secondary.expiresAt === null
          ? 'This key has two lasting secrets: regenerate the one that nobody uses'
          : "Wait until it has expired, or regenerate(id, 'primary') if the new secret was lost"
      }, or rotate with { replace: 'secondary' } if nobody uses the secondary any more.`,
    )
  }
  const diesAt = Math.min(now + graceSeconds * 1000, primary.expiresAt ?? Number.POSITIVE_INFINITY)
  return changed(
    key,
    { primary: secret, secondary: diesAt > now ? { ...primary, expiresAt: diesAt } : null },
    now,
  )
}

/** The record switched on or off. */
export function switched(key: KeyRecord, enabled: boolean, now: number): KeyRecord {
  requireNotRevoked(key)
  return changed(key, { enabled }, now)
}

/** The record revoked, which is final. */
export function revoked(key: KeyRecord, now: number): KeyRecord {
  return changed(key, { revokedAt: now }, now)
}

/** The record revoked where it is that of an owner who is gone. */
export function withoutOwner(key: KeyRecord, owner: string | undefined, now: number): KeyRecord {
  return key.revokedAt === null && key.owner === owner ? revoked(key, now) : key
}

/**
 * The record without a tenant that is gone: revoked where it reaches only this one, without it
 * where it names others too.
 */
export function withoutTenant(key: KeyRecord, tenant: string, now: number): KeyRecord {
  const { tenants } = key.scope
  if (key.revokedAt !== null || tenants === '*' || !tenants.includes(tenant)) return key
  const others = tenants.filter((name) => name !== tenant)
  return others.length === 0
    ? revoked(key, now)
    : changed(key, { scope: freezeScope({ ...key.scope, tenants: others }) }, now)
}

/** The record with other attributes. */
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

/** Whether a value can be the id of a record or of a secret. */
export function isId(value: unknown): value is string {
  return typeof value === 'string' && /^[0-9A-Za-z_-]{1,64}$/.test(value)
}

function requireNotRevoked(key: KeyRecord): void {
  if (key.revokedAt !== null)
    throw new TwinkeyError('key_revoked', 'The key is revoked, which is final. Create another one.')
}
