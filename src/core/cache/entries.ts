import { frontOf } from './front.ts'

/** The entries of a cache. A full cache drops the entry that was loaded longest ago. */
export interface Entries<E> {
  get(id: string): E | undefined
  set(id: string, entry: E): void
  delete(id: string): void
  clear(): void
}

// Entries whose value is null are bounded separately, so that lookups of unknown ids do not evict
// known ones.
const MAX_ABSENT = 10_000

/** @param dropped Called for each entry with a value that is replaced, deleted or evicted. */
export function createEntries<E extends { readonly value: unknown }>(
  maxKeys: number,
  dropped: (entry: E) => void,
): Entries<E> {
  const present = new Map<string, E>()
  const absent = new Map<string, E>()
  const oldestPresent = frontOf(present)
  const oldestAbsent = frontOf(absent)

  function remove(id: string): void {
    drop(present, id)
    drop(absent, id)
  }

  function drop(from: Map<string, E>, id: string): void {
    const entry = from.get(id)
    if (entry === undefined) return
    from.delete(id)
    if (entry.value !== null) dropped(entry)
  }

  return {
    get: (id) => present.get(id) ?? absent.get(id),
    set(id, entry) {
      remove(id)
      const [into, front, limit] =
        entry.value === null
          ? [absent, oldestAbsent, Math.min(maxKeys, MAX_ABSENT)]
          : [present, oldestPresent, maxKeys]
      // A map keeps insertion order, and an entry in use is inserted again whenever it is reloaded.
      if (into.size >= limit) drop(into, front.first() as string)
      else front.grown()
      into.set(id, entry)
    },
    delete: remove,
    clear() {
      for (const entry of present.values()) dropped(entry)
      present.clear()
      absent.clear()
      oldestPresent.cleared()
      oldestAbsent.cleared()
    },
  }
}
