import type { HistoryEntry } from '../model/history.ts'
import { isWithinTenants } from './list-query.ts'
import type { HistoryQuery } from './store.ts'

/** The filters of a {@link HistoryQuery}. */
export type HistoryFilter = Pick<HistoryQuery, 'keyId' | 'owner' | 'tenant' | 'tenants'>

/** Whether an entry matches a query. Also checks every entry that a store returns. */
export function matchesHistory(entry: HistoryEntry, filter: HistoryFilter): boolean {
  const { keyId, owner, tenant, tenants } = filter
  if (keyId !== undefined && entry.keyId !== keyId) return false
  if (owner !== undefined && entry.owner !== owner) return false
  if (tenant !== undefined && !(entry.tenants !== '*' && entry.tenants.includes(tenant)))
    return false
  return tenants === undefined || isWithinTenants(entry.tenants, tenants)
}

/**
 * The labels of an entry in an index. An entry that matches a query has the
 * {@link leadingHistoryLabel} of the query.
 */
export function historyLabelsOf({ keyId, owner, tenants }: HistoryEntry): string[] {
  const listed = tenants === '*' ? [] : tenants
  return ['entry', `key:${keyId}`, ownerLabel(owner), ...listed.map((tenant) => `tenant:${tenant}`)]
}

/** The label by which a store reads its index for a query. */
export function leadingHistoryLabel({ keyId, owner, tenant, tenants }: HistoryFilter): string {
  if (keyId !== undefined) return `key:${keyId}`
  if (owner) return ownerLabel(owner)
  if (tenant !== undefined) return `tenant:${tenant}`
  if (tenants?.length === 1) return `tenant:${tenants[0]}`
  return owner === null ? ownerLabel(owner) : 'entry'
}

function ownerLabel(owner: string | null): string {
  return owner === null ? 'no-owner' : `owner:${owner}`
}
