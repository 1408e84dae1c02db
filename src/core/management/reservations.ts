import type { AliasRecord, KeyRecord } from '../model/api-key.ts'
import { firstVersion } from '../model/transitions.ts'
import { digestOf } from '../secrets/digest.ts'
import { aliasIdOf } from '../secrets/imported-secrets.ts'
import type { CheckedStore } from '../store/checked-store.ts'
import { foldName } from '../store/list-query.ts'
import type { KeyWrites } from './key-writes.ts'

/** Whose names must differ: those of an owner's keys, or those of a tenant's keys. */
export type UniqueNames = 'owner' | 'tenant'

/** Something that only one key may have: an imported secret, or a unique name. */
export interface Claim {
  /** The id of the alias that leads to the key. */
  readonly id: string
  readonly what: 'secret' | 'name'
  /** Whether a key has what the claim is about. */
  isHeldBy(key: KeyRecord): boolean
}

const MAX_ATTEMPTS = 20

/** Alias records, each of which reserves something for one key. */
export interface Reservations {
  /** Writes the aliases for a key that is about to be stored. */
  claim(
    keyId: string,
    claims: readonly Claim[],
  ): Promise<readonly AliasRecord[] | 'secret' | 'name' | 'raced'>
  /**
   * Confirms the aliases once the key is stored. Resolves to false if another key has taken one of
   * them over.
   */
  confirm(claimed: readonly AliasRecord[]): Promise<boolean>
  /** Deletes aliases of a key. Ignores failures: an alias that its key does not hold has no effect. */
  drop(keyId: string, claims: readonly Claim[]): Promise<void>
}

/**
 * Handles claims that race or were interrupted. A change writes its aliases, then its key, then the
 * aliases again by compare-and-set. Until the key exists, another change may take an alias over. The
 * last write then fails, and the change that lost the alias undoes itself.
 */
export function createReservations(store: CheckedStore, writes: KeyWrites): Reservations {
  async function claimOne(keyId: string, claim: Claim): Promise<AliasRecord | 'taken' | 'raced'> {
    const alias: AliasRecord = { kind: 'alias', id: claim.id, version: firstVersion(), keyId }
    if ((await writes.put(alias, undefined, undefined)) === 'stored') return alias
    const found = await store.get(alias.id)
    if (found?.kind !== 'alias') return 'raced'
    const key = await store.get(found.keyId)
    if (key?.kind === 'key' && key.id !== keyId && claim.isHeldBy(key)) return 'taken'
    // The alias may be left over from an interrupted change, or belong to a change in progress.
    return (await writes.put(alias, found.version, undefined)) === 'stored' ? alias : 'raced'
  }

  async function confirmOne(alias: AliasRecord): Promise<boolean> {
    let held = alias
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const next = { ...held, version: held.version + 1 }
      if ((await writes.put(next, held.version, undefined)) === 'stored') return true
      const found = await store.get(alias.id)
      if (found?.kind !== 'alias' || found.keyId !== alias.keyId) return false
      // Another change of the same key has claimed it as well.
      held = found
    }
    return false
  }

  return {
    async claim(keyId, claims) {
      const claimed: AliasRecord[] = []
      for (const claim of claims) {
        const alias = await claimOne(keyId, claim)
        if (alias === 'taken') return claim.what
        if (alias === 'raced') return alias
        claimed.push(alias)
      }
      return claimed
    },
    async confirm(claimed) {
      for (const alias of claimed) if (!(await confirmOne(alias))) return false
      return true
    },
    async drop(keyId, claims) {
      for (const { id, isHeldBy } of claims) {
        try {
          const alias = await store.get(id)
          if (alias?.kind !== 'alias' || alias.keyId !== keyId) continue
          // The key may have got it back meanwhile.
          const key = await store.get(keyId)
          if (key?.kind === 'key' && isHeldBy(key)) continue
          await store.delete(id, alias.version, undefined)
        } catch {
          // As above: the alias has no effect.
        }
      }
    },
  }
}

/** The claims of the secrets of a key that are imported, or may be. */
export function secretClaims({ primary, secondary }: KeyRecord): Claim[] {
  const digests = [primary.digest, ...(secondary === null ? [] : [secondary.digest])]
  return inOrder(
    digests.map((digest) => ({
      id: aliasIdOf(digest),
      what: 'secret',
      isHeldBy: (key) => key.primary.digest === digest || key.secondary?.digest === digest,
    })),
  )
}

/** The claims of the name of a key. A revoked key gives its name up. */
export function nameClaims(key: KeyRecord, unique: UniqueNames | undefined): Claim[] {
  if (unique === undefined || key.revokedAt !== null) return []
  const name = foldName(key.name)
  return inOrder(
    spacesOf(key, unique).map((space) => ({
      id: `name-${digestOf(JSON.stringify([unique, space, name]))}`,
      what: 'name',
      isHeldBy: (other) =>
        other.revokedAt === null &&
        foldName(other.name) === name &&
        spacesOf(other, unique).includes(space),
    })),
  )
}

// Where the name of a key is unique: for its owner, or in each of its tenants.
function spacesOf({ owner, scope }: KeyRecord, unique: UniqueNames): (string | null)[] {
  if (unique === 'owner') return [owner]
  return scope.tenants === '*' ? [null] : [...scope.tenants]
}

// Sorted, so that two changes with the same claims cannot each hold one that the other needs.
function inOrder(claims: Claim[]): Claim[] {
  return claims.sort((a, b) => (a.id < b.id ? -1 : 1))
}
