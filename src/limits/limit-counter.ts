import type { KeyLimit } from '../core/model/api-key.ts'
import { windowAt, windowName } from '../core/model/key-limit.ts'
import type { LimitUse } from '../core/model/limiter.ts'
import {
  type FlexibleCount,
  type FlexibleLimiter,
  isRefusal,
  requireCount,
} from './flexible-limiter.ts'

// So that a process whose clock is behind still finds the counter of a day or month. The name of the
// counter has the date, so a longer life changes no count.
const CALENDAR_GRACE_SECONDS = 3600

/** The shared counter of one limit of one key. */
export interface LimitCounter {
  readonly limit: KeyLimit
  /** Has the date of a calendar day or month, so that each has a counter of its own. */
  readonly name: string
  /** How long the counter lives if it is created now, in whole seconds. */
  readonly seconds: number
  /** When the window ends, if it is a calendar day or month, or if it begins now. */
  readonly endsAt: number
}

/** What a counter holds. */
export interface Count {
  readonly used: number
  readonly endsAt: number
}

/** What a counter holds after a request. */
export interface Taken extends Count {
  readonly allowed: boolean
}

export function counterOf(keyId: string, limit: KeyLimit, at: number): LimitCounter {
  const { startsAt, endsAt } = windowAt(limit, at)
  return {
    limit,
    name: `${keyId}:${windowName(limit)}${dateOf(limit, startsAt)}`,
    seconds: limit.perSeconds ?? Math.ceil((endsAt - at) / 1000) + CALENDAR_GRACE_SECONDS,
    endsAt,
  }
}

function dateOf({ per }: KeyLimit, startsAt: number): string {
  if (per === undefined) return ''
  const length = per === 'day' ? 'YYYY-MM-DD'.length : 'YYYY-MM'.length
  return `:${new Date(startsAt).toISOString().slice(0, length)}`
}

/** Reads a counter. */
export async function readCount(
  limiter: FlexibleLimiter,
  counter: LimitCounter,
  at: number,
): Promise<Count> {
  const answer = await limiter.get(counter.name)
  const empty = { used: 0, endsAt: counter.endsAt }
  if (answer === null) return empty
  const count = requireCount(answer, 0)
  // RateLimiterMemory still returns a counter that has just ended.
  return count.msBeforeNext < -1 ? empty : countOf(counter, count, at)
}

/** Counts a request. The request is not allowed if the counter then exceeds the limit. */
export async function take(
  limiter: FlexibleLimiter,
  counter: LimitCounter,
  cost: number,
  at: number,
): Promise<Taken> {
  const { requests } = counter.limit
  try {
    const options = { customDuration: counter.seconds }
    const answer = await limiter.consume(counter.name, cost, options)
    const count = countOf(counter, requireCount(answer, cost), at)
    return { ...count, allowed: count.used <= requests }
  } catch (error) {
    if (isRefusal(error)) return { ...refusedCount(counter, error, at), allowed: false }
    // A counter far above its limit can be too large for its column. That is a refusal.
    const count = await readCount(limiter, counter, at).catch(() => undefined)
    if (count === undefined || count.used + cost <= requests) throw error
    return { ...count, allowed: false }
  }
}

// An insurance limiter of the application can refuse by its own points. It need not have counted.
function refusedCount(counter: LimitCounter, reason: unknown, at: number): Count {
  const count = countOf(counter, requireCount(reason, 0), at)
  return { ...count, used: Math.max(count.used, counter.limit.requests) }
}

function countOf(
  { limit, endsAt }: LimitCounter,
  { consumedPoints, msBeforeNext }: FlexibleCount,
  at: number,
): Count {
  const isKnown = limit.per === undefined && msBeforeNext >= 0
  return { used: consumedPoints, endsAt: isKnown ? Math.ceil(at + msBeforeNext) : endsAt }
}

/** What is left, by what a counter holds. */
export function useOf({ limit }: LimitCounter, { used, endsAt }: Count): LimitUse {
  return { limit, remaining: Math.max(0, limit.requests - used), resetsAt: endsAt }
}
