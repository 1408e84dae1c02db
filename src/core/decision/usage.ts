import type { KeyRecord, StoredSecret } from '../model/api-key.ts'
import type { Slot } from '../secrets/secret.ts'
import type { CheckedStore } from '../store/checked-store.ts'
import type { SecretUse } from '../store/store.ts'
import type { Identity } from './identity.ts'

/** Writes down the last use of each secret, off the request path. */
export interface Usage {
  /**
   * Notes that the credential of a known key was used. Writes at most once a minute for a secret
   * and all of its tokens, the first time at once.
   */
  note(used: Identity, now: number): void
  /** Resolves when everything noted so far is written, or has failed; undefined where it is. */
  flush(): Promise<void> | undefined
}

const INTERVAL_SECONDS = 60
// While the store is down, this many secrets are remembered; losing the last use of more than that
// loses nobody's access.
const MAX_QUEUED = 10_000

// Longer than any deadline: a host that ends with the response may have torn a write down in the
// middle.
const STUCK_MILLISECONDS = 120_000

export function createUsage(
  store: Pick<CheckedStore, 'recordUse'>,
  failed: (error: unknown) => void,
): Usage {
  let queued = new Map<string, SecretUse>()
  let writing: Promise<void> | undefined
  let begunAt = 0

  // One write at a time: what is noted meanwhile goes together with the next.
  async function write(begun: number): Promise<void> {
    while (queued.size > 0) {
      const batch = [...queued.values()]
      queued = new Map()
      try {
        await store.recordUse(batch)
      } catch (error) {
        failed(error)
      }
    }
    if (begunAt === begun) writing = undefined
  }

  return {
    note(used, now) {
      const minter = used.issuedFor ?? used
      // Another node, whose clock may be ahead of this one, may have written it down already.
      if (Math.abs(Math.floor(now / 1000) - minter.usedAtSecond) < INTERVAL_SECONDS) return
      minter.usedAtSecond = Math.ceil(now / 1000)
      const { key, slot } = minter as { key: KeyRecord; slot: Slot }
      const { id } = key[slot] as StoredSecret
      if (queued.size < MAX_QUEUED) queued.set(id, { keyId: key.id, secretId: id, usedAt: now })
      // Begun in a microtask, so that the write is never part of the decision that caused it.
      if (writing !== undefined && Math.abs(now - begunAt) < STUCK_MILLISECONDS) return
      begunAt = now
      writing = Promise.resolve().then(() => write(now))
    },
    flush: () => writing,
  }
}
