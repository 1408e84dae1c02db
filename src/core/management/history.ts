import { timeOf, timeProblem } from '../model/checks.ts'
import { requireInput } from '../model/error.ts'
import type { HistoryEntry } from '../model/history.ts'
import {
  type HistoryAfterInput,
  type HistoryInput,
  readHistoryInput,
} from '../model/query-input.ts'
import type { CheckedStore } from '../store/checked-store.ts'
import type { HistoryQuery, Position } from '../store/store.ts'
import { ownerFilter, requireRight, shownEntry } from './authority.ts'
import { readCursor, writeCursor } from './cursor.ts'
import type { HistoryPage, HistoryStep } from './key-management.ts'
import type { KeyringParts } from './keyring-parts.ts'
import { FIRST_ID, readPage } from './limited-pages.ts'

// A change may be written so long after its time: retries take 30 seconds, and clocks differ.
const SETTLED_AFTER_MILLISECONDS = 120_000

/** The method `history` of a keyring. */
export function createHistory(parts: KeyringParts) {
  const read = (query: Omit<HistoryQuery, 'after'>, from: Position | undefined) =>
    readPage<HistoryEntry>(
      parts.authority,
      { sort: query.sort, after: from },
      async (after) => {
        const { entries, next } = await parts.store.history({ ...query, after })
        return { found: entries.map((entry) => shownEntry(parts.authority, entry)), next }
      },
      (entry) => entry,
    )

  async function page({
    filter,
    limit,
    cursor,
  }: ReturnType<typeof readHistoryInput>): Promise<HistoryPage> {
    const query = visible(parts, filter)
    if (query === undefined) return { entries: [], nextCursor: undefined }
    const after = cursor === undefined ? undefined : readCursor(['history', query], cursor).position
    const { found, next } = await read({ ...query, sort: 'newest', limit }, after)
    return { entries: found, nextCursor: next && writeCursor(['history', query], next) }
  }

  // Reads from the oldest entry on. An entry can be stored later than others of a later time. So a
  // reader that has come close to the present reads the last two minutes again.
  async function step(
    { filter, limit, after }: ReturnType<typeof readHistoryInput>,
    now: number,
  ): Promise<HistoryStep> {
    const query = visible(parts, filter)
    const place = placeOf(query, after as string | number)
    if (query === undefined)
      return { entries: [], nextCursor: writePlace(query, place), hasMore: false }
    const page = await read({ ...query, sort: 'oldest', limit }, place.position)
    const next = nextPlace(place, page.next ?? page.found.at(-1), page.next !== undefined, now)
    return {
      entries: page.found,
      nextCursor: writePlace(query, next),
      hasMore: page.next !== undefined,
    }
  }

  function history(input: HistoryAfterInput): Promise<HistoryStep>
  function history(input?: HistoryInput): Promise<HistoryPage>
  async function history(
    input: HistoryInput | HistoryAfterInput = {},
  ): Promise<HistoryPage | HistoryStep> {
    requireRight(parts.authority, 'history')
    const read = readHistoryInput(input)
    return read.after === undefined ? page(read) : step(read, parts.now())
  }
  return history
}

/** Implements `keys.forgetHistory`. */
export async function forgetHistory(store: CheckedStore, before: number | Date): Promise<number> {
  const time = timeOf(before)
  requireInput(timeProblem(time) && 'must be a valid Date or epoch milliseconds', 'before')
  let count = 0
  for (let deleted = 1; deleted > 0; count += deleted) deleted = await store.forgetHistory(time)
  return count
}

type Filter = Pick<HistoryQuery, 'keyId' | 'owner' | 'tenant' | 'tenants'>

// The filter with the limits of the keyring; undefined if it sees nothing of that.
function visible({ authority }: KeyringParts, filter: Filter): Filter | undefined {
  const seen = ownerFilter(authority, filter.owner)
  return seen && { ...filter, ...seen, tenants: authority.tenants }
}

/**
 * Where a consumer continues. Everything before `position` was read. While it reads entries that may
 * not be settled, `floor` is the time from which it will read again. It does so at the end of the
 * history, or behind the time `until` if entries are added faster than it reads.
 */
interface Place {
  readonly position: Position
  readonly floor?: number | undefined
  readonly until?: number | undefined
}

function nextPlace(place: Place, read: Position | undefined, hasMore: boolean, now: number): Place {
  const position = read === undefined ? place.position : { at: read.at, id: read.id }
  const settled = now - SETTLED_AFTER_MILLISECONDS
  const floor = place.floor ?? Math.max(place.position.at, settled)
  // Some entries are later than this clock: changes of one moment, and those of other clocks.
  const until = place.until ?? now + SETTLED_AFTER_MILLISECONDS
  if (place.floor === undefined && position.at <= settled) return { position }
  // Going back early keeps up with a busy history. It must not happen at entries of the present
  // millisecond, or of a time that is still to come: the reader would never get beyond them.
  const goesOn = position.at < until || position.at >= now
  if (hasMore && goesOn) return { position, floor, until }
  // Never behind the beginning, and never at a time that is still to come.
  return { position: { at: Math.max(0, Math.min(floor, position.at)), id: FIRST_ID } }
}

function placeOf(query: unknown, after: string | number): Place {
  if (typeof after === 'number') return { position: { at: after, id: FIRST_ID } }
  const { position, more } = readCursor(['after', query], after)
  const [floor, until] = more
  requireInput(more.length === 0 || more.length === 2 ? undefined : 'is wrong', 'after')
  return { position, floor, until }
}

function writePlace(query: unknown, { position, floor, until }: Place): string {
  const more = floor === undefined || until === undefined ? [] : [floor, until]
  return writeCursor(['after', query], position, ...more)
}
