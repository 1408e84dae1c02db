import type { KeyCache } from '../decision/key-cache.ts'
import { isId, type KeyRecord } from '../model/api-key.ts'
import { requireInput } from '../model/error.ts'
import type { CheckedStore } from '../store/checked-store.ts'
import { keyNotFound } from './write-errors.ts'

/** Reads a key for a change. Throws `key_not_found`. */
export type ReadKey = (id: string) => Promise<KeyRecord>

export function createReadKey(store: CheckedStore, keys: KeyCache): ReadKey {
  return async (id) => {
    requireInput(isId(id) ? undefined : 'must be the id of a key', 'id')
    const record = await store.get(id)
    // The cached key may be older than the record that was just read.
    keys.forget(id)
    if (record?.kind !== 'key') throw keyNotFound()
    return record
  }
}
