import { type KeyRecord, livesUntil } from './api-key.ts'
import type { Cached } from './cache.ts'
import type { Allowed } from './principal.ts'
import { freezeScope, intersect, type Scope } from './scope.ts'
import type { Slot } from './secret.ts'
import type { Readings } from './target.ts'
import type { TokenClaims } from './tokens.ts'
import type { LastUse } from './usage.ts'

/** A decision that let somebody in, with everything it was made of beside the identity itself. */
interface Admission {
  readonly demand: unknown
  readonly readings: Readings
  readonly ceiling: Cached<Scope> | undefined
  readonly allowed: Allowed
}

/**
 * Whose credential it is. Made once for each slot of a key in the cache and for each token that is remembered, not for each request. What every
 * decision looks at comes first, so that it lies together.
 */
export interface Identity {
  /** When it dies if nothing changes, in epoch milliseconds; null for never. */
  readonly livesUntil: number | null
  /** The last decision that let it in. */
  admission: Admission | undefined
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
  return {
    livesUntil: livesUntil(key, slot),
    admission: undefined,
    lastUse: { keyId: key.id, secretId, usedAtSecond: Math.ceil((key.lastUsedAt[secretId] ?? 0) / 1000) },
    via: 'secret',
    slot,
    key,
    holder: key,
    scope: key.scope,
  }
}

/** Whose token it is that the secret of that holder minted. */
export function holderOfToken({ livesUntil: until, lastUse, slot, key, holder, scope: own }: Identity, claims: TokenClaims): Identity {
  const scope = freezeScope(intersect(own, claims.scope))
  return {
    livesUntil: Math.min(until ?? claims.expiresAt, claims.expiresAt),
    admission: undefined,
    lastUse,
    via: 'token',
    slot,
    key,
    holder,
    scope,
  }
}

/** Whose token it is as far as the token itself tells. */
export function holderOfTokenAlone({ keyId, subject, scope, expiresAt }: TokenClaims): Identity {
  const holder = { id: keyId, name: keyId, owner: subject === keyId ? null : subject, metadata: Object.freeze({}) }
  return { livesUntil: expiresAt, admission: undefined, lastUse: undefined, via: 'token', slot: undefined, key: undefined, holder, scope }
}
