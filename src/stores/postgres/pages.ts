import type { KeyRecord } from '../../core/model/api-key.ts'
import { leadingHistoryLabel, matchesHistory } from '../../core/store/history-query.ts'
import { isListed, leadingLabel } from '../../core/store/list-query.ts'
import { fillPage, type Scan } from '../../core/store/paging.ts'
import type { KeyStore, ListQuery, Position } from '../../core/store/store.ts'
import type { QueryRunner } from './client.ts'
import type { OldKeysIndex } from './old-keys.ts'
import {
  type IndexRow,
  type KeyRow,
  parsePostgresEntry,
  parsePostgresRow,
  type postgresStatements,
} from './statements.ts'

type Sort = ListQuery['sort']

// Where an index is read from without a position: before the oldest, and after the newest.
const ENDS: Readonly<Record<Sort, Position>> = {
  oldest: { at: -1, id: '' },
  newest: { at: Number.MAX_SAFE_INTEGER, id: '' },
}

/** Creates the calls that return pages. One label leads, and the other filters are applied here. */
export function createPages(
  runner: QueryRunner,
  sql: ReturnType<typeof postgresStatements>,
  oldKeys: OldKeysIndex,
): Pick<KeyStore, 'list' | 'history'> {
  const scan =
    <Row extends IndexRow, T>(
      statement: string,
      label: string,
      sort: Sort,
      signal: AbortSignal | undefined,
      read: (row: Row) => T | undefined,
    ) =>
    async (after: Position | undefined, count: number): Promise<Scan<T>> => {
      const { at, id } = after ?? ENDS[sort]
      const rows = await runner.read<Row>(signal, statement, [label, at, id, count])
      return {
        found: rows.map((row) => ({
          at: { at: Number(row.at), id: row.id },
          value: read(row),
        })),
        isEnd: rows.length < count,
      }
    }

  return {
    async list(query, signal) {
      await oldKeys.requireComplete(signal)
      const { values, next } = await fillPage(
        query,
        scan(sql.list(query.sort), leadingLabel(query), query.sort, signal, (row: KeyRow) =>
          row.record === null ? undefined : parsePostgresRow(row),
        ),
        (key) => isListed(key, query),
      )
      return { keys: values as KeyRecord[], next }
    },
    async history(query, signal) {
      const { values, next } = await fillPage(
        query,
        scan(
          sql.history(query.sort),
          leadingHistoryLabel(query),
          query.sort,
          signal,
          parsePostgresEntry,
        ),
        (entry) => matchesHistory(entry, query),
      )
      return { entries: values, next }
    },
  }
}
