// Keys in LMDB, following docs/writing-a-store.md. Processes on one machine can share the file.
import { type Database, open } from 'lmdb'
import {
  fillPage,
  type HistoryEntry,
  historyLabelsOf,
  isListed,
  type KeyRecord,
  type KeyStore,
  labelsOf,
  leadingHistoryLabel,
  leadingLabel,
  matchesHistory,
  type Position,
  type Scan,
  type StoredKey,
} from 'twinkey/store'

export interface LmdbStore extends KeyStore {
  close(): Promise<void>
}

/**
 * Last uses of one key, by secret id. They are separate from the record, so that recording a use
 * cannot undo a change of the record.
 */
type Uses = Record<string, number>

/** An index: for each label, the ids of the values that have it, in the order of their times. */
type Index = Database<true, (string | number)[]>

const MAX_FORGOTTEN = 1000

export function lmdbStore(path: string): LmdbStore {
  // Without overlappingSync, a transaction is on the disk when it completes.
  const root = open({ path, maxDbs: 5, overlappingSync: false })
  const records = root.openDB<StoredKey, string>('records', { encoding: 'json' })
  const uses = root.openDB<Uses, string>('uses', { encoding: 'json' })
  const entries = root.openDB<HistoryEntry, string>('history', { encoding: 'json' })
  const keyIndex: Index = root.openDB('key-index', { encoding: 'json' })
  const historyIndex: Index = root.openDB('history-index', { encoding: 'json' })

  const joined = (record: StoredKey): StoredKey =>
    record.kind === 'key' ? { ...record, lastUsedAt: uses.get(record.id) ?? {} } : record

  // Reads share a snapshot until the end of the event loop turn. A new snapshot has the writes of
  // other processes.
  const fresh = () => root.resetReadTxn()

  // LMDB allows one writer at a time across processes, so compare and set are atomic. A record, its
  // place in the index and the entry of its change are written in one transaction.
  const write = <T>(change: () => T): T => root.transactionSync(change)

  const add = (entry: HistoryEntry | undefined) => {
    if (entry === undefined) return
    entries.putSync(entry.id, entry)
    for (const place of placesOf(historyLabelsOf(entry), entry)) historyIndex.putSync(place, true)
  }
  const unindex = (record: StoredKey | undefined) => {
    if (record?.kind !== 'key') return
    for (const place of placesOf(labelsOf(record), placeOf(record))) keyIndex.removeSync(place)
  }

  return {
    async get(id) {
      fresh()
      const record = records.get(id)
      return record && joined(record)
    },
    async put(next, expectedVersion, entry) {
      return write(() => {
        const now = records.get(next.id)
        if (now?.version !== expectedVersion) return now === undefined ? 'missing' : 'conflict'
        unindex(now)
        records.putSync(next.id, next)
        if (next.kind === 'key')
          for (const place of placesOf(labelsOf(next), placeOf(next))) keyIndex.putSync(place, true)
        add(entry)
        return 'stored'
      })
    },
    async delete(id, expectedVersion, entry) {
      return write(() => {
        const now = records.get(id)
        if (now?.version !== expectedVersion) return now === undefined ? 'missing' : 'conflict'
        unindex(now)
        records.removeSync(id)
        uses.removeSync(id)
        add(entry)
        return 'deleted'
      })
    },
    async list(query) {
      fresh()
      const find = (id: string) => {
        const record = records.get(id)
        return record && (joined(record) as KeyRecord)
      }
      const read = scan(keyIndex, leadingLabel(query), query.sort, find)
      const { values, next } = await fillPage(query, read, (key) => isListed(key, query))
      return { keys: values, next }
    },
    async history(query) {
      fresh()
      const read = scan(historyIndex, leadingHistoryLabel(query), query.sort, (id) =>
        entries.get(id),
      )
      const { values, next } = await fillPage(query, read, (entry) => matchesHistory(entry, query))
      return { entries: values, next }
    },
    async forgetHistory(before) {
      return write(() => {
        const range = { start: ['entry'], end: ['entry', before], limit: MAX_FORGOTTEN }
        const old = [...historyIndex.getKeys(range)].map((place) => entries.get(String(place[2])))
        for (const entry of old) {
          if (entry === undefined) continue
          for (const place of placesOf(historyLabelsOf(entry), entry))
            historyIndex.removeSync(place)
          entries.removeSync(entry.id)
        }
        return old.length
      })
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

const placeOf = ({ createdAt, id }: KeyRecord): Position => ({ at: createdAt, id })

const placesOf = (labels: readonly string[], { at, id }: Position) =>
  labels.map((label) => [label, at, id])

/** Reads an index for `fillPage`: at most `count` places of a label behind a position. */
function scan<T>(
  index: Index,
  label: string,
  sort: 'newest' | 'oldest',
  find: (id: string) => T | undefined,
) {
  const [first, last] = [[label], [label, Number.MAX_SAFE_INTEGER]]
  const [start, end] = sort === 'oldest' ? [first, last] : [last, first]
  return async (after: Position | undefined, limit: number): Promise<Scan<T>> => {
    const places = index.getKeys({
      start: after === undefined ? start : [label, after.at, after.id],
      exclusiveStart: true,
      end,
      reverse: sort === 'newest',
      limit,
    })
    const found = [...places].map(([, at, id]) => ({
      at: { at: Number(at), id: String(id) },
      value: find(String(id)),
    }))
    return { found, isEnd: found.length < limit }
  }
}
