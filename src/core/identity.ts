import { type KeyRecord, livesUntil } from './api-key.ts'
import type { Cached } from './cache.ts'
import type { Demand } from './demand.ts'
import type { Allowed } from './principal.ts'
import { intersect, type Scope } from './scope.ts'
import type { Slot } from './secret.ts'
import type { Readings } from './target.ts'
import type { TokenClaims } from './tokens.ts'

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
  /** The last use that was written down, as far as this node knows, in epoch seconds, rounded up; 0 for never. Of a token, {@link mintedBy} knows it. */
  usedAtSecond: number
  /** Whose secret minted a token, where that is known. */
  readonly mintedBy: Identity | undefined
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
  const { id } = key[slot] as NonNullable<KeyRecord[Slot]>
  const usedAtSecond = Math.ceil((key.lastUsedAt[id] ?? 0) / 1000)
  return identityOf('secret', livesUntil(key, slot), key, key.scope, usedAtSecond, undefined, slot, key)
}

/** Whose token it is that the secret of that holder minted. */
export function holderOfToken(secret: Identity, claims: TokenClaims): Identity {
  const { livesUntil: until, slot, key, holder, scope } = secret
  const dies = Math.min(until ?? claims.expiresAt, claims.expiresAt)
  return identityOf('token', dies, holder, intersect(scope, claims.scope), 0, secret, slot, key)
}

/** Whose token it is as far as the token itself tells. */
export function holderOfTokenAlone({ keyId, subject, scope, expiresAt }: TokenClaims): Identity {
  const holder = { id: keyId, name: keyId, owner: subject === keyId ? null : subject, metadata: Object.freeze({}) }
  return identityOf('token', expiresAt, holder, scope, 0)
}

// The one place that makes them, so that all are laid out alike.
function identityOf(
  via: Identity['via'],
  livesUntil: number | null,
  holder: Identity['holder'],
  scope: Scope,
  usedAtSecond: number,
  mintedBy?: Identity,
  slot?: Slot,
  key?: KeyRecord,
): Identity {
  return {
    livesUntil,
    allowed: undefined,
    demand: undefined,
    readings: undefined,
    ceiling: undefined,
    usedAtSecond,
    mintedBy,
    via,
    slot,
    key,
    holder,
    scope,
  }
}
