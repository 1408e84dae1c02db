import type { CheckedStore } from './checked-store.ts'
import type { SecretUse } from './store.ts'

/** The last use of one secret that was written down, as far as this node knows. The secret and every token that it minted share it. */
export interface LastUse {
  readonly keyId: string
  readonly secretId: string
  /** Epoch seconds, rounded up; 0 for never. */
  usedAtSecond: number
}

/** Writes down the last use of each secret, off the request path. */
export interface Usage {
  /** Notes that a secret was used. Writes at most once a minute for each secret, the first time at once. */
  note(last: LastUse, now: number): void
  /** Resolves when everything noted so far is written, or has failed; undefined where it is. */
  pending(): Promise<void> | undefined
}

const INTERVAL_SECONDS = 60
// While the store is down, this many secrets are remembered; losing the last use of more than that loses nobody's access.
const MAX_PENDING = 10_000

// Longer than any deadline: a host that ends with the response may have torn a write down in the middle.
const STUCK_MILLISECONDS = 120_000

export function createUsage(store: Pick<CheckedStore, 'recordUse'>, failed: (error: unknown) => void): Usage {
  let pending = new Map<string, SecretUse>()
  let writing: Promise<void> | undefined
  let begunAt = 0

  // One write at a time: what is noted meanwhile goes together with the next.
  async function write(begun: number): Promise<void> {
    while (pending.size > 0) {
      const batch = [...pending.values()]
      pending = new Map()
      try {
        await store.recordUse(batch)
      } catch (error) {
        failed(error)
      }
    }
    if (begunAt === begun) writing = undefined
  }

  return {
    note(last, now) {
      // Another node, whose clock may be ahead of this one, may have written it down already.
      if (Math.abs(Math.floor(now / 1000) - last.usedAtSecond) < INTERVAL_SECONDS) return
      last.usedAtSecond = Math.ceil(now / 1000)
      const { keyId, secretId } = last
      if (pending.size < MAX_PENDING) pending.set(secretId, { keyId, secretId, usedAt: now })
      // Begun in a microtask, so that the write is never part of the decision that caused it.
      if (writing !== undefined && Math.abs(now - begunAt) < STUCK_MILLISECONDS) return
      begunAt = now
      writing = Promise.resolve().then(() => write(now))
    },
    pending: () => writing,
  }
}
