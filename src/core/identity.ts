import { type KeyRecord, livesUntil } from './api-key.ts'
import type { Cached } from './cache.ts'
import type { Allowed } from './principal.ts'
import { freezeScope, intersect, type Scope } from './scope.ts'
import type { Slot } from './secret.ts'
import type { TokenClaims } from './tokens.ts'
import type { LastUse } from './usage.ts'

/** A decision that let somebody in, with everything it was made of beside the identity itself. */
interface Admission {
  readonly demand: unknown
  readonly ceiling: Cached<Scope> | undefined
  readonly allowed: Allowed
}

/** Whose credential it is. Made once for each slot of a key in the cache and for each token that is remembered, not for each request. */
export interface Identity {
  /** What a principal shows of the holder. */
  readonly holder: Pick<KeyRecord, 'id' | 'name' | 'owner' | 'metadata'>
  /** The key; undefined where only a token is known of it. */
  readonly key: KeyRecord | undefined
  readonly slot: Slot | undefined
  readonly via: 'secret' | 'token'
  /** What the credential reaches before its owner is asked: the key's scope, cut by the token's. Frozen. */
  readonly scope: Scope
  /** When it dies if nothing changes, in epoch milliseconds; null for never. */
  readonly livesUntil: number | null
  readonly lastUse: LastUse | undefined
  /** The last decision that let it in. */
  admission: Admission | undefined
}

/** Whose secret it is that stands in a slot, which must not be empty. */
export function holderOfSecret(key: KeyRecord, slot: Slot): Identity {
  const secretId = (key[slot] as NonNullable<KeyRecord[Slot]>).id
  return {
    holder: key,
    key,
    slot,
    via: 'secret',
    scope: key.scope,
    livesUntil: livesUntil(key, slot),
    lastUse: { keyId: key.id, secretId, usedAtSecond: Math.ceil((key.lastUsedAt[secretId] ?? 0) / 1000) },
    admission: undefined,
  }
}

/** Whose token it is that the secret of that holder minted. */
export function holderOfToken(secret: Identity, { scope, expiresAt }: TokenClaims): Identity {
  return {
    ...secret,
    via: 'token',
    scope: freezeScope(intersect(secret.scope, scope)),
    livesUntil: Math.min(secret.livesUntil ?? expiresAt, expiresAt),
    admission: undefined,
  }
}

/** Whose token it is as far as the token itself tells. */
export function holderOfTokenAlone({ keyId, subject, scope, expiresAt }: TokenClaims): Identity {
  return {
    holder: { id: keyId, name: keyId, owner: subject === keyId ? null : subject, metadata: Object.freeze({}) },
    key: undefined,
    slot: undefined,
    via: 'token',
    scope,
    livesUntil: expiresAt,
    lastUse: undefined,
    admission: undefined,
  }
}
