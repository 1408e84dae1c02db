import {
  createTwinkey,
  isTwinkeyError,
  type KeyStore,
  memoryStore,
  type Twinkey,
  type TwinkeyEvent,
  type UniqueNames,
} from 'twinkey'
import { describe, expect, it } from 'vitest'
import { createBench } from '../../support/bench.ts'
import { createClock } from '../../support/clock.ts'
import { errorCodeOf } from '../../support/faults.ts'
import { racingStore, seeded } from '../../support/racing-store.ts'

const scopeOf = (...tenants: string[]) => ({ tenants, workflows: '*' as const })
const INPUT = { name: 'billing', owner: 'ada', scope: scopeOf('t') }
const BOTH: readonly UniqueNames[] = ['owner', 'tenant']

const codeOf = async (call: Promise<unknown>): Promise<string> =>
  call.then(
    () => 'done',
    (error: unknown) => {
      if (!isTwinkeyError(error)) throw error
      return error.code
    },
  )

async function namesIn({ keys }: Twinkey): Promise<string[]> {
  const names: string[] = []
  for await (const { name, state } of keys.all()) if (state !== 'revoked') names.push(name)
  return names.sort()
}

describe.each(BOTH)('unique names within one %s', (uniqueNames) => {
  it('refuse a name that another key has, and write nothing', async () => {
    const { twinkey, events } = createBench({ uniqueNames })
    const { keys } = twinkey
    const { key } = await keys.create(INPUT)
    const other = await keys.create({ ...INPUT, name: 'other' })
    expect(await errorCodeOf(keys.create(INPUT))).toBe('name_taken')
    expect(await errorCodeOf(keys.update(other.key.id, { name: 'billing' }))).toBe('name_taken')
    expect(await keys.get(other.key.id)).toEqual(other.key)
    expect(await namesIn(twinkey)).toEqual(['billing', 'other'])
    expect(events.map(({ type }) => type)).toEqual(['key.created', 'key.created'])
    expect(await keys.update(key.id, { name: 'billing' })).toMatchObject({ name: 'billing' })
  })

  it.each([
    ['BILLING', 'billing'],
    ['ｂｉｌｌｉｎｇ', 'billing'],
    ['Straße ①', 'STRAßE 1'],
    ['cafe\u0301', 'café'],
  ])('compare %s and %s without regard to case and width', async (one, other) => {
    const { keys } = createBench({ uniqueNames }).twinkey
    const { key } = await keys.create({ ...INPUT, name: one })
    expect(await errorCodeOf(keys.create({ ...INPUT, name: other }))).toBe('name_taken')
    // A key may change the case of its own name.
    expect(await keys.update(key.id, { name: other })).toMatchObject({ name: other })
    expect(await errorCodeOf(keys.create({ ...INPUT, name: one }))).toBe('name_taken')
  })

  it('free the old name of a key that is renamed', async () => {
    const { keys } = createBench({ uniqueNames }).twinkey
    const { key } = await keys.create(INPUT)
    await keys.update(key.id, { name: 'renamed' })
    const next = await keys.create(INPUT)
    expect(await errorCodeOf(keys.update(key.id, { name: 'billing' }))).toBe('name_taken')
    await keys.update(next.key.id, { name: 'other' })
    expect(await keys.update(key.id, { name: 'billing' })).toMatchObject({ name: 'billing' })
  })

  it.each(['revoke', 'delete'] as const)('free the name of a key after %s', async (end) => {
    const { keys } = createBench({ uniqueNames }).twinkey
    const { key } = await keys.create(INPUT)
    await keys.disable(key.id)
    expect(await errorCodeOf(keys.create(INPUT))).toBe('name_taken')
    await keys[end](key.id)
    const next = await keys.create(INPUT)
    expect(await errorCodeOf(keys.create(INPUT))).toBe('name_taken')
    if (end === 'revoke') await keys.delete(key.id)
    // The deletion of the old key does not free the name of the new one.
    expect(await errorCodeOf(keys.create(INPUT))).toBe('name_taken')
    expect((await keys.get(next.key.id))?.name).toBe('billing')
  })

  it('refuse a wrong id and an unknown id as without unique names', async () => {
    const { keys } = createBench({ uniqueNames }).twinkey
    expect(await errorCodeOf(keys.update('no id!', { name: 'a' }))).toBe('invalid_input')
    expect(await errorCodeOf(keys.update('unknown', { name: 'a' }))).toBe('key_not_found')
  })

  it('let exactly one of 40 creates by two nodes win', async () => {
    for (let seed = 0; seed < 30; seed++) {
      const nodes = createNodes(uniqueNames, seed)
      const outcomes = await Promise.all(
        Array.from({ length: 40 }, (_, i) =>
          codeOf((nodes[i % 2] as Twinkey).keys.create({ ...INPUT, name: i % 3 ? 'a' : 'A' })),
        ),
      )
      expect(outcomes.filter((each) => each === 'done')).toHaveLength(1)
      for (const each of outcomes)
        expect(['done', 'name_taken', 'version_conflict']).toContain(each)
      expect(await namesIn(nodes[0])).toHaveLength(1)
    }
  })

  it('hold against renames that race creates and each other', async () => {
    const seen = new Set<string>()
    for (let seed = 0; seed < 200; seed++) {
      const nodes = createNodes(uniqueNames, seed)
      const [first, second] = nodes
      const a = await first.keys.create({ ...INPUT, name: 'a' })
      const b = await first.keys.create({ ...INPUT, name: 'b' })
      const outcomes = await Promise.all([
        codeOf(first.keys.update(a.key.id, { name: 'new' })),
        codeOf(second.keys.update(b.key.id, { name: 'new' })),
        codeOf(second.keys.create({ ...INPUT, name: 'new' })),
        codeOf(first.keys.create({ ...INPUT, name: 'a' })),
      ])
      seen.add(outcomes.join())
      const names = await namesIn(first)
      expect(new Set(names).size, `${seed}: ${outcomes.join()}: ${names.join()}`).toBe(names.length)
      expect(outcomes.slice(0, 3).filter((each) => each === 'done').length).toBeLessThan(2)
      // No later key can take one of these names.
      for (const name of names)
        expect(await codeOf(second.keys.create({ ...INPUT, name }))).toBe('name_taken')
    }
    expect(seen.size).toBeGreaterThan(3)
  })

  it('hold against a rename that loses its name while another change comes between', async () => {
    for (let seed = 0; seed < 200; seed++) {
      const [first, second] = createNodes(uniqueNames, seed)
      const { key } = await first.keys.create({ ...INPUT, name: 'a' })
      await Promise.all([
        codeOf(first.keys.update(key.id, { name: 'new' })),
        codeOf(second.keys.create({ ...INPUT, name: 'new' })),
        codeOf(second.keys.disable(key.id)),
        codeOf(second.keys.enable(key.id)),
      ])
      const names = await namesIn(first)
      expect(new Set(names).size, `${seed}: ${names.join()}`).toBe(names.length)
    }
  })

  it('are not blocked for ever by a create or a rename that was interrupted at any write', async () => {
    for (const operation of ['create', 'update'] as const)
      for (let failing = 1; failing <= 4; failing++) {
        const { twinkey, spy } = createBench({ uniqueNames })
        const { keys } = twinkey
        const { key } = await keys.create({ ...INPUT, name: 'other' })
        const lost = async () => {
          throw new Error('connection lost')
        }
        let puts = 0
        spy.override({
          async put(...args) {
            if (++puts < failing) return spy.inner.put(...args)
            spy.override({ get: lost, put: lost, delete: lost })
            return lost()
          },
        })
        const call = operation === 'create' ? keys.create(INPUT) : keys.update(key.id, INPUT_NAME)
        const code = await codeOf(call)
        spy.override({})
        const holders = (await namesIn(twinkey)).filter((name) => name === 'billing').length
        // An interrupted call never says that nothing was written if the key has the name.
        if (holders > 0) expect(['done', 'outcome_unknown']).toContain(code)
        expect(await codeOf(keys.create(INPUT)), `${operation} ${failing}`).toBe(
          holders === 0 ? 'done' : 'name_taken',
        )
        expect((await namesIn(twinkey)).filter((name) => name === 'billing')).toHaveLength(1)
      }
  })

  it('are not called taken if the alias can never be written: that is a version_conflict', async () => {
    const { twinkey, spy } = createBench({ uniqueNames })
    const { keys } = twinkey
    const { key } = await keys.create({ ...INPUT, name: 'other' })
    spy.override({
      put: async (next, ...rest) =>
        next.kind === 'alias' ? 'conflict' : spy.inner.put(next, ...rest),
    })
    expect(await errorCodeOf(keys.create(INPUT))).toBe('version_conflict')
    expect(await errorCodeOf(keys.update(key.id, INPUT_NAME))).toBe('version_conflict')
  })

  it('do not fail a rename that was written if the old name cannot be freed then', async () => {
    const { twinkey, spy } = createBench({ uniqueNames })
    const { key } = await twinkey.keys.create({ ...INPUT, name: 'other' })
    let puts = 0
    spy.override({
      put: (...args) =>
        ++puts <= 2
          ? spy.inner.put(...args)
          : Promise.reject(Object.assign(new Error('no connection'), { code: 'not_written' })),
    })
    expect(await twinkey.keys.update(key.id, INPUT_NAME)).toMatchObject(INPUT_NAME)
    spy.override({})
    expect(await errorCodeOf(twinkey.keys.create(INPUT))).toBe('name_taken')
    // The old name is free all the same.
    expect((await twinkey.keys.create({ ...INPUT, name: 'other' })).key.name).toBe('other')
  })
})

