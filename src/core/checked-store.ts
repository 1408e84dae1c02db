import { type KeyRecord, readStoredKey } from './api-key.ts'
import { within } from './deadline.ts'
import { TwinkeyError } from './fault.ts'
import { matchesQuery } from './list-query.ts'
import type { KeyStore, ListQuery, SecretUse, StoredKey } from './store.ts'

/** A store as the rest of the core sees it: every call has a deadline, and what comes out has been checked before it is believed. */
export interface CheckedStore {
  get(id: string): Promise<StoredKey | undefined>
  put(next: StoredKey, expectedVersion: number | undefined): Promise<'stored' | 'conflict' | 'missing'>
  delete(id: string, expectedVersion: number): Promise<'deleted' | 'conflict' | 'missing'>
  list(query: ListQuery): Promise<{ keys: KeyRecord[]; next?: string | undefined }>
  recordUse(uses: readonly SecretUse[]): Promise<void>
}

const PUT_ANSWERS = ['stored', 'conflict', 'missing'] as const
const DELETE_ANSWERS = ['deleted', 'conflict', 'missing'] as const

/**
 * Wraps a store. Whatever it throws, or a call that is not answered in time, becomes the fault `store_unavailable`; an answer that has not the
 * form of the port becomes `store_malformed`.
 */
export function checkedStore(store: KeyStore, deadlineMilliseconds: number): CheckedStore {
  const ask = <T>(call: () => Promise<T>) => within(deadlineMilliseconds, 'store_unavailable', 'The store', call)
  return {
    async get(id) {
      const found = await ask(() => store.get(id))
      if (found === undefined) return undefined
      const record = readStoredKey(found)
      // A store that answers with another key than was asked for would let one caller in as another.
      if (record === undefined || record.id !== id) throw malformed()
      return record
    },
    async put(next, expectedVersion) {
      return oneOf(PUT_ANSWERS, await ask(() => store.put(next, expectedVersion)))
    },
    async delete(id, expectedVersion) {
      return oneOf(DELETE_ANSWERS, await ask(() => store.delete(id, expectedVersion)))
    },
    async list(query) {
      const page = await ask(() => store.list(query))
      if (!Array.isArray(page?.keys) || (page.next !== undefined && typeof page.next !== 'string')) throw malformed()
      const keys = page.keys.map((found) => {
        const record = readStoredKey(found)
        if (record?.kind !== 'key' || !matchesQuery(record, query)) throw malformed()
        return record
      })
      return { keys, next: page.next }
    },
    async recordUse(uses) {
      await ask(() => store.recordUse(uses))
    },
  }
}

function oneOf<T extends string>(answers: readonly T[], answer: T): T {
  if (!answers.includes(answer)) throw malformed()
  return answer
}

function malformed(): TwinkeyError {
  return new TwinkeyError(
    'store_malformed',
    'The store answered with something that is not a record of the right form. Nothing was believed of it.',
  )
}
