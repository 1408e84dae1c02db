import type { Slot } from '../secrets/secret.ts'
import {
  type DisabledBy,
  freezeJson,
  type KeyRecord,
  RECORD_FORMAT,
  type StoredSecret,
} from './api-key.ts'
import { TwinkeyError } from './error.ts'
import { freezeScope } from './scope.ts'

// Limits the revoked tokens of one key, so that its record stays small.
const MAX_REVOKED_TOKENS = 256
// The clock of another node may be this far behind, so that the node still accepts the token.
const REVOKED_LONGER_MILLISECONDS = 60_000

// Pure changes of a record. Each returns the next record, or the same one if nothing changes.

/** A random first version: a write that expects an old version cannot match a re-created id. */
export function firstVersion(): number {
  const [high, low] = crypto.getRandomValues(new Uint32Array(2)) as unknown as [number, number]
  return (high % 0x10000) * 0x100000000 + low + 1
}

type Change = Partial<
  Omit<KeyRecord, 'kind' | 'format' | 'id' | 'version' | 'revision' | 'createdAt' | 'lastUsedAt'>
>

// A random step makes each version identify one write.
function nextVersion({ version }: KeyRecord): number {
  const [step] = crypto.getRandomValues(new Uint32Array(1)) as unknown as [number]
  // 28 random bits avoid collisions, and leave room for 67 million writes within safe integers.
  return version + (step >>> 4) + 1
}

/** The same key with another version, so that a change based on the earlier version fails. */
export function touched(key: KeyRecord): KeyRecord {
  return { ...key, version: nextVersion(key) }
}

/**
 * Ends one token of the key. This is not a management change, so `revision` and `updatedAt` stay.
 * Forgets the tokens that have expired.
 *
 * @param expiresAt When the token expires, in epoch milliseconds.
 * @returns The same record if the token is already revoked; undefined if too many tokens are.
 */
export function tokenRevoked(
  key: KeyRecord,
  tokenId: string,
  expiresAt: number,
  now: number,
): KeyRecord | undefined {
  if (Object.hasOwn(key.revokedTokens, tokenId)) return key
  const alive = Object.entries(key.revokedTokens).filter(
    ([, endsAt]) => endsAt + REVOKED_LONGER_MILLISECONDS > now,
  )
  if (alive.length >= MAX_REVOKED_TOKENS) return undefined
  return { ...touched(key), revokedTokens: Object.fromEntries([...alive, [tokenId, expiresAt]]) }
}

/** The record after a change. */
function changed(key: KeyRecord, change: Change, now: number): KeyRecord {
  const version = nextVersion(key)
  return { ...key, ...change, version, revision: version, updatedAt: timeAfter(key, now) }
}

/**
 * The time of the next change. It is later than the last one even if the clock is not, so that the
 * changes of a key are in order.
 */
export function timeAfter({ updatedAt }: KeyRecord, now: number): number {
  return Math.max(now, updatedAt + 1)
}

export function created(
  id: string,
  attributes: Pick<
    KeyRecord,
    | 'name'
    | 'owner'
    | 'scope'
    | 'tokens'
    | 'limits'
    | 'networks'
    | 'expiresAt'
    | 'metadata'
    | 'primary'
    | 'secondary'
  >,
  now: number,
): KeyRecord {
  const { name, owner, scope, tokens, limits, networks, expiresAt, metadata } = attributes
  const { primary, secondary } = attributes
  const version = firstVersion()
  return {
    kind: 'key',
    format: RECORD_FORMAT,
    id,
    version,
    revision: version,
    name,
    owner,
    metadata: freezeJson(metadata),
    scope: freezeScope(scope),
    tokens,
    limits,
    networks,
    disabledBy: null,
    createdAt: now,
    updatedAt: now,
    expiresAt,
    revokedAt: null,
    primary,
    secondary,
    revokedTokens: {},
    lastUsedAt: {},
  }
}

/** Puts new secrets into the named slots and leaves the other slot unchanged. */
export function renewed(
  key: KeyRecord,
  secrets: { readonly [slot in Slot]?: StoredSecret },
  now: number,
): KeyRecord {
  requireNotRevoked(key)
  return changed(key, secrets, now)
}

/** Ends the secondary secret, whether it is active or not. */
export function withoutSecondary(key: KeyRecord, now: number): KeyRecord {
  requireNotRevoked(key)
  return key.secondary === null ? key : changed(key, { secondary: null }, now)
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
          ? 'It has no expiry: renew the secret that is not in use'
          : 'Wait until it expires, or renew the primary secret if the new one was lost'
      }, or end it with endSecondary(id) or { replace: 'secondary' } if it is not in use.`,
    )
  }
  const endsAt = Math.min(now + graceSeconds * 1000, primary.expiresAt ?? Number.POSITIVE_INFINITY)
  return changed(
    key,
    { primary: secret, secondary: endsAt > now ? { ...primary, expiresAt: endsAt } : null },
    now,
  )
}

export function enabled(key: KeyRecord, now: number): KeyRecord {
  requireNotRevoked(key)
  return key.disabledBy === null ? key : changed(key, { disabledBy: null }, now)
}

/** The limits of the keyring that disables or enables a key; null for no limit. */
export type DisablerLimits = Pick<DisabledBy, 'owner' | 'tenants'>

/**
 * Whether a keyring with these limits may enable a key that another keyring disabled. A keyring
 * limited to an owner may enable only what a keyring of that owner disabled. A keyring limited to
 * tenants may enable what owners and keyrings of its own tenants disabled.
 */
export function mayEnable(by: DisablerLimits, disabler: DisablerLimits): boolean {
  if (by.owner !== null && by.owner !== disabler.owner) return false
  const { tenants } = by
  if (tenants === null || disabler.owner !== null) return true
  return disabler.tenants?.every((tenant) => tenants.includes(tenant)) ?? false
}

/**
 * Disables the key. If it is disabled already, it afterwards takes the rights of both disablers to
 * enable it.
 */
export function disabled(key: KeyRecord, by: Omit<DisabledBy, 'at'>, now: number): KeyRecord {
  requireNotRevoked(key)
  const before = key.disabledBy
  if (before !== null && mayEnable(before, by)) return key
  const limits = before === null || mayEnable(by, before) ? by : { owner: null, tenants: null }
  return changed(
    key,
    { disabledBy: { actor: by.actor, owner: limits.owner, tenants: limits.tenants, at: now } },
    now,
  )
}

/** Revokes the key, which is final. */
export function revoked(key: KeyRecord, now: number): KeyRecord {
  return key.revokedAt === null ? changed(key, { revokedAt: now }, now) : key
}

/** Revokes the key if it belongs to this owner. */
export function withoutOwner(key: KeyRecord, owner: string, now: number): KeyRecord {
  return key.owner === owner ? revoked(key, now) : key
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
  change: Pick<
    KeyRecord,
    'name' | 'scope' | 'tokens' | 'limits' | 'networks' | 'metadata' | 'expiresAt'
  >,
  now: number,
): KeyRecord {
  requireNotRevoked(key)
  const { name, scope, tokens, limits, networks, metadata, expiresAt } = change
  return changed(key, { name, scope, tokens, limits, networks, metadata, expiresAt }, now)
}

function requireNotRevoked(key: KeyRecord): void {
  if (key.revokedAt !== null)
    throw new TwinkeyError('key_revoked', 'The key is revoked, which is final. Create another key.')
}
