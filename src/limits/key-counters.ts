import type { KeyLimit } from '../core/model/api-key.ts'
import { windowAt } from '../core/model/key-limit.ts'
import type { LimitUse } from '../core/model/limiter.ts'

// How many old keys each new key looks at. With two or more, the pass over the keys is faster than
// their growth.
const LOOKS = 3

/** The count of one window of one key. */
export interface Counter {
  readonly perSeconds: number | undefined
  readonly per: 'day' | 'month' | undefined
  startsAt: number
  endsAt: number
  used: number
}

/** The counters of all keys with requests in a window that has not ended. */
export interface KeyCounters {
  /** How many keys have counters, including ended ones that no new key has looked at. */
  readonly size: number
  /** The counters of a key, in the order of its limits. It may have more, after those. */
  of(keyId: string, limits: readonly KeyLimit[], at: number): readonly Counter[]
  /** The counter of one limit, or undefined. Creates nothing. */
  find(keyId: string, limit: KeyLimit): Counter | undefined
}

interface Entry {
  limits: readonly KeyLimit[]
  // Those of `limits`, in that order. Then those of former limits, in case a limit comes back.
  counters: readonly Counter[]
}

export function createKeyCounters(): KeyCounters {
  const entries = new Map<string, Entry>()
  let pass = entries.entries()

  // Removes some keys whose windows have ended. Without a timer, which would keep a process alive.
  function removeSome(at: number): void {
    for (let looks = 0; looks < LOOKS; looks++) {
      const next = pass.next()
      if (next.done) {
        pass = entries.entries()
        return
      }
      const [keyId, { counters }] = next.value
      if (!counters.some((counter) => isLive(counter, at))) entries.delete(keyId)
    }
  }

  return {
    get size() {
      return entries.size
    },
    of(keyId, limits, at) {
      const entry = entries.get(keyId)
      if (entry === undefined) {
        removeSome(at)
        const counters = limits.map(createCounter)
        entries.set(keyId, { limits, counters })
        return counters
      }
      // A reloaded record has equal limits, or changed ones, in another array.
      if (entry.limits !== limits) {
        entry.counters = rearrange(entry.counters, limits, at)
        entry.limits = limits
      }
      return entry.counters
    },
    find: (keyId, limit) => entries.get(keyId)?.counters.find((each) => isFor(each, limit)),
  }
}

/**
 * Whether the window of a counter includes a time. A time before the window, by less than its
 * length, also counts as in it, so that a clock that is set back a little opens no second window.
 */
export function isLive({ startsAt, endsAt }: Counter, at: number): boolean {
  return at < endsAt && at - startsAt > startsAt - endsAt
}

/**
 * Counts a request for which its limit has room, in the window of the counter. Begins a window if
 * that one has ended.
 */
export function count(counter: Counter, limit: KeyLimit, cost: number, at: number): LimitUse {
  if (!isLive(counter, at)) begin(counter, limit, at)
  counter.used += cost
  return { limit, remaining: limit.requests - counter.used, resetsAt: counter.endsAt }
}

function begin(counter: Counter, limit: KeyLimit, at: number): void {
  const { startsAt, endsAt } = windowAt(limit, at)
  counter.startsAt = startsAt
  counter.endsAt = endsAt
  counter.used = 0
}

// With a window of no length, which includes no time.
function createCounter({ perSeconds, per }: KeyLimit): Counter {
  return { perSeconds, per, startsAt: 0, endsAt: 0, used: 0 }
}

function rearrange(
  counters: readonly Counter[],
  limits: readonly KeyLimit[],
  at: number,
): readonly Counter[] {
  const current = limits.map(
    (limit) => counters.find((each) => isFor(each, limit)) ?? createCounter(limit),
  )
  const former = counters.filter((each) => !current.includes(each) && isLive(each, at))
  return [...current, ...former]
}

function isFor(counter: Counter, { perSeconds, per }: KeyLimit): boolean {
  return counter.perSeconds === perSeconds && counter.per === per
}
