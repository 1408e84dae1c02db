import { describe, expect, it } from 'vitest'
import { type Cached, createCache } from '../../../src/core/cache/cache.ts'
import { createClock } from '../../support/clock.ts'
import { createGate, type Gate, settled } from '../../support/gate.ts'

interface Read {
  readonly id: string
  readonly gate: Gate
}

/**
 * A cache over a source whose reads the test can hold back. Each value is the number of its read.
 */
function createSource(bounds: { maxKeys?: number; maxAgeMilliseconds?: number } = {}) {
  const clock = createClock()
  const reads: Read[] = []
  let held = false
  let answer: (id: string, read: number) => string | null = (_, read) => `v${read}`
  const cache = createCache<Cached<string>>(
    async (id, loadedAt, generation) => {
      const read = reads.push({ id, gate: createGate() })
      const value = answer(id, read)
      if (held) await reads[read - 1]?.gate.opened
      return { value, loadedAt, generation }
    },
    { maxKeys: 100, maxAgeMilliseconds: 5000, now: clock.now, ...bounds },
  )
  const fresh = (id: string) => cache.peek(id, clock.now())?.value
  return {
    cache,
    clock,
    reads,
    fresh,
    hold: (hold: boolean) => {
      held = hold
    },
    answers: (next: typeof answer) => {
      answer = next
    },
  }
}

describe('a cached value', () => {
  it('is stale at the maximum age, to the millisecond', async () => {
    const { cache, clock, fresh } = createSource()
    await cache.load('a')
    clock.advance(4999)
    expect(fresh('a')).toBe('v1')
    clock.advance(1)
    expect(fresh('a')).toBeUndefined()
  })

  it('ages from the start of its load, not from the end', async () => {
    const { cache, clock, reads, hold, fresh } = createSource()
    hold(true)
    const loading = cache.load('a')
    clock.advance(4000)
    reads[0]?.gate.open()
    await loading
    clock.advance(999)
    expect(fresh('a')).toBe('v1')
    clock.advance(1)
    expect(fresh('a')).toBeUndefined()
  })

  it('is never older than the maximum age for a caller that joins a slow load late', async () => {
    const { cache, clock, reads, hold } = createSource()
    const made = clock.now()
    hold(true)
    const first = cache.load('a')
    clock.advance(6000)
    const second = cache.load('a')
    await settled()
    for (const { gate } of reads) gate.open()
    await first
    const asked = clock.now()
    expect((await second).loadedAt).toBeGreaterThan(asked - made - 5000)
  })

  it('is not kept if the maximum age is 0', async () => {
    const { cache, fresh } = createSource({ maxAgeMilliseconds: 0 })
    await cache.load('a')
    expect(fresh('a')).toBeUndefined()
    expect((await cache.load('a')).value).toBe('v2')
  })

  it('is reloaded after the clock goes back', async () => {
    const { cache, clock, fresh } = createSource()
    await cache.load('a')
    clock.advance(-1)
    expect(fresh('a')).toBeUndefined()
    await cache.load('a')
    expect(fresh('a')).toBe('v2')
  })

  it('is not used if the clock is not a number', async () => {
    const { cache } = createSource()
    await cache.load('a')
    expect(cache.peek('a', Number.NaN)).toBeUndefined()
  })
})

describe('a missing record', () => {
  it('is remembered for at most one second', async () => {
    const { cache, clock, answers, fresh } = createSource()
    answers(() => null)
    expect((await cache.load('a')).value).toBeNull()
    clock.advance(999)
    expect(fresh('a')).toBeNull()
    clock.advance(1)
    expect(fresh('a')).toBeUndefined()
  })

  it('is not remembered for longer than an existing record', async () => {
    const { cache, clock, answers, fresh } = createSource({ maxAgeMilliseconds: 300 })
    answers(() => null)
    await cache.load('a')
    clock.advance(300)
    expect(fresh('a')).toBeUndefined()
  })

  it('does not evict an existing record', async () => {
    const { cache, answers, fresh } = createSource({ maxKeys: 3 })
    for (const id of ['a', 'b', 'c']) await cache.load(id)
    answers(() => null)
    for (let i = 0; i < 50; i++) await cache.load(`x${i}`)
    expect(['a', 'b', 'c'].map(fresh)).toEqual(['v1', 'v2', 'v3'])
    expect([fresh('x46'), fresh('x47'), fresh('x49')]).toEqual([undefined, null, null])
  })

  it('is replaced when the record appears, and replaces it when the record disappears', async () => {
    const { cache, clock, answers, fresh } = createSource()
    answers((_, read) => (read % 2 === 1 ? null : 'there'))
    await cache.load('a')
    expect(fresh('a')).toBeNull()
    clock.advance(1000)
    await cache.load('a')
    expect(fresh('a')).toBe('there')
    clock.advance(5000)
    await cache.load('a')
    expect(fresh('a')).toBeNull()
  })
})

