import { TwinkeyError } from '../model/error.ts'
import { createEntries } from './entries.ts'
import { createGenerations } from './generations.ts'
import { createLoads } from './loads.ts'

/** An entry of a cache. `value` is null if there is nothing under that id. */
export interface Cached<V> {
  readonly value: V | null
  /**
   * When the load began: the value may be as old as this. Milliseconds since the cache was made,
   * because engines store small integers in place.
   */
  readonly loadedAt: number
  /** How often the id had been invalidated when the load began. */
  readonly generation: number
}

/** A read-through cache, bounded in size and in age. */
export interface Cache<C extends Cached<unknown>> {
  /** Returns the entry if it is fresh; undefined if it must be loaded. Does not wait. */
  peek(id: string, now: number): C | undefined
  /** Whether a value with this {@link Cached.loadedAt} is fresh. */
  isFresh(loadedAt: number, now: number): boolean
  /** The latest entry, of any age. */
  last(id: string): C | undefined
  /** Loads an entry. Concurrent calls share one load. An error is never cached. */
  load(id: string): Promise<C>
  /** Whether an entry was loaded at that time or later, in epoch milliseconds. */
  isSince(cached: C, at: number): boolean
  /** Returns the entry, or undefined if its id was invalidated since it was loaded. */
  ifCurrent(id: string, cached: C | undefined): C | undefined
  /** Invalidates one entry, or all. In-flight loads are discarded and their waiters retry. */
  forget(id: string | undefined): void
}

export interface CacheBounds {
  readonly maxKeys: number
  readonly maxAgeMilliseconds: number
  /**
   * How long a load may retry while its id is invalidated again and again. Each read has a time
   * limit of its own.
   */
  readonly deadlineMilliseconds?: number
  readonly now: () => number
}

/** How long the absence of a record, or the refusal of a credential, is trusted. */
export const NEGATIVE_MAX_AGE_MILLISECONDS = 1000
// An invalidation during a load makes all its waiters retry. More retries in a row mean that the
// feed is wrong.
const MAX_ATTEMPTS = 20

/**
 * @param read Reads what is under an id, and returns the whole entry. An entry may hold more than
 *   {@link Cached} declares.
 * @param dropped Called for each entry with a value that leaves the cache.
 */
export function createCache<C extends Cached<unknown>>(
  read: (id: string, loadedAt: number, generation: number) => Promise<C>,
  bounds: CacheBounds,
  dropped: (cached: C) => void = () => {},
): Cache<C> {
  const { maxKeys, maxAgeMilliseconds, now } = bounds
  const { deadlineMilliseconds = Number.POSITIVE_INFINITY } = bounds
  const entries = createEntries<C>(maxKeys, dropped)
  const generations = createGenerations()
  const madeAt = now()
  const negativeMaxAge = Math.min(maxAgeMilliseconds, NEGATIVE_MAX_AGE_MILLISECONDS)
  const loads = createLoads({
    read,
    keep,
    maxAgeMilliseconds,
    elapsed: () => now() - madeAt,
    generationOf: generations.of,
  })

  function keep(id: string, cached: C): void {
    const other = entries.get(id)
    const isOvertaken =
      other !== undefined && other.loadedAt > cached.loadedAt && other.loadedAt <= now() - madeAt
    if (!isOvertaken && cached.generation === generations.of(id)) entries.set(id, cached)
  }

  function peek(id: string, at: number): C | undefined {
    const cached = entries.get(id)
    if (cached === undefined) return undefined
    const maxAge = cached.value === null ? negativeMaxAge : maxAgeMilliseconds
    return isYounger(maxAge, cached.loadedAt, at) ? cached : undefined
  }

  function isYounger(maxAge: number, loadedAt: number, at: number): boolean {
    const age = at - madeAt - loadedAt
    // A negative age means that the clock went back, so the real age of the value is unknown.
    return age >= 0 && age < maxAge
  }

  return {
    peek,
    isFresh: (loadedAt, at) => isYounger(maxAgeMilliseconds, loadedAt, at),
    last: entries.get,
    async load(id) {
      const begun = now()
      for (
        let attempt = 0;
        attempt < MAX_ATTEMPTS && Math.abs(now() - begun) < deadlineMilliseconds;
        attempt++
      ) {
        const known = attempt > 0 ? peek(id, now()) : undefined
        if (known !== undefined) return known
        const cached = await loads.of(id)
        if (cached.generation === generations.of(id)) return cached
      }
      throw invalidatedTooOften()
    },
    isSince: (cached, at) => cached.loadedAt >= at - madeAt,
    ifCurrent(id, cached) {
      return cached !== undefined && cached.generation === generations.of(id) ? cached : undefined
    },
    forget(id) {
      if (id === undefined) {
        generations.nextOfAll()
        entries.clear()
        return
      }
      generations.next(id)
      entries.delete(id)
    },
  }
}

/** The error of a load whose id was invalidated again during every attempt. */
export function invalidatedTooOften(): TwinkeyError {
  const message = 'The data for a decision was invalidated repeatedly while it was loaded.'
  return new TwinkeyError('store_unavailable', message)
}
