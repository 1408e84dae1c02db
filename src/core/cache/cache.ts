import { TwinkeyError } from '../model/error.ts'

/** Something in a cache. `value` is null where there is nothing under that id. */
export interface Cached<V> {
  readonly value: V | null
  /**
   * When the load began: the value may be as old as this. Milliseconds since the cache was made,
   * which are small numbers, kept in place.
   */
  readonly loadedAt: number
  /** How often the id had been forgotten when the load began. */
  readonly generation: number
}

/** A read-through cache, bounded in number and in age. */
export interface Cache<C extends Cached<unknown>> {
  /** What is known and fresh, without waiting; undefined where it must be loaded. */
  peek(id: string, now: number): C | undefined
  /** What was known last, however old it is by now. */
  last(id: string): C | undefined
  /** Loads, once for all who ask at the same time. An error is never kept. */
  load(id: string): Promise<C>
  /** Whether something was loaded at that time or later, in epoch milliseconds. */
  isSince(cached: C, at: number): boolean
  /** What somebody holds on to, unless it was forgotten since it was loaded. */
  ifCurrent(id: string, held: C | undefined): C | undefined
  /**
   * Forgets one value, or all. A load under way is detached: its result is not kept, and whoever
   * waits for it asks again.
   */
  forget(id: string | undefined): void
}

export interface CacheBounds {
  readonly maxKeys: number
  readonly maxAgeMilliseconds: number
  /**
   * How long a load may go on being begun anew, where what it reads is forgotten meanwhile. Each
   * read has a limit of its own.
   */
  readonly deadlineMilliseconds?: number
  readonly now: () => number
}

interface Flight<C> {
  readonly loading: Promise<C>
  readonly startedAt: number
  readonly generation: number
}

/** How long it is believed that something is not there, or that a credential is not live. */
export const NEGATIVE_MAX_AGE_MILLISECONDS = 1000
const NEGATIVE_MAX_KEYS = 10_000
// An invalidation during a load makes everyone who waits ask again. More often than this in a row,
// something is wrong with the feed.
const MAX_ATTEMPTS = 20
const GENERATIONS = 4096

/**
 * @param read Reads what stands under an id, and answers it as it is kept: with more in it than the
 * value, where decisions want more.
 */
