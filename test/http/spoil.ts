import type { CreatedKey, Twinkey } from 'twinkey'
import type { SpyStore } from '../support/spy-store.ts'

/** Keys that will end, each in its own way. */
export interface Doomed {
  readonly disabled: CreatedKey
  readonly revoked: CreatedKey
  readonly deleted: CreatedKey
  /** The store fails for this one. */
  readonly badStore: CreatedKey
}

/** Ends the keys. */
export async function spoil(
  { keys }: Twinkey,
  spy: SpyStore,
  { disabled, revoked, deleted, badStore }: Doomed,
): Promise<void> {
  await keys.disable(disabled.key.id)
  await keys.revoke(revoked.key.id)
  await keys.delete(deleted.key.id)
  spy.override({
    async get(id) {
      if (id === badStore.key.id) throw new Error('connection lost')
      return spy.inner.get(id)
    },
  })
}
