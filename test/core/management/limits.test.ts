import type { KeyringLimits, Right, Twinkey } from 'twinkey'
import { createTwinkey } from 'twinkey'
import { describe, expect, it } from 'vitest'
import { OPERATIONS, type OperationName, RIGHTS } from '../../../src/core/model/operations.ts'
import { FIRST } from '../../clients/imported.ts'
import { createBench } from '../../support/bench.ts'
import { errorCodeOf } from '../../support/faults.ts'

const INPUT = { name: 'n', scope: { tenants: ['t'], workflows: '*' } } as const
type Keyring = ReturnType<Twinkey['keys']['within']>

const CALLS: Record<OperationName, (keys: Keyring, id: string) => Promise<unknown>> = {
  create: (keys) => keys.create(INPUT),
  createOnce: (keys) => keys.createOnce(INPUT, 'idempotency-key'),
  import: (keys) => keys.import({ ...INPUT, primary: { secret: FIRST, entropyBits: 190 } }),
  get: (keys, id) => keys.get(id),
  usage: (keys, id) => keys.usage(id),
  list: (keys) => keys.list(),
  history: (keys) => keys.history(),
  update: (keys, id) => keys.update(id, { name: 'm' }),
  enable: (keys, id) => keys.enable(id),
  disable: (keys, id) => keys.disable(id),
  rotate: (keys, id) => keys.rotate(id, { replace: 'secondary' }),
  renew: (keys, id) => keys.renew(id, { slots: 'both' }),
  endSecondary: (keys, id) => keys.endSecondary(id),
  revoke: (keys, id) => keys.revoke(id),
  revokeAll: (keys) => keys.revokeAll({ tenant: 't' }),
  delete: (keys, id) => keys.delete(id),
}
const names = Object.keys(OPERATIONS) as OperationName[]

async function createScene() {
  const bench = createBench({
    importedSecrets: [{ algorithm: 'sha-256', minLength: 32, maxLength: 64 }],
  })
  const { key } = await bench.twinkey.keys.create(INPUT)
  const storeCalls = () => Object.values(bench.spy.calls).reduce((sum, each) => sum + each, 0)
  return { ...bench, id: key.id, storeCalls }
}

describe('the right of a limited keyring', () => {
  it('covers every method of a keyring: the table names them all', async () => {
    const { twinkey } = await createScene()
    const methods = Object.keys(twinkey.keys.within({ actor: 'ada' }))
    expect(methods.filter((name) => name !== 'all').sort()).toEqual([...names].sort())
    expect([...new Set(names.map((name) => OPERATIONS[name].right))].sort()).toEqual(
      [...RIGHTS].sort(),
    )
  })

  it.each(names)('to %s is needed, and nothing else is', async (name) => {
    const { right } = OPERATIONS[name]
    const { twinkey, id, storeCalls, spy, events } = await createScene()
    const [before, stored] = [storeCalls(), await spy.inner.get(id)]
    events.length = 0
    const without: Right[][] = [[], RIGHTS.filter((each) => each !== right)]
    for (const each of RIGHTS) if (each !== right) without.push([each])
    for (const can of without) {
      const keys = twinkey.keys.within({ actor: 'ada', can })
      expect(await errorCodeOf(() => CALLS[name](keys, id))).toBe('not_permitted')
      // Not even a wrong id or a wrong input tells something else.
      expect(await errorCodeOf(() => CALLS[name](keys, 'unknown'))).toBe('not_permitted')
    }
    expect(storeCalls()).toBe(before)
    expect(await spy.inner.get(id)).toEqual(stored)
    expect(events).toEqual([])
    await CALLS[name](twinkey.keys.within({ actor: 'ada', can: [right] }), id)
    expect(storeCalls()).toBeGreaterThan(before)
  })

  it('to read is needed for all', async () => {
    const { twinkey, storeCalls } = await createScene()
    const before = storeCalls()
    const { all } = twinkey.keys.within({ actor: 'ada', can: ['create'] })
    expect(await errorCodeOf(async () => all().next())).toBe('not_permitted')
    expect(storeCalls()).toBe(before)
  })

  it('is every right by default', async () => {
    for (const name of names) {
      const { twinkey, id } = await createScene()
      await CALLS[name](twinkey.keys.within({ actor: 'ada' }), id)
    }
  })
})

