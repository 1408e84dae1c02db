import { createTwinkey, type DeploymentPolicies, type Twinkey } from 'twinkey'
import { memoryLimiter } from 'twinkey/limits'
import { describe, expect, test } from 'vitest'
import { FIRST } from '../../clients/imported.ts'
import { type Bench, createBench } from '../../support/bench.ts'
import { errorCodeOf } from '../../support/faults.ts'

const SCOPE = { tenants: ['t'], environments: '*', workflows: '*' } as const
const NEW = { name: 'n', scope: SCOPE }
const HOUR = 3600
const HOUR_MS = HOUR * 1000

type Keyring = ReturnType<Twinkey['keys']['within']>
interface More {
  readonly owner?: string
  readonly expiresAt?: number | null
}

/** Each way to make a key. */
const WAYS: readonly (readonly [
  name: string,
  make: (keys: Keyring, more?: More) => Promise<{ id: string; expiresAt: number | null }>,
])[] = [
  ['create', async (keys, more) => (await keys.create({ ...NEW, ...more })).key],
  [
    'createOnce',
    async (keys, more) => (await keys.createOnce({ ...NEW, ...more }, crypto.randomUUID())).key,
  ],
  [
    'import',
    (keys, more) => {
      const secret = `${FIRST.slice(0, -12)}${crypto.randomUUID().slice(-12)}`
      return keys.import({ ...NEW, ...more, primary: { secret, entropyBits: 120 } })
    },
  ],
]

const KEYRINGS: readonly (readonly [name: string, of: (bench: Bench) => Keyring])[] = [
  ['twinkey.keys', ({ twinkey }) => twinkey.keys],
  [
    "an owner's keyring",
    ({ twinkey }) => twinkey.keys.within({ actor: 'ada', owner: 'ada', grantable: SCOPE }),
  ],
]

function benchWith(policies: DeploymentPolicies): Bench {
  return createBench({
    policies,
    importedSecrets: [{ algorithm: 'sha-256', minLength: 32, maxLength: 64 }],
  })
}

describe('createTwinkey refuses policies', () => {
  test.each<[name: string, policies: unknown, type: typeof TypeError, message: RegExp]>([
    ['that are a list', [], TypeError, /policies must be an object/],
    ['that are null', null, TypeError, /policies must be an object/],
    ['with a misspelt rule', { maxKeys: 3 }, TypeError, /cannot have "maxKeys", only .*PerOwner/],
    ...['defaultExpiresInSeconds', 'maxExpiresInSeconds', 'maxKeysPerOwner'].flatMap(
      (rule): [string, unknown, typeof TypeError, RegExp][] => [
        [`with the text '1' as ${rule}`, { [rule]: '1' }, TypeError, /must be a whole number/],
        [`with null as ${rule}`, { [rule]: null }, TypeError, /must be a whole number/],
        [`with 1.5 as ${rule}`, { [rule]: 1.5 }, TypeError, /must be a whole number/],
        [`with NaN as ${rule}`, { [rule]: Number.NaN }, TypeError, /must be a whole number/],
        [`with 0 as ${rule}`, { [rule]: 0 }, RangeError, /must be from 1 to/],
        [`with 1e10 as ${rule}`, { [rule]: 1e10 }, RangeError, /must be from 1 to/],
      ],
    ),
    [
      'whose default is longer than the maximum',
      { defaultExpiresInSeconds: 2, maxExpiresInSeconds: 1 },
      RangeError,
      /Shorten it, or leave it out/,
    ],
  ])('%s', (_name, policies, type, message) => {
    const create = () => createTwinkey({ policies: policies as DeploymentPolicies })
    expect(create).toThrow(type)
    expect(create).toThrow(message)
  })
})

test('the policies of a Twinkey are those of its options, copied', () => {
  const policies = { maxExpiresInSeconds: 5, maxKeysPerOwner: 2 }
  const twinkey = createTwinkey({ policies })
  policies.maxKeysPerOwner = 100
  expect(twinkey.policies).toMatchObject({ maxExpiresInSeconds: 5, maxKeysPerOwner: 2 })
  expect([twinkey.hasLimiter, createTwinkey({ limiter: memoryLimiter() }).hasLimiter]).toEqual([
    false,
    true,
  ])
})

