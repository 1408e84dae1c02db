import type { KeyRecord } from './api-key.ts'
import { within } from './deadline.ts'
import { TwinkeyError } from './fault.ts'
import { matchesQuery } from './list-query.ts'
import type { KeyStore, ListQuery, SecretUse, StoredKey } from './store.ts'
import { showable } from './store-error.ts'
import { readRecord, recordProblem } from './stored-key.ts'

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
  const ask = <T>(call: () => Promise<T>) =>
    within(deadlineMilliseconds, 'store_unavailable', 'The store failed', async () => {
      try {
        return await call()
      } catch (error) {
        throw showable(error)
      }
    })
  return {
    async get(id) {
      const found = await ask(() => store.get(id))
      if (found === undefined) return undefined
      const problem = recordProblem(found)
      if (problem !== undefined) throw malformed('get', problem)
      // A store that answers with another key than was asked for would let one caller in as another.
      if (found.id !== id) throw malformed('get', 'id must be the one that was asked for')
      return readRecord(found)
    },
    async put(next, expectedVersion) {
      return oneOf('put', PUT_ANSWERS, await ask(() => store.put(next, expectedVersion)))
    },
    async delete(id, expectedVersion) {
      return oneOf('delete', DELETE_ANSWERS, await ask(() => store.delete(id, expectedVersion)))
    },
    async list(query) {
      const page = await ask(() => store.list(query))
      if (!Array.isArray(page?.keys) || (page.next !== undefined && typeof page.next !== 'string'))
        throw malformed('list', 'the answer must be { keys, next }')
      const keys = page.keys.map((found) => {
        const problem =
          recordProblem(found) ?? (found.kind === 'key' && matchesQuery(found, query) ? undefined : 'a key must be one that was asked for')
        if (problem !== undefined) throw malformed('list', problem)
        return readRecord(found) as KeyRecord
      })
      return { keys, next: page.next }
    },
    async recordUse(uses) {
      await ask(() => store.recordUse(uses))
    },
  }
}

function oneOf<T extends string>(call: string, answers: readonly T[], answer: T): T {
  if (!answers.includes(answer)) throw malformed(call, `the answer must be one of ${answers.join(', ')}`)
  return answer
}

function malformed(call: string, problem: string): TwinkeyError {
  return new TwinkeyError('store_malformed', `What the store answered to ${call} has not the form of the port: ${problem}.`)
}
