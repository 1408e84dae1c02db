import { type KeyRecord, stateOf } from './api-key.ts'
import { pepperOf } from './digest.ts'
import type { ListQuery, StoredKey } from './store.ts'

type Filter = Pick<ListQuery, 'tenant' | 'owner' | 'state' | 'pepper'>

/** Whether a key is one of those that a query asks for. What a store lists is held to this, too. */
export function matchesQuery(key: KeyRecord, { tenant, owner, state, pepper }: Filter): boolean {
  if (tenant !== undefined && !(key.scope.tenants !== '*' && key.scope.tenants.includes(tenant))) return false
  if (owner !== undefined && key.owner !== owner) return false
  if (state !== undefined && stateOf(key) !== state) return false
  return pepper === undefined || peppersOf(key).includes(pepper)
}

/**
 * Every label under which an index finds a record. An alias has none, and is never listed. A key matches a query where it has all of
 * {@link labelsAsked}.
 */
export function labelsOf(record: StoredKey): string[] {
  if (record.kind === 'alias') return []
  const { scope, owner } = record
  const tenants = scope.tenants === '*' ? [] : scope.tenants
  return [
    ...new Set([
      ...tenants.map((tenant) => `tenant:${tenant}`),
      ownerLabel(owner),
      ...peppersOf(record).map(pepperLabel),
      `state:${stateOf(record)}`,
      'key',
    ]),
  ]
}

/** The labels of all keys that a query asks for, never none. The first is the one that the fewest keys have, as a rule: begin there. */
export function labelsAsked({ tenant, owner, state, pepper }: Filter): [string, ...string[]] {
  const [first, ...others] = [
    ...(tenant === undefined ? [] : [`tenant:${tenant}`]),
    ...(owner === undefined ? [] : [ownerLabel(owner)]),
    ...(pepper === undefined ? [] : [pepperLabel(pepper)]),
    ...(state === undefined ? [] : [`state:${state}`]),
  ]
  return first === undefined ? ['key'] : [first, ...others]
}

function peppersOf({ primary, secondary }: KeyRecord): (string | null)[] {
  return [primary, ...(secondary === null ? [] : [secondary])].map(({ digest }) => pepperOf(digest) ?? null)
}

function ownerLabel(owner: string | null): string {
  return owner === null ? 'no-owner' : `owner:${owner}`
}

function pepperLabel(pepper: string | null): string {
  return pepper === null ? 'no-pepper' : `pepper:${pepper}`
}
