/** Keys in SQLite. @module twinkey/stores/sqlite */

import type { KeyRecord } from '../../core/model/api-key.ts'
import { labelsAsked, labelsOf } from '../../core/store/list-query.ts'
import type { KeyStore } from '../../core/store/store.ts'
import { clientDriver, type LibsqlClient } from './client.ts'
import { databaseDriver, type SqliteDatabase } from './database.ts'
import { createLockRetry, type Driver } from './driver.ts'
import { prefixOf, runMigrations, type SqliteStoreOptions, tablesOf } from './migrations.ts'
import { createQuery, createWriter } from './query.ts'
import { inspectSettings } from './settings.ts'
import { parseRow, sqliteStatements } from './statements.ts'

export type { LibsqlClient, LibsqlExecutor } from './client.ts'
export type { SqliteDatabase } from './database.ts'
export type { SqliteValue } from './driver.ts'
export { type SqliteMigration, type SqliteStoreOptions, sqliteMigrations } from './migrations.ts'

/** A {@link twinkey.KeyStore} in SQLite. */
export interface SqliteStore extends KeyStore {
  /**
   * Creates or updates the tables. Call it before the first use. Repeated and concurrent calls are
   * safe.
   *
   * @returns Resolves when the tables are up to date. A step that fails leaves no changes behind.
   */
  migrate(): Promise<void>
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
  const write = createWriter(query, tables, sql.version)

  return {
    async get(id, signal) {
      const [row] = await query(signal, 'read', sql.get, id)
      return row && parseRow(row)
    },
    async put(next, expectedVersion, signal) {
      const { lastUsedAt: _joined, ...record } = next as KeyRecord
      const values = [
        next.version,
        JSON.stringify(record),
        JSON.stringify(labelsOf(next)),
        next.id,
      ] as const
      return expectedVersion === undefined
        ? write('stored', next.id, undefined, signal, sql.create, ...values)
        : write('stored', next.id, expectedVersion, signal, sql.update, ...values, expectedVersion)
    },
    delete: (id, expectedVersion, signal) =>
      write('deleted', id, expectedVersion, signal, sql.delete, id, expectedVersion),
    async list({ limit, cursor = '', ...filter }, signal) {
      const [first, ...others] = labelsAsked(filter)
      // One more than the limit, to see whether there is a next page.
      const rows = await query(
        signal,
        'read',
        sql.list(others.length),
        first,
        cursor,
        ...others,
        limit + 1,
      )
      const page = rows.slice(0, limit)
      return {
        keys: page.map((row) => parseRow(row) as KeyRecord),
        next: rows.length > limit ? (page.at(-1)?.[2] as string) : undefined,
      }
    },
    async recordUse(uses, signal) {
      await query(signal, 'write', sql.recordUse, JSON.stringify(uses))
    },
    async inspect(signal) {
      if (!driver.isLocal) return []
      return inspectSettings((pragma) => query(signal, 'read', `pragma ${pragma}`))
    },
    async migrate() {
      const run = (statements: readonly string[]) => retryWhileLocked(() => driver.run(statements))
      const isTaken = async (version: number) =>
        (await query(undefined, 'read', sql.isTaken, version)).length > 0
      await runMigrations(prefix, run, isTaken)
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
