import { type HistoryEntry, memoryStore, type Twinkey } from 'twinkey'
import { describe, expect, it } from 'vitest'
import { FIRST, importBench, input } from '../../clients/imported.ts'
import { createBench } from '../../support/bench.ts'
import { errorCodeOf } from '../../support/faults.ts'

const scopeOf = (...tenants: string[]) => ({ tenants, workflows: '*' as const })
const INPUT = { name: 'n', owner: 'ada', scope: scopeOf('t') }

async function entriesOf({ keys }: Twinkey, keyId?: string): Promise<HistoryEntry[]> {
  const { entries } = await keys.history({ keyId, limit: 100 })
  return [...entries].reverse()
}

describe('the history has an entry for', () => {
  it('each change of a key, with what changed, and the version of the key', async () => {
    const { twinkey, events } = createBench()
    const { keys } = twinkey
    const by = { actor: 'ops' }
    const { key } = await keys.create({ ...INPUT, metadata: { a: 1 }, ...by })
    const { id } = key
    const versions = [key.version]
    const noting = async (call: Promise<{ version: number } | { key: { version: number } }>) => {
      const answer = await call
      versions.push('key' in answer ? answer.key.version : answer.version)
    }
    await noting(keys.update(id, { name: 'm', scope: { workflows: ['w'] }, ...by }))
    await noting(keys.update(id, { metadata: { b: 2 }, tokens: false, expiresAt: null, ...by }))
    await noting(keys.rotate(id, { replace: 'secondary', ...by }))
    await noting(keys.renew(id, { slots: 'secondary', ...by }))
    await noting(keys.renew(id, { slots: 'both', ...by }))
    await noting(keys.endSecondary(id, by))
    await noting(keys.disable(id, by))
    await noting(keys.enable(id, by))
    await noting(keys.revoke(id, by))
    await keys.delete(id, by)
    const common = { keyId: id, owner: 'ada', tenants: ['t'], actor: 'ops' }
    const scopes = [key.scope, { ...key.scope, workflows: ['w'] }]
    const expected = [
      { type: 'key.created', name: 'n' },
      { type: 'key.updated', changes: { name: ['n', 'm'], scope: scopes } },
      { type: 'key.updated', changes: { metadata: [{ a: 1 }, { b: 2 }], tokens: [true, false] } },
      { type: 'key.rotated', slots: ['primary'] },
      { type: 'key.renewed', slots: ['secondary'] },
      { type: 'key.renewed', slots: ['primary', 'secondary'] },
      { type: 'key.secondary_ended' },
      { type: 'key.disabled' },
      { type: 'key.enabled' },
      { type: 'key.revoked' },
      { type: 'key.deleted' },
    ]
    const entries = await entriesOf(twinkey, id)
    expect(entries).toEqual(
      expected.map((each, index) => ({
        ...common,
        name: 'm',
        ...each,
        id: expect.any(String),
        at: expect.any(Number),
        version: versions[Math.min(index, versions.length - 1)],
      })),
    )
    expect(new Set(entries.map((entry) => entry.id)).size).toBe(entries.length)
    // onEvent got the same entries.
    expect(events).toEqual(entries)
  })

  it('an import', async () => {
    const { twinkey } = importBench()
    const key = await twinkey.keys.import(input({ actor: 'ops' }))
    const entries = await entriesOf(twinkey)
    expect(entries).toMatchObject([{ type: 'key.imported', keyId: key.id, actor: 'ops' }])
    expect(JSON.stringify(entries)).not.toContain(FIRST)
  })

  it('each key that revokeAll revokes or narrows', async () => {
    const { twinkey } = createBench()
    const { keys } = twinkey
    const alone = await keys.create(INPUT)
    const shared = await keys.create({ ...INPUT, scope: scopeOf('s', 't') })
    await keys.revokeAll({ tenant: 't', actor: 'ops' })
    const last = async (id: string) => (await entriesOf(twinkey, id)).at(-1)
    expect(await last(alone.key.id)).toMatchObject({ type: 'key.revoked', actor: 'ops' })
    const { scope } = shared.key
    expect(await last(shared.key.id)).toMatchObject({
      type: 'key.updated',
      tenants: ['s'],
      changes: { scope: [scope, { ...scope, tenants: ['s'] }] },
    })
  })

  it('no change that was refused, and none that changed nothing', async () => {
    const { twinkey } = createBench()
    const { keys } = twinkey
    const { key } = await keys.create(INPUT)
    await keys.enable(key.id)
    await errorCodeOf(keys.rotate(key.id))
    await errorCodeOf(keys.update(key.id, { name: '' }))
    await errorCodeOf(keys.disable(key.id, { expectedVersion: 1 }))
    expect(await entriesOf(twinkey)).toHaveLength(1)
  })

  it('one deletion of several at the same time, as does onEvent', async () => {
    const { twinkey, events } = createBench()
    const { keys } = twinkey
    const { key } = await keys.create(INPUT)
    await Promise.all(['a', 'b', 'c'].map((actor) => keys.delete(key.id, { actor })))
    const entries = await entriesOf(twinkey)
    expect(entries.map(({ type }) => type)).toEqual(['key.created', 'key.deleted'])
    expect(events).toEqual(entries)
  })

  it('the source and the actor of a limited keyring', async () => {
    const { twinkey } = createBench()
    const source = { requestId: 'r1', address: '192.0.2.1', userAgent: 'curl' }
    const { key } = await twinkey.keys.within({ actor: 'ada', source }).create(INPUT)
    expect(await entriesOf(twinkey, key.id)).toMatchObject([{ actor: 'ada', source }])
  })
})

