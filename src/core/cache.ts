import { TwinkeyError } from './fault.ts'

/** Something in a cache. `value` is null where there is nothing under that id. */
export interface Cached<V> {
  readonly value: V | null
  /** When the load began: the value may be as old as this. */
  readonly loadedAt: number
  /** Whether it was forgotten since: whoever holds on to it must load anew. */
  forgotten: boolean
}

/** What somebody holds on to, unless it was forgotten meanwhile. */
export function unlessForgotten<V>(cached: Cached<V> | undefined): Cached<V> | undefined {
  return cached?.forgotten ? undefined : cached
}

/** A read-through cache, bounded in number and in age. */
export interface Cache<V> {
  /** What is known and fresh, without waiting; undefined where it must be loaded. */
  peek(id: string, now: number): Cached<V> | undefined
  /** Loads, once for all who ask at the same time. An error is never kept. */
  load(id: string): Promise<Cached<V>>
  /** Forgets one value, or all. A load under way is detached: its result is not kept, and whoever waits for it asks again. */
  forget(id: string | undefined): void
}

export interface CacheBounds {
  readonly maxKeys: number
  readonly maxAgeMilliseconds: number
  readonly now: () => number
}

interface Flight<V> {
  readonly loading: Promise<Cached<V>>
  readonly startedAt: number
  detached: boolean
}

const NEGATIVE_MAX_AGE_MILLISECONDS = 1000
const NEGATIVE_MAX_KEYS = 10_000
// An invalidation during a load makes everyone who waits ask again. More often than this in a row, something is wrong with the feed.
const MAX_ATTEMPTS = 20

export function createCache<V>(read: (id: string) => Promise<V | null>, { maxKeys, maxAgeMilliseconds, now }: CacheBounds): Cache<V> {
  const present = new Map<string, Cached<V>>()
  const absent = new Map<string, Cached<V>>()
  const flights = new Map<string, Flight<V>>()
  const negativeMaxAge = Math.min(maxAgeMilliseconds, NEGATIVE_MAX_AGE_MILLISECONDS)

  function keep(id: string, cached: Cached<V>): void {
    present.delete(id)
    absent.delete(id)
    const [into, limit] = cached.value === null ? [absent, Math.min(maxKeys, NEGATIVE_MAX_KEYS)] : [present, maxKeys]
    // Maps keep insertion order, and what is in use is inserted anew whenever it is reloaded: the first is the one idle longest.
    if (into.size >= limit) into.delete(into.keys().next().value as string)
    into.set(id, cached)
  }

  function start(id: string): Flight<V> {
    const loadedAt = now()
    const loading = read(id).then((value) => {
      const cached = { value, loadedAt, forgotten: false }
      if (!flight.detached) keep(id, cached)
      return cached
    })
    const flight: Flight<V> = { loading, startedAt: loadedAt, detached: false }
    const land = () => {
      if (flights.get(id) === flight) flights.delete(id)
    }
    loading.then(land, land)
    flights.set(id, flight)
    return flight
  }

  function detach(id: string): void {
    const flight = flights.get(id)
    if (flight === undefined) return
    flight.detached = true
    flights.delete(id)
  }

  // A load that has taken longer than a value may be old is not joined: its value would be too old on arrival.
  function join(id: string): Flight<V> | undefined {
    const flight = flights.get(id)
    if (flight === undefined) return undefined
    const age = now() - flight.startedAt
    if (age === 0 || (age > 0 && age < maxAgeMilliseconds)) return flight
    detach(id)
    return undefined
  }

  function peek(id: string, at: number): Cached<V> | undefined {
    const cached = present.get(id) ?? absent.get(id)
    if (cached === undefined) return undefined
    const age = at - cached.loadedAt
    // A negative age means that the clock went back: nothing is known of how old the value really is.
    return age >= 0 && age < (cached.value === null ? negativeMaxAge : maxAgeMilliseconds) ? cached : undefined
  }

  function forget(id: string): void {
    const cached = present.get(id) ?? absent.get(id)
    if (cached !== undefined) cached.forgotten = true
    present.delete(id)
    absent.delete(id)
    detach(id)
  }

  return {
    peek,
    async load(id) {
      for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
        const known = attempt > 0 ? peek(id, now()) : undefined
        if (known !== undefined) return known
        const flight = join(id) ?? start(id)
        const cached = await flight.loading
        if (!flight.detached) return cached
      }
      throw new TwinkeyError('store_unavailable', 'The record was invalidated again and again while it was being read.')
    },
    forget(id) {
      if (id === undefined) for (const each of [...present.keys(), ...absent.keys(), ...flights.keys()]) forget(each)
      else forget(id)
    },
  }
}
