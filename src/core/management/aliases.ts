import { type AliasRecord, firstVersion, type KeyRecord } from '../model/api-key.ts'
import { aliasIdOf } from '../secrets/imported-secrets.ts'
import type { CheckedStore } from '../store/checked-store.ts'
import type { KeyWrites } from './key-writes.ts'

/** The ways from imported secrets to their keys. A secret leads to one key only. */
export interface Aliases {
  /** Points the secrets of a key that is about to be written to it. */
  claim(key: KeyRecord): Promise<readonly AliasRecord[] | 'taken' | 'raced'>
  /**
   * Settles, once the key is written, that its secrets lead to it. Answers false where another
   * import took one of them over meanwhile.
   */
  confirm(claimed: readonly AliasRecord[]): Promise<boolean>
  /**
   * Removes what leads to a key that is gone. What is left behind where this fails leads nowhere.
   */
  drop(key: KeyRecord): Promise<void>
}

/**
 * Two imports of one secret may race, and one may have been interrupted before. Each writes its
 * alias, then its key, and then its alias once more by compare-and-set: an alias whose key is not
 * there may be taken over until then, and whoever finds its own taken over gives way.
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
    // Left behind by an import that did not end or by a rotation, or just written by an import that
    // is under way.
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

// In an order that is the same for every import of the same secrets, so that two do not each hold
// what the other needs.
function digestsOf({ primary, secondary }: KeyRecord): string[] {
  return secondary === null ? [primary.digest] : [primary.digest, secondary.digest].sort()
}
