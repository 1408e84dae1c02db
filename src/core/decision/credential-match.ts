import {
  inactiveKeyReason,
  inactiveReason,
  type KeyRecord,
  type StoredSecret,
  slotOf,
} from '../model/api-key.ts'
import { REFUSALS } from '../model/refusal.ts'
import { matchSecret, type Pepper } from '../secrets/digest.ts'
import type { Slot } from '../secrets/secret.ts'
import { CredentialDenial, invalid } from './denial.ts'
import { type Identity, identityForToken } from './identity.ts'
import { type CachedKey, identityInSlot } from './key-cache.ts'
import type { RememberedToken } from './token-memory.ts'

/**
 * Compares a secret with both slots of a cached key, in constant time.
 *
 * @param plain As in {@link matchSecret}.
 */
export function matchedSecret(
  text: string,
  cached: CachedKey,
  pepper: Pepper | undefined,
  at: number,
  plain?: string,
): Identity | CredentialDenial {
  const { value: record } = cached
  const slot = matchSecret(text, record === null ? undefined : cached, pepper, plain)
  const identity =
    slot === 'primary' || slot === 'secondary' ? identityInSlot(cached, slot) : undefined
  if (identity !== undefined) return ifActive(identity, at)
  if (record?.kind !== 'key') return invalid('key_unknown')
  // An inactive key is refused without its pepper.
  const inactive = slot === 'pepper_missing' ? inactiveKeyReason(record, at) : undefined
  if (inactive !== undefined) return invalid(inactive, record.id)
  if (slot === 'pepper_missing')
    return new CredentialDenial(REFUSALS.unavailable, 'pepper_missing', record.id)
  return invalid('secret_wrong', record.id)
}

/** Checks that the secret of a verified token is still in a slot of its cached key. */
export function matchedToken(
  token: RememberedToken,
  cached: CachedKey,
  at: number,
): Identity | CredentialDenial {
  const { claims } = token
  if (cached.value?.kind !== 'key') return invalid('key_unknown', claims.keyId)
  const slot = slotOf(cached.value, claims.secretId)
  const secret = slot && identityInSlot(cached, slot)
  if (secret === undefined) return invalid('secret_replaced', claims.keyId)
  if (token.identity?.issuedFor !== secret) {
    // Checked once for each cached record, because each record gets new identities.
    if (Object.hasOwn(cached.value.revokedTokens, claims.tokenId))
      return invalid('token_revoked', claims.keyId)
    token.identity = identityForToken(secret, claims)
  }
  return ifActive(token.identity, at)
}

/** Matches a credential that was let in before with the present record of its key. */
export function matchedAgain(
  { claims, key, slot }: Identity,
  cached: CachedKey,
  at: number,
): Identity | CredentialDenial {
  if (claims !== undefined) return matchedToken({ claims, identity: undefined }, cached, at)
  if (cached.value?.kind !== 'key') return invalid('key_unknown', key?.id)
  const { id } = (key as KeyRecord)[slot as Slot] as StoredSecret
  const present = slotOf(cached.value, id)
  const identity = present && identityInSlot(cached, present)
  return identity === undefined ? invalid('secret_replaced', key?.id) : ifActive(identity, at)
}

// The one place that checks whether a key and its slot are active, for secrets and tokens alike.
export function ifActive(identity: Identity, at: number): Identity | CredentialDenial {
  if (identity.validUntil === null || at < identity.validUntil) return identity
  const { key, slot } = identity as { key: KeyRecord; slot: Slot }
  return invalid(inactiveReason(key, slot, at) ?? 'token_expired', key.id)
}
