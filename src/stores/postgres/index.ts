/** Keys in PostgreSQL. @module twinkey/stores/postgres */

import type { KeyRecord } from '../../core/model/api-key.ts'
import type { HistoryEntry } from '../../core/model/history.ts'
import { historyLabelsOf } from '../../core/store/history-query.ts'
import { labelsOf } from '../../core/store/list-query.ts'
import type { KeyStore, StoredKey } from '../../core/store/store.ts'
import { currentRecord } from '../../core/store/stored-key.ts'
import { openFeed } from '../shared/feed.ts'
import { createQueryRunner, createWriter, type PostgresClient } from './client.ts'
import { connectListener, type PostgresListener } from './listener.ts'
import {
  namesOf,
  type PostgresMigration,
  type PostgresMigrationOptions,
  postgresMigrations,
} from './migrations.ts'
import { createOldKeysIndex } from './old-keys.ts'
import { createPages } from './pages.ts'
import { CLOCK, postgresSettingsProblems, SETTINGS, type Settings } from './settings.ts'
import { parsePostgresRow, postgresStatements, type Row } from './statements.ts'

export type { PostgresClient } from './client.ts'
export type { PostgresListener, PostgresNotification } from './listener.ts'
export {
  type PostgresMigration,
  type PostgresMigrationOptions,
  postgresMigrations,
} from './migrations.ts'

/** Configures {@link postgresStore}. */
export interface PostgresStoreOptions extends PostgresMigrationOptions {
  /**
   * Creates a new, unconnected client for each call, on which the store receives the changes of
   * other nodes. The store connects and ends it. Connect to the primary server directly: through
   * PgBouncer in transaction mode, or a similar pooler, no notifications arrive and the store
   * reports `warning.store_unavailable`. Without `listen`, other nodes see a change within
   * `cache.maxAgeSeconds`.
   */
  readonly listen?: (() => PostgresListener | Promise<PostgresListener>) | undefined
}

/** A {@link twinkey.KeyStore} in PostgreSQL. */
export interface PostgresStore extends KeyStore {
  /**
   * Creates or updates the tables. Call it before the first use. Repeated and concurrent calls are
   * safe. If the tables are up to date, it needs only read access. It does not change tables of a
   * later version of this package.
   *
   * Tables of the pre-release are brought forward. Processes of the pre-release that still run continue to
   * authenticate, but can no longer change or list keys. The keys get their new index in batches,
   * and until it is complete `list` throws. An interrupted call is continued by the next one. The
   * change of the tables waits at most three seconds for other transactions, and then fails.
   *
   * @returns Resolves when the tables are up to date. A step that fails leaves no changes behind.
   */
  migrate(): Promise<void>
  /** The steps of `migrate()` as SQL: {@link postgresMigrations} with the options of the store. */
  readonly migrations: readonly PostgresMigration[]
}

/**
 * Keeps keys in PostgreSQL 12 or later, or in a server with the same protocol and locking.
 *
 * Every call is one statement in its own transaction, and one round trip. The store uses no
 * prepared statements or other session state, so it works through PgBouncer in any mode. An
 * acknowledged write is on disk, unless `fsync` or `synchronous_commit` is off. With asynchronous
 * replication, a failover can lose the last acknowledged writes and make a revoked key active
 * again. Pass a client of the primary server, because a replica lags behind.
 *
 * Do not pass a connection on which the application opens transactions: a rollback would undo
 * writes that Twinkey has acknowledged.
 *
 * @param client A pool or a connection. The store does not end it. Add an `error` listener to a
 *   pool of pg, as pg requires.
 * @param options Schema, table prefix, and the connection for changes. Use the same schema and
 *   prefix on all nodes.
 * @returns The store. It does not query the database before its first use. It has `watch` if
 *   `listen` is set.
 * @throws TypeError or RangeError if an argument is invalid.
 * @example
 * ```ts
 * import pg from 'pg'
 * import { createTwinkey } from 'twinkey'
 * import { postgresStore } from 'twinkey/stores/postgres'
 *
 * const connectionString = 'postgres://localhost/app'
 * const pool = new pg.Pool({ connectionString }).on('error', () => {})
 * const store = postgresStore(pool, { listen: () => new pg.Client({ connectionString }) })
 * await store.migrate()
 * const twinkey = createTwinkey({ store })
 * ```
 */
export function postgresStore(
  client: PostgresClient,
  options: PostgresStoreOptions = {},
): PostgresStore {
  if (typeof client?.query !== 'function') {
    throw new TypeError(
      'postgresStore needs a client with query(text, values), like a Pool of pg or of @neondatabase/serverless, or PGlite.',
    )
  }
  const names = namesOf(options)
  const migrations = postgresMigrations(options)
  const { listen } = options
  if (listen !== undefined && typeof listen !== 'function') {
    throw new TypeError(
      'listen must be a function that makes a connection, like () => new pg.Client(url).',
    )
  }
  const sql = postgresStatements(names)
  const runner = createQueryRunner(client, names.keys)
  const write = createWriter(runner, names)
  const oldKeys = createOldKeysIndex(runner, names)

  const store: PostgresStore = {
    async get(id, signal) {
      const [row] = await runner.read<Row>(signal, sql.get, [id])
      return row && parsePostgresRow(row)
    },
    async put(next, expectedVersion, entry, signal) {
      const { lastUsedAt: _joined, ...record } = next as KeyRecord
      const values = [
        next.version,
        JSON.stringify(record),
        next.kind === 'key' ? next.createdAt : 0,
        JSON.stringify(labelsOf(currentRecord(next) as StoredKey)),
        ...valuesOf(entry),
      ]
      return expectedVersion === undefined
        ? write(signal, sql.create, next.id, ...values)
        : write(signal, sql.update, next.id, expectedVersion, ...values)
    },
    delete: (id, expectedVersion, entry, signal) =>
      write(signal, sql.delete, id, expectedVersion, ...valuesOf(entry)),
    ...createPages(runner, sql, oldKeys),
    async forgetHistory(before, signal) {
      const [row] = await runner.write<{ forgotten: number }>(signal, sql.forgetHistory, [before])
      return Number(row?.forgotten)
    },
    async recordUse(uses, signal) {
      if (uses.length > 0) await runner.write(signal, sql.recordUse, [JSON.stringify(uses)])
    },
    async inspect(signal) {
      const [settings] = await runner.read<Settings>(signal, SETTINGS)
      return settings === undefined ? [] : postgresSettingsProblems(settings)
    },
    async clock(signal) {
      const [row] = await runner.read<{ now: number }>(signal, CLOCK)
      return Number(row?.now)
    },
    migrations,
    async migrate() {
      for (const { sql } of migrations) await runner.write(undefined, sql)
      await oldKeys.complete()
    },
  }
  if (listen === undefined) return store
  const notify = (to: string, payload: string) =>
    runner.read(undefined, 'select pg_notify($1, $2)', [to, payload])
  return {
    ...store,
    watch: (changed, failed) =>
      openFeed(connectListener(listen, notify, names.channel), changed, (error, isFirstAttempt) => {
        if (isFirstAttempt) changed(undefined)
        failed?.(error)
      }),
  }
}

/** The last parameters of a write: id, time, text and labels of the entry. */
function valuesOf(entry: HistoryEntry | undefined): (string | number | null)[] {
  return entry === undefined
    ? [null, null, null, '[]']
    : [entry.id, entry.at, JSON.stringify(entry), JSON.stringify(historyLabelsOf(entry))]
}
