import type { KeyRecord } from '../../core/model/api-key.ts'
import type { HistoryEntry } from '../../core/model/history.ts'
import { leadingHistoryLabel, matchesHistory } from '../../core/store/history-query.ts'
import { isListed, leadingLabel } from '../../core/store/list-query.ts'
import { comparePositions, fillPage, type Scan } from '../../core/store/paging.ts'
import type { KeyStore, ListQuery, Position, StoredKey } from '../../core/store/store.ts'
import { textOf } from './client.ts'
import type { Statements } from './statements.ts'
import type { Transactions } from './transactions.ts'

// Where an index is read from without a position: before the oldest, and after the newest.
const ENDS: Readonly<Record<ListQuery['sort'], Position>> = {
  oldest: { at: -1, id: '' },
  newest: { at: Number.MAX_SAFE_INTEGER, id: '' },
}

/** Creates the calls that read. One label leads a page, and the other filters are applied here. */
export function createReads(
  { read }: Transactions,
  sql: Statements,
): Pick<KeyStore, 'get' | 'list' | 'history'> {
  const scan =
    <T>(
      sort: ListQuery['sort'],
      signal: AbortSignal | undefined,
      statement: (after: Position, count: number) => string,
      parse: (rows: readonly Values[]) => T | undefined,
    ) =>
    async (after: Position | undefined, count: number): Promise<Scan<T>> => {
      const rows = await read(signal, statement(after ?? ENDS[sort], count))
      const found = byPosition(rows, sort).map(({ at, rows }) => ({ at, value: parse(rows) }))
      return { found, isEnd: found.length < count }
    }

  return {
    async get(id, signal) {
      return parseKey(await read(signal, sql.get(id)))
    },
    async list(query, signal) {
      const { sort } = query
      const statement = (after: Position, count: number) =>
        sql.list(leadingLabel(query), sort, after, count)
      const rows = scan(sort, signal, statement, parseKey)
      const { values, next } = await fillPage(query, rows, (key) => isListed(key, query))
      return { keys: values as KeyRecord[], next }
    },
    async history(query, signal) {
      const { sort } = query
      const statement = (after: Position, count: number) =>
        sql.history(leadingHistoryLabel(query), sort, after, count)
      const rows = scan(sort, signal, statement, ([row]) => parseEntry(row))
      const { values, next } = await fillPage(query, rows, (entry) => matchesHistory(entry, query))
      return { entries: values, next }
    },
  }
}

type Values = readonly unknown[]

/** Gathers the rows of each position, in order. A row begins with its position. */
function byPosition(
  rows: readonly Values[],
  sort: ListQuery['sort'],
): { at: Position; rows: Values[] }[] {
  const gathered = new Map<string, { at: Position; rows: Values[] }>()
  for (const [time, text, ...values] of rows) {
    const at = { at: Number(time), id: textOf(text) }
    const place = gathered.get(at.id)
    if (place === undefined) gathered.set(at.id, { at, rows: [values] })
    else place.rows.push(values)
  }
  const direction = sort === 'newest' ? -1 : 1
  return [...gathered.values()].sort((a, b) => direction * comparePositions(a.at, b.at))
}

/**
 * Reads a key from its rows: its record, and its uses. A malformed record is returned as it is, so
 * that the core reports it.
 */
function parseKey(rows: readonly Values[]): StoredKey | undefined {
  const text = rows.find(([record]) => record !== null)?.[0]
  if (text === undefined) return undefined
  const stored = parse(text) as StoredKey | null
  if (stored?.kind !== 'key') return stored as StoredKey
  const uses = rows.filter(([, secretId]) => secretId !== null)
  const lastUsedAt = Object.fromEntries(
    uses.map(([, secretId, usedAt]) => [textOf(secretId), Number(usedAt)]),
  )
  return { ...stored, lastUsedAt }
}

function parseEntry(row: Values | undefined): HistoryEntry | undefined {
  return row === undefined || row[0] === null ? undefined : (parse(row[0]) as HistoryEntry)
}

/** Parses a text. Returns one that is not JSON unchanged. */
function parse(value: unknown): unknown {
  const text = textOf(value)
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
