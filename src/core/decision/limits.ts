import type { KeyLimit } from '../model/api-key.ts'
import { TwinkeyError } from '../model/error.ts'
import type { Emit } from '../model/events.ts'
import { isLimitUse, type LimitAnswer, type Limiter, type LimitUse } from '../model/limiter.ts'
import { quotaExceeded } from '../model/own-refusals.ts'
import type { Refusal } from '../model/refusal.ts'
import { withTimeout } from '../store/timeout.ts'
import { isThenable } from './steps.ts'

/** Counts the requests of keys with limits, by the limiter of the application. */
export interface Limits {
  /** The limits of keys that have none of their own; undefined for none. */
  readonly byDefault: readonly KeyLimit[] | undefined
  /**
   * Counts a request. Returns the answer of the limiter, or why it was not counted. Never throws or
   * rejects. Returns a promise only if the limiter does.
   */
  count(
    keyId: string,
    limits: readonly KeyLimit[],
    cost: number,
    at: number,
  ): LimitAnswer | LimiterFailure | Promise<LimitAnswer | LimiterFailure>
}

/** Why a request was not counted and must be refused. */
export type LimiterFailure = 'limiter_missing' | 'limiter_unavailable'

/** What the counting of requests needs. */
export interface LimitsParts {
  readonly limiter: Limiter | undefined
  readonly byDefault: readonly KeyLimit[] | undefined
  readonly deadlineMilliseconds: number
  readonly emit: Emit | undefined
  readonly now: () => number
}

const ALLOWED: LimitAnswer = Object.freeze({ allowed: true, limits: Object.freeze([]) })

export function createLimits(parts: LimitsParts): Limits {
  const { limiter, byDefault, deadlineMilliseconds, emit, now } = parts
  function warn(message: string, error?: unknown): void {
    emit?.({ type: 'warning.limiter_unavailable', at: now(), message, ...(error ? { error } : {}) })
  }

  // A request that costs nothing passes even if a limit is used up, so no count can refuse it.
  function failed(
    { onLimiterError }: Limiter,
    cost: number,
    error: unknown,
  ): LimitAnswer | LimiterFailure {
    const isAllowed = onLimiterError === 'allow' || cost === 0
    const done = isAllowed ? 'allowed without being counted' : 'refused'
    warn(`The limiter failed, so a request was ${done}. Look at the error.`, error)
    return isAllowed ? ALLOWED : 'limiter_unavailable'
  }

  return {
    byDefault,
    count(keyId, limits, cost, at) {
      if (limiter === undefined) {
        if (cost === 0) return ALLOWED
        warn('A key has limits, but createTwinkey has no limiter. Set the option limiter.')
        return 'limiter_missing'
      }
      try {
        const asked = limiter.consume({ keyId, limits, cost, at })
        if (!isThenable(asked)) return checkedAnswer(asked, limits)
        return withTimeout(
          deadlineMilliseconds,
          'limiter_unavailable',
          'The limiter failed',
          async () => checkedAnswer(await asked, limits),
        ).catch((error: unknown) => failed(limiter, cost, error))
      } catch (cause) {
        const error = new TwinkeyError('limiter_unavailable', 'The limiter failed.', { cause })
        return failed(limiter, cost, error)
      }
    },
  }
}

// A limiter of the application may answer anything. Only `true` lets a request in. What is left
// becomes text of headers. A loop by index, because every request with limits takes it.
function checkedAnswer(answer: LimitAnswer, limits: readonly KeyLimit[]): LimitAnswer {
  const { allowed, limits: uses } = answer
  if (typeof allowed !== 'boolean' || !Array.isArray(uses) || uses.length !== limits.length)
    throw new TypeError('consume must return { allowed, limits }, with one member for each limit.')
  let isSame = true
  for (let index = 0; index < limits.length; index++) {
    const use = uses[index] as LimitUse
    if (!isLimitUse(use))
      throw new TypeError(
        'consume must return remaining and resetsAt as whole numbers, 0 or more, for each limit.',
      )
    isSame &&= use.limit === limits[index]
  }
  if (isSame) return answer
  return {
    allowed,
    limits: limits.map((limit, index) => ({ ...(uses[index] as LimitUse), limit })),
  }
}

/** The refusal of a request that a limit has no room for. */
export function quotaRefusal({ limits }: LimitAnswer, cost: number, at: number): Refusal {
  const full = limits.filter(({ remaining }) => remaining < cost)
  return quotaExceeded((Math.max(at, ...full.map(({ resetsAt }) => resetsAt)) - at) / 1000)
}
