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

export function createEntries<E extends { readonly value: unknown }>(maxKeys: number): Entries<E> {
  const present = new Map<string, E>()
  const absent = new Map<string, E>()
  const oldestPresent = frontOf(present)
  const oldestAbsent = frontOf(absent)

  function remove(id: string): void {
    present.delete(id)
    absent.delete(id)
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
      if (into.size >= limit) into.delete(front.first() as string)
      else front.grown()
      into.set(id, entry)
    },
    delete: remove,
    clear() {
      present.clear()
      absent.clear()
      oldestPresent.cleared()
      oldestAbsent.cleared()
    },
  }
}
