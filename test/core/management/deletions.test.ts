import { describe, expect, it } from 'vitest'
import { createBench } from '../../support/bench.ts'

describe('two deletions of a key at once', () => {
  it('succeed both, with one entry and one event', async () => {
    const { twinkey, events, spy } = createBench()
    const { keys } = twinkey
    const { key } = await keys.create({ name: 'n', scope: { tenants: ['t'], workflows: '*' } })
    let reads = 0
    let bothRead = () => {}
    const barrier = new Promise<void>((resolve) => {
      bothRead = resolve
    })
    spy.override({
      async get(id, signal) {
        const found = await spy.inner.get(id, signal)
        if (++reads === 2) bothRead()
        if (reads <= 2) await barrier
        return found
      },
    })
    const results = await Promise.allSettled([keys.delete(key.id), keys.delete(key.id)])
    spy.override({})
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled'])
    const deletions = events.filter(({ type }) => type === 'key.deleted')
    const { entries } = await keys.history()
    expect(deletions).toEqual(entries.filter(({ type }) => type === 'key.deleted'))
    expect(deletions).toHaveLength(1)
  })
})

describe('a deletion that the store answers with an error', () => {
  it('has the entry of the history in its event, also if it was made late', async () => {
    const { twinkey, events, spy } = createBench()
    const { keys } = twinkey
    const { key } = await keys.create({ name: 'n', scope: { tenants: ['t'], workflows: '*' } })
    let late: Parameters<typeof spy.inner.delete> | undefined
    spy.override({
      async delete(...args) {
        if (late === undefined) {
          late = args
          throw new Error('connection lost')
        }
        await spy.inner.delete(...late)
        return spy.inner.delete(...args)
      },
    })
    await keys.delete(key.id)
    const { entries } = await keys.history()
    expect(entries[0]?.type).toBe('key.deleted')
    expect(events.filter(({ type }) => type === 'key.deleted')).toEqual([entries[0]])
  })
})
