import type { KeyRecord } from '../model/api-key.ts'
import { copyList } from '../model/copy.ts'
import { matchesQuery } from './list-query.ts'
import type { KeyStore, ListQuery, SecretUse, StoredKey } from './store.ts'
import { createStoreCalls, Malformed } from './store-calls.ts'
import { copyRecord, readRecord, recordProblem } from './stored-key.ts'

/** A store as the rest of the core uses it: every call has a timeout, every answer is checked. */
export interface CheckedStore {
  get(id: string): Promise<StoredKey | undefined>
  put(
    next: StoredKey,
    expectedVersion: number | undefined,
  ): Promise<'stored' | 'conflict' | 'missing'>
  delete(id: string, expectedVersion: number): Promise<'deleted' | 'conflict' | 'missing'>
  list(query: ListQuery): Promise<{ keys: KeyRecord[]; next?: string | undefined }>
  recordUse(uses: readonly SecretUse[]): Promise<void>
  /** The store's warnings about its backend. Empty if the store has no `inspect`. */
  inspect(): Promise<readonly string[]>
  /** Resolves when the writes in flight have settled. */
  written(): Promise<unknown>
  /** Aborts all calls in flight, so that the store sends nothing more for them. */
  end(): void
}

const PUT_ANSWERS = ['stored', 'conflict', 'missing'] as const
const DELETE_ANSWERS = ['deleted', 'conflict', 'missing'] as const

/**
 * Wraps a store. A call that throws or exceeds the deadline fails with `store_unavailable`. An
 * answer that does not conform to {@link KeyStore} fails with `store_malformed`.
 *
 * @param answered Called after each call that the store answered.
 */
export function checkedStore(
  store: KeyStore,
  deadlineMilliseconds: number,
  answered: () => void = () => {},
): CheckedStore {
  const { ask, write, written, end } = createStoreCalls(deadlineMilliseconds, answered)
  return {
    get: (id) => ask('get', (signal) => store.get(id, signal), checkedAnswer(id)),
    put: (next, expectedVersion) =>
      write('put', (signal) => store.put(next, expectedVersion, signal), oneOf(PUT_ANSWERS)),
    delete: (id, expectedVersion) =>
      write('delete', (signal) => store.delete(id, expectedVersion, signal), oneOf(DELETE_ANSWERS)),
    list: (query) => ask('list', (signal) => store.list(query, signal), checkedPage(query)),
    recordUse: (uses) =>
      ask(
        'recordUse',
        (signal) => store.recordUse(uses, signal),
        () => {},
      ),
    inspect: () => ask('inspect', async (signal) => store.inspect?.(signal), stringsOf),
    written,
    end,
  }
}

function checkedAnswer(id: string): (found: unknown) => StoredKey | undefined {
  return (found) => {
    if (found === undefined) return undefined
    const record = checkedRecord(found)
    // With the record of another key, one caller would be authenticated as another.
    if (record.id !== id) throw new Malformed('id must be the requested id')
    return record
  }
}

function checkedRecord(found: unknown): StoredKey {
  const copy = copyRecord(found)
  const problem = recordProblem(copy)
  if (problem !== undefined) throw new Malformed(problem)
  return readRecord(copy as StoredKey)
}

function checkedPage(
  query: ListQuery,
): (page: unknown) => { keys: KeyRecord[]; next?: string | undefined } {
  return (page) => {
    const { keys, next } = (page ?? {}) as { keys?: unknown; next?: unknown }
    const found = copyList(keys)
    if (!Array.isArray(found) || (next !== undefined && typeof next !== 'string'))
      throw new Malformed('the answer must be { keys, next }')
    // A caller that follows `next` would never reach the end.
    if (next !== undefined && next === query.cursor)
      throw new Malformed('next must differ from the cursor of the query')
    const read = found.map((each) => {
      const record = checkedRecord(each)
      if (record.kind !== 'key' || !matchesQuery(record, query))
        throw new Malformed('every key must match the query')
      return record
    })
    return { keys: read, next }
  }
}

function oneOf<T extends string>(answers: readonly T[]): (answer: unknown) => T {
  return (answer) => {
    const found = answers.find((each) => each === answer)
    if (found === undefined) throw new Malformed(`the answer must be one of ${answers.join(', ')}`)
    return found
  }
}

function stringsOf(found: unknown): readonly string[] {
  const copy = copyList(found)
  return Array.isArray(copy) ? copy.filter((each) => typeof each === 'string') : []
}
