import type { KeyLimit } from '../core/model/api-key.ts'
import { windowAt } from '../core/model/key-limit.ts'
import type { Limiter } from '../core/model/limiter.ts'
import { requireMembers } from '../core/model/options-checks.ts'
import {
  FLEXIBLE_OPTIONS,
  type FlexibleLimiter,
  type FlexibleOptions,
  requireDuration,
  requireFlexibleLimiter,
} from './flexible-limiter.ts'
import { createKnownCounts } from './known-counts.ts'
import {
  type Count,
  counterOf,
  type LimitCounter,
  readCount,
  take,
  useOf,
} from './limit-counter.ts'

/** Options of {@link rateLimiter}. */
export interface RateLimiterOptions {
  /**
   * What happens to a request of a key with limits while its requests cannot be counted, for example
   * because the server is down. `allow` lets it in, uncounted. `refuse` answers it with 503. There
   * is no default.
   */
  readonly onLimiterError: 'allow' | 'refuse'
}

/**
 * Counts the requests of keys for several processes, over `rate-limiter-flexible`. Tested with its
 * `RateLimiterRedis` and `RateLimiterPostgres`.
 *
 * With one Redis or PostgreSQL server, any number of processes together never allow more requests in
 * a window than the limit. What to know in production:
 *
 * - A refused request can count: if a limit with a longer window refuses it, or if it is the first
 *   to find the limit exhausted. Counts are never given back. A process that knows that a limit is
 *   exhausted reads the counter first, and counts no further requests until the window ends or the
 *   limit is raised.
 * - A window of `perSeconds` begins with the first counted request. `day` and `month` are calendar
 *   days and months in UTC. Two adjacent windows can each be used up, so a caller can make twice
 *   the requests of a limit in a short time around the border.
 * - A calendar day or month ends by the clock of each process. Around midnight, processes whose
 *   clocks differ count in two windows. Redis ends windows of `perSeconds` by its own clock. With
 *   PostgreSQL, they end by the clock of the process that asks, so clocks that differ by a second can
 *   end a window a second early.
 * - A server that loses its data, as Redis can, forgets the counts. An `insuranceLimiter` counts for
 *   each process by itself while the server is down. Both can allow more.
 * - `RateLimiterMemory` cannot count for longer than 24 days. A request with a longer window fails. As
 *   an `insuranceLimiter`, it forgets such counts at once. Use {@link memoryLimiter} for one process.
 *
 * A request takes one call for each limit, one after the other, the shortest window first. If a limit
 * is known to be exhausted, it takes one more call for each limit. This process remembers the last
 * 10,000 counters, which takes about 2 MB.
 *
 * @param factory Creates the limiter. Called at the first request. If it fails, it is called once
 *   more, and then again at the next request. Pass `options` to the limiter, as the last members.
 *   `RateLimiterPostgres` and others first create their table: wait for it, because they fail until
 *   then. The client is yours: you connect and close it. Let it fail early, because a request waits
 *   until `deadlineSeconds`. `createClient` of the package `redis` needs `useRedisPackage: true`.
 * @param options What happens if the limiter fails.
 * @returns A limiter for one or several `createTwinkey`. `consume` and `read` reject with the error
 *   of the library, or with a TypeError if the factory or the library returned something
 *   unexpected.
 * @throws TypeError if the factory is not a function, or `onLimiterError` is missing.
 * @see https://github.com/animir/node-rate-limiter-flexible
 * @example
 * ```ts
 * import { RateLimiterRedis } from 'rate-limiter-flexible'
 * import { createClient } from 'redis'
 * import { rateLimiter } from 'twinkey/limits'
 *
 * const storeClient = createClient({ disableOfflineQueue: true }).on('error', () => {})
 * await storeClient.connect()
 * const limiter = rateLimiter(
 *   (options) => new RateLimiterRedis({ storeClient, useRedisPackage: true, ...options }),
 *   { onLimiterError: 'refuse' },
 * )
 * ```
 * @example
 * ```ts
 * import pg from 'pg'
 * import { RateLimiterPostgres } from 'rate-limiter-flexible'
 * import { rateLimiter } from 'twinkey/limits'
 *
 * const storeClient = new pg.Pool({ connectionString: process.env['DATABASE_URL'] })
 * const limiter = rateLimiter(
 *   (options) =>
 *     new Promise<RateLimiterPostgres>((resolve, reject) => {
 *       const created = new RateLimiterPostgres({ storeClient, ...options }, (error) =>
 *         error === undefined ? resolve(created) : reject(error),
 *       )
 *     }),
 *   { onLimiterError: 'refuse' },
 * )
 * ```
 */
