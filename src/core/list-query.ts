import { type KeyRecord, stateOf } from './api-key.ts'
import { pepperOf } from './secret.ts'
import type { ListQuery } from './store.ts'

/** Whether a key is one of those that a query asks for. What a store lists is held to this, too. */
export function matchesQuery(
  key: KeyRecord,
  { tenant, owner, state, pepper }: Pick<ListQuery, 'tenant' | 'owner' | 'state' | 'pepper'>,
): boolean {
  if (tenant !== undefined && !(key.scope.tenants !== '*' && key.scope.tenants.includes(tenant))) return false
  if (owner !== undefined && key.owner !== owner) return false
  if (state !== undefined && stateOf(key) !== state) return false
  return (
    pepper === undefined || [key.primary, key.secondary].some((secret) => secret !== null && (pepperOf(secret.digest) ?? null) === pepper)
  )
}
