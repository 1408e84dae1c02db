import type { KeyRecord } from '../core/model/api-key.ts'
import type { HistoryEntry } from '../core/model/history.ts'
import type { HistoryQuery, KeyStore, ListQuery, Position } from '../core/store/store.ts'
import { same, shown } from './same.ts'
import { NOW } from './sample.ts'

// Read pages of keys and entries, and check what holds for every page: it is well-formed, not longer
// than the limit, and in order, and it begins behind the page before.

/** The filters of a query for keys. `now` defaults to the time of the contract. */
export type ListFilter = Partial<ListQuery>
/** The filters of a query for entries of the history. */
export type HistoryFilter = Partial<HistoryQuery>

/** A page of keys or entries. */
interface Page<T> {
  readonly values: readonly T[]
  readonly next: Position | undefined
}

/** Reads pages of one kind. */
export interface Pager<T, F> {
  /** Reads one page. Throws if it is malformed. Default: the newest 3. */
  page(store: KeyStore, filter: F): Promise<Page<T>>
  /** Reads each page up to the last one. Throws if the pages never end. */
  pages(store: KeyStore, filter: F): AsyncGenerator<readonly T[], void>
  /** Reads all pages, in the order of the query. */
  all(store: KeyStore, filter: F): Promise<T[]>
}

export const keyPager: Pager<KeyRecord, ListFilter> = createPager(
  'list',
  'keys',
  async (store, filter: ListFilter) => {
    const answer = await store.list({ now: NOW, sort: 'newest', limit: 3, ...filter })
    return { answer, values: answer?.keys, next: answer?.next }
  },
  ({ createdAt, id }) => ({ at: createdAt, id }),
)

export const historyPager: Pager<HistoryEntry, HistoryFilter> = createPager(
  'history',
  'entries',
  async (store, filter: HistoryFilter) => {
    const answer = await store.history({ sort: 'newest', limit: 3, ...filter })
    return { answer, values: answer?.entries, next: answer?.next }
  },
  ({ at, id }) => ({ at, id }),
)

/** Expects exactly these keys, in both orders. */
export async function expectList(
  store: KeyStore,
  filter: ListFilter,
  expected: readonly KeyRecord[],
): Promise<void> {
  const sorted = [...expected].sort((a, b) =>
    compare({ at: a.createdAt, id: a.id }, { at: b.createdAt, id: b.id }),
  )
  for (const sort of ['newest', 'oldest'] as const) {
    const found = await keyPager.all(store, { ...filter, sort })
    const ids = sorted.map(({ id }) => id)
    same(
      `the ids of list of ${shown({ ...filter, sort })}`,
      found.map(({ id }) => id),
      sort === 'newest' ? ids.reverse() : ids,
    )
  }
}

/** Expects exactly these entries, with every member, in both orders. */
export async function expectHistory(
  store: KeyStore,
  filter: HistoryFilter,
  expected: readonly HistoryEntry[],
): Promise<void> {
  const sorted = [...expected].sort(compare)
  for (const sort of ['newest', 'oldest'] as const)
    same(
      `history of ${shown({ ...filter, sort })}`,
      await historyPager.all(store, { ...filter, sort }),
      sort === 'newest' ? [...sorted].reverse() : sorted,
    )
}

/** Compares two positions: negative if `a` is older. Ids are ASCII, so their bytes decide. */
export function compare(a: Position, b: Position): number {
  if (a.at !== b.at) return a.at - b.at
  return a.id < b.id ? -1 : Number(a.id > b.id)
}

// Stops a test whose store always returns another position.
const MAX_PAGES = 10_000

function createPager<T, F extends { limit?: number; sort?: ListQuery['sort']; after?: unknown }>(
  method: 'list' | 'history',
  member: 'keys' | 'entries',
  read: (store: KeyStore, filter: F) => Promise<Page<T> & { readonly answer: unknown }>,
  positionOf: (value: T) => Position,
): Pager<T, F> {
  const isBehind = (position: Position, last: Position | undefined, sort?: ListQuery['sort']) =>
    last === undefined || compare(position, last) * (sort === 'oldest' ? 1 : -1) > 0

  async function page(store: KeyStore, filter: F): Promise<Page<T>> {
    const { answer, values, next } = await read(store, filter)
    const { limit = 3, sort } = filter
    const what = `${method} of ${shown(filter)}`
    if (!Array.isArray(values))
      throw new Error(`${what}: found ${shown(answer)}, expected { ${member}, next }`)
    if (values.length > limit)
      throw new Error(`${what}: found ${values.length} ${member} on a page of ${limit}`)
    if (next !== undefined && (typeof next?.at !== 'number' || typeof next.id !== 'string'))
      throw new Error(
        `${what}: found next ${shown(next)}, expected { at, id }, or undefined on the last page`,
      )
    let last = filter.after as Position | undefined
    for (const position of values.map(positionOf)) {
      if (!isBehind(position, last, sort))
        throw new Error(
          `${what}: found ${shown(position)} behind ${shown(last)}: the order is wrong`,
        )
      last = position
    }
    return { values, next }
  }

  async function* pages(store: KeyStore, filter: F): AsyncGenerator<readonly T[], void> {
    let { after } = filter as { after?: Position }
    let last = after
    for (let count = 1; ; count++) {
      const { values, next } = await page(store, { ...filter, after })
      const first = values[0] && positionOf(values[0])
      if (first && !isBehind(first, last, filter.sort))
        throw new Error(`${method} of ${shown(filter)} answered ${shown(first)} a second time`)
      last = values.length === 0 ? last : positionOf(values.at(-1) as T)
      yield values
      if (next === undefined) return
      if (!isBehind(next, after, filter.sort) || count >= MAX_PAGES)
        throw new Error(
          `${method} of ${shown(filter)} answered next ${shown(next)} ${
            count >= MAX_PAGES ? `after ${count} pages` : `behind ${shown(after)}`
          }: its pages never end`,
        )
      after = next
    }
  }

  return {
    page,
    pages,
    async all(store, filter) {
      const all: T[] = []
      for await (const values of pages(store, filter)) all.push(...values)
      return all
    },
  }
}
