import { type AliasRecord, firstVersion, type KeyRecord } from '../model/api-key.ts'
import { aliasIdOf } from '../secrets/imported-secrets.ts'
import type { CheckedStore } from '../store/checked-store.ts'
import type { KeyWrites } from './key-writes.ts'

/**
 * Alias records, which lead from imported secrets to their keys. A secret leads to one key only.
 */
export interface Aliases {
  /** Writes the aliases of a key that is about to be stored. */
  claim(key: KeyRecord): Promise<readonly AliasRecord[] | 'taken' | 'raced'>
  /**
   * Confirms the aliases once the key is stored. Resolves to false if another import has taken one
   * of them over.
   */
  confirm(claimed: readonly AliasRecord[]): Promise<boolean>
  /**
   * Deletes the aliases of a deleted key. Ignores failures: an alias without its key has no effect.
   */
  drop(key: KeyRecord): Promise<void>
}

/**
 * Handles imports of one secret that race or were interrupted. An import writes its alias, then its
 * key, then the alias again by compare-and-set. Until the key exists, another import may take the
 * alias over. The last write then fails, and the import that lost the alias removes its key.
 */
export function createAliases(store: CheckedStore, writes: KeyWrites): Aliases {
  async function claimOne(digest: string, keyId: string): Promise<AliasRecord | 'taken' | 'raced'> {
    const alias: AliasRecord = {
      kind: 'alias',
      id: aliasIdOf(digest),
      version: firstVersion(),
      keyId,
    }
    if ((await writes.put(alias, undefined)) === 'stored') return alias
    const found = await store.get(alias.id)
    if (found?.kind !== 'alias') return 'raced'
    if (await holds(found.keyId, digest)) return 'taken'
    // The alias may be left over from an interrupted import or a rotation, or belong to an import
    // in progress.
    return (await writes.put(alias, found.version)) === 'stored' ? alias : 'raced'
  }

  async function holds(keyId: string, digest: string): Promise<boolean> {
    const key = await store.get(keyId)
    return (
      key?.kind === 'key' && (key.primary.digest === digest || key.secondary?.digest === digest)
    )
  }

  return {
    async claim(key) {
      const claimed: AliasRecord[] = []
      for (const digest of digestsOf(key)) {
        const alias = await claimOne(digest, key.id)
        if (typeof alias === 'string') return alias
        claimed.push(alias)
      }
      return claimed
    },
    async confirm(claimed) {
      for (const alias of claimed) {
        if (
          (await writes.put({ ...alias, version: alias.version + 1 }, alias.version)) !== 'stored'
        )
          return false
      }
      return true
    },
    async drop(key) {
      for (const digest of digestsOf(key)) {
        const alias = await store.get(aliasIdOf(digest)).catch(() => undefined)
        if (alias?.kind === 'alias' && alias.keyId === key.id)
          await store.delete(alias.id, alias.version).catch(() => undefined)
      }
    },
  }
}

// Sorted, so that two imports of the same pair claim in the same order and cannot each hold the
// alias that the other needs.
function digestsOf({ primary, secondary }: KeyRecord): string[] {
  return secondary === null ? [primary.digest] : [primary.digest, secondary.digest].sort()
}
