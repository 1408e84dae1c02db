/** Keys in SQLite. @module twinkey/stores/sqlite */

import type { KeyRecord } from '../../core/model/api-key.ts'
import { leadingHistoryLabel, matchesHistory } from '../../core/store/history-query.ts'
import { isListed, leadingLabel } from '../../core/store/list-query.ts'
import { fillPage } from '../../core/store/paging.ts'
import type { KeyStore } from '../../core/store/store.ts'
import { clientDriver, type LibsqlClient } from './client.ts'
import { databaseDriver, type SqliteDatabase } from './database.ts'
import { createLockRetry, type Driver } from './driver.ts'
import {
  INDEXED,
  prefixOf,
  runMigrations,
  type SqliteMigration,
  type SqliteStoreOptions,
  sqliteMigrations,
  tablesOf,
} from './migrations.ts'
import { indexColumns, indexOldKeys } from './old-keys.ts'
import { createQuery, createWriter } from './query.ts'
import { scan } from './scan.ts'
import { inspectSettings } from './settings.ts'
import { parseEntry, parseRow, sqliteStatements } from './statements.ts'

export type { LibsqlClient, LibsqlExecutor, LibsqlResult, LibsqlStatement } from './client.ts'
export type { SqliteDatabase } from './database.ts'
export type { SqliteValue } from './driver.ts'
export { type SqliteMigration, type SqliteStoreOptions, sqliteMigrations } from './migrations.ts'

const MAX_FORGOTTEN = 1000
const NOT_INDEXED =
  'The keys of the pre-release are not in the index of this version yet. Call migrate() of the store, and wait for it.'

/** A {@link twinkey.KeyStore} in SQLite. */
export interface SqliteStore extends KeyStore {
  /**
   * Creates or updates the tables, and indexes the keys of the pre-release. Call it before the first
   * use. Repeated and concurrent calls are safe.
   *
   * After it, processes of the pre-release still authenticate requests and record uses. They cannot
   * create, change, delete or list keys any more. In processes of this version, `list` throws until
   * all keys of the pre-release are indexed.
   *
   * @returns Resolves when the tables are up to date. A step that fails leaves no changes behind.
   *   The index of earlier keys is built in batches: an interrupted call continues at the next call.
   */
  migrate(): Promise<void>
  /** The steps of `migrate()` as SQL: {@link sqliteMigrations} with the options of the store. */
  readonly migrations: readonly SqliteMigration[]
}

/**
 * Keeps keys in a SQLite database of node:sqlite (Node 22.13 and later), better-sqlite3,
 * bun:sqlite, or @libsql/client over a file or a server. Needs SQLite 3.38 or later.
 *
 * An acknowledged write is on disk: at its first use, the store sets `journal_mode = wal` for the
 * file and raises `synchronous` of its connection to at least `full`. A libSQL server controls
 * these settings itself.
 *
 * If another process holds a lock, the store retries for 1.5 seconds without blocking the process,
 * and then throws the error of the driver. A driver with its own busy timeout blocks the process:
 * set `timeout: 0` for better-sqlite3, whose default is 5 seconds.
 *
 * Give the store a separate connection or client. On a shared connection, a transaction of the
 * application acts on the store like a lock, so never call Twinkey inside one. With @libsql/client
 * 0.18, a statement of the application that fails on a lock also prevents commits on its connection
 * for a while. Writes of the store then throw.
 *
 * SQLite has no feed of changes, so the store has no `watch`. Other processes with the same file
 * see a change within `cache.maxAgeSeconds`. Do not use an embedded replica of libSQL: it may lag,
 * and accept a key that was revoked elsewhere.
 *
 * @param database The open database, or the client. The store does not close it.
 * @param options The table prefix.
 * @returns The store. It does not query the database before its first use.
 * @throws TypeError or RangeError if an argument is invalid.
 * @example
 * ```ts
 * import { DatabaseSync } from 'node:sqlite'
 * import { createTwinkey } from 'twinkey'
 * import { sqliteStore } from 'twinkey/stores/sqlite'
 *
 * const store = sqliteStore(new DatabaseSync('keys.db'))
 * await store.migrate()
 * const twinkey = createTwinkey({ store })
 * ```
 */
export function sqliteStore(
  database: SqliteDatabase | LibsqlClient,
  options: SqliteStoreOptions = {},
): SqliteStore {
  const prefix = prefixOf(options)
  const tables = tablesOf(prefix)
  const sql = sqliteStatements(tables)
  const driver = driverOf(database)
  const retryWhileLocked = createLockRetry(driver)
  const query = createQuery(driver, retryWhileLocked, prefix)
  const write = createWriter(query, sql, tables.records)
  const isTaken = async (version: number, signal?: AbortSignal) =>
    (await query.read(signal, sql.isTaken, version)).length > 0
  let isIndexed = false

  return {
    async get(id, signal) {
      const [row] = await query.read(signal, sql.get, id)
      return row && parseRow(row)
    },
    async put(next, expectedVersion, entry, signal) {
      const { lastUsedAt: _joined, ...record } = next as KeyRecord
      const { labels, createdAt } = indexColumns(next)
      const values = [next.version, JSON.stringify(record), labels, createdAt, next.id] as const
      return expectedVersion === undefined
        ? write('stored', next.id, undefined, entry, signal, sql.create, ...values)
        : write(
            'stored',
            next.id,
            expectedVersion,
            entry,
            signal,
            sql.update,
            ...values,
            expectedVersion,
          )
    },
    delete: (id, expectedVersion, entry, signal) =>
      write('deleted', id, expectedVersion, entry, signal, sql.delete, id, expectedVersion),
    async list(filter, signal) {
      isIndexed ||= await isTaken(INDEXED, signal)
      if (!isIndexed) throw new Error(NOT_INDEXED)
      const read = scan(query, sql.list, filter.sort, leadingLabel(filter), parseRow, signal)
      const { values, next } = await fillPage(filter, read, (key) => isListed(key, filter))
      return { keys: values as KeyRecord[], next }
    },
    async history(filter, signal) {
      const label = leadingHistoryLabel(filter)
      const read = scan(query, sql.history, filter.sort, label, parseEntry, signal)
      const { values, next } = await fillPage(filter, read, (entry) =>
        matchesHistory(entry, filter),
      )
      return { entries: values, next }
    },
    async forgetHistory(before, signal) {
      return (await query.write(signal, [sql.forget, before, MAX_FORGOTTEN])).length
    },
    async recordUse(uses, signal) {
      await query.write(signal, [sql.recordUse, JSON.stringify(uses)])
    },
    async inspect(signal) {
      if (!driver.isLocal) return []
      return inspectSettings((pragma) => query.read(signal, `pragma ${pragma}`))
    },
    migrations: sqliteMigrations(options),
    async migrate() {
      const run = (statements: readonly string[]) => retryWhileLocked(() => driver.run(statements))
      await runMigrations(prefix, run, isTaken)
      if (!(await isTaken(INDEXED))) await indexOldKeys(query, sql)
    },
  }
}

function driverOf(database: SqliteDatabase | LibsqlClient): Driver {
  const has = (...methods: string[]) =>
    methods.every(
      (name) => typeof (database as unknown as Record<string, unknown>)?.[name] === 'function',
    )
  if (has('execute', 'executeMultiple', 'batch', 'transaction'))
    return clientDriver(database as LibsqlClient)
  if (has('exec', 'prepare')) return databaseDriver(database as SqliteDatabase)
  throw new TypeError(
    'sqliteStore needs a database of node:sqlite, better-sqlite3 or bun:sqlite, or a client of @libsql/client.',
  )
}
