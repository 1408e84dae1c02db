// The used part of rate-limiter-flexible, as structural types, and the checks of its answers.

/** The options that a limiter of `rate-limiter-flexible` must be created with. */
export interface FlexibleOptions {
  /** Begins the name of every counter. `RateLimiterPostgres` also uses it as the name of its table. */
  readonly keyPrefix: string
  /** More than any limit of a key, so that the library itself refuses nothing. */
  readonly points: number
  /** In seconds. Every counter is created with a duration of its own. */
  readonly duration: number
}

/** What a limiter of `rate-limiter-flexible` answers, and rejects with. */
export interface FlexibleCount {
  readonly consumedPoints: number
  /** Milliseconds until the counter ends; -1 if it does not. */
  readonly msBeforeNext: number
}

/** A limiter of `rate-limiter-flexible`, such as `RateLimiterRedis` or `RateLimiterPostgres`. */
export interface FlexibleLimiter {
  consume(
    key: string,
    points: number,
    options: { readonly customDuration: number },
  ): Promise<FlexibleCount>
  get(key: string): Promise<FlexibleCount | null>
}

export const FLEXIBLE_OPTIONS: FlexibleOptions = Object.freeze({
  keyPrefix: 'twinkey_limits',
  // Twice the requests of the largest limit. PostgreSQL keeps it in an integer of 32 bits.
  points: 2_000_000_000,
  duration: 60,
})

/** The longest delay of a timer, in seconds. */
const MAX_TIMER_SECONDS = 2_147_483

/** Checks what the factory returned. */
export function requireFlexibleLimiter(value: unknown): FlexibleLimiter {
  const { consume, get, points, execEvenly } = membersOf(value)
  if (typeof consume !== 'function' || typeof get !== 'function')
    throw new TypeError(
      'rateLimiter: the factory must return a limiter of rate-limiter-flexible, like new RateLimiterRedis({ storeClient, ...options }).',
    )
  // A wrapper such as RLWrapperTimeouts has 0 points.
  if (typeof points === 'number' && points !== 0 && points !== FLEXIBLE_OPTIONS.points)
    throw new TypeError(
      'rateLimiter: the limiter must have the points that the factory is called with. Write ...options last.',
    )
  if (execEvenly === true)
    throw new TypeError(
      'rateLimiter: the limiter must not have execEvenly, which delays requests. Leave it out.',
    )
  return value as FlexibleLimiter
}

/**
 * Checks that a limiter can keep a counter for so many seconds. `RateLimiterMemory` ends each counter
 * by a timer, and a timer with a longer delay ends at once.
 */
export function requireDuration(limiter: FlexibleLimiter, seconds: number): void {
  // Recognised by a method that only RateLimiterMemory has.
  if (seconds > MAX_TIMER_SECONDS && typeof membersOf(limiter)['dump'] === 'function')
    throw new TypeError(
      `rateLimiter: RateLimiterMemory cannot count for longer than ${MAX_TIMER_SECONDS} seconds. Use memoryLimiter().`,
    )
}

/** Whether a limiter rejected because it refuses the request. Otherwise it failed. */
export function isRefusal(reason: unknown): boolean {
  return Number.isFinite(membersOf(reason)['consumedPoints'])
}

/** Checks and copies an answer. The count must be at least `least`. */
export function requireCount(answer: unknown, least: number): FlexibleCount {
  const { consumedPoints, msBeforeNext } = membersOf(answer)
  if (!isCount(consumedPoints) || consumedPoints < least)
    throw new TypeError(
      `rateLimiter: the limiter must answer with consumedPoints, a whole number of at least ${least}.`,
    )
  if (typeof msBeforeNext !== 'number' || !Number.isFinite(msBeforeNext))
    throw new TypeError('rateLimiter: the limiter must answer with msBeforeNext, a number.')
  return { consumedPoints, msBeforeNext }
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

// Not copied, because the members of the library are getters of its class.
function membersOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}
