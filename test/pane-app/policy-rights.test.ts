import { createTwinkey, type KeyringLimits } from 'twinkey'
import { memoryLimiter } from 'twinkey/limits'
import { describe, expect, it } from 'vitest'
import {
  NO_POLICIES,
  type PolicyForm,
  policyFormOf,
  refusedField,
} from '../../src/pane-app/policies/policy-form.ts'
import {
  allowedNetworks,
  asksForTokens,
  chosenPolicies,
  mayLimit,
} from '../../src/pane-app/policies/rights.ts'

const LIMITS = [{ requests: 1000, perSeconds: 60 }]
const NETWORKS = ['192.0.2.0/24', '2001:db8::/32']
const SCOPE = { tenants: ['acme'], environments: ['test'], workflows: ['read'] }

const OWN_LIMITS: PolicyForm = {
  ...NO_POLICIES,
  limits: { kind: 'own', rows: [{ id: 0, requests: '5', window: '1s' }] },
}
const ONE_NETWORK: PolicyForm = {
  ...NO_POLICIES,
  networks: { kind: 'only', text: '192.0.2.0/25' },
}

const CALLERS = {
  operator: { actor: 'a', grantable: SCOPE },
  owner: { actor: 'a', grantable: SCOPE, owner: 'ada' },
  tenant: { actor: 'a', grantable: SCOPE, tenants: ['acme'] },
  'with limits': { actor: 'a', grantable: SCOPE, policy: { limits: LIMITS } },
  'with no limits': { actor: 'a', grantable: SCOPE, owner: 'ada', policy: { limits: [] } },
  'with networks': { actor: 'a', grantable: SCOPE, policy: { networks: NETWORKS } },
  'owner with networks': {
    actor: 'a',
    grantable: SCOPE,
    owner: 'ada',
    policy: { networks: NETWORKS },
  },
} as const satisfies Record<string, KeyringLimits>

type Name = keyof typeof CALLERS
const NAMES = Object.keys(CALLERS) as Name[]

const sessionOf = (name: Name, hasLimiter = true) => ({
  owner: null,
  tenants: null,
  policy: {},
  ...CALLERS[name],
  hasLimiter,
})

it.each<[Name, boolean]>([
  ['operator', true],
  ['owner', false],
  ['tenant', false],
  ['with limits', false],
  ['with networks', true],
])('the caller "%s" may choose limits: %s, and never without a limiter', (name, expected) => {
  expect(mayLimit(sessionOf(name))).toBe(expected)
  expect(mayLimit(sessionOf(name, false))).toBe(false)
})

it('networks stay within the policy, or within those of the key for a limited caller', () => {
  const key = { networks: ['198.51.100.0/24'] }
  expect(allowedNetworks(sessionOf('operator'), key)).toBeNull()
  expect(allowedNetworks(sessionOf('owner'), key)).toEqual(key.networks)
  expect(allowedNetworks(sessionOf('owner'))).toBeNull()
  expect(allowedNetworks(sessionOf('with networks'), key)).toEqual(NETWORKS)
})

describe.each(NAMES)('what the form offers to the caller "%s" is accepted', (name) => {
  const session = sessionOf(name)
  const setUp = () => {
    const twinkey = createTwinkey({ limiter: memoryLimiter() })
    return { twinkey, keyring: twinkey.keys.within(CALLERS[name]) }
  }
  const forms = [NO_POLICIES, ONE_NETWORK, ...(mayLimit(session) ? [OWN_LIMITS] : [])]

  it.each(forms)('for a new key: %j', async (form) => {
    const { keyring } = setUp()
    const isAsked = asksForTokens(session, form)
    for (const tokens of isAsked ? [true, false] : [false]) {
      const policies = chosenPolicies(session, { ...form, tokens })
      const { key } = await keyring.create({ name: 'a', scope: SCOPE, ...policies })
      if (isAsked) expect(key.tokens).toBe(tokens)
    }
  })

  it.each([
    {},
    { tokens: false },
    { networks: ['192.0.2.0/25'] },
    { networks: NETWORKS, tokens: true },
    { limits: LIMITS },
    { limits: LIMITS, networks: NETWORKS, tokens: true },
  ])('for the key %j', async (policies) => {
    const { twinkey, keyring } = setUp()
    const { key: first } = await twinkey.keys.create({
      name: 'a',
      owner: 'ada',
      scope: SCOPE,
      ...policies,
    })
    const formOf = (key: typeof first) => policyFormOf(key, allowedNetworks(session, key))
    const changes: Partial<PolicyForm>[] = [
      {},
      { tokens: !formOf(first).tokens },
      { networks: NO_POLICIES.networks },
      { networks: ONE_NETWORK.networks },
      { limits: NO_POLICIES.limits },
      { limits: OWN_LIMITS.limits },
    ]
    for (const change of changes) {
      const key = await keyring.get(first.id)
      if (key === undefined) throw new Error('The key is missing.')
      const form = { ...formOf(key), ...(change.limits && !mayLimit(session) ? {} : change) }
      const after = await keyring.update(key.id, chosenPolicies(session, form, key))
      if (asksForTokens(session, form, key)) expect(after.tokens).toBe(form.tokens)
    }
  })
})

it.each([
  ['with networks', { networks: ['198.51.100.0/24'] }, {}],
  ['owner', { networks: null }, { networks: NETWORKS }],
] as const)('the caller "%s" learns that networks are refused', async (name, change, before) => {
  const twinkey = createTwinkey()
  const { key } = await twinkey.keys.create({ name: 'a', owner: 'ada', scope: SCOPE, ...before })
  const error = await twinkey.keys.within(CALLERS[name]).update(key.id, change).catch(Object)
  expect(refusedField({ code: error.code, detail: error.message })).toBe('networks')
})
