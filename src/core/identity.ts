import { type KeyRecord, livesUntil } from './api-key.ts'
import type { Cached } from './cache.ts'
import type { Demand } from './demand.ts'
import type { Allowed } from './principal.ts'
import { freezeScope, intersect, type Scope } from './scope.ts'
import type { Slot } from './secret.ts'
import type { Readings } from './target.ts'
import type { TokenClaims } from './tokens.ts'
import type { LastUse } from './usage.ts'

/** The last decision that let a credential in, with everything it was made of beside the credential itself. */
export interface Admission {
  /** What was decided; undefined where nobody was let in yet. */
  readonly allowed: Allowed | undefined
  readonly demand: Demand<never> | undefined
  readonly readings: Readings
  readonly ceiling: Cached<Scope> | undefined
}

/**
 * Whose credential it is. Made once for each slot of a key in the cache and for each token that is remembered, not for each request. What every
 * decision looks at comes first, so that it lies together.
 */
export interface Identity extends Admission {
  /** When it dies if nothing changes, in epoch milliseconds; null for never. */
  readonly livesUntil: number | null
  readonly lastUse: LastUse | undefined
  readonly via: 'secret' | 'token'
  readonly slot: Slot | undefined
  /** The key; undefined where only a token is known of it. */
  readonly key: KeyRecord | undefined
  /** What a principal shows of the holder. */
  readonly holder: Pick<KeyRecord, 'id' | 'name' | 'owner' | 'metadata'>
  /** What the credential reaches before its owner is asked: the key's scope, cut by the token's. Frozen. */
  readonly scope: Scope
}

/** Whose secret it is that stands in a slot, which must not be empty. */
export function holderOfSecret(key: KeyRecord, slot: Slot): Identity {
  const secretId = (key[slot] as NonNullable<KeyRecord[Slot]>).id
  const lastUse = { keyId: key.id, secretId, usedAtSecond: Math.ceil((key.lastUsedAt[secretId] ?? 0) / 1000) }
  return identityOf('secret', livesUntil(key, slot), key, key.scope, lastUse, slot, key)
}

/** Whose token it is that the secret of that holder minted. */
export function holderOfToken({ livesUntil: until, lastUse, slot, key, holder, scope: own }: Identity, claims: TokenClaims): Identity {
  const dies = Math.min(until ?? claims.expiresAt, claims.expiresAt)
  return identityOf('token', dies, holder, freezeScope(intersect(own, claims.scope)), lastUse, slot, key)
}

/** Whose token it is as far as the token itself tells. */
export function holderOfTokenAlone({ keyId, subject, scope, expiresAt }: TokenClaims): Identity {
  const holder = { id: keyId, name: keyId, owner: subject === keyId ? null : subject, metadata: Object.freeze({}) }
  return identityOf('token', expiresAt, holder, scope)
}

// The one place that makes them, so that all are laid out alike.
function identityOf(
  via: Identity['via'],
  livesUntil: number | null,
  holder: Identity['holder'],
  scope: Scope,
  lastUse?: LastUse,
  slot?: Slot,
  key?: KeyRecord,
): Identity {
  return {
    livesUntil,
    allowed: undefined,
    demand: undefined,
    readings: undefined,
    ceiling: undefined,
    lastUse,
    via,
    slot,
    key,
    holder,
    scope,
  }
}
