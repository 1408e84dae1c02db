import { isId } from '../model/api-key.ts'
import type { Position } from './store.ts'

/** Entries of an index that follow each other. */
export interface Scan<T> {
  /** The values with their places, in order. A value is undefined if it exists no more. */
  readonly found: readonly { readonly at: Position; readonly value: T | undefined }[]
  /** Whether the index ends here. */
  readonly isEnd: boolean
}

// How many entries one call reads after the first ones.
const CHUNK = 250
// A page is short, or empty, rather than that one call reads more entries than this.
const MAX_SCANNED = 2500

/**
 * Fills a page from an index that leads to more values than the query matches. Reads a limited
 * number of entries, whatever the size of the index.
 *
 * @param read Reads at most `count` entries of the index behind a position.
 * @returns The values, and the place where the next page begins; undefined at the end.
 */
export async function fillPage<T>(
  { limit, after }: { readonly limit: number; readonly after?: Position | undefined },
  read: (after: Position | undefined, count: number) => Promise<Scan<T>>,
  matches: (value: T) => boolean,
): Promise<{ values: T[]; next: Position | undefined }> {
  const values: T[] = []
  let place = after
  let last: Position | undefined
  // One more than the limit shows whether there is a next page.
  let count = limit + 1
  for (let scanned = 0; scanned < MAX_SCANNED; count = CHUNK) {
    const { found, isEnd } = await read(place, count)
    for (const { at, value } of found) {
      if (value === undefined || !matches(value)) continue
      if (values.length === limit) return { values, next: last }
      values.push(value)
      last = at
    }
    if (isEnd) return { values, next: undefined }
    place = found.at(-1)?.at ?? place
    scanned += count
  }
  return { values, next: place }
}

/** Compares two positions: negative if `a` comes first in the order from the oldest on. */
export function comparePositions(a: Position, b: Position): number {
  if (a.at !== b.at) return a.at - b.at
  return a.id < b.id ? -1 : Number(a.id > b.id)
}

/** Whether a position comes after another one in the order of a query. */
export function isAhead(next: Position, after: Position, sort: 'newest' | 'oldest'): boolean {
  const order = comparePositions(next, after)
  return sort === 'newest' ? order < 0 : order > 0
}

/** Whether a value is a valid position. */
export function isPosition(value: unknown): value is Position {
  const { at, id } = (value ?? {}) as Partial<Record<keyof Position, unknown>>
  return typeof at === 'number' && Number.isSafeInteger(at) && at >= 0 && isId(id)
}