describe('the entries of one key', () => {
  it.each([
    ['stands still', 0],
    ['goes back', -1000],
    ['goes on', 1000],
  ])('are in the order of its changes if the clock %s', async (_, step) => {
    const { twinkey, clock } = createBench()
    const { keys } = twinkey
    const { key } = await keys.create(INPUT)
    const versions = [key.version]
    const times = [key.updatedAt]
    for (let i = 0; i < 20; i++) {
      clock.advance(step)
      const change = i % 2 === 0 ? await keys.disable(key.id) : await keys.enable(key.id)
      versions.push(change.version)
      times.push(change.updatedAt)
    }
    clock.advance(step)
    await keys.delete(key.id)
    const entries = await entriesOf(twinkey, key.id)
    expect(entries.slice(0, -1).map(({ version }) => version)).toEqual(versions)
    expect(entries.slice(0, -1).map(({ at }) => at)).toEqual(times)
    expect(entries.at(-1)?.type).toBe('key.deleted')
    for (const [index, { at }] of entries.entries())
      if (index > 0) expect(at).toBeGreaterThan((entries[index - 1] as HistoryEntry).at)
  })
})

describe('a page of the history', () => {
  async function createScene() {
    const bench = createBench()
    const { keys } = bench.twinkey
    const ids: Record<string, string> = {}
    for (const [name, owner, tenants] of [
      ['a', 'ada', ['t']],
      ['b', 'bob', ['s', 't']],
      ['c', null, ['s']],
    ] as const) {
      bench.clock.advance(1000)
      ids[name] = (await keys.create({ name, owner, scope: scopeOf(...tenants) })).key.id
    }
    bench.clock.advance(1000)
    await keys.delete(ids['b'] as string)
    const names = async (query: object) =>
      (await keys.history(query)).entries.map(({ type, name }) => `${type.slice(4)} ${name}`)
    return { ...bench, keys, ids, names }
  }

  it('has the newest entry first, and those of deleted keys', async () => {
    const { names } = await createScene()
    expect(await names({})).toEqual(['deleted b', 'created c', 'created b', 'created a'])
  })

  it('is filtered by key, owner and tenant', async () => {
    const { names, ids } = await createScene()
    expect(await names({ keyId: ids['b'] })).toEqual(['deleted b', 'created b'])
    expect(await names({ owner: 'ada' })).toEqual(['created a'])
    expect(await names({ owner: null })).toEqual(['created c'])
    expect(await names({ tenant: 's' })).toEqual(['deleted b', 'created c', 'created b'])
    expect(await names({ tenant: 't', owner: 'bob', keyId: ids['b'] })).toHaveLength(2)
    expect(await names({ keyId: 'unknown' })).toEqual([])
  })

  it('leads to the next page, until undefined', async () => {
    const { keys } = await createScene()
    const found: string[] = []
    let cursor: string | undefined
    for (let pages = 1; ; pages++) {
      const page = await keys.history({ limit: 1, cursor })
      found.push(...page.entries.map(({ id }) => id))
      cursor = page.nextCursor
      if (cursor === undefined) break
      expect(pages).toBeLessThan(6)
    }
    expect(found).toEqual((await keys.history()).entries.map(({ id }) => id))
  })

  it.each([
    { limit: 0 },
    { limit: 101 },
    { keyId: 'no id!' },
    { owner: '' },
    { tenant: 5 },
    { after: -1 },
    { after: 1.5 },
    { after: 'x' },
    { after: null },
    { cursor: 'x' },
    { cursor: 5 },
    { state: 'active' },
    { after: 0, cursor: 'x' },
    null,
  ])('is refused for %j', async (query) => {
    const { keys } = createBench().twinkey
    expect(await errorCodeOf(async () => keys.history(query as object))).toBe('invalid_input')
  })

  it('is refused with a cursor of another query, of a list or of a consumer', async () => {
    const { keys } = await createScene()
    const { nextCursor } = await keys.history({ limit: 1 })
    const list = await keys.list({ limit: 1 })
    const step = await keys.history({ after: 0, limit: 1 })
    for (const query of [
      { cursor: nextCursor, owner: 'ada' },
      { cursor: list.nextCursor },
      { cursor: step.nextCursor },
      { after: nextCursor as string },
      { after: step.nextCursor, tenant: 't' },
    ])
      expect(await errorCodeOf(async () => keys.history(query as object))).toBe('invalid_input')
  })

  it('is limited to the keys that a limited keyring sees', async () => {
    const { keys, ids } = await createScene()
    const names = async (limits: object, query: object = {}) =>
      (await keys.within({ actor: 'x', ...limits }).history(query)).entries.map(({ name }) => name)
    expect(await names({ owner: 'ada' })).toEqual(['a'])
    expect(await names({ owner: 'ada' }, { owner: 'bob' })).toEqual([])
    expect(await names({ owner: 'ada' }, { keyId: ids['b'] })).toEqual([])
    expect(await names({ tenants: ['s'] })).toEqual(['c'])
    expect(await names({ tenants: ['s', 't'] })).toEqual(['b', 'c', 'b', 'a'])
  })

  it.each([
    ['other tenants', ['s']],
    ['another tenant too', ['s', 't']],
    ['all tenants', '*' as const],
  ])(
    'does not show a keyring of a tenant what a key was that had %s before',
    async (_, tenants) => {
      const { keys } = createBench().twinkey
      const secret = { name: 'of s', metadata: { note: 'of s' } }
      const { key } = await keys.create({ ...secret, scope: { tenants, workflows: '*' } })
      await keys.update(key.id, { name: 'n', metadata: {}, scope: { tenants: ['t'] } })
      await keys.update(key.id, { name: 'm' })
      const ofTenant = keys.within({ actor: 'x', tenants: ['t'] })
      const { entries } = await ofTenant.history()
      expect(entries.map(({ changes }) => changes)).toEqual([{ name: ['n', 'm'] }, undefined])
      expect(JSON.stringify(entries)).not.toContain('of s')
      expect((await ofTenant.history({ after: 0 })).entries).toEqual([...entries].reverse())
      // Others see everything.
      const all = await keys.within({ actor: 'x' }).history()
      expect(all.entries.map(({ changes }) => changes?.['name'])).toEqual([
        ['n', 'm'],
        ['of s', 'n'],
        undefined,
      ])
    },
  )
})

