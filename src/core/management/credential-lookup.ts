import type { TokenVerifier } from '../decision/token-verifier.ts'
import { inactiveReason, type KeyRecord, type Metadata, slotOf } from '../model/api-key.ts'
import { MAX_SECRET_LENGTH } from '../model/checks.ts'
import { requireInput, TwinkeyError } from '../model/error.ts'
import { type ApiKey, viewOf } from '../model/key-view.ts'
import { matchSecret, slotDigests } from '../secrets/digest.ts'
import { aliasIdsOf } from '../secrets/imported-secrets.ts'
import { isWellFormed, keyIdOf, type Slot } from '../secrets/secret.ts'
import type { CheckedStore } from '../store/checked-store.ts'
import type { ImportRules } from './key-import.ts'

/** The key to which a credential belongs, whether it is active or not. */
export interface IdentifiedCredential<M extends Metadata = Metadata> {
  readonly key: ApiKey<M>
  readonly via: 'secret' | 'token'
  /** The slot of the secret. Null for a token whose secret is no longer in a slot. */
  readonly slot: Slot | null
  /** Whether the credential works now, on a route that its scope, networks and limits allow. */
  readonly isActive: boolean
}

/** What a lookup needs. */
export interface LookupParts {
  readonly store: Pick<CheckedStore, 'get'>
  readonly rules: ImportRules
  readonly verifier: TokenVerifier
  readonly now: () => number
}

/**
 * Implements `keys.identify`. Reads the store and not the cache, because the caller acts on the
 * version of the key.
 */
export function createCredentialLookup<M extends Metadata>(parts: LookupParts) {
  const { store, rules, verifier, now } = parts
  const { prefixes, pepper, importedSecrets } = rules

  async function keyOf(id: string): Promise<KeyRecord | undefined> {
    const record = await store.get(id)
    return record?.kind === 'key' ? record : undefined
  }

  async function ofSecret(
    keyId: string,
    secret: string,
  ): Promise<IdentifiedCredential<M> | undefined> {
    const key = await keyOf(keyId)
    if (key === undefined) return undefined
    const digests = slotDigests(key.primary.digest, key.secondary?.digest)
    const slot = matchSecret(secret, digests, pepper)
    if (slot === undefined) return undefined
    if (slot === 'pepper_missing')
      throw new TwinkeyError(
        'store_unavailable',
        `The digests of the key ${key.id} need a pepper that is not configured.`,
      )
    const isActive = inactiveReason(key, slot, now()) === undefined
    return Object.freeze({ key: viewOf<M>(key, now()), via: 'secret', slot, isActive })
  }

  async function ofToken(token: string): Promise<IdentifiedCredential<M> | undefined> {
    const header = verifier.inspect(token)
    if (typeof header === 'string') return undefined
    const verified = await verifier.verify(token, header)
    if (typeof verified === 'string') return undefined
    const { keyId, secretId, tokenId } = verified.claims
    const key = await keyOf(keyId)
    if (key === undefined) return undefined
    const slot = slotOf(key, secretId) ?? null
    const isActive =
      slot !== null &&
      inactiveReason(key, slot, now()) === undefined &&
      !Object.hasOwn(key.revokedTokens, tokenId)
    return Object.freeze({ key: viewOf<M>(key, now()), via: 'token', slot, isActive })
  }

  return async (credential: string): Promise<IdentifiedCredential<M> | undefined> => {
    requireInput(typeof credential === 'string' ? undefined : 'must be text', 'credential')
    const keyId = credential.length > MAX_SECRET_LENGTH ? undefined : keyIdOf(credential, prefixes)
    if (keyId !== undefined)
      return isWellFormed(credential) ? ofSecret(keyId, credential) : undefined
    for (const aliasId of aliasIdsOf(credential, importedSecrets, prefixes, pepper)) {
      const alias = await store.get(aliasId)
      const found = alias?.kind === 'alias' ? await ofSecret(alias.keyId, credential) : undefined
      if (found !== undefined) return found
    }
    return ofToken(credential)
  }
}