describe('the limits of a keyring', () => {
  const scope = { tenants: ['t'], environments: '*', workflows: '*' }
  it.each([
    ['undefined', undefined],
    ['null', null],
    ['text', 'ada'],
    ['a list', []],
    ['no actor', {}],
    ['an empty actor', { actor: '' }],
    ['an actor with a line break', { actor: 'a\nb' }],
    ['an actor of 129 characters', { actor: 'x'.repeat(129) }],
    ['a null actor', { actor: null }],
    ['a null owner', { actor: 'a', owner: null }],
    ['an empty owner', { actor: 'a', owner: '' }],
    // A missing value of a session must not lift a limit.
    ['an undefined owner', { actor: 'a', owner: undefined }],
    ['undefined tenants', { actor: 'a', tenants: undefined }],
    ['an undefined grantable scope', { actor: 'a', grantable: undefined }],
    ['undefined rights', { actor: 'a', can: undefined }],
    ['empty tenants', { actor: 'a', tenants: [] }],
    ['all tenants', { actor: 'a', tenants: '*' }],
    ['a star among tenants', { actor: 'a', tenants: ['*'] }],
    ['one tenant as text', { actor: 'a', tenants: 't' }],
    ['a tenant twice', { actor: 'a', tenants: ['t', 't'] }],
    ['65 tenants', { actor: 'a', tenants: Array.from({ length: 65 }, (_, i) => `t${i}`) }],
    ['null tenants', { actor: 'a', tenants: null }],
    [
      'a grantable scope without an axis',
      { actor: 'a', grantable: { tenants: '*', workflows: '*' } },
    ],
    ['a grantable scope with another axis', { actor: 'a', grantable: { ...scope, tenant: 't' } }],
    ['a grantable star', { actor: 'a', grantable: '*' }],
    // A value that a session lacks must not widen the keyring to everything.
    ['an undefined owner', { actor: 'a', owner: undefined }],
    ['undefined tenants', { actor: 'a', tenants: undefined }],
    ['an undefined grantable scope', { actor: 'a', grantable: undefined }],
    ['undefined rights', { actor: 'a', can: undefined }],
    ['an unknown right', { actor: 'a', can: ['read', 'rotate'] }],
    ['a right as text', { actor: 'a', can: 'read' }],
    ['a null list of rights', { actor: 'a', can: null }],
    ['a source with an unknown member', { actor: 'a', source: { ip: '::1' } }],
    ['a source with a number', { actor: 'a', source: { requestId: 1 } }],
    ['an unknown member', { actor: 'a', tenant: 't' }],
    [
      'a member that throws',
      Object.defineProperty({}, 'actor', {
        enumerable: true,
        get() {
          throw new Error('secret')
        },
      }),
    ],
  ])('are invalid_input: %s', async (_, limits) => {
    const { twinkey, storeCalls } = await createScene()
    const before = storeCalls()
    expect(await errorCodeOf(async () => void twinkey.keys.within(limits as KeyringLimits))).toBe(
      'invalid_input',
    )
    expect(storeCalls()).toBe(before)
  })

  it('are copied, so later changes have no effect', async () => {
    const { twinkey, id } = await createScene()
    const limits = {
      actor: 'ada',
      owner: 'ada',
      tenants: ['t'],
      grantable: { tenants: ['t'], environments: '*' as const, workflows: '*' as const },
      can: ['read', 'create'] as Right[],
    }
    const keys = twinkey.keys.within(limits)
    limits.actor = 'eve'
    limits.owner = 'eve'
    limits.tenants[0] = 'u'
    limits.grantable.tenants[0] = 'u'
    limits.can.push('delete')
    const { key } = await keys.create(INPUT)
    expect(key.owner).toBe('ada')
    expect((await keys.history()).entries).toMatchObject([{ actor: 'ada', keyId: key.id }])
    expect(await errorCodeOf(keys.delete(key.id))).toBe('not_permitted')
    expect(await keys.get(id)).toBeUndefined()
  })

  it('accept no other actor, and a refused one reserves no name', async () => {
    const { twinkey, spy } = createBench({ uniqueNames: 'owner' })
    const keys = twinkey.keys.within({ actor: 'ada' })
    expect(await errorCodeOf(keys.create({ ...INPUT, actor: 'eve' }))).toBe('invalid_input')
    expect(spy.calls.put).toBe(0)
    const { key } = await keys.create({ ...INPUT, actor: 'ada' })
    const puts = spy.calls.put
    expect(await errorCodeOf(keys.update(key.id, { name: 'm', actor: 'eve' }))).toBe(
      'invalid_input',
    )
    expect(await errorCodeOf(keys.disable(key.id, { actor: 'eve' }))).toBe('invalid_input')
    // Also if there is no key to revoke, so that a mistake does not depend on the data.
    for (const owner of ['nobody', 'ada'])
      expect(await errorCodeOf(keys.revokeAll({ owner, actor: 'eve' }))).toBe('invalid_input')
    expect(spy.calls.put).toBe(puts)
  })
})

it('a source that a client chose is cut and cleaned, and shown only for own changes', async () => {
  const { keys } = createTwinkey()
  const scope = { tenants: ['t'], environments: '*', workflows: '*' } as const
  const source = { userAgent: `a\nb\ud800${'x'.repeat(300)}`, requestId: undefined }
  const ofAda = keys.within({ actor: 'ada', owner: 'ada', grantable: scope, source })
  const { key } = await ofAda.create({ name: 'n', scope })
  await keys.within({ actor: 'operator', source: { address: '192.0.2.1' } }).disable(key.id)
  const shown = `a b ${'x'.repeat(252)}`
  expect((await ofAda.history()).entries).toMatchObject([
    { type: 'key.disabled', actor: 'operator' },
    { type: 'key.created', source: { userAgent: shown } },
  ])
  expect((await ofAda.history()).entries[0]).not.toHaveProperty('source')
  expect((await keys.history()).entries[0]).toMatchObject({ source: { address: '192.0.2.1' } })
})

it("an owner's keyring creates no key without an owner", async () => {
  const { keys } = createTwinkey()
  const scope = { tenants: ['t'], environments: '*', workflows: '*' } as const
  const ofAda = keys.within({ actor: 'ada', owner: 'ada', grantable: scope })
  await expect(ofAda.create({ name: 'n', scope, owner: null })).rejects.toMatchObject({
    code: 'not_grantable',
  })
  expect((await ofAda.create({ name: 'n', scope })).key.owner).toBe('ada')
})
