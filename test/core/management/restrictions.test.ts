import {
  type CreateKeyInput,
  createTwinkey,
  type KeyLimit,
  type KeyPolicy,
  type KeyringLimits,
  type UpdateKeyInput,
} from 'twinkey'
import { memoryLimiter } from 'twinkey/limits'
import { describe, expect, test } from 'vitest'
import { createBench } from '../../support/bench.ts'
import { errorCodeOf } from '../../support/faults.ts'

const SCOPE = { tenants: ['t'], environments: '*', workflows: '*' } as const
const NEW = { name: 'n', scope: SCOPE, owner: 'ada' }
const FEW: KeyLimit[] = [{ requests: 5, perSeconds: 60 }]
const MANY: KeyLimit[] = [{ requests: 500, perSeconds: 60 }]
const OFFICE = ['192.0.2.0/24']
const DESK = ['192.0.2.7/32']
const ELSEWHERE = ['198.51.100.0/24']

const LIMITED: readonly (readonly [name: string, limits: KeyringLimits])[] = [
  ['of an owner', { actor: 'a', owner: 'ada', grantable: SCOPE }],
  ['of tenants', { actor: 'a', tenants: ['t'], grantable: SCOPE }],
]

type Given = Pick<CreateKeyInput, 'limits' | 'networks' | 'tokens'>
type Outcome = 'not_grantable' | 'invalid_input' | Given

function keysWith(policy?: KeyPolicy, limits: KeyringLimits = { actor: 'a' }) {
  const { twinkey } = createBench({ limiter: memoryLimiter() })
  return {
    operator: twinkey.keys,
    keys: twinkey.keys.within({ ...limits, ...(policy && { policy }) }),
  }
}

async function expectOutcome(call: () => Promise<Given>, outcome: Outcome): Promise<void> {
  if (typeof outcome === 'string') expect(await errorCodeOf(call)).toBe(outcome)
  else expect(await call()).toMatchObject(outcome)
}

