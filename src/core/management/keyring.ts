import { isId, type Metadata } from '../model/api-key.ts'
import { requireInput } from '../model/error.ts'
import { copyInput, readChangeOptions } from '../model/key-input.ts'
import { membersOf } from '../model/operations.ts'
import { type ListKeysInput, MAX_PAGE, readListInput } from '../model/query-input.ts'
import { timeAfter } from '../model/transitions.ts'
import { isVisible, ownerFilter, requireRight, shownKey } from './authority.ts'
import { revokeAll } from './bulk-revocation.ts'
import { readCursor, writeCursor } from './cursor.ts'
import { createHistory } from './history.ts'
import { createKeyChanges } from './key-changes.ts'
import { createKeyCreation } from './key-creation.ts'
import type { KeyList, Keyring } from './key-management.ts'
import { createUsage } from './key-usage.ts'
import { checkOf, entryOf, type KeyringParts } from './keyring-parts.ts'
import { readPage } from './limited-pages.ts'
import { nameClaims, secretClaims } from './reservations.ts'

export function createKeyring<M extends Metadata>(parts: KeyringParts): Keyring<M> {
  const { store, writes, reservations, uniqueNames, authority, emit, now } = parts
  const list = createList<M>(parts)
  return {
    ...createKeyCreation<M>(parts),
    ...createKeyChanges<M>(parts),
    async get(id) {
      requireRight(authority, 'get')
      requireInput(typeof id === 'string' ? undefined : 'must be text', 'id')
      const record = isId(id) ? await store.get(id) : undefined
      const isSeen = record?.kind === 'key' && isVisible(authority, record)
      return isSeen ? shownKey(authority, record, now()) : undefined
    },
    list,
    async *all(input = {}) {
      const query = copyInput<ListKeysInput>(input, membersOf('list'))
      let cursor: string | undefined
      do {
        const page = await list({ limit: MAX_PAGE, ...query, cursor })
        yield* page.keys
        cursor = page.nextCursor
      } while (cursor !== undefined)
    },
    usage: createUsage(parts),
    history: createHistory(parts),
    revokeAll: async (input) => revokeAll(parts, input),
    async delete(id, options = {}) {
      requireRight(authority, 'delete')
      const read = readChangeOptions(options)
      const { key, entry } = await writes.remove(id, {
        check: checkOf(parts, read),
        entry: (each) => entryOf(parts, 'key.deleted', each, timeAfter(each, now()), read),
      })
      if (entry !== undefined) emit?.(entry)
      await reservations.drop(id, [...secretClaims(key), ...nameClaims(key, uniqueNames)])
    },
  }
}

function createList<M extends Metadata>({
  store,
  authority,
  now,
}: KeyringParts): Keyring<M>['list'] {
  return async (input = {}): Promise<KeyList<M>> => {
    requireRight(authority, 'list')
    const { filter, sort, limit, cursor } = readListInput(input)
    const seen = ownerFilter(authority, filter.owner)
    if (seen === undefined) return { keys: [], nextCursor: undefined }
    const query = { ...filter, ...seen, tenants: authority.tenants, sort }
    const begun = cursor === undefined ? undefined : readCursor(query, cursor)
    // Every page of a query refers to the time of its first page.
    const at = begun?.more[0] ?? now()
    const page = await readPage(
      authority,
      { sort, after: begun?.position },
      async (after) => {
        const { keys, next } = await store.list({ ...query, now: at, limit, after })
        return { found: keys, next }
      },
      (key) => ({ at: key.createdAt, id: key.id }),
    )
    return {
      keys: page.found.map((key) => shownKey<M>(authority, key, now())),
      nextCursor: page.next && writeCursor(query, page.next, at),
    }
  }
}
