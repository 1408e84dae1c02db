import { type Cache, type CacheBounds, createCache } from './cache.ts'
import type { CheckedStore } from './checked-store.ts'
import { type SlotDigests, slotDigests } from './digest.ts'
import { holderOfSecret, type Identity } from './identity.ts'
import type { Slot } from './secret.ts'
import type { StoredKey } from './store.ts'
import { readRecord } from './stored-key.ts'

/** A record in the key cache, with what the request path wants to know of it without looking anything else up. */
export interface CachedKey extends SlotDigests {
  /** The record without its digests, which are laid out beside it. */
  readonly record: StoredKey
  /** Whose secret each slot holds, as soon as somebody has asked by {@link holderIn}. */
  primary: Identity | undefined
  secondary: Identity | undefined
}

/** Whose secret it is that stands in a slot; undefined for an empty slot, and for an alias. */
export function holderIn(cached: CachedKey, slot: Slot): Identity | undefined {
  const known = slot === 'primary' ? cached.primary : cached.secondary
  if (known !== undefined || cached.record.kind === 'alias' || cached.record[slot] === null) return known
  cached[slot] = holderOfSecret(cached.record, slot)
  return cached[slot]
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
  if (record.kind === 'alias') return laidOut(slotDigests(undefined, undefined), record)
  const { primary, secondary } = record
  const bare = { ...record, primary: { ...primary, digest: '' }, secondary: secondary && { ...secondary, digest: '' } }
  // Built anew: an object that is spread into another one lies in two places, for as long as it is kept.
  return laidOut(slotDigests(primary.digest, secondary?.digest), readRecord(bare))
}

function laidOut({ pairs, primaryPepper, secondaryPepper }: SlotDigests, record: StoredKey): CachedKey {
  return { pairs, primaryPepper, secondaryPepper, primary: undefined, secondary: undefined, record }
}