describe.each(KEYRINGS)('with policies of the deployment, %s', (_keyring, keyringOf) => {
  test.each(WAYS)('%s gives a new key the default lifetime', async (_way, make) => {
    const bench = benchWith({ defaultExpiresInSeconds: HOUR })
    const keys = keyringOf(bench)
    const expiresAt = bench.clock.now() + HOUR_MS
    expect((await make(keys)).expiresAt).toBe(expiresAt)
    expect((await make(keys, { expiresAt: expiresAt + 1 })).expiresAt).toBe(expiresAt + 1)
    expect((await make(keys, { expiresAt: null })).expiresAt).toBeNull()
  })

  test.each(WAYS)('%s gives the maximum if there is no default', async (_way, make) => {
    const bench = benchWith({ maxExpiresInSeconds: HOUR })
    expect((await make(keyringOf(bench))).expiresAt).toBe(bench.clock.now() + HOUR_MS)
  })

  test.each(WAYS)('%s refuses a longer life than the maximum', async (_way, make) => {
    const bench = benchWith({ maxExpiresInSeconds: HOUR, defaultExpiresInSeconds: 60 })
    const keys = keyringOf(bench)
    const latest = bench.clock.now() + HOUR_MS
    for (const expiresAt of [null, latest + 60_001])
      expect(await errorCodeOf(() => make(keys, { expiresAt }))).toBe('not_grantable')
    // The clock of a caller may be a minute ahead.
    for (const expiresAt of [latest, latest + 60_000])
      expect((await make(keys, { expiresAt })).expiresAt).toBe(expiresAt)
  })

  test('update counts the maximum from the time of the update', async () => {
    const bench = benchWith({ maxExpiresInSeconds: HOUR })
    const keys = keyringOf(bench)
    const { key } = await keys.create(NEW)
    bench.clock.advance(HOUR_MS - 1)
    const latest = bench.clock.now() + HOUR_MS
    for (const expiresAt of [null, latest + 60_001])
      expect(await errorCodeOf(() => keys.update(key.id, { expiresAt }))).toBe('not_grantable')
    expect((await keys.update(key.id, { expiresAt: latest })).expiresAt).toBe(latest)
    // A key can always be ended.
    await keys.update(key.id, { expiresAt: bench.clock.now() })
  })

  test('leaves an older key as it is until its expiry is changed', async () => {
    const bench = benchWith({})
    const { key } = await bench.twinkey.keys.create({ ...NEW, owner: 'ada' })
    const strict = bench.another({ policies: { maxExpiresInSeconds: HOUR, maxKeysPerOwner: 1 } })
    const keys = keyringOf({ ...bench, twinkey: strict })
    expect((await keys.update(key.id, { name: 'm' })).expiresAt).toBeNull()
    expect((await keys.renew(key.id, { slots: 'both' })).key.expiresAt).toBeNull()
    expect((await keys.update(key.id, { expiresAt: null })).expiresAt).toBeNull()
    const expiresAt = bench.clock.now() + 2 * HOUR_MS
    expect(await errorCodeOf(() => keys.update(key.id, { expiresAt }))).toBe('not_grantable')
  })

  test.each(WAYS)('%s counts the keys of an owner', async (_way, make) => {
    const bench = benchWith({ maxKeysPerOwner: 2 })
    const keys = keyringOf(bench)
    const ada = () => make(keys, { owner: 'ada' })
    const first = await ada()
    await bench.twinkey.keys.disable((await ada()).id)
    expect(await errorCodeOf(ada)).toBe('key_limit_reached')
    // Other owners, and keys without one, have places of their own.
    await bench.twinkey.keys.create({ ...NEW, owner: 'grace' })
    for (let i = 0; i < 3; i++) await bench.twinkey.keys.create(NEW)
    await bench.twinkey.keys.revoke(first.id)
    await ada()
    expect(await errorCodeOf(ada)).toBe('key_limit_reached')
  })

  test('calls that race for the last places of an owner leave exactly as many keys', async () => {
    const bench = benchWith({ maxKeysPerOwner: 3 })
    const keys = keyringOf(bench)
    const calls = Array.from({ length: 21 }, (_, i) =>
      (WAYS[i % 3] as (typeof WAYS)[number])[1](keys, { owner: 'ada' }),
    )
    const done = await Promise.allSettled(calls)
    const made = done.filter((each) => each.status === 'fulfilled').map(({ value }) => value.id)
    for (const each of done)
      if (each.status === 'rejected') expect(each.reason.code).toBe('key_limit_reached')
    const { keys: left } = await bench.twinkey.keys.list({ owner: 'ada' })
    expect(left.map(({ id }) => id).sort()).toEqual(made.sort())
    expect(made).toHaveLength(3)
  })
})

