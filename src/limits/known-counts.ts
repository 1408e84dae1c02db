import type { Count } from './limit-counter.ts'

// About 2 MB.
const MAX_COUNTS = 10_000

/**
 * What this process knows about shared counters. Other processes count too, so a counter holds this
 * much or more, until its window ends.
 */
export interface KnownCounts {
  /** How much a counter holds at least. */
  used(name: string, at: number): number
  /** Replaces the count after a read. It can be less than before, if the window ended early. */
  replace(name: string, count: Count): void
  /** Raises the count after a request. Never lowers it, because answers can arrive out of order. */
  raise(name: string, count: Count, at: number): void
}

/** Remembers the counters of the latest requests. */
export function createKnownCounts(): KnownCounts {
  const counts = new Map<string, Count>()

  function used(name: string, at: number): number {
    const known = counts.get(name)
    if (known === undefined) return 0
    if (at < known.endsAt) return known.used
    counts.delete(name)
    return 0
  }

  function replace(name: string, count: Count): void {
    // Removed first, so that the oldest stay in front.
    counts.delete(name)
    counts.set(name, count)
    if (counts.size <= MAX_COUNTS) return
    for (const [oldest] of counts) {
      counts.delete(oldest)
      return
    }
  }

  return {
    used,
    replace,
    raise: (name, count, at) =>
      replace(name, { ...count, used: Math.max(count.used, used(name, at)) }),
  }
}
