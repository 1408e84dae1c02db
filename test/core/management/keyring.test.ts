import type { ApiKey, ListKeysInput, Twinkey } from 'twinkey'
import { memoryStore } from 'twinkey'
import { describe, expect, it } from 'vitest'
import { createBench } from '../../support/bench.ts'

const INPUT = { name: 'n', scope: { tenants: ['t'], workflows: '*' } } as const

async function every(
  twinkey: Twinkey,
  query: ListKeysInput,
): Promise<{ keys: ApiKey[]; pages: number }> {
  const keys: ApiKey[] = []
  let pages = 0
  let cursor: string | undefined
  do {
    const page = await twinkey.keys.list({ ...query, cursor })
    keys.push(...page.keys)
    pages++
    cursor = page.nextCursor
  } while (cursor !== undefined)
  return { keys, pages }
}

describe('list', () => {
  it.each([
    [0, 10, 1],
    [9, 10, 1],
    [10, 10, 1],
    [11, 10, 2],
    [30, 10, 3],
    [7, 1, 7],
    [101, 100, 2],
  ])('returns each of %i keys once, on pages of %i: %i pages', async (count, limit, expected) => {
    const { twinkey } = createBench()
    const ids = []
    for (let i = 0; i < count; i++) ids.push((await twinkey.keys.create(INPUT)).key.id)
    const { keys, pages } = await every(twinkey, { limit })
    expect(keys.map(({ id }) => id).sort()).toEqual(ids.sort())
    expect(pages).toBe(expected)
  })

  it('has pages of 50 by default', async () => {
    const { twinkey } = createBench()
    for (let i = 0; i < 51; i++) await twinkey.keys.create(INPUT)
    const page = await twinkey.keys.list()
    expect(page.keys).toHaveLength(50)
    expect(typeof page.nextCursor).toBe('string')
  })

  it('misses no key and repeats none while keys are created and deleted between the pages', async () => {
    const { twinkey } = createBench()
    const stays = new Set<string>()
    for (let i = 0; i < 20; i++) stays.add((await twinkey.keys.create(INPUT)).key.id)
    const seen: string[] = []
    let cursor: string | undefined
    do {
      const page = await twinkey.keys.list({ limit: 3, cursor })
      seen.push(...page.keys.map(({ id }) => id))
      cursor = page.nextCursor
      const { key } = await twinkey.keys.create(INPUT)
      const gone = page.keys[0]?.id as string
      stays.delete(gone)
      await twinkey.keys.delete(gone)
      if (seen.length > 200) break
      stays.delete(key.id)
    } while (cursor !== undefined)
    expect(new Set(seen).size).toBe(seen.length)
    for (const id of stays) expect(seen).toContain(id)
  })

  it('filters by tenant, owner, state and all three together', async () => {
    const { twinkey } = createBench()
    const make = async (owner: string, tenants: '*' | string[], state: string) => {
      const { key } = await twinkey.keys.create({
        name: `${owner}/${tenants}/${state}`,
        owner,
        scope: { tenants, workflows: '*' },
      })
      if (state === 'disabled') await twinkey.keys.disable(key.id)
      if (state === 'revoked') await twinkey.keys.revoke(key.id)
    }
    for (const owner of ['ada', 'bob'])
      for (const tenants of ['*' as const, ['t'], ['s', 't'], ['s']])
        for (const state of ['active', 'disabled', 'revoked']) await make(owner, tenants, state)
    const names = async (query: ListKeysInput) =>
      (await twinkey.keys.list({ ...query, limit: 100 })).keys.map(({ name }) => name)
    expect(await names({})).toHaveLength(24)
    expect((await names({ owner: 'ada' })).every((name) => name.startsWith('ada/'))).toBe(true)
    expect(await names({ owner: 'ada' })).toHaveLength(12)
    expect(await names({ state: 'disabled' })).toHaveLength(8)
    expect((await names({ tenant: 't', owner: 'bob', state: 'revoked' })).sort()).toEqual([
      'bob/s,t/revoked',
      'bob/t/revoked',
    ])
    expect(await names({ tenant: '*' })).toEqual([])
    expect(await names({ owner: 'nobody' })).toEqual([])
  })

  it('finds the keys that still need a pepper', async () => {
    const store = memoryStore()
    const [a, b] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)]
    const before = createBench({ store, pepper: { current: 'a', keys: { a } } }).twinkey
    const old = await before.keys.create(INPUT)
    const { twinkey } = createBench({ store, pepper: { current: 'b', keys: { a, b } } })
    await twinkey.keys.create(INPUT)
    const ids = async (pepper: string) =>
      (await twinkey.keys.list({ pepper })).keys.map(({ id }) => id)
    expect(await ids('a')).toEqual([old.key.id])
    await twinkey.keys.renew(old.key.id, { slots: 'primary' })
    expect(await ids('a')).toEqual([old.key.id])
    await twinkey.keys.renew(old.key.id, { slots: 'secondary' })
    expect(await ids('a')).toEqual([])
    expect(await ids('b')).toHaveLength(2)
  })

  it('shows when each secret was last used', async () => {
    const { twinkey, clock } = createBench()
    const { key, secondary } = await twinkey.keys.create(INPUT)
    clock.advance(1000)
    await twinkey.keys.verify(secondary as string)
    await twinkey.close()
    const [shown] = (await twinkey.keys.list()).keys
    expect([shown?.primary.lastUsedAt, shown?.secondary?.lastUsedAt]).toEqual([null, clock.now()])
    expect(await twinkey.keys.get(key.id)).toEqual(shown)
  })
})

describe('events', () => {
  it('name the change, the key and the actor, and no event reports a failed change', async () => {
    const { twinkey, clock, events } = createBench()
    const by = { actor: 'ops' }
    const { key } = await twinkey.keys.create({ ...INPUT, owner: 'ada', secondary: false, ...by })
    await twinkey.keys.update(key.id, { name: 'm', ...by })
    await twinkey.keys.rotate(key.id, by)
    await twinkey.keys.rotate(key.id, by).catch(() => {})
    await twinkey.keys.renew(key.id, { slots: 'secondary', ...by })
    await twinkey.keys.disable(key.id, by)
    await twinkey.keys.enable(key.id, by)
    await twinkey.keys.revoke(key.id, by)
    await twinkey.keys.enable(key.id, by).catch(() => {})
    await twinkey.keys.delete(key.id)
    const common = { keyId: key.id, owner: 'ada', tenants: ['t'], actor: 'ops' }
    const expected = [
      { type: 'key.created', name: 'n' },
      { type: 'key.updated', name: 'm', changes: { name: ['n', 'm'] } },
      { type: 'key.rotated', name: 'm', slots: ['primary'] },
      { type: 'key.renewed', name: 'm', slots: ['secondary'] },
      { type: 'key.disabled', name: 'm' },
      { type: 'key.enabled', name: 'm' },
      { type: 'key.revoked', name: 'm' },
      { type: 'key.deleted', name: 'm', actor: null },
    ]
    expect(events).toEqual(
      expected.map((each, index) => ({
        ...common,
        ...each,
        id: expect.stringMatching(/^[0-9A-Za-z]{16}$/),
        // The clock stands still, and the changes of a key have different times.
        at: clock.now() + index,
        version: expect.any(Number),
      })),
    )
    expect(events.every(Object.isFrozen)).toBe(true)
  })
})
