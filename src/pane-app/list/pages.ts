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

async function byNameOrHint(text: string, filter: KeyQuery): Promise<Answer<KeyPage>> {
  const [hints, names] = await Promise.all([
    nextPage({ ...filter, hint: text }),
    nextPage({ ...filter, name: text }),
  ])
  if (!hints.ok || !names.ok) return hints.ok ? names : hints
  return { ok: true, value: { ...names.value, keys: unique(hints.value.keys, names.value.keys) } }
}

/** Joins two lists and leaves out repeated keys. */
function unique(first: readonly ApiKey[], second: readonly ApiKey[]): readonly ApiKey[] {
  const ids = new Set(first.map(({ id }) => id))
  return [...first, ...second.filter(({ id }) => !ids.has(id))]
}

/** Reads the first page of a query. */
export function firstPage({ text, filter }: ListQuery, now: number): Promise<Answer<KeyPage>> {
  const members = filterQuery(filter, now)
  const search = readSearch(text)
  switch (search.by) {
    case 'id':
      return byId(search.id, members)
    case 'name or hint':
      return byNameOrHint(search.text, members)
    case 'hint':
      return nextPage({ ...members, hint: search.hint })
    case 'name':
      return nextPage({ ...members, name: search.name })
    case 'all':
      return nextPage(members)
  }
}

/** Reads the page after a cursor of the same query. */
export function pageAfter(
  cursor: string,
  { text, filter }: ListQuery,
  now: number,
): Promise<Answer<KeyPage>> {
  const name = text.trim()
  return nextPage({ ...filterQuery(filter, now), ...(name && { name }) }, cursor)
}
