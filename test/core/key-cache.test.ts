import { describe, expect, it } from 'vitest'
import { createBench } from '../support/bench.ts'
import { codeOf, verdict } from '../support/sent.ts'

describe('the keys of a Twinkey', () => {
  const INPUT = { name: 'n', scope: { tenants: ['t'] } } as const

  it('are read once for 10,000 requests at the same time', async () => {
    const { twinkey, spy } = createBench()
    const { primary } = await twinkey.keys.create(INPUT)
    const before = spy.calls.get
    const all = await Promise.all(Array.from({ length: 10_000 }, () => twinkey.keys.verify(primary)))
    expect(all.every(({ ok }) => ok)).toBe(true)
    expect(spy.calls.get - before).toBe(1)
  })

  it('that another node changes without a feed are seen within the bound', async () => {
    const bench = createBench({ cache: { maxAgeSeconds: 2 } })
    const other = bench.another()
    const { key, primary } = await bench.twinkey.keys.create(INPUT)
    expect(await verdict(other, primary)).toBe('let in')
    await bench.twinkey.keys.revoke(key.id)
    bench.clock.advance(1999)
    expect(await verdict(other, primary)).toBe('let in')
    bench.clock.advance(1)
    expect(await verdict(other, primary)).toBe('credential_invalid')
  })

  it('are asked for with each request where the bound is 0', async () => {
    const bench = createBench({ cache: { maxAgeSeconds: 0 } })
    const other = bench.another()
    const { key, primary } = await bench.twinkey.keys.create(INPUT)
    expect(await verdict(other, primary)).toBe('let in')
    await bench.twinkey.keys.disable(key.id)
    expect(await verdict(other, primary)).toBe('credential_invalid')
  })

  it('are forgotten where the feed says that it may have missed something', async () => {
    const bench = createBench()
    let changed: (id: string | undefined) => void = () => {}
    const store = {
      ...bench.spy.store,
      watch: async (tell: typeof changed) => {
        changed = tell
        return async () => {}
      },
    }
    const other = bench.another({ store })
    const { key, primary } = await bench.twinkey.keys.create(INPUT)
    expect(await verdict(other, primary)).toBe('let in')
    await bench.twinkey.keys.revoke(key.id)
    changed('another0id000000')
    expect(await verdict(other, primary)).toBe('let in')
    changed(undefined)
    expect(await verdict(other, primary)).toBe('credential_invalid')
  })

  it('that do not exist are asked for once a second, and a made-up id of ours with a wrong checksum never', async () => {
    const { twinkey, spy, clock } = createBench()
    const { key, primary } = await twinkey.keys.create(INPUT)
    await twinkey.keys.delete(key.id)
    const before = spy.calls.get
    for (let i = 0; i < 100; i++) expect(codeOf(await twinkey.keys.verify(primary))).toBe('credential_invalid')
    expect(spy.calls.get - before).toBe(1)
    clock.advance(1000)
    await twinkey.keys.verify(primary)
    expect(spy.calls.get - before).toBe(2)
    for (let i = 0; i < 100; i++) await twinkey.keys.verify(`tk_${'0'.repeat(63)}${10 + (i % 80)}`)
    expect(spy.calls.get - before).toBe(2)
  })
})
