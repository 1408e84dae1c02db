import type { Slot } from '../secrets/secret.ts'
import type { RefusalReason } from './refusal.ts'
import type { Scope } from './scope.ts'

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

/**
 * The state of a key at one time. A revoked key stays `revoked`, and a disabled key that has expired
 * is `disabled`.
 */
export type KeyState = 'active' | 'disabled' | 'expired' | 'revoked'

/** How many requests a key may make in a window of seconds, or in a calendar day or month (UTC). */
export interface KeyLimit {
  /** A name for the headers and for people. */
  readonly name?: string | undefined
  readonly requests: number
  /** The length of a window that begins with the first request. */
  readonly perSeconds?: number | undefined
  readonly per?: 'day' | 'month' | undefined
}

/** Who disabled a key, and with which limits. They decide which keyrings can enable it. */
export interface DisabledBy {
  readonly actor: string | null
  /** The owner to whom the keyring was limited; null for no limit. */
  readonly owner: string | null
  /**
   * The tenants to which the keyring was limited; null for no limit. A limited keyring sees only
   * those of the key.
   */
  readonly tenants: readonly string[] | null
  /** Epoch milliseconds. */
  readonly at: number
}

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

/** The format of the records that this version writes. It reads this and every earlier format. */
export const RECORD_FORMAT = 2

/** A key as stored. Times are epoch milliseconds. */
export interface KeyRecord {
  readonly kind: 'key'
  /** The format of the record. A version of Twinkey refuses a record of a later format. */
  readonly format: typeof RECORD_FORMAT
  readonly id: string
  /** Identifies the write: starts at a random number and grows by random steps. */
  readonly version: number
  /** The version of the last management change, which people see as the version of the key. */
  readonly revision: number
  readonly name: string
  readonly owner: string | null
  readonly metadata: Metadata
  readonly scope: Scope
  /** Whether the key may be exchanged for tokens. */
  readonly tokens: boolean
  /** Null for no limits of its own. */
  readonly limits: readonly KeyLimit[] | null
  /** The networks from which the key works, in CIDR notation; null for all. */
  readonly networks: readonly string[] | null
  /** Who disabled the key; null for a key that is not disabled. */
  readonly disabledBy: DisabledBy | null
  readonly createdAt: number
  /** The time of the last management change. Grows with every change. */
  readonly updatedAt: number
  readonly expiresAt: number | null
  readonly revokedAt: number | null
  readonly primary: StoredSecret
  readonly secondary: StoredSecret | null
  /** The tokens of this key that were revoked one by one: when each expires, by token id. */
  readonly revokedTokens: Readonly<Record<string, number>>
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
  if (key.disabledBy !== null) return 'key_disabled'
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
  if (key.revokedAt !== null || key.disabledBy !== null || secret === null) return 0
  if (key.expiresAt === null || secret.expiresAt === null) return key.expiresAt ?? secret.expiresAt
  return Math.min(key.expiresAt, secret.expiresAt)
}

/** The members of a key, stored or shown, that decide when it ends. */
interface EndingKey {
  readonly expiresAt: number | null
  readonly primary: { readonly expiresAt: number | null }
  readonly secondary: { readonly expiresAt: number | null } | null
}

/**
 * When neither secret of the key works any more, if the record does not change: epoch milliseconds,
 * null for never. Ignores that a key is disabled or revoked.
 */
export function keyEndsAt({ expiresAt, primary, secondary }: EndingKey): number | null {
  const last =
    primary.expiresAt === null || secondary?.expiresAt === null
      ? null
      : Math.max(primary.expiresAt, secondary?.expiresAt ?? 0)
  if (expiresAt === null || last === null) return expiresAt ?? last
  return Math.min(expiresAt, last)
}

export function stateOf(key: KeyRecord, now: number): KeyState {
  if (key.revokedAt !== null) return 'revoked'
  if (key.disabledBy !== null) return 'disabled'
  const endsAt = keyEndsAt(key)
  return endsAt !== null && now >= endsAt ? 'expired' : 'active'
}

/** The last use of any secret of the key that is still in a slot; null for never. */
export function lastUseOf({ primary, secondary, lastUsedAt }: KeyRecord): number | null {
  const uses = [primary, secondary].map((secret) => (secret && lastUsedAt[secret.id]) ?? 0)
  return Math.max(...uses) || null
}

/** The slot of the secret with this id, or undefined. */
export function slotOf(key: KeyRecord, secretId: string): Slot | undefined {
  if (key.primary.id === secretId) return 'primary'
  return key.secondary?.id === secretId ? 'secondary' : undefined
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
