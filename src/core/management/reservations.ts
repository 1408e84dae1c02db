import type { AliasRecord, KeyRecord } from '../model/api-key.ts'
import { firstVersion, touched } from '../model/transitions.ts'
import { digestOf } from '../secrets/digest.ts'
import { aliasIdOf } from '../secrets/imported-secrets.ts'
import type { CheckedStore } from '../store/checked-store.ts'
import { foldName } from '../store/list-query.ts'
import type { KeyWrites } from './key-writes.ts'

const MAX_ATTEMPTS = 20

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
 * Handles claims that race or were interrupted: an alias may be taken over unless its key holds what
 * the alias is about.
 *
 * A new key is written between its aliases and their confirmation, which is a compare-and-set. If an
 * alias was taken over, the confirmation fails, and the key is removed again.
 *
 * A change of an existing key reads the key, writes the aliases, and then writes the key on exactly
 * the version that it read. To take an alias over from an existing key, or to delete it, its key gets
 * another version first. So a change in progress fails, and never has to be undone.
 */
export function createReservations(store: CheckedStore, writes: KeyWrites): Reservations {
  // Makes a change in progress fail that claims the alias for an existing key.
  async function release(keyId: string, { isHeldBy }: Claim): Promise<'free' | 'taken' | 'raced'> {
    const key = await store.get(keyId)
    if (key?.kind !== 'key') return 'free'
    if (isHeldBy(key)) return 'taken'
    const outcome = await writes.put(touched(key), key.version, undefined)
    return outcome === 'stored' ? 'free' : 'raced'
  }

  async function claimOne(keyId: string, claim: Claim): Promise<AliasRecord | 'taken' | 'raced'> {
    const alias: AliasRecord = { kind: 'alias', id: claim.id, version: firstVersion(), keyId }
    if ((await writes.put(alias, undefined, undefined)) === 'stored') return alias
    const found = await store.get(alias.id)
    if (found?.kind !== 'alias') return 'raced'
    // The alias may be left over from an interrupted change, or belong to a change in progress.
    const released = found.keyId === keyId ? 'free' : await release(found.keyId, claim)
    if (released !== 'free') return released
    return (await writes.put(alias, found.version, undefined)) === 'stored' ? alias : 'raced'
  }

  async function confirmOne({ id, keyId, version }: AliasRecord): Promise<boolean> {
    let expected = version
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const next: AliasRecord = { kind: 'alias', id, version: expected + 1, keyId }
      if ((await writes.put(next, expected, undefined)) === 'stored') return true
      const found = await store.get(id)
      // A repeated call claims the name for the same key.
      if (found?.kind !== 'alias' || found.keyId !== keyId) return false
      expected = found.version
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
      for (const claim of claims) {
        try {
          const alias = await store.get(claim.id)
          if (alias?.kind !== 'alias' || alias.keyId !== keyId) continue
          // The key may be about to get it back, or have done so.
          if ((await release(keyId, claim)) === 'free')
            await store.delete(claim.id, alias.version, undefined)
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
