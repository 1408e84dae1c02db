import type { KeyLimit } from './api-key.ts'

/** One request to count. */
export interface LimitCharge {
  readonly keyId: string
  /** At least one. No two of them have the same window. */
  readonly limits: readonly KeyLimit[]
  /** How many requests this one counts as: a whole number, 0 or more. */
  readonly cost: number
  /** The time of the request, in epoch milliseconds. */
  readonly at: number
}

/** How much of one limit is left. */
export interface LimitUse {
  readonly limit: KeyLimit
  /** How many requests are left in this window: a whole number, 0 or more. */
  readonly remaining: number
  /** When the window ends, in epoch milliseconds: a whole number, 0 or more. */
  readonly resetsAt: number
}

/** Whether the numbers are valid. A limiter of the application may return anything. */
export function isLimitUse({ remaining, resetsAt }: LimitUse): boolean {
  return isCount(remaining) && isCount(resetsAt)
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0
}

/** The answer of a limiter. */
export interface LimitAnswer {
  /** Whether every limit had room for the whole cost. */
  readonly allowed: boolean
  /** What is left of each limit, in the order of the limits. */
  readonly limits: readonly LimitUse[]
}

/**
 * Counts the requests of keys that have limits. `twinkey/limits` has two: one in memory, and one
 * over `rate-limiter-flexible` for several processes.
 */
export interface Limiter {
  /**
   * Whether to allow or to refuse a request, as `unavailable`, if the limiter fails or takes longer
   * than `deadlineSeconds`.
   */
  readonly onLimiterError: 'allow' | 'refuse'
  /**
   * Counts a request against every limit of its key. If one limit has no room for the cost, the
   * request is not allowed.
   *
   * @returns The answer, or a promise if it must be awaited.
   */
  consume(charge: LimitCharge): LimitAnswer | Promise<LimitAnswer>
  /** Returns what is left of each limit, without counting anything. */
  read(charge: Omit<LimitCharge, 'cost'>): readonly LimitUse[] | Promise<readonly LimitUse[]>
}
