import { describe, expect, it } from 'vitest'
import { type Cached, createCache } from '../../../src/core/cache/cache.ts'
import { createClock } from '../../support/clock.ts'
import { createGate, type Gate, settled } from '../../support/gate.ts'

interface Read {
  readonly id: string
  readonly gate: Gate
}

/** A cache over a source that answers when it is told to, with the number of the read. */
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

describe('staleness', () => {
  it('ends at the bound, to the millisecond', async () => {
    const { cache, clock, fresh } = createSource()
    await cache.load('a')
    clock.advance(4999)
    expect(fresh('a')).toBe('v1')
    clock.advance(1)
    expect(fresh('a')).toBeUndefined()
  })

  it('counts from the start of the load, not from its end', async () => {
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

  it('is never more than the bound for who comes late to a load that takes long', async () => {
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

  it('of 0 keeps nothing', async () => {
    const { cache, fresh } = createSource({ maxAgeMilliseconds: 0 })
    await cache.load('a')
    expect(fresh('a')).toBeUndefined()
    expect((await cache.load('a')).value).toBe('v2')
  })

  it('is unknown where the clock went back, so the value is loaded anew', async () => {
    const { cache, clock, fresh } = createSource()
    await cache.load('a')
    clock.advance(-1)
    expect(fresh('a')).toBeUndefined()
    await cache.load('a')
    expect(fresh('a')).toBe('v2')
  })

  it('is unknown where the clock is no number', async () => {
    const { cache } = createSource()
    await cache.load('a')
    expect(cache.peek('a', Number.NaN)).toBeUndefined()
  })
})

describe('what is not there', () => {
  it('is remembered for a second at most', async () => {
    const { cache, clock, answers, fresh } = createSource()
    answers(() => null)
    expect((await cache.load('a')).value).toBeNull()
    clock.advance(999)
    expect(fresh('a')).toBeNull()
    clock.advance(1)
    expect(fresh('a')).toBeUndefined()
  })

  it('is not remembered for longer than what is there', async () => {
    const { cache, clock, answers, fresh } = createSource({ maxAgeMilliseconds: 300 })
    answers(() => null)
    await cache.load('a')
    clock.advance(300)
    expect(fresh('a')).toBeUndefined()
  })

  it('takes no place away from what is there', async () => {
    const { cache, answers, fresh } = createSource({ maxKeys: 3 })
    for (const id of ['a', 'b', 'c']) await cache.load(id)
    answers(() => null)
    for (let i = 0; i < 50; i++) await cache.load(`x${i}`)
    expect(['a', 'b', 'c'].map(fresh)).toEqual(['v1', 'v2', 'v3'])
    expect([fresh('x46'), fresh('x47'), fresh('x49')]).toEqual([undefined, null, null])
  })

  it('gives way to what comes to be there, and the other way round', async () => {
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

describe('bounds', () => {
  it('hold: the one idle longest goes first', async () => {
    const { cache, fresh } = createSource({ maxKeys: 3 })
    for (const id of ['a', 'b', 'c', 'a', 'd']) await cache.load(id)
    expect(['a', 'b', 'c', 'd'].filter((id) => fresh(id) !== undefined)).toEqual(['a', 'c', 'd'])
  })

  it('of one key hold', async () => {
    const { cache, fresh } = createSource({ maxKeys: 1 })
    await cache.load('a')
    await cache.load('b')
    expect([fresh('a'), fresh('b')]).toEqual([undefined, 'v2'])
  })
})

describe('a load', () => {
  it('is made once for all who ask at the same time', async () => {
    const { cache, reads } = createSource()
    const all = await Promise.all(Array.from({ length: 10_000 }, () => cache.load('a')))
    expect(new Set(all.map(({ value }) => value))).toEqual(new Set(['v1']))
    expect(reads).toHaveLength(1)
  })

  it('of one id waits for no other', async () => {
    const { cache, reads, hold } = createSource()
    hold(true)
    const first = cache.load('a')
    hold(false)
    expect((await cache.load('b')).value).toBe('v2')
    reads[0]?.gate.open()
    expect((await first).value).toBe('v1')
  })

  it('that fails fails all who wait for it, and is not remembered', async () => {
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
  it('one leaves the others', async () => {
    const { cache, fresh } = createSource()
    await cache.load('a')
    await cache.load('b')
    cache.forget('a')
    expect([fresh('a'), fresh('b')]).toEqual([undefined, 'v2'])
  })

  it('all leaves nothing, of what is there and of what is not', async () => {
    const { cache, answers, fresh } = createSource()
    await cache.load('a')
    answers(() => null)
    await cache.load('b')
    cache.forget(undefined)
    expect([fresh('a'), fresh('b')]).toEqual([undefined, undefined])
  })

  it.each([['a'], [undefined]])(
    'during a load (%j): its result is not kept, later callers start anew, and who waits asks again',
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

  it('does not let an older load that ends last take the place of a newer one', async () => {
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

  it('again and again during a load ends in a fault, and not in a loop', async () => {
    const { cache, reads, answers } = createSource()
    answers((id, read) => {
      if (read < 500) queueMicrotask(() => cache.forget(id))
      return `v${read}`
    })
    await expect(cache.load('a')).rejects.toMatchObject({ code: 'store_unavailable' })
    expect(reads.length).toBeLessThan(100)
  })
})
