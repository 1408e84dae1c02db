import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { HistoryEntry } from '../../../src/core/model/history.ts'
import {
  historyLabelsOf,
  leadingHistoryLabel,
  matchesHistory,
} from '../../../src/core/store/history-query.ts'
import type { HistoryQuery } from '../../../src/core/store/store.ts'
import { historyEntry } from './records.ts'

type Filter = Partial<HistoryQuery>

/** Some filters, each of which the entry matches as far as there is one. */
function filterOf(entry: HistoryEntry, members: readonly string[], more: string[]): Filter {
  const { keyId, owner, tenants } = entry
  const listed = tenants === '*' ? [] : tenants
  const all: Filter = { keyId, owner, tenant: listed[0] ?? 't', tenants: [...listed, ...more] }
  return Object.fromEntries(Object.entries(all).filter(([member]) => members.includes(member)))
}

const someMembers = fc.subarray(['keyId', 'owner', 'tenant', 'tenants'])

describe('the index of the history', () => {
  it('finds every entry that matches a query under the label that leads', () => {
    let matched = 0
    fc.assert(
      fc.property(historyEntry, someMembers, fc.subarray(['w']), (entry, members, more) => {
        const query = filterOf(entry, members, more)
        if (!matchesHistory(entry, query)) return
        matched++
        expect(historyLabelsOf(entry)).toContain(leadingHistoryLabel(query))
      }),
      { numRuns: 1000 },
    )
    expect(matched).toBeGreaterThan(500)
  })

  it('has for an entry its key, its owner and the tenants that it lists', () => {
    const [entry] = fc.sample(historyEntry, { numRuns: 1, seed: 1 })
    const of = { ...entry, keyId: 'k' } as NonNullable<typeof entry>
    expect(historyLabelsOf({ ...of, owner: null, tenants: '*' })).toEqual([
      'entry',
      'key:k',
      'no-owner',
    ])
    expect(historyLabelsOf({ ...of, owner: 'ada', tenants: ['t', 'u'] })).toEqual([
      'entry',
      'key:k',
      'owner:ada',
      'tenant:t',
      'tenant:u',
    ])
  })

  it.each<[string, Filter]>([
    ['entry', {}],
    ['entry', { tenants: ['t', 'u'] }],
    ['no-owner', { owner: null, tenants: ['t', 'u'] }],
    ['tenant:t', { owner: null, tenants: ['t'] }],
    ['tenant:u', { tenant: 'u', tenants: ['t'] }],
    ['owner:ada', { owner: 'ada', tenant: 'u' }],
    ['key:k', { keyId: 'k', owner: 'ada', tenant: 'u', tenants: ['u'] }],
  ])('is read by the label with probably the fewest entries: %s', (label, query) => {
    expect(leadingHistoryLabel(query)).toBe(label)
  })
})
