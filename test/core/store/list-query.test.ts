import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type KeyRecord, stateOf } from '../../../src/core/model/api-key.ts'
import {
  foldName,
  isListed,
  labelsOf,
  leadingLabel,
  matchesQuery,
} from '../../../src/core/store/list-query.ts'
import type { ListQuery } from '../../../src/core/store/store.ts'
import { keyRecord, NOW } from './records.ts'

type Filter = Partial<ListQuery>

const record: KeyRecord = {
  ...(fc.sample(keyRecord, { numRuns: 1, seed: 1 })[0] as KeyRecord),
  name: 'Nightly import',
  owner: 'ada',
  scope: { tenants: ['t', 'u'], environments: '*', workflows: '*' },
  disabledBy: null,
  expiresAt: null,
  revokedAt: null,
  primary: {
    id: 'a',
    digest: `sha-256:${'a'.repeat(42)}A`,
    hint: 'aaaa',
    createdAt: 1,
    expiresAt: null,
  },
  secondary: null,
}

/** Some filters, each of which the record matches as far as there is one. */
function filterOf(key: KeyRecord, members: readonly string[], length: number): Filter {
  const { tenants } = key.scope
  const secret = key.secondary ?? key.primary
  const [, pepper = null] = /^hmac-sha-256:(.*):/.exec(secret.digest) ?? []
  const all: Filter = {
    tenant: tenants === '*' ? 't' : tenants.at(-1),
    tenants: tenants === '*' ? [] : [...tenants, ...(length % 2 === 0 ? ['w'] : [])],
    owner: key.owner,
    state: stateOf(key, NOW),
    pepper,
    hint: secret.hint,
    name: [...key.name].slice(0, length).join(''),
    expiresBefore: NOW + 5,
    unusedSince: NOW + 5,
  }
  const some = Object.entries(all).filter(([member]) => members.includes(member))
  return { ...Object.fromEntries(some), now: NOW }
}

const someMembers = fc.subarray([
  'tenant',
  'tenants',
  'owner',
  'state',
  'pepper',
  'hint',
  'name',
  'expiresBefore',
  'unusedSince',
])

describe('the index of keys', () => {
  it('finds every key that matches a query under the label that leads', () => {
    let matched = 0
    fc.assert(
      fc.property(keyRecord, someMembers, fc.nat({ max: 9 }), (key, members, length) => {
        const query = filterOf(key, members, length)
        if (!matchesQuery(key, query)) return
        matched++
        expect(labelsOf(key)).toContain(leadingLabel(query))
      }),
      { numRuns: 3000 },
    )
    expect(matched).toBeGreaterThan(1000)
  })

  it('finds a key by each beginning of its own name', () => {
    fc.assert(
      fc.property(keyRecord, (key) => {
        const folded = [...foldName(key.name)]
        for (let length = 0; length <= folded.length; length++) {
          const query = { name: folded.slice(0, length).join('') }
          if (!matchesQuery(key, query)) continue
          expect(labelsOf(key)).toContain(leadingLabel(query))
        }
        expect(matchesQuery(key, { name: key.name })).toBe(true)
        expect(matchesQuery(key, { name: foldName(key.name) })).toBe(true)
      }),
    )
  })

  it('has for a key its tenants, owner, peppers, hints, beginnings of the name, state and end', () => {
    expect(labelsOf(record)).toEqual([
      'key',
      'tenant:t',
      'tenant:u',
      'owner:ada',
      'no-pepper',
      'hint:aaaa',
      'name:nightl',
      'name:ni',
    ])
    const peppered = { ...record.primary, digest: `hmac-sha-256:p:${'b'.repeat(42)}A`, hint: '' }
    const disabledBy = { actor: null, owner: null, tenants: null, at: 1 }
    const other: KeyRecord = {
      ...record,
      name: 'n',
      owner: null,
      scope: { ...record.scope, tenants: '*' },
      primary: peppered,
      secondary: record.primary,
      expiresAt: NOW,
    }
    const labels = ['key', 'no-owner', 'pepper:p', 'no-pepper', 'hint:aaaa']
    expect(labelsOf(other)).toEqual([...labels, 'expires'])
    expect(labelsOf({ ...other, disabledBy })).toEqual([...labels, 'state:disabled', 'expires'])
    expect(labelsOf({ ...other, disabledBy, revokedAt: 1 })).toContain('state:revoked')
  })

  it('has no alias', () => {
    const alias = { kind: 'alias', id: 'i', version: 1, keyId: 'k' } as const
    expect([labelsOf(alias), isListed(alias, {})]).toEqual([[], false])
  })

  it.each<[string, Filter]>([
    ['key', {}],
    ['key', { state: 'active', unusedSince: NOW, name: 'n' }],
    ['key', { tenants: ['t', 'u'] }],
    ['no-pepper', { pepper: null }],
    ['no-owner', { pepper: null, owner: null }],
    ['expires', { owner: null, expiresBefore: NOW }],
    ['expires', { state: 'expired' }],
    ['state:revoked', { state: 'revoked', expiresBefore: NOW }],
    ['name:ni', { state: 'disabled', name: 'Night' }],
    ['tenant:t', { name: 'ni', tenants: ['t'] }],
    ['tenant:u', { tenants: ['t'], tenant: 'u' }],
    ['pepper:p', { tenant: 'u', pepper: 'p' }],
    ['owner:ada', { pepper: 'p', owner: 'ada' }],
    ['name:nightl', { owner: 'ada', name: 'NIGHTLY' }],
    ['hint:aaaa', { name: 'nightly', hint: 'aaaa' }],
  ])('is read by the label with probably the fewest keys: %s', (label, query) => {
    expect(leadingLabel(query)).toBe(label)
  })
})

describe('the filter of a list', () => {
  it('reads a record of format 1 as one of the current format', () => {
    const { format: _f, revision: _r, tokens: _t, limits: _l, networks: _n, ...others } = record
    const { disabledBy: _d, revokedTokens: _v, ...old } = others
    const rest = { ...old, lastUsedAt: {} }
    const isMatch = (enabled: boolean, state: 'active' | 'disabled') =>
      isListed({ ...rest, enabled }, { state, owner: 'ada', now: NOW })
    expect([
      isMatch(true, 'active'),
      isMatch(false, 'active'),
      isMatch(true, 'disabled'),
      isMatch(false, 'disabled'),
    ]).toEqual([true, false, false, true])
  })

  it.each([null, undefined, 5, 'text', [], {}, { kind: 'key' }, { ...record, scope: null }])(
    'lists a record that it cannot read, so that the caller reports it: %#',
    (stored) => {
      expect(isListed(stored, { tenant: 't' })).toBe(true)
    },
  )

  it('compares a name without regard to case and width', () => {
    for (const [a, b] of [
      ['N\u0130GHT', 'n\u0130ght'],
      ['\uff2e\uff49', 'ni'],
      ['\ufb01le', 'FILE'],
      ['e\u0301', '\u00c9'],
    ] as const)
      expect(foldName(a)).toBe(foldName(b))
    expect(foldName('\u00e9')).not.toBe(foldName('e'))
  })
})