describe('forgetHistory', () => {
  it('deletes the entries before a time, and returns their number', async () => {
    const { twinkey, clock } = createBench({ store: memoryStore() })
    for (let i = 0; i < 5; i++) {
      await twinkey.keys.create({ ...INPUT, name: `n${i}` })
      clock.advance(1000)
    }
    const [first] = await entriesOf(twinkey)
    const start = first?.at as number
    expect(await twinkey.keys.forgetHistory(start)).toBe(0)
    expect(await twinkey.keys.forgetHistory(start + 2000)).toBe(2)
    expect((await entriesOf(twinkey)).map(({ name }) => name)).toEqual(['n2', 'n3', 'n4'])
    expect(await twinkey.keys.forgetHistory(start + 2000)).toBe(0)
    // The keys stay.
    expect((await twinkey.keys.list()).keys).toHaveLength(5)
  })

  it.each([0, -1, 1.5, '2026', null, undefined])('refuses %j', async (before) => {
    const { keys } = createBench().twinkey
    expect(await errorCodeOf(async () => keys.forgetHistory(before as number))).toBe(
      'invalid_input',
    )
  })

  it('calls the store again until nothing is left', async () => {
    const { twinkey, spy, clock } = createBench()
    const left = [1000, 1000, 7, 0]
    spy.override({ forgetHistory: async () => left.shift() ?? 0 })
    expect(await twinkey.keys.forgetHistory(clock.now())).toBe(2007)
    expect(left).toEqual([])
  })
})
