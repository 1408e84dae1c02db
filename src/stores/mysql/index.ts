/** Keys in MySQL or MariaDB. @module twinkey/stores/mysql */

import type { KeyStore } from '../../core/store/store.ts'
import { type MysqlPool, requirePool } from './client.ts'
import {
  type MysqlMigration,
  type MysqlStoreOptions,
  mysqlMigrations,
  namesOf,
  stepsOf,
} from './migrations.ts'
import { createReads } from './pages.ts'
import { CLOCK, mysqlSettingsProblems, SETTINGS } from './settings.ts'
import { mysqlStatements } from './statements.ts'
import { createTransactions } from './transactions.ts'
import { createWrites } from './writes.ts'

export type { MysqlConnection, MysqlPool, MysqlQuery } from './client.ts'
export { type MysqlMigration, type MysqlStoreOptions, mysqlMigrations } from './migrations.ts'

/** A {@link twinkey.KeyStore} in MySQL or MariaDB. */
export interface MysqlStore extends KeyStore {
  /**
   * Creates or updates the tables. Call it before the first use. Repeated and concurrent calls are
   * safe. If the tables are up to date, it needs only read access.
   *
   * @returns Resolves when the tables are up to date. MySQL cannot undo a step that fails: the next
   *   call continues it.
   */
  migrate(): Promise<void>
  /** The steps of `migrate()` as SQL: {@link mysqlMigrations} with the options of the store. */
  readonly migrations: readonly MysqlMigration[]
}

/**
 * Keeps keys in MariaDB 10.6 or later, or in MySQL 8.0 or later.
 *
 * A change of a key and its entry in the history are one transaction on one connection of the pool.
 * If the transaction loses to another one, by a deadlock or a timeout of a lock, it is repeated
 * until the deadline. A lost connection leaves the outcome open only during the commit.
 *
 * An acknowledged write is on disk if `innodb_flush_log_at_trx_commit` is 1 and, with a binary log,
 * `sync_binlog` is 1. With asynchronous replication, a failover can lose the last acknowledged
 * writes and make a revoked key active again. Pass a pool of the primary server, because a replica
 * lags behind.
 *
 * MySQL has no feed of changes, so the store has no `watch`: other nodes see a change within
 * `cache.maxAgeSeconds`.
 *
 * @param pool A pool of mysql2/promise or of mariadb. The store does not end it.
 * @param options The table prefix. Use the same one on all nodes.
 * @returns The store. It does not query the database before its first use.
 * @throws TypeError or RangeError if an argument is invalid.
 * @example
 * ```ts
 * import mysql from 'mysql2/promise'
 * import { createTwinkey } from 'twinkey'
 * import { mysqlStore } from 'twinkey/stores/mysql'
 *
 * const pool = mysql.createPool('mysql://localhost/app')
 * const store = mysqlStore(pool)
 * await store.migrate()
 * const twinkey = createTwinkey({ store })
 * ```
 */
export function mysqlStore(pool: MysqlPool, options: MysqlStoreOptions = {}): MysqlStore {
  requirePool(pool)
  const names = namesOf(options)
  const sql = mysqlStatements(names)
  const transactions = createTransactions(pool, names.keys)
  const { read, write } = transactions
  const isTaken = async (version: number) => {
    const statement = `select 1 from ${names.migrations} where version >= ${version} limit 1`
    return (await read(undefined, statement).catch(() => [])).length > 0
  }

  return {
    ...createReads(transactions, sql),
    ...createWrites(transactions, sql),
    async inspect(signal) {
      return mysqlSettingsProblems(await read(signal, SETTINGS))
    },
    async clock(signal) {
      return Number((await read(signal, CLOCK))[0]?.[0])
    },
    migrations: mysqlMigrations(options),
    async migrate() {
      for (const { version, statements } of stepsOf(names)) {
        if (await isTaken(version)) continue
        for (const statement of statements) await write(undefined, (run) => run(statement))
      }
    },
  }
}
