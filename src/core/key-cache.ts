import { type Cache, type CacheBounds, createCache } from './cache.ts'
import type { CheckedStore } from './checked-store.ts'
import { type SlotDigests, slotDigests } from './digest.ts'
import { holderOfSecret, type Identity } from './identity.ts'
import type { StoredKey } from './store.ts'

/** A record in the key cache, with what the request path wants to know of it without looking anything else up. */
export interface CachedKey {
  readonly record: StoredKey
  /** What a secret is compared with; undefined for an alias. */
  readonly digests: SlotDigests | undefined
  /** Whose secret each slot holds; undefined for an empty slot, and for an alias. */
  readonly primary: Identity | undefined
  readonly secondary: Identity | undefined
}

/** The records that were asked for lately, by id. */
export type KeyCache = Cache<CachedKey>

export function createKeyCache(store: Pick<CheckedStore, 'get'>, bounds: CacheBounds): KeyCache {
  return createCache(async (id) => {
    const record = await store.get(id)
    return record === undefined ? null : cachedKey(record)
  }, bounds)
}

function cachedKey(record: StoredKey): CachedKey {
  if (record.kind === 'alias') return { record, digests: undefined, primary: undefined, secondary: undefined }
  return {
    record,
    digests: slotDigests(record.primary.digest, record.secondary?.digest),
    primary: holderOfSecret(record, 'primary'),
    secondary: record.secondary === null ? undefined : holderOfSecret(record, 'secondary'),
  }
}