export function rateLimiter(
  factory: (options: FlexibleOptions) => FlexibleLimiter | Promise<FlexibleLimiter>,
  options: RateLimiterOptions,
): Limiter {
  const open = createOpen(factory)
  const onLimiterError = requireOnLimiterError(options)
  const known = createKnownCounts()

  async function countersOf(keyId: string, limits: readonly KeyLimit[], at: number) {
    const limiter = await open()
    const counters = limits.map((limit) => counterOf(keyId, limit, at))
    for (const { seconds } of counters) requireDuration(limiter, seconds)
    return { limiter, counters }
  }

  function readAll(limiter: FlexibleLimiter, counters: readonly LimitCounter[], at: number) {
    return Promise.all(
      counters.map(async (counter) => {
        const count = await readCount(limiter, counter, at)
        known.replace(counter.name, count)
        return [counter, count] as const
      }),
    )
  }

  return {
    onLimiterError,
    async consume({ keyId, limits, cost, at }) {
      const { limiter, counters } = await countersOf(keyId, limits, at)
      const hasRoom = ({ limit }: LimitCounter, used: number) => used + cost <= limit.requests
      if (cost === 0 || !counters.every((each) => hasRoom(each, known.used(each.name, at)))) {
        const counts = await readAll(limiter, counters, at)
        const allowed = cost === 0 || counts.every(([counter, { used }]) => hasRoom(counter, used))
        if (cost === 0 || !allowed) return { allowed, limits: usesOf(counts) }
      }
      // One after the other, the shortest window first: a burst that a short limit refuses must not
      // use up a long one.
      const counts = new Map<LimitCounter, Count>()
      let allowed = true
      for (const counter of [...counters].sort((a, b) => lengthOf(a) - lengthOf(b))) {
        if (!allowed) {
          counts.set(counter, await readCount(limiter, counter, at))
          continue
        }
        const taken = await take(limiter, counter, cost, at)
        known.raise(counter.name, taken, at)
        counts.set(counter, taken)
        allowed = taken.allowed
      }
      return { allowed, limits: usesOf(counters.map((each) => [each, counts.get(each) as Count])) }
    },
    async read({ keyId, limits, at }) {
      const { limiter, counters } = await countersOf(keyId, limits, at)
      return usesOf(await readAll(limiter, counters, at))
    },
  }
}

/** The length of the window in milliseconds. */
function lengthOf({ limit }: LimitCounter): number {
  const { startsAt, endsAt } = windowAt(limit, 0)
  return endsAt - startsAt
}

function usesOf(counts: readonly (readonly [LimitCounter, Count])[]) {
  return counts.map(([counter, count]) => useOf(counter, count))
}

/**
 * Calls the factory once, and again after a failure: at once, because processes that start together
 * create the same table, where PostgreSQL can refuse one of them, and then at the next request.
 */
function createOpen(
  factory: (options: FlexibleOptions) => FlexibleLimiter | Promise<FlexibleLimiter>,
): () => Promise<FlexibleLimiter> {
  if (typeof factory !== 'function')
    throw new TypeError(
      'rateLimiter: the factory must be a function, like (options) => new RateLimiterRedis({ storeClient, ...options }).',
    )
  let opening: Promise<FlexibleLimiter> | undefined
  const create = async () => requireFlexibleLimiter(await factory({ ...FLEXIBLE_OPTIONS }))
  return () => {
    if (opening === undefined) {
      opening = create().catch(create)
      opening.catch(() => {
        opening = undefined
      })
    }
    return opening
  }
}

function requireOnLimiterError(options: RateLimiterOptions): 'allow' | 'refuse' {
  const { onLimiterError } = requireMembers(options, ['onLimiterError'], 'rateLimiter: the options')
  if (onLimiterError !== 'allow' && onLimiterError !== 'refuse')
    throw new TypeError(
      "rateLimiter: onLimiterError must be 'allow' or 'refuse'. It decides about requests while they cannot be counted.",
    )
  return onLimiterError
}
