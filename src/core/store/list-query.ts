import { type KeyRecord, keyEndsAt, lastUseOf, stateOf } from '../model/api-key.ts'
import { isPlainObject } from '../model/checks.ts'
import { pepperOf } from '../secrets/digest.ts'
import type { ListQuery, StoredKey } from './store.ts'
import { currentRecord, recordProblem } from './stored-key.ts'

/** The filters of a {@link ListQuery}. */
export type ListFilter = Partial<Omit<ListQuery, 'sort' | 'limit' | 'after'>>

/**
 * Whether a key matches a query, for a store that filters without an index. Twinkey checks every key
 * that a store lists by the same rule.
 */
export function matchesQuery(key: KeyRecord, filter: ListFilter): boolean {
  const { tenant, tenants, owner, state, pepper, hint, name, expiresBefore, unusedSince } = filter
  if (tenant !== undefined && !(key.scope.tenants !== '*' && key.scope.tenants.includes(tenant)))
    return false
  if (tenants !== undefined && !isWithinTenants(key.scope.tenants, tenants)) return false
  if (owner !== undefined && key.owner !== owner) return false
  if (state !== undefined && stateOf(key, filter.now ?? 0) !== state) return false
  if (pepper !== undefined && !peppersOf(key).includes(pepper)) return false
  if (hint !== undefined && key.primary.hint !== hint && key.secondary?.hint !== hint) return false
  if (name !== undefined && !foldName(key.name).startsWith(foldName(name))) return false
  if (expiresBefore !== undefined && (keyEndsAt(key) ?? expiresBefore) >= expiresBefore)
    return false
  return unusedSince === undefined || lastSignOfUse(key) < unusedSince
}

// A new secret counts as a use, because the last use of the secret that it replaced is gone.
function lastSignOfUse(key: KeyRecord): number {
  const { createdAt, primary, secondary } = key
  return Math.max(lastUseOf(key) ?? createdAt, primary.createdAt, secondary?.createdAt ?? 0)
}

/**
 * Whether a record, as a store has it, matches a query. A malformed record matches every query, so
 * that the core reports it.
 */
export function isListed(stored: unknown, filter: ListFilter): boolean {
  const record = currentRecord(stored)
  // A store may filter before it adds the last uses.
  const whole = isPlainObject(record) ? { lastUsedAt: {}, ...record } : record
  if (recordProblem(whole) !== undefined) return true
  const key = whole as unknown as StoredKey
  return key.kind === 'key' && matchesQuery(key, filter)
}

/** Whether a key lists tenants, and only tenants of this list. */
export function isWithinTenants(
  tenants: KeyRecord['scope']['tenants'],
  list: readonly string[],
): boolean {
  return tenants !== '*' && tenants.length > 0 && tenants.every((each) => list.includes(each))
}

/** A name in the form in which names are compared: without regard to case and width. */
export function foldName(name: string): string {
  return name.normalize('NFKC').toLowerCase()
}

// The lengths of the prefixes of a name in the index, in code points, the longest first.
const NAME_PREFIXES = [6, 2]

/**
 * The labels of a record in an index, in no order. For every query, a key that matches it has the
 * {@link leadingLabel} of the query. An alias has no labels and is never listed.
 */
export function labelsOf(record: StoredKey): string[] {
  if (record.kind === 'alias') return []
  const { scope, owner, name, primary, secondary } = record
  const tenants = scope.tenants === '*' ? [] : scope.tenants
  const folded = [...foldName(name)]
  const hints = [primary.hint, secondary?.hint ?? ''].filter((hint) => hint !== '')
  const state = stateOf(record, Number.NEGATIVE_INFINITY)
  return [
    ...new Set([
      'key',
      ...tenants.map((tenant) => labelOf('tenant', tenant)),
      labelOf('owner', owner),
      ...peppersOf(record).map((pepper) => labelOf('pepper', pepper)),
      ...hints.map((hint) => labelOf('hint', hint)),
      ...NAME_PREFIXES.filter((length) => length <= folded.length).map((length) =>
        labelOf('name', folded.slice(0, length).join('')),
      ),
      ...(state === 'active' ? [] : [labelOf('state', state)]),
      ...(keyEndsAt(record) === null ? [] : ['expires']),
    ]),
  ]
}

/**
 * The label by which a store reads its index for a query: the one that probably has the fewest
 * keys. The other filters are left to {@link matchesQuery}.
 */
export function leadingLabel(filter: ListFilter): string {
  const { tenant, tenants, owner, state, pepper, hint, name, expiresBefore } = filter
  const folded = [...foldName(name ?? '')]
  const length = NAME_PREFIXES.find((each) => each <= folded.length)
  const prefix = length && labelOf('name', folded.slice(0, length).join(''))
  if (hint) return labelOf('hint', hint)
  if (length === NAME_PREFIXES[0] && prefix) return prefix
  if (owner) return labelOf('owner', owner)
  if (pepper) return labelOf('pepper', pepper)
  if (tenant !== undefined) return labelOf('tenant', tenant)
  if (tenants?.length === 1) return labelOf('tenant', tenants[0] as string)
  if (prefix) return prefix
  if (state === 'revoked' || state === 'disabled') return labelOf('state', state)
  if (state === 'expired' || expiresBefore !== undefined) return 'expires'
  if (owner === null) return labelOf('owner', owner)
  return pepper === null ? labelOf('pepper', pepper) : 'key'
}

function labelOf(name: keyof ListFilter, value: string | null): string {
  return value === null ? `no-${name}` : `${name}:${value}`
}

function peppersOf({ primary, secondary }: KeyRecord): (string | null)[] {
  return [primary, ...(secondary === null ? [] : [secondary])].map(
    ({ digest }) => pepperOf(digest) ?? null,
  )
}
