import { type KeyRecord, stateOf } from '../model/api-key.ts'
import { pepperOf } from '../secrets/digest.ts'
import type { ListQuery, StoredKey } from './store.ts'

type Filter = Pick<ListQuery, 'tenant' | 'owner' | 'state' | 'pepper'>

/**
 * Whether a key matches a query, for a store that filters without an index. Twinkey checks every key
 * that a store lists by the same rule.
 */
export function matchesQuery(
  key: KeyRecord,
  { tenant, owner, state, pepper }: Omit<ListQuery, 'limit' | 'cursor'>,
): boolean {
  if (tenant !== undefined && !(key.scope.tenants !== '*' && key.scope.tenants.includes(tenant)))
    return false
  if (owner !== undefined && key.owner !== owner) return false
  if (state !== undefined && stateOf(key) !== state) return false
  return pepper === undefined || peppersOf(key).includes(pepper)
}

/**
 * The labels of a record in an index. A key matches a query if it has all of {@link labelsAsked}.
 * An alias has no labels and is never listed.
 */
export function labelsOf(record: StoredKey): string[] {
  if (record.kind === 'alias') return []
  const tenants = record.scope.tenants === '*' ? [] : record.scope.tenants
  return [
    ...new Set([
      ...tenants.map((tenant) => labelOf('tenant', tenant)),
      labelOf('owner', record.owner),
      ...peppersOf(record).map((pepper) => labelOf('pepper', pepper)),
      labelOf('state', stateOf(record)),
      'key',
    ]),
  ]
}

/**
 * The labels that every match of a query has, at least one. The first is usually the most
 * selective: scan the index by it.
 */
export function labelsAsked(filter: Filter): [string, ...string[]] {
  const asked = FILTERS.flatMap((name) =>
    filter[name] === undefined ? [] : [labelOf(name, filter[name])],
  )
  const [first = 'key', ...others] = asked
  return [first, ...others]
}

// The most selective filter first.
const FILTERS = ['tenant', 'owner', 'pepper', 'state'] as const

function labelOf(name: keyof Filter, value: string | null): string {
  return value === null ? `no-${name}` : `${name}:${value}`
}

function peppersOf({ primary, secondary }: KeyRecord): (string | null)[] {
  return [primary, ...(secondary === null ? [] : [secondary])].map(
    ({ digest }) => pepperOf(digest) ?? null,
  )
}
