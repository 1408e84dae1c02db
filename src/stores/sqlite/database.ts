import { type Driver, type SqliteValue, valuesOf } from './driver.ts'

/**
 * `DatabaseSync` of node:sqlite, or `Database` of better-sqlite3 or bun:sqlite, as far as the store
 * needs it.
 */
export interface SqliteDatabase {
  /** Runs a statement that answers nothing. */
  exec(sql: string): unknown
  /** Makes a statement that answers rows. */
  prepare(sql: string): { all(...values: SqliteValue[]): unknown[] }
}

/**
 * A database whose calls are synchronous: each attempt is one run, and nothing else on this
 * connection comes between.
 */
export function databaseDriver(database: SqliteDatabase): Driver {
  const rowsOf = (sql: string, values: readonly SqliteValue[] = []) =>
    valuesOf(database.prepare(sql).all(...values))
  // A statement by itself would be as atomic. But where the application has a transaction open here
  // it would be a part of that, and may be undone with it after it was acknowledged. As it is,
  // SQLite objects.
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
        // SQLite has rolled back by itself, as it does where the disk is full.
      }
      throw error
    }
  }
  return {
    isLocal: true,
    async open() {
      rowsOf('pragma journal_mode = wal')
      // A commit is on the disk when it is acknowledged. Set even where it is so already: with a
      // write-ahead log, some builds of SQLite lower what was never set. What is more than full
      // stays.
      database.exec(
        `pragma synchronous = ${Math.max(2, Number(rowsOf('pragma synchronous')[0]?.[0]))}`,
      )
    },
    read: async (sql, ...values) => inTransaction('begin', () => rowsOf(sql, values)),
    write: async (sql, ...values) => inTransaction('begin immediate', () => rowsOf(sql, values)),
    run: async (statements) =>
      inTransaction('begin immediate', () => void database.exec(statements.join(';'))),
  }
}
