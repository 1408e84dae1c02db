import fc from 'fast-check'
import { type KeyLimit, memoryLimiter } from 'twinkey/limits'
import { describe, expect, it } from 'vitest'
import { consumeNow, DAY, NOON, readNow } from './charges.ts'

// The model keeps no counters. It keeps every request that was allowed, and works out each window
// again from all of them.

/** A request that was allowed. */
interface Counted {
  readonly keyId: string
  readonly limits: readonly KeyLimit[]
  readonly cost: number
  readonly at: number
}

/** One step: how far the clock moves, and the request. */
interface Step {
  readonly move: number
  readonly keyId: string
  readonly limits: readonly KeyLimit[]
  readonly cost: number
}

const nameOf = ({ perSeconds, per }: KeyLimit) => per ?? String(perSeconds)

// Begins and ends by the calendar, or by the first request.
function windowOf(limit: KeyLimit, first: number): readonly [number, number] {
  if (limit.per === undefined) return [first, first + Number(limit.perSeconds) * 1000]
  const text = new Date(first).toISOString()
  if (limit.per === 'day') {
    const start = Date.parse(`${text.slice(0, 10)}T00:00:00Z`)
    return [start, start + DAY]
  }
  const [year = 0, month = 0] = text.split('-').map(Number)
  const next = month === 12 ? `${year + 1}-01` : `${year}-${String(month + 1).padStart(2, '0')}`
  return [Date.parse(`${text.slice(0, 7)}-01T00:00:00Z`), Date.parse(`${next}-01T00:00:00Z`)]
}

/** What the requests so far leave of a limit, and when its window ends. */
function expectedUse(counted: readonly Counted[], keyId: string, limit: KeyLimit, at: number) {
  let window: readonly [number, number] | undefined
  let used = 0
  const isIn = ([start, end]: readonly [number, number], time: number) =>
    time < end && start - time < end - start
  for (const each of counted) {
    if (each.keyId !== keyId || !each.limits.some((one) => nameOf(one) === nameOf(limit))) continue
    if (window === undefined || !isIn(window, each.at)) {
      window = windowOf(limit, each.at)
      used = 0
    }
    used += each.cost
  }
  if (window === undefined || !isIn(window, at)) {
    window = windowOf(limit, at)
    used = 0
  }
  return { limit, remaining: Math.max(0, limit.requests - used), resetsAt: window[1] }
}

/** Sends the steps to a limiter, and compares each answer with the model. */
function compare(steps: readonly Step[]): void {
  const limiter = memoryLimiter()
  const counted: Counted[] = []
  let at = NOON
  for (const { move, keyId, limits, cost } of steps) {
    at = Math.max(0, at + move)
    const before = limits.map((limit) => expectedUse(counted, keyId, limit, at))
    expect(readNow(limiter, { keyId, limits, at })).toEqual(before)
    const allowed = cost === 0 || before.every(({ remaining }) => cost <= remaining)
    if (allowed && cost > 0) counted.push({ keyId, limits, cost, at })
    const after = limits.map((limit) => expectedUse(counted, keyId, limit, at))
    expect(consumeNow(limiter, { keyId, limits, cost, at })).toEqual({ allowed, limits: after })
  }
}

const requests = fc.integer({ min: 1, max: 12 })
const limit: fc.Arbitrary<KeyLimit> = fc.oneof(
  fc.record({ requests, perSeconds: fc.constantFrom(1, 2, 60, 86_400) }),
  fc.record({ requests, per: fc.constantFrom('day', 'month') }),
)
const limits = fc.uniqueArray(limit, { minLength: 1, maxLength: 4, selector: nameOf })
const cost = fc.oneof(fc.constant(1), fc.integer({ min: 0, max: 13 }))
const forward = fc.oneof(
  fc.integer({ min: 0, max: 1500 }),
  fc.constantFrom(1000, 60_000, DAY / 2, DAY, 20 * DAY),
)
const anywhere = fc.oneof(
  forward,
  forward.map((move) => -move),
)

describe('over any schedule of requests, memoryLimiter allows exactly what the limits allow', () => {
  it('to several keys whose limits change, by a clock that goes forward', () => {
    const keyId = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f')
    const step = fc.record({ move: forward, keyId, limits, cost })
    fc.assert(fc.property(fc.array(step, { maxLength: 60 }), compare), { numRuns: 400 })
  })

  it('to one key whose requests are raised and lowered, by a clock that jumps', () => {
    const windows = fc.constantFrom<readonly KeyLimit[]>(
      [{ requests: 1, perSeconds: 2 }],
      [
        { requests: 1, per: 'day' },
        { requests: 1, perSeconds: 60 },
      ],
      [
        { requests: 1, per: 'month' },
        { requests: 1, perSeconds: 86_400 },
      ],
    )
    const steps = windows.chain((of) => {
      const changed = fc
        .array(requests, { minLength: of.length, maxLength: of.length })
        .map((all) => of.map((each, index) => ({ ...each, requests: all[index] ?? 1 })))
      const step = fc.record({ move: anywhere, keyId: fc.constant('a'), limits: changed, cost })
      return fc.array(step, { maxLength: 60 })
    })
    fc.assert(fc.property(steps, compare), { numRuns: 400 })
  })
})
