import { type Cache, type CacheBounds, createCache } from './cache.ts'
import type { CheckedStore } from './checked-store.ts'
import { type SlotDigests, slotDigests } from './digest.ts'
import { holderOfSecret, type Identity } from './identity.ts'
import type { StoredKey } from './store.ts'

/** A record in the key cache, with what the request path wants to know of it without looking anything else up. */
export interface CachedKey extends SlotDigests {
  readonly record: StoredKey
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
  const isKey = record.kind === 'key'
  const { pairs, primaryPepper, secondaryPepper } = isKey
    ? slotDigests(record.primary.digest, record.secondary?.digest)
    : slotDigests(undefined, undefined)
  const primary = isKey ? holderOfSecret(record, 'primary') : undefined
  const secondary = isKey && record.secondary !== null ? holderOfSecret(record, 'secondary') : undefined
  // Written out: an object that is spread into another one lies in two places.
  return { pairs, primaryPepper, secondaryPepper, primary, secondary, record }
}