describe.each(LIMITED)('a keyring %s', (_of, limits) => {
  test.each<[name: string, given: Given, policy: KeyPolicy | undefined, outcome: Outcome]>([
    ['nothing', {}, undefined, { limits: null, networks: null, tokens: true }],
    ['null limits', { limits: null }, undefined, { limits: null }],
    ['no limits', { limits: [] }, undefined, 'not_grantable'],
    ['limits', { limits: FEW }, undefined, 'not_grantable'],
    ['any networks', { networks: OFFICE }, undefined, { networks: OFFICE, tokens: false }],
    ['nothing', {}, { limits: FEW }, { limits: FEW, tokens: false }],
    ['the same limits', { limits: FEW }, { limits: FEW }, { limits: FEW }],
    ['null limits', { limits: null }, { limits: FEW }, 'not_grantable'],
    ['higher limits', { limits: MANY }, { limits: FEW }, 'not_grantable'],
    ['lower limits', { limits: FEW }, { limits: MANY }, 'not_grantable'],
    ['tokens', { tokens: true }, { limits: FEW }, 'not_grantable'],
    ['tokens', { tokens: true }, { limits: [] }, { limits: [], tokens: true }],
    ['nothing', {}, { networks: OFFICE }, { networks: OFFICE, tokens: false }],
    ['null networks', { networks: null }, { networks: OFFICE }, 'not_grantable'],
    ['networks within', { networks: DESK }, { networks: OFFICE }, { networks: DESK }],
    ['networks beyond', { networks: ELSEWHERE }, { networks: OFFICE }, 'not_grantable'],
    ['wider networks', { networks: OFFICE }, { networks: DESK }, 'not_grantable'],
    [
      'some networks beyond',
      { networks: [...DESK, ...ELSEWHERE] },
      { networks: OFFICE },
      'not_grantable',
    ],
    ['networks and tokens', { networks: OFFICE, tokens: true }, undefined, { tokens: true }],
  ])('creates a key with %s: %j under the policy %j', async (_name, given, policy, outcome) => {
    const { keys } = keysWith(policy, limits)
    await expectOutcome(async () => (await keys.create({ ...NEW, ...given })).key, outcome)
  })

  test.each<
    [before: Given, change: UpdateKeyInput, policy: KeyPolicy | undefined, outcome: Outcome]
  >([
    [{ limits: FEW }, { name: 'm' }, undefined, { limits: FEW }],
    [{ limits: FEW }, { limits: FEW }, undefined, { limits: FEW }],
    [{ limits: FEW }, { limits: MANY }, undefined, 'not_grantable'],
    [{ limits: FEW }, { limits: [] }, undefined, 'not_grantable'],
    [{ limits: FEW }, { limits: null }, undefined, 'not_grantable'],
    [{}, { limits: [] }, undefined, 'not_grantable'],
    [{ limits: FEW }, { tokens: true }, undefined, 'not_grantable'],
    [{ limits: FEW, tokens: true }, { tokens: false }, undefined, { tokens: false }],
    [{ limits: FEW, tokens: true }, { name: 'm' }, undefined, { tokens: true }],
    [{ networks: OFFICE }, { tokens: true }, undefined, 'not_grantable'],
    [{ tokens: false }, { tokens: true }, undefined, { tokens: true }],
    [{ tokens: false }, { tokens: true, networks: OFFICE }, undefined, 'not_grantable'],
    [{}, { networks: OFFICE }, undefined, { networks: OFFICE, tokens: false }],
    [{}, { networks: OFFICE, tokens: true }, undefined, { networks: OFFICE, tokens: true }],
    [{ networks: OFFICE }, { networks: DESK }, undefined, { networks: DESK }],
    [{ networks: OFFICE }, { name: 'm' }, undefined, { networks: OFFICE }],
    [{ networks: DESK }, { networks: OFFICE }, undefined, 'not_grantable'],
    [{ networks: OFFICE }, { networks: ELSEWHERE }, undefined, 'not_grantable'],
    [{ networks: OFFICE }, { networks: null }, undefined, 'not_grantable'],
    // With networks in its policy, it chooses among them.
    [{ networks: DESK }, { networks: OFFICE }, { networks: OFFICE }, { networks: OFFICE }],
    [{ networks: OFFICE }, { networks: null }, { networks: OFFICE }, 'not_grantable'],
    [{ networks: DESK }, { networks: ELSEWHERE }, { networks: OFFICE }, 'not_grantable'],
    // The key must lie within the policy after any update.
    [{}, { name: 'm' }, { networks: OFFICE }, 'not_grantable'],
    [{}, { name: 'm', networks: DESK }, { networks: OFFICE }, { networks: DESK }],
    // The policy is for new keys: it does not lift what somebody else set.
    [{ limits: FEW }, { limits: MANY }, { limits: MANY }, 'not_grantable'],
    [{ limits: FEW }, { name: 'm' }, { limits: MANY }, { limits: FEW }],
    [{}, { limits: FEW }, { limits: FEW }, 'not_grantable'],
  ])('changes a key with %j by %j under the policy %j', async (given, change, policy, outcome) => {
    const { operator, keys } = keysWith(policy, limits)
    const { key } = await operator.create({ ...NEW, ...given })
    await expectOutcome(() => keys.update(key.id, change), outcome)
    if (typeof outcome === 'string') expect(await operator.get(key.id)).toEqual(key)
  })

  test('renews, disables, enables and ends a key that it could not create', async () => {
    const { operator, keys } = keysWith({ networks: OFFICE, limits: MANY }, limits)
    const { key } = await operator.create({ ...NEW, limits: FEW })
    await keys.renew(key.id, { slots: 'both' })
    await keys.disable(key.id)
    await keys.enable(key.id)
    expect(await keys.revoke(key.id)).toMatchObject({ limits: FEW, networks: null })
  })
})

