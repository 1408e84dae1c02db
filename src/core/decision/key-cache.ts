import { type Cache, type CacheBounds, type Cached, createCache } from '../cache/cache.ts'
import type { KeyRecord } from '../model/api-key.ts'
import { freezeScope, type Scope } from '../model/scope.ts'
import { type SlotDigests, slotDigests } from '../secrets/digest.ts'
import type { Slot } from '../secrets/secret.ts'
import type { CheckedStore } from '../store/checked-store.ts'
import type { StoredKey } from '../store/store.ts'
import { readRecord } from '../store/stored-key.ts'
import { type Identity, identityForSecret } from './identity.ts'

/**
 * A record in the key cache, without its digests, which are laid out beside it with what else the
 * request path wants to know.
 */
export interface CachedKey extends Cached<StoredKey>, SlotDigests {
  /** Whose secret each slot holds, as soon as somebody has asked by {@link identityInSlot}. */
  primary: Identity | undefined
  secondary: Identity | undefined
  /** The digest of the credential that was refused last by this record. */
  refused: string | undefined
}

/** Whose secret it is that stands in a slot; undefined for an empty slot, and for an alias. */
export function identityInSlot(cached: CachedKey, slot: Slot): Identity | undefined {
  const { value } = cached
  const known = slot === 'primary' ? cached.primary : cached.secondary
  if (known !== undefined || value?.kind !== 'key' || value[slot] === null) return known
  cached[slot] = identityForSecret(value, slot, cached)
  return cached[slot]
}

/** The records that were asked for lately, by id. */
export type KeyCache = Cache<CachedKey>

// Beyond this many scopes, and for one that is longer as JSON, a key keeps its own.
const MAX_SHARED = 10_000
const MAX_SHARED_LENGTH = 512

export function createKeyCache(store: Pick<CheckedStore, 'get'>, bounds: CacheBounds): KeyCache {
  const share = createSharing()
  return createCache(
    async (id, loadedAt, generation) =>
      cachedKey(id, await store.get(id), share, loadedAt, generation),
    bounds,
  )
}

// Many keys reach the same: what says so is there once for all of them.
function createSharing(): (scope: Scope) => Scope {
  const shared = new Map<string, Scope>()
  return (scope) => {
    // The lists are plain and frozen, so no two scopes have the same JSON.
    const text = JSON.stringify(scope)
    if (shared.size >= MAX_SHARED) shared.clear()
    // What is parsed has names of its own: a part of a longer text would keep all of it.
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
  // In the order in which a decision looks at it, so that what is needed lies together.
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

// Built anew: an object that is spread into another one lies in two places, for as long as it is
// kept. The id is that of the cache, so that it is there once.
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
