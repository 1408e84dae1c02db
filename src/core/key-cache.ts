import type { KeyRecord } from './api-key.ts'
import { type Cache, type CacheBounds, createCache } from './cache.ts'
import type { CheckedStore } from './checked-store.ts'
import type { StoredKey } from './store.ts'

/** A record in the key cache, with what the request path wants to know of it without looking anything else up. */
export interface CachedKey {
  readonly record: StoredKey
  /** When the last use of each slot was last written down. */
  readonly usedAt: { primary: number; secondary: number }
}

/** The records that were asked for lately, by id. */
export type KeyCache = Cache<CachedKey>

export function createKeyCache(store: Pick<CheckedStore, 'get'>, bounds: CacheBounds): KeyCache {
  return createCache(async (id) => {
    const record = await store.get(id)
    return record === undefined ? null : { record, usedAt: record.kind === 'key' ? lastUses(record) : { primary: 0, secondary: 0 } }
  }, bounds)
}

function lastUses({ primary, secondary, lastUsedAt }: KeyRecord): CachedKey['usedAt'] {
  return { primary: lastUsedAt[primary.id] ?? 0, secondary: (secondary && lastUsedAt[secondary.id]) ?? 0 }
}
