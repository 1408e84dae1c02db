import type { HistoryEntry } from '../../core/model/history.ts'
import { historyLabelsOf, matchesHistory } from '../../core/store/history-query.ts'
import { labelsOf } from '../../core/store/list-query.ts'
import type { HistoryQuery, StoredKey } from '../../core/store/store.ts'
import { currentRecord } from '../../core/store/stored-key.ts'
import type { Place } from './time-index.ts'

/**
 * Parses the alternating field names and values of a stored hash. Returns a text that is not JSON
 * unchanged: the core reports it as malformed. A hash without a record reserves an id.
 */
export function parseRecord(fields: readonly string[]): StoredKey | undefined {
  let text: string | undefined
  const uses: [string, number][] = []
  for (let i = 0; i < fields.length; i += 2) {
    const [name, value] = fields.slice(i, i + 2) as [string, string]
    if (name === 'record') text = value
    if (name.startsWith('use:')) uses.push([name.slice(4), Number(value)])
  }
  if (text === undefined) return undefined
  const record = parse(text) as StoredKey
  return record?.kind === 'key' ? { ...record, lastUsedAt: Object.fromEntries(uses) } : record
}

/** The place of a record in the index of keys. Throws if the record is malformed. */
export function placeOfKey(record: StoredKey, write: string): Place {
  const at = record.kind === 'key' ? record.createdAt : 0
  if (!Number.isSafeInteger(at) || at < 0) throw new TypeError('createdAt must be a time')
  return { at, id: record.id, tail: write, labels: labelsOf(currentRecord(record) as StoredKey) }
}

/** The place of an entry in the index of entries. */
export function placeOfEntry(entry: HistoryEntry, write: string): Place {
  const { at, id, keyId } = entry
  return { at, id, tail: `${keyId} ${write}`, labels: historyLabelsOf(entry) }
}

/** The key to whose history a member of the index of entries leads. */
export function keyIdOf({ tail }: { readonly tail: string }): string {
  return tail.slice(0, tail.indexOf(' '))
}

/** Whether an entry matches a query. A malformed one does, so that the core reports it. */
export function isInHistory(entry: HistoryEntry, query: HistoryQuery): boolean {
  try {
    return typeof entry !== 'object' || matchesHistory(entry, query)
  } catch {
    return true
  }
}

/** Parses JSON. Returns a text that is not JSON unchanged. */
export function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