describe('the policy of a keyring and that of the deployment', () => {
  const policies = { defaultExpiresInSeconds: 600, maxExpiresInSeconds: HOUR, maxKeysPerOwner: 3 }
  test.each([
    ['is that of the deployment without its own', {}, 600, HOUR],
    ['takes its own default', { defaultExpiresInSeconds: 60 }, 60, HOUR],
    ['takes its own default if longer', { defaultExpiresInSeconds: 700 }, 700, HOUR],
    ['cuts its own default at the maximum', { defaultExpiresInSeconds: 5000 }, HOUR, HOUR],
    ['takes the smaller maximum of its own', { maxExpiresInSeconds: 900 }, 600, 900],
    ['cuts the default at its own maximum', { maxExpiresInSeconds: 300 }, 300, 300],
    ['takes the smaller maximum of the deployment', { maxExpiresInSeconds: 5000 }, 600, HOUR],
  ])('%s', async (_row, policy, byDefault, longest) => {
    const { twinkey, clock } = benchWith(policies)
    const keys = twinkey.keys.within({ actor: 'a', policy })
    expect((await keys.create(NEW)).key.expiresAt).toBe(clock.now() + byDefault * 1000)
    const latest = clock.now() + longest * 1000 + 60_000
    expect((await keys.create({ ...NEW, expiresAt: latest })).key.expiresAt).toBe(latest)
    const tooLong = { ...NEW, expiresAt: latest + 1 }
    expect(await errorCodeOf(() => keys.create(tooLong))).toBe('not_grantable')
  })

  test.each([
    [1, 1],
    [3, 3],
    [5, 3],
  ])('with maxKeys %s and 3 per owner, an owner gets %s', async (maxKeys, places) => {
    const { twinkey } = benchWith(policies)
    const keys = twinkey.keys.within({ actor: 'a', policy: { maxKeys } })
    for (let i = 0; i < places; i++) await keys.create({ ...NEW, owner: 'ada' })
    const error = await keys.create({ ...NEW, owner: 'ada' }).catch((thrown: Error) => thrown)
    expect(error).toMatchObject({ code: 'key_limit_reached' })
    expect((error as Error).message).toContain(`${places} keys`)
    // Only maxKeys counts the keys without an owner.
    for (let i = 0; i < maxKeys; i++) await keys.create(NEW)
    expect(await errorCodeOf(() => keys.create(NEW))).toBe('key_limit_reached')
  })

  test('maxKeysPerOwner also counts keys of tenants that a keyring does not see', async () => {
    const { twinkey } = benchWith(policies)
    const ofU = { name: 'n', scope: { ...SCOPE, tenants: ['u'] }, owner: 'ada' }
    for (let i = 0; i < 2; i++) await twinkey.keys.create(ofU)
    const limits = { actor: 'a', tenants: ['t'], grantable: SCOPE }
    const keys = twinkey.keys.within({ ...limits, policy: { maxKeys: 2 } })
    await keys.create({ ...NEW, owner: 'ada' })
    expect(await errorCodeOf(() => keys.create({ ...NEW, owner: 'ada' }))).toBe('key_limit_reached')
    // Its own maxKeys counts only the keys that it sees.
    for (let i = 0; i < 2; i++) await twinkey.keys.create({ ...ofU, owner: 'grace' })
    await keys.create({ ...NEW, owner: 'grace' })
  })
})
