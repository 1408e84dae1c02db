import type { KeyRecord } from './api-key.ts'
import type { CheckedStore } from './checked-store.ts'
import type { CachedKey } from './key-cache.ts'
import type { Slot } from './secret.ts'
import type { SecretUse } from './store.ts'

/** Writes down the last use of each secret, off the request path. */
export interface Usage {
  /** Notes that a secret was used. Writes at most once a minute for each secret, the first time at once. */
  note(key: KeyRecord, slot: Slot, usedAt: CachedKey['usedAt'], now: number): void
  /** Resolves when everything noted so far is written, or has failed; undefined where it is. */
  pending(): Promise<void> | undefined
}

const INTERVAL_MILLISECONDS = 60_000
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
    note(key, slot, usedAt, now) {
      // Another node, whose clock may be ahead of this one, may have written it down already.
      if (Math.abs(now - usedAt[slot]) < INTERVAL_MILLISECONDS) return
      usedAt[slot] = now
      const secretId = (key[slot] as NonNullable<KeyRecord[Slot]>).id
      if (pending.size < MAX_PENDING) pending.set(secretId, { keyId: key.id, secretId, usedAt: now })
      // Begun in a microtask, so that the write is never part of the decision that caused it.
      if (writing !== undefined && Math.abs(now - begunAt) < STUCK_MILLISECONDS) return
      begunAt = now
      writing = Promise.resolve().then(() => write(now))
    },
    pending: () => writing,
  }
}
