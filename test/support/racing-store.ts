import type { KeyStore } from 'twinkey'

/** Numbers from 0 to 1 that are the same in every run. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** A store that takes a random number of turns before and after each call, so that calls made at the same time really interleave. */
export function racingStore(inner: KeyStore, random: () => number): KeyStore {
  // Mostly a few turns, sometimes so many that the other call is long done.
  const pause = async () => {
    for (let turns = Math.floor(random() ** 4 * 80); turns > 0; turns--) await undefined
  }
  const slow = async <T>(call: () => Promise<T>): Promise<T> => {
    await pause()
    const answer = await call()
    await pause()
    return answer
  }
  return {
    get: (id) => slow(() => inner.get(id)),
    put: (next, expectedVersion) => slow(() => inner.put(next, expectedVersion)),
    delete: (id, expectedVersion) => slow(() => inner.delete(id, expectedVersion)),
    list: (query) => slow(() => inner.list(query)),
    recordUse: (uses) => slow(() => inner.recordUse(uses)),
  }
}
