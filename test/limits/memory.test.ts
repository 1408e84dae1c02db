import { memoryLimiter } from 'twinkey/limits'
import { describe, expect, it } from 'vitest'
import { createKeyCounters } from '../../src/limits/key-counters.ts'
import { limiterOver } from '../../src/limits/memory.ts'
import {
  type charge,
  consumeNow,
  DAY,
  day,
  HOUR,
  left,
  minute,
  month,
  NOON,
  readNow,
  SECOND,
} from './charges.ts'

/** Uses up a limit of ten, and returns the limiter. */
function exhausted(given: Partial<ReturnType<typeof charge>> = {}) {
  const limiter = memoryLimiter()
  expect(consumeNow(limiter, { ...given, cost: 10 }).allowed).toBe(true)
  return limiter
}

describe('memoryLimiter', () => {
  it('allows as many requests as the limit, and then refuses', () => {
    const limiter = memoryLimiter()
    const answers = Array.from({ length: 12 }, () => consumeNow(limiter))
    expect(answers.map(({ allowed }) => allowed)).toEqual([
      ...Array(10).fill(true),
      ...Array(2).fill(false),
    ])
    expect(answers.map(left)).toEqual([9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 0, 0].map((each) => [each]))
  })

  it('answers with the limits in their order, and with the end of each window', () => {
    const limits = [minute(10), day(20), month(30)]
    const { limits: uses } = consumeNow(memoryLimiter(), { limits })
    expect(uses).toEqual([
      { limit: limits[0], remaining: 9, resetsAt: NOON + 60 * SECOND },
      { limit: limits[1], remaining: 19, resetsAt: Date.UTC(2026, 10, 30) },
      { limit: limits[2], remaining: 29, resetsAt: Date.UTC(2026, 11, 1) },
    ])
  })

  it('counts each key by itself', () => {
    expect(left(consumeNow(exhausted(), { keyId: 'other' }))).toEqual([9])
  })

  it('counts a request by its cost, and refuses one that does not fit without counting it', () => {
    const limiter = memoryLimiter()
    expect(left(consumeNow(limiter, { cost: 8 }))).toEqual([2])
    expect(consumeNow(limiter, { cost: 3 })).toMatchObject({
      allowed: false,
      limits: [{ remaining: 2 }],
    })
    expect(consumeNow(limiter, { cost: 2 })).toMatchObject({
      allowed: true,
      limits: [{ remaining: 0 }],
    })
    expect(consumeNow(memoryLimiter(), { cost: 11 })).toMatchObject({
      allowed: false,
      limits: [{ remaining: 10 }],
    })
  })

  it('does not count a request by one limit if another refuses it', () => {
    const limiter = memoryLimiter()
    const limits = [day(20), minute(3)]
    const later = { limits, at: NOON + HOUR }
    for (let sent = 0; sent < 3; sent++) consumeNow(limiter, { limits })
    expect(consumeNow(limiter, { limits })).toMatchObject({
      allowed: false,
      limits: [{ remaining: 17 }, { remaining: 0 }],
    })
    expect(consumeNow(limiter, { limits, cost: 18 }).allowed).toBe(false)
    // No window begins with a refused request.
    expect(consumeNow(limiter, { ...later, cost: 4 })).toMatchObject({
      allowed: false,
      limits: [{ remaining: 17 }, { remaining: 3, resetsAt: NOON + HOUR + 60 * SECOND }],
    })
    expect(readNow(limiter, { limits, at: NOON + HOUR + SECOND })).toMatchObject([
      { remaining: 17 },
      { remaining: 3, resetsAt: NOON + HOUR + 61 * SECOND },
    ])
  })

  it('always allows a request of cost 0, and counts nothing', () => {
    expect(consumeNow(exhausted(), { cost: 0 })).toMatchObject({
      allowed: true,
      limits: [{ remaining: 0 }],
    })
    const limiter = memoryLimiter()
    consumeNow(limiter, { cost: 0 })
    // It began no window either.
    expect(consumeNow(limiter, { at: NOON + SECOND }).limits[0]?.resetsAt).toBe(NOON + 61 * SECOND)
  })

  it('reads without counting or beginning a window', () => {
    const limiter = memoryLimiter()
    expect(readNow(limiter)).toEqual([
      { limit: minute(10), remaining: 10, resetsAt: NOON + 60 * SECOND },
    ])
    expect(consumeNow(limiter, { at: NOON + SECOND }).limits).toEqual([
      { limit: minute(10), remaining: 9, resetsAt: NOON + 61 * SECOND },
    ])
    expect(readNow(limiter, { at: NOON + 2 * SECOND })).toEqual([
      { limit: minute(10), remaining: 9, resetsAt: NOON + 61 * SECOND },
    ])
  })

  it('refuses a cost that is no number', () => {
    const limiter = memoryLimiter()
    expect(consumeNow(limiter, { cost: Number.NaN }).allowed).toBe(false)
    expect(left(consumeNow(limiter))).toEqual([9])
  })

  it('has onLimiterError refuse, which no request needs', () => {
    expect(memoryLimiter().onLimiterError).toBe('refuse')
  })
})

