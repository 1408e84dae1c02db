import type { KeyLimit } from '../core/model/api-key.ts'
import { windowAt } from '../core/model/key-limit.ts'
import type { Limiter, LimitUse } from '../core/model/limiter.ts'
import { type Counter, count, createKeyCounters, isLive, type KeyCounters } from './key-counters.ts'

/**
 * Counts the requests of keys in the memory of this process. It answers at once, without a promise,
 * and it cannot fail.
 *
 * Several processes do not share the counts: with `n` processes, a key can make `n` times its
 * requests. A restart forgets the counts. {@link rateLimiter} shares the counts and keeps them.
 *
 * - A request counts for all limits of its key or for none. A request of cost 0 is always allowed,
 *   and counts for none.
 * - A window of `perSeconds` begins with the first counted request. `day` and `month` are calendar
 *   days and months in UTC. Two adjacent windows can each be used up, so a caller can make twice
 *   the requests of a limit in a short time around the border.
 * - Counts belong to a key and a window. If the requests of a limit change, what was used stays
 *   used. If its window changes, the count begins at 0, and the count of the old window is kept until
 *   it ends.
 * - The time of each request is the only clock. If it goes back by less than the length of a window,
 *   the window goes on. If it goes back further, or to the end of the window or later, the next
 *   counted request begins a new window, and the old count is lost. A clock that jumps back and forth
 *   can therefore allow more requests.
 * - Memory is used by keys with a request in a window that has not ended: about 300 bytes for a key
 *   with one limit. Each new key removes some keys whose windows have ended. Without new keys,
 *   nothing is removed.
 *
 * @returns A limiter for one `createTwinkey`.
 * @example
 * ```ts
 * import { memoryLimiter } from 'twinkey/limits'
 *
 * const limiter = memoryLimiter()
 * ```
 */
export function memoryLimiter(): Limiter {
  return limiterOver(createKeyCounters())
}

/** A limiter over counters that a test can also see. */
export function limiterOver(keys: KeyCounters): Limiter {
  const read = (keyId: string, limits: readonly KeyLimit[], at: number) =>
    limits.map((limit) => useOf(limit, keys.find(keyId, limit), at))

  return {
    onLimiterError: 'refuse',
    consume({ keyId, limits, cost, at }) {
      if (cost === 0) return { allowed: true, limits: read(keyId, limits, at) }
      const counters = keys.of(keyId, limits, at)
      if (!haveRoom(counters, limits, cost, at))
        return { allowed: false, limits: read(keyId, limits, at) }
      // A list that begins with its only member is faster than an empty one that grows.
      const uses = [count(counters[0] as Counter, limits[0] as KeyLimit, cost, at)]
      for (let index = 1; index < limits.length; index++)
        uses.push(count(counters[index] as Counter, limits[index] as KeyLimit, cost, at))
      return { allowed: true, limits: uses }
    },
    read: ({ keyId, limits, at }) => read(keyId, limits, at),
  }
}

// A loop by index, because every request with limits takes it.
function haveRoom(
  counters: readonly Counter[],
  limits: readonly KeyLimit[],
  cost: number,
  at: number,
): boolean {
  for (let index = 0; index < limits.length; index++) {
    const counter = counters[index] as Counter
    const used = isLive(counter, at) ? counter.used : 0
    // Not `used + cost > requests`: a cost of NaN must not be allowed.
    if (!(used + cost <= (limits[index] as KeyLimit).requests)) return false
  }
  return true
}

function useOf(limit: KeyLimit, counter: Counter | undefined, at: number): LimitUse {
  if (counter === undefined || !isLive(counter, at))
    return { limit, remaining: limit.requests, resetsAt: windowAt(limit, at).endsAt }
  // If the limit was lowered, more can be used than it allows.
  return { limit, remaining: Math.max(0, limit.requests - counter.used), resetsAt: counter.endsAt }
}
