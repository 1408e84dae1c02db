import { describe, expect, it } from 'vitest'
import {
  changedPolicies,
  freeWindows,
  type LimitRow,
  limitsOf,
  missingPolicies,
  NO_POLICIES,
  networksOf,
  policyFormOf,
  refusalText,
  refusedField,
  requestsOf,
  restricts,
} from '../../src/pane-app/policies/policy-form.ts'

const PLAIN = { limits: null, networks: null, tokens: true }
const OWN = {
  limits: [
    { name: 'burst', requests: 10, perSeconds: 30 },
    { requests: 50_000, per: 'day' as const },
  ],
  networks: ['192.0.2.0/24', '2001:db8::/32'],
  tokens: false,
}
const row = (requests: string, window = '60s', id = 0): LimitRow => ({ id, requests, window })
const own = (...rows: LimitRow[]) => ({ kind: 'own' as const, rows })
const only = (text: string) => ({ kind: 'only' as const, text })

describe('a form', () => {
  it.each([PLAIN, { ...PLAIN, limits: [] }, OWN, { ...OWN, tokens: true }])(
    'of the key %j changes nothing at first',
    (key) => {
      expect(changedPolicies(policyFormOf(key, null), key, null)).toEqual({})
    },
  )

  it('sends what was changed, and nothing else', () => {
    const form = policyFormOf(OWN, null)
    expect(changedPolicies({ ...form, networks: only('192.0.2.0/24') }, OWN, null)).toEqual({
      networks: ['192.0.2.0/24'],
    })
    expect(changedPolicies({ ...form, limits: { kind: 'none', rows: [] } }, OWN, null)).toEqual({
      limits: [],
    })
    expect(changedPolicies({ ...NO_POLICIES, tokens: true }, OWN, null)).toEqual({
      limits: null,
      networks: null,
      tokens: true,
    })
  })

  it('of a key that gets its first limits asks for tokens again', () => {
    const form = policyFormOf(PLAIN, null)
    expect(form.tokens).toBe(false)
    const limited = { ...form, limits: own(row('5')) }
    const limits = [{ requests: 5, perSeconds: 60 }]
    expect(changedPolicies(limited, PLAIN, null)).toEqual({ limits })
    expect(changedPolicies({ ...limited, tokens: true }, PLAIN, null)).toEqual({
      limits,
      tokens: true,
    })
  })

  it('restricts a key by limits or networks of its own', () => {
    expect(restricts(NO_POLICIES)).toBe(false)
    expect(restricts({ ...NO_POLICIES, limits: { kind: 'none', rows: [] } })).toBe(false)
    expect(restricts({ ...NO_POLICIES, limits: own(row('5')) })).toBe(true)
    expect(restricts({ ...NO_POLICIES, networks: only('') })).toBe(true)
  })

  it('names the fields that are empty', () => {
    expect(missingPolicies(NO_POLICIES)).toEqual([])
    expect(
      missingPolicies({ ...NO_POLICIES, limits: own(row('')), networks: only(' \n') }),
    ).toEqual(['limits', 'networks'])
  })
})

describe('limits', () => {
  it('keep their name and any window', () => {
    expect(limitsOf(policyFormOf(OWN, null).limits)).toEqual(OWN.limits)
  })

  it('are null for those of the API, and empty for none, whatever the rows say', () => {
    expect(limitsOf({ kind: 'api', rows: [row('5')] })).toBeNull()
    expect(limitsOf({ kind: 'none', rows: [row('x')] })).toEqual([])
  })

  it.each([
    ['1000', 1000],
    [' 1,000 ', 1000],
    ['1 000', 1000],
    ['', undefined],
    ['0', undefined],
    ['-1', undefined],
    ['1.5', undefined],
    ['1e3', undefined],
    ['many', undefined],
  ])('the number %j is read as %s', (text, expected) => {
    expect(requestsOf(row(text))).toBe(expected)
    expect(limitsOf(own(row('5', 'day'), row(text)))?.length).toBe(expected && 2)
  })

  it('can have each window once, and a key keeps an unusual one', () => {
    const rows = [row('1', '60s', 0), row('1', '30s', 1)]
    expect(freeWindows(rows)).toEqual(['1s', '3600s', 'day', 'month'])
    expect(freeWindows(rows, rows[0])).toEqual(['1s', '60s', '3600s', 'day', 'month'])
    expect(freeWindows(rows, rows[1])).toEqual(['1s', '3600s', 'day', 'month', '30s'])
  })
})

describe('networks', () => {
  it.each([
    ['192.0.2.0/24', ['192.0.2.0/24']],
    ['192.0.2.0/24\n\n 2001:db8::/32 ', ['192.0.2.0/24', '2001:db8::/32']],
    ['192.0.2.0/24, 2001:db8::/32,', ['192.0.2.0/24', '2001:db8::/32']],
    ['anything', ['anything']],
    [' ,\n', undefined],
  ])('%j is read as %j', (text, expected) => {
    expect(networksOf(only(text), null)).toEqual(expected)
  })

  it('are those that are allowed, as long as no others are typed', () => {
    const form = policyFormOf(OWN, OWN.networks)
    expect(form.networks.kind).toBe('any')
    expect(networksOf(form.networks, OWN.networks)).toEqual(OWN.networks)
    expect(changedPolicies(form, OWN, OWN.networks)).toEqual({})
  })

  it('are null for any network, and the typed text is kept', () => {
    expect(networksOf({ kind: 'any', text: '192.0.2.0/24' }, null)).toBeNull()
  })
})

it.each([
  ['invalid_input', 'networks must be a list.', 'networks', 'Must be a list.'],
  ['invalid_input', 'limits must be a list.', 'limits', 'Must be a list.'],
  ['invalid_input', 'name must be text.', undefined, 'Must be text.'],
  ['not_grantable', 'This keyring may not grant this tenant scope.', undefined, ''],
  ['unexpected', 'networks are down.', undefined, ''],
])('%s "%s" belongs to the field %s', (code, detail, field, text) => {
  const failure = { code, detail }
  expect(refusedField(failure)).toBe(field)
  if (text !== '') expect(refusalText(failure)).toBe(text)
})

it('no failure belongs to no field', () => {
  expect(refusedField(undefined)).toBeUndefined()
})