describe('the capacity', () => {
  it('evicts the entry that has been idle longest', async () => {
    const { cache, fresh } = createSource({ maxKeys: 3 })
    for (const id of ['a', 'b', 'c', 'a', 'd']) await cache.load(id)
    expect(['a', 'b', 'c', 'd'].filter((id) => fresh(id) !== undefined)).toEqual(['a', 'c', 'd'])
  })

  it('may be a single key', async () => {
    const { cache, fresh } = createSource({ maxKeys: 1 })
    await cache.load('a')
    await cache.load('b')
    expect([fresh('a'), fresh('b')]).toEqual([undefined, 'v2'])
  })
})

describe('a load', () => {
  it('is shared by all concurrent callers', async () => {
    const { cache, reads } = createSource()
    const all = await Promise.all(Array.from({ length: 10_000 }, () => cache.load('a')))
    expect(new Set(all.map(({ value }) => value))).toEqual(new Set(['v1']))
    expect(reads).toHaveLength(1)
  })

  it('does not wait for the load of another id', async () => {
    const { cache, reads, hold } = createSource()
    hold(true)
    const first = cache.load('a')
    hold(false)
    expect((await cache.load('b')).value).toBe('v2')
    reads[0]?.gate.open()
    expect((await first).value).toBe('v1')
  })

  it('that fails rejects for all of its callers, and the failure is not cached', async () => {
    const { cache, reads, answers, fresh } = createSource()
    answers(() => {
      throw new Error('down')
    })
    const all = await Promise.allSettled([cache.load('a'), cache.load('a')])
    expect(all.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    expect(reads).toHaveLength(1)
    expect(fresh('a')).toBeUndefined()
    answers(() => 'back')
    expect((await cache.load('a')).value).toBe('back')
  })
})

describe('forgetting', () => {
  it('one entry keeps the others', async () => {
    const { cache, fresh } = createSource()
    await cache.load('a')
    await cache.load('b')
    cache.forget('a')
    expect([fresh('a'), fresh('b')]).toEqual([undefined, 'v2'])
  })

  it('everything removes existing and missing records alike', async () => {
    const { cache, answers, fresh } = createSource()
    await cache.load('a')
    answers(() => null)
    await cache.load('b')
    cache.forget(undefined)
    expect([fresh('a'), fresh('b')]).toEqual([undefined, undefined])
  })

  it.each([['a'], [undefined]])(
    'during a load (%j) discards its result, starts a new load for later callers, and makes waiting callers retry',
    async (id) => {
      const { cache, reads, hold, fresh } = createSource()
      hold(true)
      const waiting = cache.load('a')
      cache.forget(id)
      const later = cache.load('a')
      expect(reads).toHaveLength(2)
      reads[0]?.gate.open()
      await settled()
      expect(fresh('a')).toBeUndefined()
      reads[1]?.gate.open()
      expect([(await waiting).value, (await later).value]).toEqual(['v2', 'v2'])
      expect(fresh('a')).toBe('v2')
    },
  )

  it('prevents an older load that ends last from replacing a newer one', async () => {
    const { cache, reads, hold, fresh } = createSource()
    hold(true)
    const waiting = cache.load('a')
    cache.forget('a')
    const later = cache.load('a')
    reads[1]?.gate.open()
    expect((await later).value).toBe('v2')
    hold(false)
    reads[0]?.gate.open()
    expect((await waiting).value).not.toBe('v1')
    expect(fresh('a')).not.toBe('v1')
  })

  it('again and again during a load ends in an error, not in an endless loop', async () => {
    const { cache, reads, answers } = createSource()
    answers((id, read) => {
      if (read < 500) queueMicrotask(() => cache.forget(id))
      return `v${read}`
    })
    await expect(cache.load('a')).rejects.toMatchObject({ code: 'store_unavailable' })
    expect(reads.length).toBeLessThan(100)
  })
})
