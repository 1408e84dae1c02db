import type { KeyRecord } from '../model/api-key.ts'
import { copyList } from '../model/copy.ts'
import { TwinkeyError } from '../model/error.ts'
import { matchesQuery } from './list-query.ts'
import type { KeyStore, ListQuery, SecretUse, StoredKey } from './store.ts'
import { redactError } from './store-error.ts'
import { copyRecord, readRecord, recordProblem } from './stored-key.ts'
import { withTimeout } from './timeout.ts'

/**
 * A store as the rest of the core sees it: every call has a deadline, and what comes out has been
 * checked before it is believed.
 */
export interface CheckedStore {
  get(id: string): Promise<StoredKey | undefined>
  put(
    next: StoredKey,
    expectedVersion: number | undefined,
  ): Promise<'stored' | 'conflict' | 'missing'>
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
 * Wraps a store. Whatever it throws, or a call that is not answered in time, becomes the error
 * `store_unavailable`; an answer that has not the form of the port becomes `store_malformed`.
 *
 * @param answered Called after each call that was answered.
 */
export function checkedStore(
  store: KeyStore,
  deadlineMilliseconds: number,
  answered: () => void = () => {},
): CheckedStore {
  const calls = new Set<AbortController>()
  const writes = new Set<Promise<unknown>>()

  // Reads an answer here and nowhere else, so that an answer that throws is `store_malformed`. Only
  // the copy that `read` makes goes on: resolving a promise with the answer itself would read its
  // `then` again, outside of this wrapper.
  async function ask<T>(
    method: string,
    call: (signal: AbortSignal) => Promise<unknown>,
    read: (answer: unknown) => T,
  ): Promise<T> {
    const controller = new AbortController()
    calls.add(controller)
    try {
      const outcome = await withTimeout(
        deadlineMilliseconds,
        'store_unavailable',
        'The store failed',
        () => answerOf(method, () => call(controller.signal), read),
      )
      answered()
      if ('error' in outcome) throw outcome.error
      return outcome.value
    } catch (error) {
      // A late call goes on until it is aborted.
      controller.abort()
      throw error
    } finally {
      calls.delete(controller)
    }
  }

  async function write<T>(
    method: string,
    call: (signal: AbortSignal) => Promise<unknown>,
    read: (answer: unknown) => T,
  ): Promise<T> {
    const writing = ask(method, call, read)
    writes.add(writing)
    try {
      return await writing
    } finally {
      writes.delete(writing)
    }
  }

  return {
    get: (id) =>
      ask(
        'get',
        (signal) => store.get(id, signal),
        (found) => {
          if (found === undefined) return undefined
          const record = checkedRecord(found)
          // A store that answers with another key than was asked for would let one caller in as
          // another.
          if (record.id !== id) throw new Malformed('id must be the one that was asked for')
          return record
        },
      ),
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
    inspect: () =>
      ask(
        'inspect',
        async (signal) => store.inspect?.(signal),
        (found) => {
          const copy = copyList(found)
          return Array.isArray(copy) ? copy.filter((each) => typeof each === 'string') : []
        },
      ),
    written: () => Promise.allSettled(writes),
    end() {
      for (const call of calls) call.abort()
    },
  }
}

async function answerOf<T>(
  method: string,
  call: () => Promise<unknown>,
  read: (answer: unknown) => T,
): Promise<{ value: T } | { error: TwinkeyError }> {
  let answer: unknown
  try {
    answer = await call()
  } catch (error) {
    throw redactError(error)
  }
  try {
    return { value: read(answer) }
  } catch (error) {
    return {
      error:
        error instanceof Malformed
          ? malformed(method, error.message)
          : malformed(method, 'it cannot be read', redactError(error)),
    }
  }
}

// Its message says what is wrong with an answer.
class Malformed extends Error {}

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
    // A caller that asks for page after page would never reach the end.
    if (next !== undefined && next === query.cursor)
      throw new Malformed('next must not be the cursor that was given')
    const read = found.map((each) => {
      const record = checkedRecord(each)
      if (record.kind !== 'key' || !matchesQuery(record, query))
        throw new Malformed('a key must be one that was asked for')
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

function malformed(call: string, problem: string, cause?: unknown): TwinkeyError {
  const message = `What the store answered to ${call} has not the form of the port: ${problem}.`
  return new TwinkeyError('store_malformed', message, cause === undefined ? undefined : { cause })
}
