import type { CreatedKey, Scope, Twinkey } from 'twinkey'
import type { KeyRecord } from 'twinkey/store'
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

/**
 * Makes a key reach nothing on an axis. Management refuses that, but the pre-release wrote such records.
 */
export async function emptyAxis(
  { inner }: SpyStore,
  { key }: CreatedKey,
  axis: keyof Scope,
): Promise<void> {
  const record = (await inner.get(key.id)) as KeyRecord
  const version = record.version + 1
  const next = { ...record, version, scope: { ...record.scope, [axis]: [] } }
  if ((await inner.put(next, record.version, undefined)) !== 'stored')
    throw new Error('the record was not written')
}
