import { type KeyRecord, stateOf } from '../model/api-key.ts'
import { pepperOf } from '../secrets/digest.ts'
import type { ListQuery, StoredKey } from './store.ts'

type Filter = Pick<ListQuery, 'tenant' | 'owner' | 'state' | 'pepper'>

/** Whether a key is one of those that a query asks for. What a store lists is held to this, too. */
export function matchesQuery(key: KeyRecord, { tenant, owner, state, pepper }: Filter): boolean {
  if (tenant !== undefined && !(key.scope.tenants !== '*' && key.scope.tenants.includes(tenant)))
    return false
  if (owner !== undefined && key.owner !== owner) return false
  if (state !== undefined && stateOf(key) !== state) return false
  return pepper === undefined || peppersOf(key).includes(pepper)
}

/**
 * Every label under which an index finds a record. An alias has none, and is never listed. A key
 * matches a query where it has all of {@link labelsAsked}.
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
 * The labels of all keys that a query asks for, never none. The first is the one that the fewest
 * keys have, as a rule: begin there.
 */
export function labelsAsked(filter: Filter): [string, ...string[]] {
  const asked = FILTERS.flatMap((name) =>
    filter[name] === undefined ? [] : [labelOf(name, filter[name])],
  )
  const [first = 'key', ...others] = asked
  return [first, ...others]
}

// The fewest keys come first.
const FILTERS = ['tenant', 'owner', 'pepper', 'state'] as const

function labelOf(name: keyof Filter, value: string | null): string {
  return value === null ? `no-${name}` : `${name}:${value}`
}

function peppersOf({ primary, secondary }: KeyRecord): (string | null)[] {
  return [primary, ...(secondary === null ? [] : [secondary])].map(
    ({ digest }) => pepperOf(digest) ?? null,
  )
}
