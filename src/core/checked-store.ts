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
  /** What the store says of how its backend is set up; nothing where it does not look. */
  inspect(): Promise<readonly string[]>
  /** Resolves when no write is under way. */
  written(): Promise<unknown>
  /** Ends what is under way: stores send nothing more for it. */
  end(): void
}

const PUT_ANSWERS = ['stored', 'conflict', 'missing'] as const
const DELETE_ANSWERS = ['deleted', 'conflict', 'missing'] as const

/**
 * Wraps a store. Whatever it throws, or a call that is not answered in time, becomes the fault `store_unavailable`; an answer that has not the
 * form of the port becomes `store_malformed`.
 *
 * @param answered Called after each call that was answered.
 */
export function checkedStore(store: KeyStore, deadlineMilliseconds: number, answered: () => void = () => {}): CheckedStore {
  const calls = new Set<AbortController>()
  const writes = new Set<Promise<unknown>>()

  async function ask<T>(call: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const controller = new AbortController()
    calls.add(controller)
    try {
      const answer = await within(deadlineMilliseconds, 'store_unavailable', 'The store failed', async () => {
        try {
          return await call(controller.signal)
        } catch (error) {
          throw showable(error)
        }
      })
      answered()
      return answer
    } catch (fault) {
      // Where it was late, it goes on until it is told.
      controller.abort()
      throw fault
    } finally {
      calls.delete(controller)
    }
  }

  async function write<T>(call: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const writing = ask(call)
    writes.add(writing)
    try {
      return await writing
    } finally {
      writes.delete(writing)
    }
  }

  return {
    async get(id) {
      const found = await ask((signal) => store.get(id, signal))
      if (found === undefined) return undefined
      const problem = recordProblem(found)
      if (problem !== undefined) throw malformed('get', problem)
      // A store that answers with another key than was asked for would let one caller in as another.
      if (found.id !== id) throw malformed('get', 'id must be the one that was asked for')
      return readRecord(found)
    },
    async put(next, expectedVersion) {
      return oneOf('put', PUT_ANSWERS, await write((signal) => store.put(next, expectedVersion, signal)))
    },
    async delete(id, expectedVersion) {
      return oneOf('delete', DELETE_ANSWERS, await write((signal) => store.delete(id, expectedVersion, signal)))
    },
    async list(query) {
      const page = await ask((signal) => store.list(query, signal))
      if (!Array.isArray(page?.keys) || (page.next !== undefined && typeof page.next !== 'string'))
        throw malformed('list', 'the answer must be { keys, next }')
      // Whoever asks for page after page would never come to an end.
      if (page.next !== undefined && page.next === query.cursor) throw malformed('list', 'next must not be the cursor that was given')
      const keys = page.keys.map((found) => {
        const problem =
          recordProblem(found) ?? (found.kind === 'key' && matchesQuery(found, query) ? undefined : 'a key must be one that was asked for')
        if (problem !== undefined) throw malformed('list', problem)
        return readRecord(found) as KeyRecord
      })
      return { keys, next: page.next }
    },
    async recordUse(uses) {
      await ask((signal) => store.recordUse(uses, signal))
    },
    async inspect() {
      const found: unknown = await ask(async (signal) => store.inspect?.(signal))
      return Array.isArray(found) ? found.filter((each) => typeof each === 'string') : []
    },
    written: () => Promise.allSettled(writes),
    end() {
      for (const call of calls) call.abort()
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
