import type { KeyRecord } from '../../core/model/api-key.ts'
import type { HistoryEntry } from '../../core/model/history.ts'
import { leadingHistoryLabel, matchesHistory } from '../../core/store/history-query.ts'
import { isListed, leadingLabel } from '../../core/store/list-query.ts'
import { fillPage, type Scan } from '../../core/store/paging.ts'
import type { KeyStore, ListQuery, Position, StoredKey } from '../../core/store/store.ts'
import type { Runner } from './client.ts'
import type { EntryRow, KeyRow, Placed, Statements } from './statements.ts'

// Where an index is read from without a position: before the oldest, and after the newest.
const ENDS: Readonly<Record<ListQuery['sort'], Position>> = {
  oldest: { at: -1, id: '' },
  newest: { at: Number.MAX_SAFE_INTEGER, id: '' },
}

/** Creates the calls that read. One label leads a page, and the other filters are applied here. */
export function createReads(
  { read }: Runner,
  sql: Statements,
): Pick<KeyStore, 'get' | 'list' | 'history'> {
  const scan =
    <Row, T>(
      statement: string,
      label: string,
      sort: ListQuery['sort'],
      signal: AbortSignal | undefined,
      parse: (row: Placed<Row>) => T,
    ) =>
    async (after: Position | undefined, count: number): Promise<Scan<T>> => {
      const { at, id } = after ?? ENDS[sort]
      const rows = await read<Placed<Row>>(signal, statement, label, at, id, count)
      const found = rows.map((row) => ({ at: { at: row.at, id: row.id }, value: parse(row) }))
      return { found, isEnd: found.length < count }
    }

  return {
    async get(id, signal) {
      const [row] = await read<KeyRow>(signal, sql.get, id)
      return row && parseKey(row)
    },
    async list(query, signal) {
      const { sort } = query
      const rows = scan(sql.list(sort), leadingLabel(query), sort, signal, parseKey)
      const { values, next } = await fillPage(query, rows, (key) => isListed(key, query))
      return { keys: values as KeyRecord[], next }
    },
    async history(query, signal) {
      const { sort } = query
      const rows = scan(sql.history(sort), leadingHistoryLabel(query), sort, signal, parseEntry)
      const { values, next } = await fillPage(query, rows, (entry) => matchesHistory(entry, query))
      return { entries: values, next }
    },
  }
}

/** A malformed record is returned as it is, so that the core reports it. */
function parseKey({ record, uses }: KeyRow): StoredKey {
  const stored = parse(record) as StoredKey | null
  return stored?.kind === 'key'
    ? { ...stored, lastUsedAt: JSON.parse(uses) }
    : (stored as StoredKey)
}

function parseEntry({ entry }: EntryRow): HistoryEntry {
  return parse(entry) as HistoryEntry
}

/** Parses a text. Returns one that is not JSON unchanged. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