describe('a window of memoryLimiter', () => {
  it.each([
    ['60 seconds', minute(10), NOON, 60 * SECOND],
    ['a day', day(10), NOON, 12 * HOUR],
    ['a month', month(10), NOON, DAY + 12 * HOUR],
    ['a February', month(10), Date.UTC(2027, 1, 1), 28 * DAY],
    ['a February of a leap year', month(10), Date.UTC(2028, 1, 1), 29 * DAY],
  ])('of %s ends on time', (_what, limit, at, length) => {
    const limiter = exhausted({ limits: [limit], at })
    expect(consumeNow(limiter, { limits: [limit], at: at + length - 1 }).allowed).toBe(false)
    expect(left(consumeNow(limiter, { limits: [limit], at: at + length }))).toEqual([9])
  })

  it.each([
    ['60 seconds', minute(10), 60 * SECOND],
    ['a day', day(10), 12 * HOUR + DAY],
    ['a month', month(10), 28 * DAY + 12 * HOUR + 30 * DAY],
  ])('of %s goes on if the clock goes back by less than its length', (_what, limit, length) => {
    const limiter = exhausted({ limits: [limit] })
    const before = { limits: [limit], at: NOON - length + 1 }
    expect(consumeNow(limiter, before).allowed).toBe(false)
    expect(left({ limits: readNow(limiter, before) })).toEqual([0])
    expect(left(consumeNow(limiter, { limits: [limit], at: NOON - length }))).toEqual([9])
  })

  it('goes on if the clock goes to its end and back without a counted request', () => {
    const limiter = exhausted()
    readNow(limiter, { at: NOON + HOUR })
    consumeNow(limiter, { at: NOON + HOUR, cost: 0 })
    consumeNow(limiter, { at: NOON + HOUR, cost: 11 })
    expect(consumeNow(limiter).allowed).toBe(false)
  })
})

describe('changed limits', () => {
  it('keep what was used, if the record was only reloaded', () => {
    const limits = [minute(10), day(10)]
    const limiter = exhausted({ limits })
    expect(consumeNow(limiter, { limits: [minute(10), day(10)] }).allowed).toBe(false)
    expect(left({ limits: readNow(limiter, { limits: [day(10), minute(10)] }) })).toEqual([0, 0])
  })

  it.each([
    ['raised', 15, 5],
    ['lowered', 5, 0],
  ])('keep what was used, if the requests are %s', (_how, requests, remaining) => {
    const limiter = exhausted()
    const limits = [minute(requests)]
    expect(left({ limits: readNow(limiter, { limits }) })).toEqual([remaining])
    for (let sent = 0; sent < remaining; sent++)
      expect(consumeNow(limiter, { limits }).allowed).toBe(true)
    expect(consumeNow(limiter, { limits }).allowed).toBe(false)
  })

  it('keep what was used, if a limit is removed and added again', () => {
    const limiter = exhausted({ limits: [minute(10), day(20)] })
    expect(left(consumeNow(limiter, { limits: [day(20)] }))).toEqual([9])
    expect(left(consumeNow(limiter, { limits: [month(30), day(20)] }))).toEqual([29, 8])
    expect(consumeNow(limiter, { limits: [day(20), minute(10)] })).toMatchObject({
      allowed: false,
      limits: [{ remaining: 8 }, { remaining: 0 }],
    })
  })

  it('begin at 0 with a new window', () => {
    const limits = [{ requests: 10, perSeconds: 120 }]
    expect(left(consumeNow(exhausted(), { limits }))).toEqual([9])
  })
})

describe('the memory of memoryLimiter', () => {
  it('is bounded by the windows that have not ended, because new keys remove ended ones', () => {
    const keys = createKeyCounters()
    const limiter = limiterOver(keys)
    const limits = [{ requests: 10, perSeconds: 1 }]
    let most = 0
    // A hundred keys in each second.
    for (let key = 0; key < 20_000; key++) {
      consumeNow(limiter, { keyId: `k${key}`, limits, at: NOON + key * 10 })
      most = Math.max(most, keys.size)
    }
    expect(most).toBeLessThan(220)
    expect(most).toBeGreaterThanOrEqual(100)
  })

  it('keeps no key for which nothing was counted', () => {
    const keys = createKeyCounters()
    const limiter = limiterOver(keys)
    for (let key = 0; key < 1000; key++) {
      readNow(limiter, { keyId: `read${key}` })
      consumeNow(limiter, { keyId: `free${key}`, cost: 0 })
    }
    expect(keys.size).toBe(0)
    for (let key = 0; key < 1000; key++) consumeNow(limiter, { keyId: `refused${key}`, cost: 11 })
    expect(keys.size).toBeLessThan(5)
  })

  it('forgets the windows of former limits when they end', () => {
    const keys = createKeyCounters()
    const limiter = limiterOver(keys)
    for (let seconds = 1; seconds < 100; seconds++)
      consumeNow(limiter, {
        limits: [{ requests: 10, perSeconds: seconds }],
        at: NOON + seconds * HOUR,
      })
    expect(keys.of('k', [day(1)], NOON + 200 * HOUR)).toHaveLength(1)
  })
})
