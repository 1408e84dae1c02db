/** Counts how often each id was invalidated. */
export interface Generations {
  of(id: string): number
  next(id: string): void
  nextOfAll(): void
}

const COUNTERS = 4096

/**
 * Counts by a hash of the id, so that memory is bounded. Two ids that share a counter cost an
 * unnecessary load, never a stale value.
 */
export function createGenerations(): Generations {
  const counters = new Uint32Array(COUNTERS)
  return {
    of: (id) => counters[hashOf(id)] as number,
    next(id) {
      const index = hashOf(id)
      counters[index] = (counters[index] as number) + 1
    },
    nextOfAll() {
      for (let i = 0; i < COUNTERS; i++) counters[i] = (counters[i] as number) + 1
    },
  }
}

function hashOf(id: string): number {
  let hash = 0
  for (let i = 0; i < id.length; i++) hash = (Math.imul(hash, 31) + id.charCodeAt(i)) | 0
  return (hash >>> 0) % COUNTERS
}
