import { copyList, copyMembers } from '../model/copy.ts'
import type { HistoryEntry } from '../model/history.ts'
import type { StoreMessage, Trace } from '../model/trace.ts'
import { matchesHistory } from './history-query.ts'
import { matchesQuery } from './list-query.ts'
import { isAhead, isPosition } from './paging.ts'
import type {
  HistoryPage,
  HistoryQuery,
  KeyPage,
  KeyStore,
  ListQuery,
  Position,
  SecretUse,
  StoredKey,
} from './store.ts'
import { createStoreCalls, Malformed } from './store-calls.ts'
import { readEntry } from './stored-entry.ts'
import { copyRecord, readRecord, recordProblem } from './stored-key.ts'

/** A store as the rest of the core uses it: every call has a timeout, every answer is checked. */
export interface CheckedStore {
  get(id: string): Promise<StoredKey | undefined>
  put(
    next: StoredKey,
    expectedVersion: number | undefined,
    entry: HistoryEntry | undefined,
  ): Promise<'stored' | 'conflict' | 'missing'>
  delete(
    id: string,
    expectedVersion: number,
    entry: HistoryEntry | undefined,
  ): Promise<'deleted' | 'conflict' | 'missing'>
  list(query: ListQuery): Promise<KeyPage>
  history(query: HistoryQuery): Promise<HistoryPage>
  forgetHistory(before: number): Promise<number>
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
 * @param trace Publishes each call. Default: none does.
 */
export function checkedStore(
  store: KeyStore,
  deadlineMilliseconds: number,
  answered: () => void = () => {},
  trace?: Trace<StoreMessage>,
): CheckedStore {
  const { ask, write, written, end } = createStoreCalls(deadlineMilliseconds, answered, trace)
  return {
    get: (id) => ask('get', (signal) => store.get(id, signal), checkedAnswer(id)),
    put: (next, expectedVersion, entry) =>
      write('put', (signal) => store.put(next, expectedVersion, entry, signal), oneOf(PUT_ANSWERS)),
    delete: (id, expectedVersion, entry) =>
      write(
        'delete',
        (signal) => store.delete(id, expectedVersion, entry, signal),
        oneOf(DELETE_ANSWERS),
      ),
    list: (query) => ask('list', (signal) => store.list(query, signal), checkedPage(query)),
    history: (query) =>
      ask('history', (signal) => store.history(query, signal), checkedHistory(query)),
    forgetHistory: (before) =>
      write('forgetHistory', (signal) => store.forgetHistory(before, signal), checkedCount),
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

function checkedPage(query: ListQuery): (page: unknown) => KeyPage {
  return (page) => {
    const [keys, next] = membersOfPage(page, 'keys', query)
    const read = keys.map((each) => {
      const record = checkedRecord(each)
      if (record.kind !== 'key' || !matchesQuery(record, query))
        throw new Malformed('every key must match the query')
      return record
    })
    return { keys: read, next }
  }
}

function checkedHistory(query: HistoryQuery): (page: unknown) => HistoryPage {
  return (page) => {
    const [entries, next] = membersOfPage(page, 'entries', query)
    const read = entries.map((each) => {
      const entry = readEntry(each)
      if (typeof entry === 'string') throw new Malformed(entry)
      if (!matchesHistory(entry, query)) throw new Malformed('every entry must match the query')
      return entry
    })
    return { entries: read, next }
  }
}

function membersOfPage(
  page: unknown,
  member: 'keys' | 'entries',
  { sort, after }: Pick<ListQuery, 'sort' | 'after'>,
): [list: unknown[], next: Position | undefined] {
  const { [member]: given, next } = (page ?? {}) as Record<string, unknown>
  const list = copyList(given)
  const place = copyMembers(next, ['at', 'id']) as Position | undefined
  if (!Array.isArray(list) || (place !== undefined && !isPosition(place)))
    throw new Malformed(`the answer must be { ${member}, next }`)
  // A caller that follows `next` would never reach the end.
  if (place !== undefined && after !== undefined && !isAhead(place, after, sort))
    throw new Malformed('next must be behind the position of the query, in the order of the query')
  return [list, place]
}

function checkedCount(answer: unknown): number {
  if (typeof answer === 'number' && Number.isSafeInteger(answer) && answer >= 0) return answer
  throw new Malformed('the answer must be a number of entries')
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