const INPUT_NAME = { name: 'billing' }

describe('unique names', () => {
  it('of an owner are those of its keys: other owners, and keys without one, have their own', async () => {
    const { keys } = createBench({ uniqueNames: 'owner' }).twinkey
    await keys.create(INPUT)
    await keys.create({ ...INPUT, owner: 'bob' })
    await keys.create({ ...INPUT, owner: null })
    for (const owner of ['ada', 'bob', null])
      expect(await errorCodeOf(keys.create({ ...INPUT, owner, scope: scopeOf('elsewhere') }))).toBe(
        'name_taken',
      )
  })

  it('of a tenant are those of every key that lists it', async () => {
    const { keys } = createBench({ uniqueNames: 'tenant' }).twinkey
    const { key } = await keys.create({ ...INPUT, scope: scopeOf('s', 't') })
    await keys.create({ ...INPUT, scope: { tenants: '*', workflows: '*' } })
    for (const tenants of [['s'], ['t'], ['a', 't'], ['t', 'z']])
      expect(
        await errorCodeOf(keys.create({ ...INPUT, owner: 'bob', scope: scopeOf(...tenants) })),
      ).toBe('name_taken')
    const other = await keys.create({ ...INPUT, scope: scopeOf('u') })
    // A key that comes to a tenant must have a free name there.
    expect(await errorCodeOf(keys.update(other.key.id, { scope: { tenants: ['t', 'u'] } }))).toBe(
      'name_taken',
    )
    await keys.update(key.id, { scope: { tenants: ['s'] } })
    expect(await keys.update(other.key.id, { scope: { tenants: ['t', 'u'] } })).toMatchObject({
      name: 'billing',
    })
  })

  it('show a limited keyring nothing of names where it grants nothing', async () => {
    const { twinkey, spy } = createBench({ uniqueNames: 'tenant' })
    await twinkey.keys.create({ ...INPUT, name: 'taken', scope: scopeOf('secret') })
    const limited = twinkey.keys.within({
      actor: 'ada',
      tenants: ['t'],
      grantable: { tenants: ['t'], environments: '*', workflows: '*' },
    })
    const { key } = await limited.create(INPUT)
    const before = spy.calls.put
    for (const name of ['taken', 'free']) {
      const change = { name, scope: { tenants: ['secret'] } }
      expect(await errorCodeOf(limited.update(key.id, change))).toBe('not_grantable')
      expect(
        await errorCodeOf(limited.create({ ...INPUT, ...change, scope: scopeOf('secret') })),
      ).toBe('not_grantable')
    }
    expect(spy.calls.put).toBe(before)
  })

  it('must be of an owner or of a tenant', () => {
    for (const wrong of ['key', true, null, ['owner']])
      expect(() => createTwinkey({ uniqueNames: wrong as 'owner' })).toThrow(TypeError)
  })
})

/** Two nodes over one store whose calls interleave. */
function createNodes(uniqueNames: UniqueNames, seed: number): [Twinkey, Twinkey] {
  const inner: KeyStore = memoryStore()
  const { now } = createClock()
  const random = seeded(seed)
  const events: TwinkeyEvent[] = []
  const node = () =>
    createTwinkey({
      store: racingStore(inner, random),
      now,
      uniqueNames,
      onEvent: (event) => events.push(event),
    })
  return [node(), node()]
}