export function createCache<C extends Cached<unknown>>(
  read: (id: string, loadedAt: number, generation: number) => Promise<C>,
  {
    maxKeys,
    maxAgeMilliseconds,
    deadlineMilliseconds = Number.POSITIVE_INFINITY,
    now,
  }: CacheBounds,
): Cache<C> {
  const present = new Map<string, C>()
  const absent = new Map<string, C>()
  const oldestPresent = frontOf(present)
  const oldestAbsent = frontOf(absent)
  // The latest load under way of each id.
  const flights = new Map<string, Flight<C>>()
  // How often ids were forgotten, by a hash of the id: bounded, whatever ids there are. Two ids
  // that share a counter only ask once too often.
  const generations = new Uint32Array(GENERATIONS)
  const madeAt = now()
  const negativeMaxAge = Math.min(maxAgeMilliseconds, NEGATIVE_MAX_AGE_MILLISECONDS)

  function keep(id: string, cached: C): void {
    const other = present.get(id) ?? absent.get(id)
    const overtaken =
      other !== undefined && other.loadedAt > cached.loadedAt && other.loadedAt <= now() - madeAt
    if (overtaken || cached.generation !== generationOf(id)) return
    present.delete(id)
    absent.delete(id)
    const none = cached.value === null
    const [into, front, limit] = none
      ? [absent, oldestAbsent, Math.min(maxKeys, NEGATIVE_MAX_KEYS)]
      : [present, oldestPresent, maxKeys]
    // Maps keep insertion order, and what is in use is inserted anew whenever it is reloaded: the
    // first is the one idle longest.
    if (into.size >= limit) into.delete(front.first() as string)
    else front.grown()
    into.set(id, cached)
  }

  function start(part: string): Flight<C> {
    const id = detachString(part)
    const loadedAt = now() - madeAt
    const generation = generationOf(id)
    const loading = read(id, loadedAt, generation).then((cached) => {
      keep(id, cached)
      return cached
    })
    const flight: Flight<C> = { loading, startedAt: loadedAt, generation }
    const land = () => {
      if (flights.get(id) === flight) flights.delete(id)
    }
    loading.then(land, land)
    flights.set(id, flight)
    return flight
  }

  // A load that was forgotten, or has taken longer than a value may be old, is not joined. Those
  // who joined it in time keep its value.
  function join(id: string): Flight<C> | undefined {
    const flight = flights.get(id)
    if (flight === undefined || flight.generation !== generationOf(id)) return undefined
    const age = now() - madeAt - flight.startedAt
    return age === 0 || (age > 0 && age < maxAgeMilliseconds) ? flight : undefined
  }

  function last(id: string): C | undefined {
    return present.get(id) ?? absent.get(id)
  }

  function peek(id: string, at: number): C | undefined {
    const cached = last(id)
    if (cached === undefined) return undefined
    const age = at - madeAt - cached.loadedAt
    // A negative age means that the clock went back: nothing is known of how old the value really
    // is.
    return age >= 0 && age < (cached.value === null ? negativeMaxAge : maxAgeMilliseconds)
      ? cached
      : undefined
  }

  function generationOf(id: string): number {
    return generations[hashOf(id)] as number
  }

  return {
    peek,
    last,
    async load(id) {
      const begun = now()
      for (
        let attempt = 0;
        attempt < MAX_ATTEMPTS && Math.abs(now() - begun) < deadlineMilliseconds;
        attempt++
      ) {
        const known = attempt > 0 ? peek(id, now()) : undefined
        if (known !== undefined) return known
        const cached = await (join(id) ?? start(id)).loading
        if (cached.generation === generationOf(id)) return cached
      }
      throw new TwinkeyError(
        'store_unavailable',
        'What a decision needs was forgotten again and again while it was read.',
      )
    },
    isSince: (cached, at) => cached.loadedAt >= at - madeAt,
    ifCurrent(id, held) {
      return held !== undefined && held.generation === generationOf(id) ? held : undefined
    },
    forget(id) {
      if (id === undefined) {
        for (let i = 0; i < GENERATIONS; i++) generations[i] = (generations[i] as number) + 1
        present.clear()
        absent.clear()
        oldestPresent.cleared()
        oldestAbsent.cleared()
        return
      }
      const index = hashOf(id)
      generations[index] = (generations[index] as number) + 1
      present.delete(id)
      absent.delete(id)
    },
  }
}

/**
 * Which entry of a map stands first, for a map from which the first is taken away when it is full.
 */
export interface Front<K> {
  /** The first key. */
  first(): K | undefined
  /** Says that something was put in and nothing taken away. */
  grown(): void
  /** Says that all was taken away. */
  cleared(): void
}

// How often entries come in without the first being asked for until its place is looked for anew.
const PLACE_HELD_FOR = 1000

/**
 * Finds the first key without walking over the places of all that were taken away before, as an
 * iterator of its own for each call would. But an iterator that is held and not asked keeps
 * everything alive that was in the map since: it is let go of in time.
 */
export function frontOf<K>(entries: ReadonlyMap<K, unknown>): Front<K> {
  let keys: Iterator<K> | undefined
  let unasked = 0
  return {
    first() {
      unasked = 0
      const next = keys?.next()
      if (next !== undefined && next.done !== true) return next.value
      keys = entries.keys()
      return keys.next().value
    },
    grown() {
      if (++unasked >= PLACE_HELD_FOR) keys = undefined
    },
    cleared() {
      keys = undefined
    },
  }
}

/**
 * A copy with memory of its own. A part of a longer text keeps the whole of it: with a key id that
 * would be a header, and the secret in it.
 */
export function detachString(text: string): string {
  return Array.from(text).join('')
}

function hashOf(id: string): number {
  let hash = 0
  for (let i = 0; i < id.length; i++) hash = (Math.imul(hash, 31) + id.charCodeAt(i)) | 0
  return (hash >>> 0) % GENERATIONS
}
