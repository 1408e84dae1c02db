import { isAhead } from '../store/paging.ts'
import type { Position } from '../store/store.ts'
import { type Authority, isLimited } from './authority.ts'

/** The smallest id, so that a position with it comes before all others of its time. */
export const FIRST_ID = '-'

interface Page<T> {
  readonly found: readonly T[]
  readonly next: Position | undefined
}

/**
 * Reads a page for a keyring. A store that looks through more than the keyring sees says where it
 * stopped, which may be at the id of an invisible key. For a limited keyring, the next page begins
 * at a place that names no such id: at a time, or behind the last result.
 *
 * @param read Reads a page of the store.
 */
export async function readPage<T>(
  authority: Authority,
  query: { readonly sort: 'newest' | 'oldest'; readonly after: Position | undefined },
  read: (after: Position | undefined) => Promise<Page<T>>,
  positionOf: (found: T) => Position,
): Promise<Page<T>> {
  const { sort, after } = query
  let page = await read(after)
  if (!isLimited(authority)) return page
  while (page.next !== undefined) {
    const last = page.found.at(-1)
    const next = shownPlace(page.next, last && positionOf(last), sort)
    // A place that is not ahead would repeat what was on an earlier page.
    const moves = after === undefined || isAhead(next, after, sort)
    if (page.found.length > 0 || moves) return { found: page.found, next }
    page = await read(page.next)
  }
  return page
}

function shownPlace(
  next: Position,
  last: Position | undefined,
  sort: 'newest' | 'oldest',
): Position {
  if (last?.at === next.at) return last
  // Reads the whole millisecond again. None of its keys is on the page.
  return { at: sort === 'newest' ? next.at + 1 : next.at, id: FIRST_ID }
}
