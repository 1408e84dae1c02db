import type { KeyQuery } from '../base/api.ts'

const DAY = 86_400_000

/** The filters of the list, in the order of the chips. */
export const FILTERS = [
  'all',
  'active',
  'disabled',
  'expired',
  'revoked',
  'expiring',
  'unused',
] as const

/** A filter of the list. */
export type Filter = (typeof FILTERS)[number]

/** A key that expires within this time is marked. */
export const SOON = 30 * DAY

/** The query of a filter. */
export function filterQuery(filter: Filter, now: number): KeyQuery {
  if (filter === 'all') return {}
  if (filter === 'expiring') return { state: 'active', expiresBefore: now + SOON }
  if (filter === 'unused') return { unusedSince: now - 30 * DAY }
  return { state: filter }
}
