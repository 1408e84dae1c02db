import type { KeyRecord, StoredSecret } from '../model/api-key.ts'
import type { Slot } from '../secrets/secret.ts'
import type { CheckedStore } from '../store/checked-store.ts'
import type { SecretUse } from '../store/store.ts'
import type { Identity } from './identity.ts'

/** Records the last use of each secret, off the request path. */
export interface Usage {
  /**
   * Notes that a credential was used. The first use of a secret is written immediately, and further
   * uses of it and its tokens at most once a minute.
   */
  note(used: Identity, now: number): void
  /** Resolves when all noted uses are written or have failed; undefined if none is pending. */
  flush(): Promise<void> | undefined
}

const INTERVAL_SECONDS = 60
// At most this many secrets wait while the store is down. The last uses of further secrets are
// lost, but access is not affected.
const MAX_QUEUED = 10_000

// Longer than any deadline. A host that stops with the response may have aborted the write, so a
// new one may begin after this time.
const STUCK_MILLISECONDS = 120_000

export function createUsage(
  store: Pick<CheckedStore, 'recordUse'>,
  failed: (error: unknown) => void,
): Usage {
  let queued = new Map<string, SecretUse>()
  let writing: Promise<void> | undefined
  let begunAt = 0

  // One write at a time. Uses that are noted meanwhile are written together next.
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
      const secret = used.issuedFor ?? used
      // Another node, whose clock may be ahead of this one, may have written the use already.
      if (Math.abs(Math.floor(now / 1000) - secret.usedAtSecond) < INTERVAL_SECONDS) return
      secret.usedAtSecond = Math.ceil(now / 1000)
      const { key, slot } = secret as { key: KeyRecord; slot: Slot }
      const { id } = key[slot] as StoredSecret
      if (queued.size < MAX_QUEUED) queued.set(id, { keyId: key.id, secretId: id, usedAt: now })
      // The write begins in a microtask, so that it is never part of the decision.
      if (writing !== undefined && Math.abs(now - begunAt) < STUCK_MILLISECONDS) return
      begunAt = now
      writing = Promise.resolve().then(() => write(now))
    },
    flush: () => writing,
  }
}
