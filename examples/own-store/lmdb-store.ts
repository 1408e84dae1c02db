// Keys in LMDB, following docs/writing-a-store.md. Processes on one machine can share the file.
import { open } from 'lmdb'
import { type KeyRecord, type KeyStore, matchesQuery, type StoredKey } from 'twinkey/store'

export interface LmdbStore extends KeyStore {
  close(): Promise<void>
}

/**
 * Last uses of one key, by secret id. They are separate from the record, so that recording a use
 * cannot undo a change of the record.
 */
type Uses = Record<string, number>

export function lmdbStore(path: string): LmdbStore {
  // Without overlappingSync, a transaction is on the disk when it completes.
  const root = open({ path, maxDbs: 2, overlappingSync: false })
  const records = root.openDB<StoredKey, string>('records', { encoding: 'json' })
  const uses = root.openDB<Uses, string>('uses', { encoding: 'json' })

  const joined = (record: StoredKey): StoredKey =>
    record.kind === 'key' ? { ...record, lastUsedAt: uses.get(record.id) ?? {} } : record

  // Reads share a snapshot until the end of the event loop turn. A new snapshot has the writes of
  // other processes.
  const fresh = () => root.resetReadTxn()

  // LMDB allows one writer at a time across processes, so compare and set are atomic.
  const write = <T>(change: () => T): T => root.transactionSync(change)

  return {
    async get(id) {
      fresh()
      const record = records.get(id)
      return record && joined(record)
    },
    async put(next, expectedVersion) {
      return write(() => {
        const now = records.get(next.id)
        if (now?.version !== expectedVersion) return now === undefined ? 'missing' : 'conflict'
        records.putSync(next.id, next)
        return 'stored'
      })
    },
    async delete(id, expectedVersion) {
      return write(() => {
        const now = records.get(id)
        if (now?.version !== expectedVersion) return now === undefined ? 'missing' : 'conflict'
        records.removeSync(id)
        uses.removeSync(id)
        return 'deleted'
      })
    },
    async list({ limit, cursor, ...filter }) {
      fresh()
      const keys: KeyRecord[] = []
      for (const { value } of records.getRange(
        cursor === undefined ? {} : { start: cursor, exclusiveStart: true },
      )) {
        if (value.kind !== 'key' || !matchesQuery(value, filter)) continue
        // One key more than the limit: there is another page.
        if (keys.length === limit) return { keys, next: keys.at(-1)?.id }
        keys.push(joined(value) as KeyRecord)
      }
      return { keys, next: undefined }
    },
    async recordUse(all) {
      write(() => {
        for (const { keyId, secretId, usedAt } of all) {
          if (records.get(keyId)?.kind !== 'key') continue
          const before = uses.get(keyId) ?? {}
          uses.putSync(keyId, { ...before, [secretId]: Math.max(before[secretId] ?? 0, usedAt) })
        }
      })
    },
    close: () => root.close(),
  }
}
