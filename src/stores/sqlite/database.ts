import { type Driver, type SqliteValue, valuesOf } from './driver.ts'

/**
 * The part of a database that the store uses: `DatabaseSync` of node:sqlite, or `Database` of
 * better-sqlite3 or bun:sqlite.
 */
export interface SqliteDatabase {
  /** Runs statements that return no rows. */
  exec(sql: string): unknown
  /** Prepares a statement that returns rows. */
  prepare(sql: string): { all(...values: SqliteValue[]): unknown[] }
}

/**
 * Drives a database with synchronous calls. Each attempt runs without interruption by other
 * statements on this connection.
 */
export function databaseDriver(database: SqliteDatabase): Driver {
  const rowsOf = (sql: string, values: readonly SqliteValue[] = []) =>
    valuesOf(database.prepare(sql).all(...values))
  // Even single statements run in a transaction. If the application has a transaction open on this
  // connection, `begin` fails. Otherwise the statement would join that transaction, and a rollback
  // would undo it after it was acknowledged.
  const inTransaction = <T>(begin: string, work: () => T): T => {
    database.exec(begin)
    try {
      const answer = work()
      database.exec('commit')
      return answer
    } catch (error) {
      try {
        database.exec('rollback')
      } catch {
        // SQLite has already rolled back, as it does when the disk is full.
      }
      throw error
    }
  }
  return {
    isLocal: true,
    async open() {
      rowsOf('pragma journal_mode = wal')
      // full (2) puts a commit on disk before it is acknowledged. It is set even if it is the
      // current value, because some builds of SQLite lower an unset value in WAL mode. A higher
      // value stays.
      database.exec(
        `pragma synchronous = ${Math.max(2, Number(rowsOf('pragma synchronous')[0]?.[0]))}`,
      )
    },
    read: async (sql, ...values) => inTransaction('begin', () => rowsOf(sql, values)),
    write: async (...statements) =>
      inTransaction(
        'begin immediate',
        () => statements.map(([sql, ...values]) => rowsOf(sql, values))[0] ?? [],
      ),
    run: async (statements) =>
      inTransaction('begin immediate', () => void database.exec(statements.join(';'))),
  }
}
