import type { Cached } from '../cache/cache.ts'
import { type KeyLimit, type KeyRecord, validUntil } from '../model/api-key.ts'
import { type Network, readNetworks } from '../model/network.ts'
import type { Allowed } from '../model/principal.ts'
import { intersect, type Scope } from '../model/scope.ts'
import type { Slot } from '../secrets/secret.ts'
import type { TokenClaims } from '../tokens/claims.ts'
import type { RouteRequirement } from './route-requirement.ts'
import type { Readings } from './target.ts'

/**
 * The last decision that let a credential in, with everything on which it depends. A request that
 * matches all of that gets the same answer. Each decision replaces it.
 */
interface CachedDecision {
  /** Undefined if this credential was not accepted yet. */
  allowed: Allowed | undefined
  requirement: RouteRequirement<never> | undefined
  readings: Readings
  ownerScope: Cached<Scope> | undefined
}

/** The rules of a key beyond its scope, ready to be checked. */
interface KeyPolicies {
  /** The networks from which the key works; null for all. */
  readonly networks: readonly Network[] | null
  /** Its own limits; null if those of the deployment apply. */
  readonly limits: readonly KeyLimit[] | null
}

/**
 * The key behind a credential. Each slot of a cached key and each remembered token has one
 * identity. It includes the cached decision, because an object of its own would be one more place
 * in memory to read for each request.
 */
export interface Identity extends CachedDecision {
  /** When the credential expires if nothing changes, in epoch milliseconds; null for never. */
  readonly validUntil: number | null
  /** When the record of the key was loaded, as in {@link source}; 0 if only a token is known. */
  readonly loadedAt: number
  /** Whether the table of recent secrets may return this. Ends when {@link source} leaves the cache. */
  isRecent: boolean
  /** Undefined if the key has no rules of its own. */
  readonly policies: KeyPolicies | undefined
  /**
   * The last use that was written to the store, in epoch seconds, rounded up; 0 for never. For a
   * token, see {@link issuedFor}.
   */
  usedAtSecond: number
  /** The secret for which a token was issued; undefined for a secret and in the verifier. */
  readonly issuedFor: Identity | undefined
  readonly via: 'secret' | 'token'
  readonly slot: Slot | undefined
  /** The key; undefined if only a token is known. */
  readonly key: KeyRecord | undefined
  /** The part of the key that a principal shows. */
  readonly holder: Pick<KeyRecord, 'id' | 'name' | 'owner' | 'metadata'>
  /** The scope of the key, intersected with the token's but not with the owner's. Frozen. */
  readonly scope: Scope
  /** The cache entry from which this was made; undefined if only a token is known. */
  readonly source: Cached<unknown> | undefined
  /** What a token says; undefined for a secret. */
  readonly claims: TokenClaims | undefined
}

/** The identity of the secret in a slot, which must not be empty. */
export function identityForSecret(key: KeyRecord, slot: Slot, source: Cached<unknown>): Identity {
  const { id } = key[slot] as NonNullable<KeyRecord[Slot]>
  const usedAtSecond = Math.ceil((key.lastUsedAt[id] ?? 0) / 1000)
  return identityOf(
    'secret',
    validUntil(key, slot),
    policiesOf(key),
    key,
    key.scope,
    usedAtSecond,
    undefined,
    slot,
    key,
    source,
    undefined,
  )
}

/** The identity of a token that was issued for that secret. */
export function identityForToken(secret: Identity, claims: TokenClaims): Identity {
  const { validUntil: until, policies, slot, key, holder, scope, source } = secret
  const expiresAt = Math.min(until ?? claims.expiresAt, claims.expiresAt)
  return identityOf(
    'token',
    expiresAt,
    policies,
    holder,
    intersect(scope, claims.scope),
    0,
    secret,
    slot,
    key,
    source,
    claims,
  )
}

/** The identity of a token, by its claims alone. */
export function identityForTokenAlone(claims: TokenClaims): Identity {
  const { keyId, owner, scope, expiresAt, networks = null } = claims
  const holder = { id: keyId, name: keyId, owner, metadata: Object.freeze({}) }
  return identityOf(
    'token',
    expiresAt,
    // The verifier does not count requests.
    policiesOf({ networks, limits: null }),
    holder,
    scope,
    0,
    undefined,
    undefined,
    undefined,
    undefined,
    claims,
  )
}

function policiesOf({
  networks,
  limits,
}: Pick<KeyRecord, 'networks' | 'limits'>): KeyPolicies | undefined {
  return networks === null && limits === null
    ? undefined
    : { networks: networks && readNetworks(networks), limits }
}

// The one place that creates identities, so that all have the same hidden class. The members that
// every decision reads come first.
function identityOf(
  via: Identity['via'],
  validUntil: number | null,
  policies: KeyPolicies | undefined,
  holder: Identity['holder'],
  scope: Scope,
  usedAtSecond: number,
  issuedFor: Identity | undefined,
  slot: Slot | undefined,
  key: KeyRecord | undefined,
  source: Cached<unknown> | undefined,
  claims: TokenClaims | undefined,
): Identity {
  return {
    validUntil,
    loadedAt: source?.loadedAt ?? 0,
    isRecent: false,
    allowed: undefined,
    requirement: undefined,
    readings: undefined,
    ownerScope: undefined,
    policies,
    usedAtSecond,
    issuedFor,
    via,
    slot,
    key,
    holder,
    scope,
    source,
    claims,
  }
}
