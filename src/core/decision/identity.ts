import type { Cached } from '../cache/cache.ts'
import { type KeyRecord, validUntil } from '../model/api-key.ts'
import type { Allowed } from '../model/principal.ts'
import { intersect, type Scope } from '../model/scope.ts'
import type { Slot } from '../secrets/secret.ts'
import type { TokenClaims } from '../tokens/token.ts'
import type { RouteRequirement } from './route-requirement.ts'
import type { Readings } from './target.ts'

/**
 * The last decision that let a credential in, with everything that it depends on. A request that
 * matches all of it gets the same answer.
 */
export interface CachedDecision {
  readonly allowed: Allowed
  readonly identity: Identity
  readonly requirement: RouteRequirement<never>
  readonly readings: Readings
  readonly ownerScope: Cached<Scope> | undefined
}

/**
 * The key behind a credential. One for each slot of a cached key, and one for each remembered
 * token.
 */
export interface Identity {
  /** When the credential expires if nothing changes, in epoch milliseconds; null for never. */
  readonly validUntil: number | null
  /** The last decision that let this credential in. */
  decision: CachedDecision | undefined
  /**
   * The last use that was written to the store, in epoch seconds, rounded up; 0 for never. A token
   * keeps it in {@link issuedFor}.
   */
  usedAtSecond: number
  /** The secret that minted a token, where that is known. */
  readonly issuedFor: Identity | undefined
  readonly via: 'secret' | 'token'
  readonly slot: Slot | undefined
  /** The key; undefined where only a token is known of it. */
  readonly key: KeyRecord | undefined
  /** The part of the key that a principal shows. */
  readonly holder: Pick<KeyRecord, 'id' | 'name' | 'owner' | 'metadata'>
  /**
   * The scope of the credential before its owner is asked: the key's, cut by the token's. Frozen.
   */
  readonly scope: Scope
  /** The cache entry that this was made from; undefined where only a token is known. */
  readonly source: Cached<unknown> | undefined
}

/** The identity of the secret in a slot, which must not be empty. */
export function identityForSecret(key: KeyRecord, slot: Slot, source: Cached<unknown>): Identity {
  const { id } = key[slot] as NonNullable<KeyRecord[Slot]>
  const usedAtSecond = Math.ceil((key.lastUsedAt[id] ?? 0) / 1000)
  return identityOf(
    'secret',
    validUntil(key, slot),
    key,
    key.scope,
    usedAtSecond,
    undefined,
    slot,
    key,
    source,
  )
}

/** The identity of a token that the secret of that identity minted. */
export function identityForToken(secret: Identity, claims: TokenClaims): Identity {
  const { validUntil: until, slot, key, holder, scope, source } = secret
  const dies = Math.min(until ?? claims.expiresAt, claims.expiresAt)
  return identityOf(
    'token',
    dies,
    holder,
    intersect(scope, claims.scope),
    0,
    secret,
    slot,
    key,
    source,
  )
}

/** The identity of a token as far as the token itself tells. */
export function identityForTokenAlone({ keyId, subject, scope, expiresAt }: TokenClaims): Identity {
  const holder = {
    id: keyId,
    name: keyId,
    owner: subject === keyId ? null : subject,
    metadata: Object.freeze({}),
  }
  return identityOf('token', expiresAt, holder, scope, 0)
}

// The one place that makes them, so that all have the same hidden class. The members that every
// decision reads come first.
function identityOf(
  via: Identity['via'],
  validUntil: number | null,
  holder: Identity['holder'],
  scope: Scope,
  usedAtSecond: number,
  issuedFor?: Identity,
  slot?: Slot,
  key?: KeyRecord,
  source?: Cached<unknown>,
): Identity {
  return {
    validUntil,
    decision: undefined,
    usedAtSecond,
    issuedFor,
    via,
    slot,
    key,
    holder,
    scope,
    source,
  }
}
