import type { KeyStore } from 'twinkey'

/** Numbers from 0 to 1, the same in every run. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/**
 * A store that waits a random number of turns before and after each call, so that concurrent calls
 * interleave.
 */
export function racingStore(inner: KeyStore, random: () => number): KeyStore {
  const { watch: _untold, ...store } = pausedStore(inner, () => turns(random))
  return store
}

/** Usually a few turns, and sometimes enough for the other call to finish. */
export async function turns(random: () => number): Promise<void> {
  for (let left = Math.floor(random() ** 4 * 80); left > 0; left--) await undefined
}

/** A store that waits for `pause` before and after each call, and before it reports a change. */
export function pausedStore(inner: KeyStore, pause: (call: string) => Promise<void>): KeyStore {
  const slow = async <T>(name: string, call: () => Promise<T>): Promise<T> => {
    await pause(`before ${name}`)
    const answer = await call()
    await pause(`after ${name}`)
    return answer
  }
  return {
    get: (id) => slow('get', () => inner.get(id)),
    put: (next, expectedVersion, entry) =>
      slow('put', () => inner.put(next, expectedVersion, entry)),
    delete: (id, expectedVersion, entry) =>
      slow('delete', () => inner.delete(id, expectedVersion, entry)),
    list: (query) => slow('list', () => inner.list(query)),
    history: (query) => slow('history', () => inner.history(query)),
    forgetHistory: (before) => slow('forgetHistory', () => inner.forgetHistory(before)),
    recordUse: (uses) => slow('recordUse', () => inner.recordUse(uses)),
    watch: async (changed) =>
      (await inner.watch?.((id) => void pause('before changed').then(() => changed(id)))) ??
      (async () => {}),
  }
}
