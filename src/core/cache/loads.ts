import { detachString } from './detach-string.ts'

/** The in-flight loads of a cache. */
export interface Loads<C> {
  /** Joins the load of an id, or starts one. */
  of(id: string): Promise<C>
}

export interface LoadsParts<C> {
  readonly read: (id: string, loadedAt: number, generation: number) => Promise<C>
  /** Keeps what was read in the cache. */
  readonly keep: (id: string, cached: C) => void
  readonly maxAgeMilliseconds: number
  /** Milliseconds since the cache was made. */
  readonly elapsed: () => number
  readonly generationOf: (id: string) => number
}

interface Load<C> {
  readonly loading: Promise<C>
  readonly startedAt: number
  readonly generation: number
}

export function createLoads<C>(parts: LoadsParts<C>): Loads<C> {
  const { read, keep, maxAgeMilliseconds, elapsed, generationOf } = parts
  // The latest load of each id.
  const loads = new Map<string, Load<C>>()

  function start(part: string): Load<C> {
    const id = detachString(part)
    const startedAt = elapsed()
    const generation = generationOf(id)
    const loading = read(id, startedAt, generation).then((cached) => {
      keep(id, cached)
      return cached
    })
    const load: Load<C> = { loading, startedAt, generation }
    const end = () => {
      if (loads.get(id) === load) loads.delete(id)
    }
    loading.then(end, end)
    loads.set(id, load)
    return load
  }

  // No caller joins a load that was invalidated, or that started longer ago than the maximum age of
  // a value. Earlier callers keep its value.
  function join(id: string): Load<C> | undefined {
    const load = loads.get(id)
    if (load === undefined || load.generation !== generationOf(id)) return undefined
    const age = elapsed() - load.startedAt
    return age === 0 || (age > 0 && age < maxAgeMilliseconds) ? load : undefined
  }

  return { of: (id) => (join(id) ?? start(id)).loading }
}