describe('a keyring without owner and tenants', () => {
  test.each<[policy: KeyPolicy | undefined, given: Given, outcome: Outcome]>([
    [undefined, { limits: FEW, tokens: true }, { limits: FEW, tokens: true }],
    [undefined, { limits: [] }, { limits: [] }],
    [{ limits: FEW }, {}, { limits: FEW }],
    [{ limits: FEW }, { limits: MANY }, 'not_grantable'],
    [{ networks: OFFICE }, {}, { networks: OFFICE }],
    [{ networks: OFFICE }, { networks: ELSEWHERE }, 'not_grantable'],
  ])('under the policy %j creates a key with %j', async (policy, given, outcome) => {
    const { keys } = keysWith(policy)
    await expectOutcome(async () => (await keys.create({ ...NEW, ...given })).key, outcome)
  })

  test('changes limits and networks freely', async () => {
    const { operator, keys } = keysWith()
    const { key } = await operator.create({ ...NEW, limits: FEW, networks: DESK })
    const change = { limits: MANY, networks: null, tokens: true }
    expect(await keys.update(key.id, change)).toMatchObject(change)
    const { entries } = await operator.history({ keyId: key.id })
    expect(entries[0]?.changes).toEqual({
      limits: [FEW, MANY],
      networks: [DESK, null],
      tokens: [false, true],
    })
  })
})

test('a change that races with a restriction is not based on the record before it', async () => {
  const { twinkey, spy } = createBench({ limiter: memoryLimiter() })
  const { key } = await twinkey.keys.create({ ...NEW, networks: OFFICE })
  const keys = twinkey.keys.within({ actor: 'a', owner: 'ada', grantable: SCOPE })
  let isFirst = true
  spy.override({
    async put(next, version, entry) {
      if (isFirst) {
        isFirst = false
        await twinkey.keys.update(key.id, { networks: DESK })
      }
      return spy.inner.put(next, version, entry)
    },
  })
  expect(await errorCodeOf(() => keys.update(key.id, { networks: OFFICE, name: 'm' }))).toBe(
    'version_conflict',
  )
  expect(await twinkey.keys.get(key.id)).toMatchObject({ networks: DESK, name: 'n' })
  expect(await errorCodeOf(() => keys.update(key.id, { networks: OFFICE }))).toBe('not_grantable')
})

describe('the policy of a keyring is invalid_input', () => {
  test.each<[name: string, policy: unknown, message: RegExp]>([
    ['with a limit that is no list', { limits: FEW[0] }, /policy\.limits must be a list/],
    ['with null limits', { limits: null }, /policy\.limits must be a list/],
    ['with two limits of one window', { limits: [...FEW, ...MANY] }, /policy\.limits must not/],
    ['with a network as text', { networks: '192.0.2.0/24' }, /policy\.networks must be a list/],
    ['with no network', { networks: [] }, /policy\.networks must be a list of 1 to 64/],
    ['with host bits', { networks: ['192.0.2.1/24'] }, /policy\.networks .*192\.0\.2\.0\/24/],
    ['with 65 networks', { networks: Array(65).fill('192.0.2.0/24') }, /policy\.networks must be/],
  ])('%s', (_name, policy, message) => {
    const { keys } = createTwinkey({ limiter: memoryLimiter() })
    const within = () => keys.within({ actor: 'a', policy: policy as KeyPolicy })
    expect(within).toThrow(message)
    expect(within).toThrow(expect.objectContaining({ code: 'invalid_input' }))
  })

  test('with limits, if there is no limiter', () => {
    const within = () => createTwinkey().keys.within({ actor: 'a', policy: { limits: FEW } })
    expect(within).toThrow(/limits need the option limiter of createTwinkey/)
  })
})

test('the policy of a keyring is copied, and its networks are stored in canonical form', async () => {
  const { keys } = createTwinkey({ limiter: memoryLimiter() })
  const policy = { limits: [{ requests: 5, perSeconds: 60 }], networks: ['2001:DB8:0::/32'] }
  const ofAda = keys.within({ actor: 'a', owner: 'ada', grantable: SCOPE, policy })
  policy.networks[0] = '::/0'
  policy.limits[0] = { requests: 500, perSeconds: 60 }
  const { key } = await ofAda.create(NEW)
  expect(key).toMatchObject({ limits: FEW, networks: ['2001:db8::/32'] })
})
