/** The part of a keyring that finds keys by their end. */
export interface ExpiringKeys {
  all(query: {
    readonly state: 'active'
    readonly expiresBefore: number
    readonly limit: number
  }): AsyncIterable<unknown>
}

const PERIOD_MILLISECONDS = 7 * 86_400_000
const MAX_AGE_MILLISECONDS = 5 * 60_000
const PAGE = 100

/**
 * Counts the active keys that end within seven days, at most once in five minutes, because all of
 * them are read. A collection does not wait for it.
 *
 * @returns Reads the last count. Undefined while it is unknown, and while counting fails.
 */
export function countExpiring(keys: ExpiringKeys, now: () => number): () => number | undefined {
  let count: number | undefined
  let countedAt = Number.NEGATIVE_INFINITY
  let isCounting = false

  async function update(): Promise<void> {
    try {
      const query = { state: 'active', limit: PAGE } as const
      let found = 0
      for await (const _ of keys.all({ ...query, expiresBefore: now() + PERIOD_MILLISECONDS }))
        found++
      count = found
    } catch {
      // The call of the store is a failure in `twinkey.store.duration`.
      count = undefined
    }
    countedAt = performance.now()
    isCounting = false
  }

  return () => {
    if (!isCounting && performance.now() - countedAt > MAX_AGE_MILLISECONDS) {
      isCounting = true
      void update()
    }
    return count
  }
}
