import { isListed, type ListQuery, type Position } from 'twinkey/store'
import type { Progress } from './figure.ts'
import { quantiles } from './quantiles.ts'
import { DAY, NAME, ownerOf, PEPPER, tenantOf } from './scale-copy.ts'
import type { Crowd } from './scale-crowd.ts'

const PAGE = 50

type Filter = Omit<ListQuery, 'now' | 'sort' | 'limit' | 'after'>

/** Every filter of `list`, and combinations of them, for one crowd. */
function filtersOf({ ids, hint }: Crowd, now: number): Readonly<Record<string, Filter>> {
  const keys = ids.length
  const n = Math.floor(Math.random() * keys)
  const [tenant, owner] = [tenantOf(n, keys), ownerOf(n, keys)]
  const longAgo = now - 48 * DAY
  return {
    none: {},
    tenant: { tenant },
    tenants: { tenants: [tenant, tenantOf(n + 1, keys)] },
    owner: { owner },
    hint: { hint },
    pepper: { pepper: PEPPER },
    'no pepper': { pepper: null },
    'state active': { state: 'active' },
    'state disabled': { state: 'disabled' },
    'state revoked': { state: 'revoked' },
    'state expired': { state: 'expired' },
    name: { name: NAME },
    'short name': { name: NAME.slice(0, 2) },
    expiresBefore: { expiresBefore: now + 10 * DAY },
    unusedSince: { unusedSince: longAgo },
    'tenant, state': { tenant, state: 'active' },
    'owner, unusedSince': { owner, unusedSince: longAgo },
    'pepper, expiresBefore': { pepper: PEPPER, expiresBefore: now + 10 * DAY },
    'name, state': { name: NAME, state: 'disabled' },
  }
}

/** One kind of page. */
export interface ListRow {
  readonly filter: string
  readonly sort: string
  readonly page: string
  /** Medians. */
  readonly milliseconds: { readonly few: number; readonly many: number }
  readonly ratio: number
  /** The sizes of the pages. */
  readonly keys: { readonly few: number; readonly many: number }
}

interface Timing {
  readonly times: number
  readonly sorts: readonly ListQuery['sort'][]
  readonly pages: readonly ('first' | 'middle')[]
  readonly progress: Progress
}

/**
 * Times one call of `list` in both crowds, for each filter and order, for the first page and for one
 * in the middle.
 */
export async function timeLists(
  few: Crowd,
  many: Crowd,
  { times, sorts, pages, progress }: Timing,
): Promise<{ readonly rows: readonly ListRow[]; readonly wrong: number }> {
  const now = Date.now()
  const rows: ListRow[] = []
  let wrong = 0
  const crowds = { few, many }
  for (const filter of Object.keys(filtersOf(few, now))) {
    for (const sort of ['newest', 'oldest'] as const)
      for (const page of pages) {
        const times_ = { few: [] as number[], many: [] as number[] }
        const found = { few: 0, many: 0 }
        // Alternating, so that other load affects both. The first call is not counted.
        for (let turn = -1; turn < times; turn++)
          for (const which of ['few', 'many'] as const) {
            const crowd = crowds[which]
            const query: ListQuery = {
              ...(filtersOf(crowd, now)[filter] as Filter),
              ...{ now, sort, limit: PAGE },
              after: page === 'first' ? undefined : crowd.middle,
            }
            const began = performance.now()
            const { keys } = await crowd.store.list(query)
            const took = performance.now() - began
            if (turn >= 0) times_[which].push(took)
            found[which] = keys.length
            if (!isInOrder(keys, query)) wrong++
          }
        const milliseconds = {
          few: quantiles(times_.few).p50,
          many: quantiles(times_.many).p50,
        }
        const ratio = Math.round((100 * milliseconds.many) / milliseconds.few) / 100
        rows.push({ filter, sort, page, milliseconds, ratio, keys: found })
      }
    const last = rows.slice(-sorts.length * pages.length).map(({ ratio }) => ratio)
    progress(`list by ${filter}: ${last.join(', ')} times as long`)
  }
  return { rows, wrong }
}

type Keys = Awaited<ReturnType<Crowd['store']['list']>>['keys']

function isInOrder(keys: Keys, query: ListQuery): boolean {
  const places = keys.map(({ createdAt, id }): Position => ({ at: createdAt, id }))
  const all = query.after === undefined ? places : [query.after, ...places]
  const sign = query.sort === 'oldest' ? 1 : -1
  return (
    keys.every((key) => isListed(key, query)) &&
    all.every(({ at, id }, i) => {
      const before = all[i - 1]
      if (before === undefined) return true
      return at === before.at ? sign * (id < before.id ? -1 : 1) > 0 : sign * (at - before.at) > 0
    })
  )
}
