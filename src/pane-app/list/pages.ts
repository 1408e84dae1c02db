import { api, type KeyPage, type KeyQuery } from '../base/api.ts'
import type { Answer, ApiKey } from '../base/model.ts'
import { type Filter, filterQuery } from './filter.ts'
import { readSearch } from './search.ts'

const PAGE_SIZE = 50
// A filter can leave many pages empty. Then the person decides whether to look further.
const MOST_EMPTY_PAGES = 20

/** What the list shows. */
export interface ListQuery {
  readonly text: string
  readonly filter: Filter
}

/** Reads a page, and the next ones while they are empty. */
async function nextPage(query: KeyQuery, from?: string): Promise<Answer<KeyPage>> {
  let cursor = from
  for (let pages = 1; ; pages++) {
    const answer = await api.list({ ...query, limit: PAGE_SIZE, cursor })
    if (!answer.ok) return answer
    cursor = answer.value.nextCursor
    if (answer.value.keys.length > 0 || cursor === undefined || pages === MOST_EMPTY_PAGES)
      return answer
  }
}

async function byId(id: string, filter: KeyQuery): Promise<Answer<KeyPage>> {
  const answer = await api.get(id)
  if (answer.ok) return { ok: true, value: { keys: [answer.value] } }
  return answer.failure.code === 'key_not_found' ? nextPage({ ...filter, name: id }) : answer
}

/** Where both lists continue. A list without a cursor has ended. */
interface Cursors {
  readonly hints?: string | undefined
  readonly names?: string | undefined
}

const ENDED: Answer<KeyPage> = { ok: true, value: { keys: [] } }

async function byNameOrHint(
  text: string,
  filter: KeyQuery,
  cursor?: string,
): Promise<Answer<KeyPage>> {
  const from: Cursors = cursor === undefined ? {} : JSON.parse(cursor)
  const next = (query: KeyQuery, after: string | undefined) =>
    cursor !== undefined && after === undefined ? ENDED : nextPage(query, after)
  const [hints, names] = await Promise.all([
    next({ ...filter, hint: text }, from.hints),
    next({ ...filter, name: text }, from.names),
  ])
  if (!hints.ok || !names.ok) return hints.ok ? names : hints
  const after: Cursors = { hints: hints.value.nextCursor, names: names.value.nextCursor }
  const hasMore = after.hints !== undefined || after.names !== undefined
  return {
    ok: true,
    value: {
      keys: unique(hints.value.keys, names.value.keys),
      ...(hasMore && { nextCursor: JSON.stringify(after) }),
    },
  }
}

/** Joins two lists and leaves out repeated keys. */
function unique(first: readonly ApiKey[], second: readonly ApiKey[]): readonly ApiKey[] {
  const ids = new Set(first.map(({ id }) => id))
  return [...first, ...second.filter(({ id }) => !ids.has(id))]
}

/** Reads a page of a query: the first one, or the one after a cursor of the same query. */
export function readPage(
  { text, filter }: ListQuery,
  now: number,
  cursor?: string,
): Promise<Answer<KeyPage>> {
  const members = filterQuery(filter, now)
  const search = readSearch(text)
  switch (search.by) {
    case 'id':
      // Only the search by name that follows it has further pages.
      return cursor === undefined
        ? byId(search.id, members)
        : nextPage({ ...members, name: search.id }, cursor)
    case 'name or hint':
      return byNameOrHint(search.text, members, cursor)
    case 'hint':
      return nextPage({ ...members, hint: search.hint }, cursor)
    case 'name':
      return nextPage({ ...members, name: search.name }, cursor)
    case 'all':
      return nextPage(members, cursor)
  }
}
