import { isId, type Metadata } from '../model/api-key.ts'
import { requireInput } from '../model/error.ts'
import { readActor, readListInput } from '../model/key-input.ts'
import { viewOf } from '../model/key-view.ts'
import { createAliases } from './aliases.ts'
import { revokeAll } from './bulk-revocation.ts'
import { createKeyChanges } from './key-changes.ts'
import { createKeyCreation } from './key-creation.ts'
import type { Keyring } from './key-management.ts'
import { emitChange, type KeyringParts } from './keyring-parts.ts'

export function createKeyring<M extends Metadata>(parts: KeyringParts): Keyring<M> {
  const { store, writes } = parts
  const aliases = createAliases(store, writes)
  return {
    ...createKeyCreation<M>(parts, aliases),
    ...createKeyChanges<M>(parts),
    async get(id) {
      requireInput(typeof id === 'string' ? undefined : 'must be text', 'id')
      const record = isId(id) ? await store.get(id) : undefined
      return record?.kind === 'key' ? viewOf(record) : undefined
    },
    async list(input = {}) {
      const { keys, next } = await store.list(readListInput(input))
      return { keys: keys.map((key) => viewOf<M>(key)), next }
    },
    revokeAll: async (input) => revokeAll(parts, input),
    async delete(id, options = {}) {
      const by = readActor(options)
      const record = await writes.remove(id)
      emitChange(parts, 'key.deleted', record, by)
      await aliases.drop(record)
    },
  }
}
