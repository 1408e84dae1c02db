/** Finds the first entry of a map that drops its first entry when it is full. */
export interface Front<K> {
  /** The first key. */
  first(): K | undefined
  /** Must be called after an entry was added and none removed. */
  grown(): void
  /** Must be called after all entries were removed. */
  cleared(): void
}

// After this many added entries without a call of first(), the iterator is released.
const MAX_UNASKED = 1000

/**
 * Keeps one iterator. A new iterator for each call would walk over the places of all removed
 * entries. But an idle iterator keeps every removed entry alive, so it is released in time.
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
      if (++unasked >= MAX_UNASKED) keys = undefined
    },
    cleared() {
      keys = undefined
    },
  }
}
