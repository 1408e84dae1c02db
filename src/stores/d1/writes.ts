import type { KeyRecord } from '../../core/model/api-key.ts'
import type { HistoryEntry } from '../../core/model/history.ts'
import { historyLabelsOf } from '../../core/store/history-query.ts'
import { labelsOf } from '../../core/store/list-query.ts'
import type { KeyStore, StoredKey } from '../../core/store/store.ts'
import { currentRecord } from '../../core/store/stored-key.ts'
import type { Query, Runner } from './client.ts'
import type { Statements } from './statements.ts'

/** Creates the calls that write. Each is one batch. */
export function createWrites(
  runner: Runner,
  sql: Statements,
): Pick<KeyStore, 'put' | 'delete' | 'forgetHistory' | 'recordUse'> {
  /** Changes a key, if its version is the expected one. The last statement changes the record. */
  const change = async <Done>(
    done: Done,
    id: string,
    expectedVersion: number | undefined,
    entry: HistoryEntry | undefined,
    signal: AbortSignal | undefined,
    queries: readonly Query[],
  ): Promise<Done | 'conflict' | 'missing'> => {
    const conditional = [...entryQueries(sql, entry), ...queries].map(
      ([statement, ...values]): Query => [statement, id, expectedVersion ?? null, ...values],
    )
    const results = await runner.write(signal, [[sql.version, id], ...conditional])
    if (results.at(-1)?.meta.changes === 1) return done
    const [row] = (results[0]?.results ?? []) as { version: number }[]
    if (row?.version !== expectedVersion) return row === undefined ? 'missing' : 'conflict'
    throw new Error(`D1 skipped the write without an error. Check the table for a trigger.`)
  }

  return {
    async put(next, expectedVersion, entry, signal) {
      const { lastUsedAt: _joined, ...record } = next as KeyRecord
      const createdAt = next.kind === 'key' ? next.createdAt : 0
      const labels = labelsOf(currentRecord(next) as StoredKey)
      return change('stored', next.id, expectedVersion, entry, signal, [
        [sql.unindex],
        [sql.index, createdAt, JSON.stringify(labels)],
        [sql.put, next.version, JSON.stringify(record)],
      ])
    },
    delete: (id, expectedVersion, entry, signal) =>
      change('deleted', id, expectedVersion, entry, signal, [
        [sql.unindex],
        [sql.forgetUses],
        [sql.delete],
      ]),
    async forgetHistory(before, signal) {
      const queries: Query[] = [
        [sql.forget, before],
        [sql.forgetIndex, before],
      ]
      return (await runner.write(signal, queries))[0]?.meta.changes ?? 0
    },
    async recordUse(uses, signal) {
      if (uses.length > 0) await runner.write(signal, [[sql.recordUse, JSON.stringify(uses)]])
    },
  }
}

function entryQueries(sql: Statements, entry: HistoryEntry | undefined): readonly Query[] {
  if (entry === undefined) return []
  return [
    [sql.enter, entry.id, JSON.stringify(entry)],
    [sql.indexEntry, entry.id, entry.at, JSON.stringify(historyLabelsOf(entry))],
  ]
}
