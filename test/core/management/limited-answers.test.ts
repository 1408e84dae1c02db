import { describe, expect, it } from 'vitest'
import { createBench } from '../../support/bench.ts'

const EVERYTHING = { tenants: '*', environments: '*', workflows: '*' } as const
const scopeOf = (...tenants: string[]) => ({ tenants, workflows: '*' as const })

describe('a limited keyring', () => {
  it('lists no keys without an owner if it is limited to an owner', async () => {
    const { keys } = createBench().twinkey
    await keys.create({ name: 'hers', owner: 'ada', scope: scopeOf('t') })
    await keys.create({ name: 'nobodys', scope: scopeOf('t') })
    const limited = keys.within({ actor: 'ada', owner: 'ada' })
    expect(await limited.list({ owner: null })).toEqual({ keys: [], nextCursor: undefined })
    expect((await limited.history({ owner: null })).entries).toEqual([])
    expect((await limited.list({ owner: 'ada' })).keys).toHaveLength(1)
  })

  it('of a tenant does not learn from the history in which other tenants a key was', async () => {
    const { keys } = createBench().twinkey
    const moved = await keys.create({ name: 'moved', scope: scopeOf('rival') })
    await keys.update(moved.key.id, { name: 'ours', scope: { tenants: ['t'] } })
    const shared = await keys.create({ name: 'shared', scope: scopeOf('rival', 't') })
    await keys.revokeAll({ tenant: 'rival' })
    await keys.update(shared.key.id, { name: 'renamed' })
    const limited = keys.within({ actor: 'admin', tenants: ['t'] })
    const { entries } = await limited.history()
    const shown = [...entries, ...(await limited.history({ after: 0 })).entries]
    expect(JSON.stringify(shown)).not.toContain('rival')
    expect(JSON.stringify(shown)).not.toContain('moved')
    expect(entries.map(({ type }) => type)).toEqual(['key.updated', 'key.updated', 'key.updated'])
    expect(entries[0]?.changes).toEqual({ name: ['shared', 'renamed'] })
    // The operator sees everything.
    expect(JSON.stringify((await keys.history()).entries)).toContain('rival')
  })

  it('does not learn the other tenants of a keyring that disabled a key', async () => {
    const { keys } = createBench().twinkey
    const limits = { grantable: EVERYTHING }
    const { key } = await keys.create({ name: 'n', owner: 'ada', scope: scopeOf('t') })
    const region = keys.within({ actor: 'region', tenants: ['rival', 't'], ...limits })
    await region.disable(key.id)
    const limited = [
      keys.within({ actor: 'admin', tenants: ['t'], ...limits }),
      keys.within({ actor: 'ada', owner: 'ada', ...limits }),
    ]
    for (const each of limited) {
      const answers = [await each.get(key.id), await each.list(), await each.endSecondary(key.id)]
      expect(JSON.stringify(answers)).not.toContain('rival')
      expect((await each.get(key.id))?.disabledBy).toMatchObject({ tenants: ['t'] })
    }
    expect((await keys.get(key.id))?.disabledBy?.tenants).toEqual(['rival', 't'])
  })
})
