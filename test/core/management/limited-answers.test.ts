import { describe, expect, it } from 'vitest'
import { createBench } from '../../support/bench.ts'

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
})
