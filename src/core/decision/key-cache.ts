import { type Cache, type CacheBounds, type Cached, createCache } from '../cache/cache.ts'
import { createDigestTable } from '../cache/digest-table.ts'
import type { KeyRecord } from '../model/api-key.ts'
import { freezeScope, type Scope } from '../model/scope.ts'
import { type SlotDigests, slotDigests } from '../secrets/digest.ts'
import type { Slot } from '../secrets/secret.ts'
import type { CheckedStore } from '../store/checked-store.ts'
import type { StoredKey } from '../store/store.ts'
import { readRecord } from '../store/stored-key.ts'
import { type Identity, identityForSecret } from './identity.ts'

/** A cached record. Its digests are taken out of the record and prepared for comparison. */
export interface CachedKey extends Cached<StoredKey>, SlotDigests {
  /** The identities in the slots, set by the first call of {@link identityInSlot}. */
  primary: Identity | undefined
  secondary: Identity | undefined
  /** The digest of the last credential that was refused by this record. */
  refused: string | undefined
}

/** The identity of the secret in a slot; undefined for an empty slot and for an alias. */
export function identityInSlot(cached: CachedKey, slot: Slot): Identity | undefined {
  const { value } = cached
  const known = slot === 'primary' ? cached.primary : cached.secondary
  if (known !== undefined || value?.kind !== 'key' || value[slot] === null) return known
  cached[slot] = identityForSecret(value, slot, cached)
  return cached[slot]
}

/** Recently used records, by id. */
export interface KeyCache extends Cache<CachedKey> {
  /** Finds the identity of a recently used secret by its SHA-256, if its record is fresh. */
  recent(digest: string, now: number): Identity | undefined
  /** Keeps the identity in a slot of a cached record for {@link recent}. */
  keepRecent(digest: string, identity: Identity): void
}

// At most this many scopes are shared, and only those whose JSON is at most this long.
const MAX_SHARED = 10_000
const MAX_SHARED_LENGTH = 512

export function createKeyCache(store: Pick<CheckedStore, 'get'>, bounds: CacheBounds): KeyCache {
  const share = createSharing()
  const recent = createDigestTable<Identity>()
  const cache = createCache(
    async (id, loadedAt, generation) =>
      cachedKey(id, await store.get(id), share, loadedAt, generation),
    bounds,
    ({ primary, secondary, pairs }: CachedKey) => {
      for (const identity of [primary, secondary]) {
        if (identity === undefined) continue
        identity.isRecent = false
        recent.delete(pairs, placeIn(pairs, identity.slot))
      }
    },
  )
  return {
    ...cache,
    recent(digest, now) {
      const identity = recent.get(digest)
      return identity?.isRecent && cache.isFresh(identity.loadedAt, now) ? identity : undefined
    },
    keepRecent(digest, identity) {
      const { holder, slot } = identity
      // An identity whose record is not cached would never be removed.
      if (slot === undefined || cache.last(holder.id)?.[slot] !== identity) return
      identity.isRecent = true
      recent.set(digest, identity)
    },
  }
}

function placeIn(pairs: string, slot: Slot | undefined): number {
  return slot === 'primary' ? 0 : pairs.length / 2
}

// Keys with equal scopes share one object.
function createSharing(): (scope: Scope) => Scope {
  const shared = new Map<string, Scope>()
  return (scope) => {
    // Different scopes have different JSON, because the lists are plain and frozen.
    const text = JSON.stringify(scope)
    if (shared.size >= MAX_SHARED) shared.clear()
    // Parsing copies the names: a substring would keep the whole stored text alive.
    if (text.length <= MAX_SHARED_LENGTH && !shared.has(text))
      shared.set(text, freezeScope(JSON.parse(text)))
    return shared.get(text) ?? scope
  }
}

function cachedKey(
  id: string,
  record: StoredKey | undefined,
  share: (scope: Scope) => Scope,
  loadedAt: number,
  generation: number,
): CachedKey {
  const key = record?.kind === 'key' ? record : undefined
  const { pairs, primaryPepper, secondaryPepper } = slotDigests(
    key?.primary.digest,
    key?.secondary?.digest,
  )
  // In the order in which a decision reads the members, so that they are close in memory.
  return {
    loadedAt,
    value: key === undefined ? (record ?? null) : withoutDigests(key, id, share(key.scope)),
    pairs,
    primaryPepper,
    secondaryPepper,
    primary: undefined,
    secondary: undefined,
    refused: undefined,
    generation,
  }
}

// Builds a new record, because V8 stores the properties of an object that was made by a spread
// apart from the object. Takes the id from the cache, so that the string is in memory once.
function withoutDigests(key: KeyRecord, id: string, scope: Scope): StoredKey {
  const { primary, secondary } = key
  return readRecord(
    {
      ...key,
      id,
      primary: { ...primary, digest: '' },
      secondary: secondary && { ...secondary, digest: '' },
    },
    scope,
  )
}
