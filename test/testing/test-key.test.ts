import {
  createTwinkey,
  type Metadata,
  memoryStore,
  type Profile,
  type Requirement,
  type Twinkey,
} from 'twinkey'
import { flare, flowgear, standard } from 'twinkey/profiles'
import { createTestClock, createTestKey, type TestKey } from 'twinkey/testing'
import { describe, expect, expectTypeOf, test } from 'vitest'
import { errorCodeOf } from '../support/faults.ts'

interface Plan extends Metadata {
  readonly plan: 'free' | 'paid'
}

const EVERYWHERE: Requirement = { tenant: 't9', environment: 'e9', workflow: 'w9' }
const account = () => ({ organizationId: 1, tenantId: 1, userEmail: 'a@b.test', userId: 1 })
const PROFILES: Readonly<Record<string, Profile>> = {
  standard: standard(),
  flowgear: flowgear(),
}

async function decide(
  twinkey: Twinkey,
  { headers }: Pick<TestKey, 'headers'>,
  requirement: Requirement,
): Promise<string> {
  const request = new Request('http://localhost/?_profile=e9', { headers: { ...headers } })
  const decision = await twinkey.authenticate(request, requirement)
  return decision.ok ? `${decision.principal?.via}` : decision.refusal.code
}

describe('createTestKey', () => {
  test('makes a key that reaches everything, never expires and has one secret', async () => {
    const twinkey = createTwinkey()
    const made = await createTestKey(twinkey)
    expect(made.key).toMatchObject({
      name: 'Test',
      owner: null,
      metadata: {},
      expiresAt: null,
      scope: { tenants: '*', environments: '*', workflows: '*' },
      secondary: null,
    })
    expect(await twinkey.keys.verify(made.secret)).toMatchObject({ ok: true, slot: 'primary' })
    expect(made.headers).toEqual({ authorization: `Bearer ${made.secret}` })
    expect(made).not.toHaveProperty('token')
    expect(await decide(twinkey, made, EVERYWHERE)).toBe('secret')
  })

  test('limits the key to the given axes, and leaves the others open', async () => {
    const twinkey = createTwinkey()
    const made = await createTestKey(twinkey, { tenants: ['t1'], workflows: ['flows.read'] })
    expect(made.key.scope).toEqual({
      tenants: ['t1'],
      environments: '*',
      workflows: ['flows.read'],
    })
    expect(await decide(twinkey, made, EVERYWHERE)).toBe('tenant_denied')
    expect(await decide(twinkey, made, { ...EVERYWHERE, tenant: 't1' })).toBe('workflow_denied')
  })

  test('takes every other attribute of a key', async () => {
    const clock = createTestClock()
    const twinkey = createTwinkey<Plan>({ now: clock.now })
    const expiresAt = new Date(clock.now() + 1000)
    const metadata = { plan: 'paid' } as const
    const { key, secret } = await createTestKey(twinkey, {
      name: 'Billing',
      owner: 'ada',
      metadata,
      expiresAt,
    })
    expect(key).toMatchObject({
      name: 'Billing',
      owner: 'ada',
      metadata,
      expiresAt: expiresAt.getTime(),
    })
    expectTypeOf(key.metadata.plan).toEqualTypeOf<'free' | 'paid'>()
    clock.advance(1000)
    expect(await twinkey.keys.verify(secret)).toMatchObject({ ok: false })
  })

  test('with token: true, gives headers with a token of the key', async () => {
    const twinkey = createTwinkey()
    const made = await createTestKey(twinkey, { tenants: ['t9'], token: true })
    expectTypeOf(made.token).toEqualTypeOf<string>()
    expect(made.headers).toEqual({ authorization: `Bearer ${made.token}` })
    expect(await decide(twinkey, made, EVERYWHERE)).toBe('token')
    expect(await decide(twinkey, made, { ...EVERYWHERE, tenant: 't1' })).toBe('tenant_denied')
    expect(await decide(twinkey, made, { ...EVERYWHERE, accept: ['secret'] })).toMatch(
      /^credential_/,
    )
  })

  test.each(Object.entries(PROFILES))('gives headers that %s reads', async (_name, profile) => {
    const twinkey = createTwinkey()
    const requirement = { profile, anyTarget: true }
    for (const token of [false, true]) {
      const made = await createTestKey(twinkey, { token })
      expect(await decide(twinkey, made, requirement)).toBe(token ? 'token' : 'secret')
    }
  })

  test('gives headers that flare reads if they carry a token', async () => {
    const twinkey = createTwinkey()
    const requirement = { profile: flare({ account }), anyTarget: true }
    const made = await createTestKey(twinkey, { token: true })
    expect(await decide(twinkey, made, requirement)).toBe('token')
  })

  test('passes on the error of a wrong attribute', async () => {
    const twinkey = createTwinkey()
    const create = (options: object) => errorCodeOf(createTestKey(twinkey, options))
    expect(await create({ tenant: 't1' })).toBe('invalid_input')
    expect(await create({ tenants: 't1' })).toBe('invalid_input')
    expect(await create({ expiresAt: new Date(Number.NaN) })).toBe('invalid_input')
  })

  test('says which refusal kept it from a token', async () => {
    const twinkey = createTwinkey({ ownerScope: () => undefined })
    await expect(createTestKey(twinkey, { owner: 'gone', token: true })).rejects.toThrow(
      'createTestKey: no token was issued: tenant_denied.',
    )
    const unsigned = createTwinkey({ store: { ...memoryStore() } })
    await expect(createTestKey(unsigned, { token: true })).rejects.toThrow(/signing/i)
  })

  test('does not compile with a mistake', () => {
    const twinkey = createTwinkey<Plan>()
    void (() => {
      // @ts-expect-error: the axis is called tenants.
      void createTestKey(twinkey, { tenant: 't1' })
      // @ts-expect-error: an axis is '*' or a list.
      void createTestKey(twinkey, { tenants: 't1' })
      // @ts-expect-error: no such plan.
      void createTestKey(twinkey, { metadata: { plan: 'gold' } })
      // @ts-expect-error: without token: true there is no token.
      void createTestKey(twinkey).then(({ token }) => token)
      // @ts-expect-error: a key ring is no Twinkey.
      void createTestKey(twinkey.keys)
    })
    expectTypeOf(createTestKey(twinkey)).resolves.toEqualTypeOf<TestKey<Plan>>()
  })
})
