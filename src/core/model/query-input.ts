import { isId, type KeyState } from './api-key.ts'
import { hintProblem, nameProblem, timeOf, timeProblem } from './checks.ts'
import { requireInput } from './error.ts'
import { copyInput } from './key-input.ts'
import { membersOf } from './operations.ts'

/** Filters, order and paging of a list of keys. A key must match all filters. */
export interface ListKeysInput {
  /** Keys whose scope lists this tenant. A scope of `'*'` lists none. */
  readonly tenant?: string | undefined
  /** Keys of this owner; null for keys without an owner. */
  readonly owner?: string | null | undefined
  readonly state?: KeyState | undefined
  /** Keys whose name begins with this text, without regard to case. */
  readonly name?: string | undefined
  /** Keys with a secret that has this hint: its last four characters, or fewer if it was imported. */
  readonly hint?: string | undefined
  /** Keys with a secret stored under this pepper; null for plain SHA-256. */
  readonly pepper?: string | null | undefined
  /** Keys neither of whose secrets works from this time on, in epoch milliseconds. */
  readonly expiresBefore?: number | Date | undefined
  /**
   * Keys created before this time and not used since, in epoch milliseconds. A new secret counts as
   * a use.
   */
  readonly unusedSince?: number | Date | undefined
  /** The order by `createdAt`. Default: `'newest'` first. */
  readonly sort?: 'newest' | 'oldest' | undefined
  /** 1 to 100. Default: 50. */
  readonly limit?: number | undefined
  /** The `nextCursor` of the previous page. The other members must be those of that page. */
  readonly cursor?: string | undefined
}

/** Filters and paging of the history, from the newest entry back. */
export interface HistoryInput {
  readonly keyId?: string | undefined
  /** Entries of this owner's keys; null for keys without an owner. */
  readonly owner?: string | null | undefined
  /** Entries of keys that listed this tenant after the change. */
  readonly tenant?: string | undefined
  /** 1 to 100. Default: 50. */
  readonly limit?: number | undefined
  /** The `nextCursor` of the previous page. */
  readonly cursor?: string | undefined
}

/** Where a consumer of the history continues. Entries come in order, the oldest first. */
export interface HistoryAfterInput extends Omit<HistoryInput, 'cursor'> {
  /**
   * The `nextCursor` of the previous call. For the first call: the time of the first entry, as epoch
   * milliseconds or a `Date`, or 0 for all entries.
   */
  readonly after: string | number | Date
}

/** The maximum number of keys on one page. */
export const MAX_PAGE = 100
const DEFAULT_PAGE = 50
const STATES: readonly KeyState[] = ['active', 'disabled', 'expired', 'revoked']

/** Checks the query for one page of keys. */
export function readListInput(input: ListKeysInput) {
  const given = copyInput(input, membersOf('list'))
  const { tenant, owner, state, name, hint, pepper, sort = 'newest', cursor } = given
  requireNames({ tenant, name, owner: owner ?? undefined, pepper: pepper ?? undefined })
  requireInput(
    hint === undefined || (hint !== '' && hintProblem(hint) === undefined)
      ? undefined
      : 'must be the last one to four characters of a secret',
    'hint',
  )
  requireInput(
    state === undefined || STATES.includes(state)
      ? undefined
      : `must be one of ${STATES.join(', ')}`,
    'state',
  )
  requireInput(
    sort === 'newest' || sort === 'oldest' ? undefined : "must be 'newest' or 'oldest'",
    'sort',
  )
  const [expiresBefore, unusedSince] = (['expiresBefore', 'unusedSince'] as const).map((member) => {
    const time = timeOf(given[member])
    const problem = time === undefined ? undefined : timeProblem(time)
    requireInput(problem && 'must be a valid Date or epoch milliseconds', member)
    return time
  })
  const filter = { tenant, owner, state, name, hint, pepper, expiresBefore, unusedSince }
  return { filter, sort, limit: readLimit(given), cursor: readCursor(cursor) }
}

/** Checks the query for one page of the history. */
export function readHistoryInput(input: HistoryInput | HistoryAfterInput) {
  const given = copyInput(input, membersOf('history')) as HistoryInput & Partial<HistoryAfterInput>
  const { keyId, owner, tenant, cursor } = given
  const after = timeOf(given.after)
  requireNames({ tenant, owner: owner ?? undefined })
  requireInput(keyId === undefined || isId(keyId) ? undefined : 'must be the id of a key', 'keyId')
  requireInput(
    cursor === undefined || after === undefined ? undefined : 'must not be given with `after`',
    'cursor',
  )
  if (typeof after === 'number') requireInput(after === 0 ? undefined : timeProblem(after), 'after')
  else readCursor(after, 'after')
  const filter = { keyId, owner, tenant }
  return { filter, limit: readLimit(given), cursor: readCursor(cursor), after }
}

function requireNames(names: Record<string, string | undefined>): void {
  for (const [what, value] of Object.entries(names))
    requireInput(value === undefined ? undefined : nameProblem(value), what)
}

function readLimit({ limit = DEFAULT_PAGE }: { readonly limit?: number | undefined }): number {
  requireInput(
    Number.isInteger(limit) && limit >= 1 && limit <= MAX_PAGE
      ? undefined
      : `must be a whole number from 1 to ${MAX_PAGE}`,
    'limit',
  )
  return limit
}

function readCursor(cursor: string | undefined, what = 'cursor'): string | undefined {
  requireInput(
    cursor === undefined || typeof cursor === 'string'
      ? undefined
      : 'must be the `nextCursor` of the previous page',
    what,
  )
  return cursor
}
