/** Keys in PostgreSQL. @module twinkey/stores/postgres */

import type { KeyRecord } from '../../core/model/api-key.ts'
import { labelsAsked, labelsOf } from '../../core/store/list-query.ts'
import type { KeyStore, StoredKey } from '../../core/store/store.ts'
import { notWritten } from '../../core/store/store-error.ts'
import { openFeed } from '../shared/feed.ts'
import { createQueryRunner, MAX_ATTEMPTS, type PostgresClient } from './client.ts'
import { connectListener, type PostgresListener } from './listener.ts'
import {
  type Names,
  namesOf,
  type PostgresMigrationOptions,
  postgresMigrations,
} from './migrations.ts'
import { postgresSettingsProblems, SETTINGS, type Settings } from './settings.ts'

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
   * @returns Resolves when the tables are up to date. A step that fails leaves no changes behind.
   */
  migrate(): Promise<void>
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
  const { channel } = names
  const sql = postgresStatements(names)

  const runner = createQueryRunner(client, names.keys)

  // A concurrent write can make a statement skip its own write. The next attempt then sees that
  // concurrent write. If every attempt skips, the cause is not a concurrent write.
  async function write<Outcome>(
    signal: AbortSignal | undefined,
    statement: string,
    ...values: unknown[]
  ): Promise<Outcome> {
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
      const [row] = await runner.write<{ outcome: Outcome | 'again' }>(signal, statement, [
        channel,
        ...values,
      ])
      if (row?.outcome !== 'again') return row?.outcome as Outcome
    }
    throw notWritten(
      `PostgreSQL skipped the write without an error. Check ${names.keys} for a trigger that returns null, a rule, or a row-level security policy.`,
      undefined,
    )
  }

  const store: PostgresStore = {
    async get(id, signal) {
      const [row] = await runner.read<Row>(signal, sql.get, [id])
      return row && parsePostgresRow(row)
    },
    async put(next, expectedVersion, signal) {
      const { lastUsedAt: _joined, ...record } = next as KeyRecord
      const values = [next.version, JSON.stringify(record), JSON.stringify(labelsOf(next))]
      return expectedVersion === undefined
        ? write(signal, sql.create, next.id, ...values)
        : write(signal, sql.update, next.id, expectedVersion, ...values)
    },
    delete: (id, expectedVersion, signal) => write(signal, sql.delete, id, expectedVersion),
    async list({ limit, cursor = '', ...filter }, signal) {
      const [first, ...others] = labelsAsked(filter)
      // One more than the limit, to see whether there is a next page.
      const rows = await runner.read<Row>(signal, sql.list(others.length), [
        first,
        cursor,
        limit + 1,
        ...others,
      ])
      const page = rows.slice(0, limit)
      return {
        keys: page.map((row) => parsePostgresRow(row) as KeyRecord),
        next: rows.length > limit ? page.at(-1)?.id : undefined,
      }
    },
    async recordUse(uses, signal) {
      if (uses.length > 0) await runner.write(signal, sql.recordUse, [JSON.stringify(uses)])
    },
    async inspect(signal) {
      const [settings] = await runner.read<Settings>(signal, SETTINGS)
      return settings === undefined ? [] : postgresSettingsProblems(settings)
    },
    async migrate() {
      for (const { sql } of migrations) await runner.write(undefined, sql)
    },
  }
  if (listen === undefined) return store
  const notify = (to: string, payload: string) =>
    runner.read(undefined, 'select pg_notify($1, $2)', [to, payload])
  return {
    ...store,
    watch: (changed, failed) =>
      openFeed(connectListener(listen, notify, channel), changed, (error, isFirstAttempt) => {
        if (isFirstAttempt) changed(undefined)
        failed?.(error)
      }),
  }
}

interface Row {
  readonly id: string
  readonly record: string
  readonly uses: string | null
}

// All values are passed and returned as text or numbers, because drivers convert lists, JSON and
// bigint differently. A statement sees the rows as they were when it began. If a row is locked, the
// statement waits and then reads the current version of that row.
function postgresStatements({ keys, labels, uses }: Names) {
  const found = `id, record::text as record, (select json_object_agg(secret_id, used_at)::text from ${uses} where key_id = id) as uses`
  // A statement locks the row before it reads the version, so a statement that had to wait reads
  // the current version.
  const locked = (mode: string) =>
    `with found as (select version from ${keys} where id = $2 for ${mode})`
  const version = '(select version from found)'
  const isWritten = '(select pg_notify($1, id)::text from written) is not null'
  const isThere = `exists (select from ${keys} where id = $2)`
  // A row that is visible but cannot be locked was deleted concurrently, or a row-level security
  // policy forbids changing it.
  const outcome = (done: string) =>
    `select case when ${isWritten} then '${done}' when ${version} = $3::bigint or (${version} is null and ${isThere}) then 'again' when ${version} is null then 'missing' else 'conflict' end as outcome`
  return {
    get: `select ${found} from ${keys} where id = $1`,
    create: `with written as (insert into ${keys} values ($2, $3::bigint, $4::text::json) on conflict do nothing returning id),
labelled as (insert into ${labels} select label, id from written, json_array_elements_text($5::text::json) label)
select case when ${isWritten} then 'stored' when ${isThere} then 'conflict' else 'again' end as outcome`,
    // The statement also compares the version in its snapshot. If the expected version was written
    // after the snapshot, the labels in the snapshot are outdated, so the statement writes nothing
    // and is retried. If a key has more than 64 recorded uses, those of former secrets are deleted.
    update: `${locked('no key update')},
written as (update ${keys} set version = $4::bigint, record = $5::text::json where id = $2 and version = $3::bigint and ${version} = $3::bigint returning id),
asked as (select label from json_array_elements_text($6::text::json) label),
unlabelled as (delete from ${labels} l using written where key_id = id and label not in (select label from asked)),
labelled as (insert into ${labels} select label, id from written, asked on conflict do nothing),
stale as (select secret_id from ${uses} u, written where key_id = id and strpos($5, secret_id) = 0 and (select count(*) from ${uses} where key_id = id) > 64 for update of u skip locked),
forgotten as (delete from ${uses} u using stale where key_id = $2 and u.secret_id = stale.secret_id)
${outcome('stored')}`,
    delete: `${locked('update')},
written as (delete from ${keys} where id = $2 and ${version} = $3::bigint returning id)
${outcome('deleted')}`,
    // The other labels are checked by subqueries. A join would find and sort all keys of a label
    // for one page.
    list: (others: number) =>
      `select ${found} from (select key_id as page from ${labels} l where label = $1 and key_id > $2${Array.from({ length: others }, (_, i) => ` and (select true from ${labels} o where o.label = $${i + 4} and o.key_id = l.key_id)`).join('')} order by key_id limit $3::bigint) p join ${keys} on id = page order by id`,
    // Rows are locked in order, so that two batches cannot deadlock. The lock mode is that of a
    // foreign key: it blocks deletion of a record, but not updates.
    recordUse: `with used as (select "keyId" as key_id, "secretId" as secret_id, max("usedAt") as used_at from json_to_recordset($1::text::json) as u("keyId" text, "secretId" text, "usedAt" bigint) group by 1, 2),
held as (select id from ${keys} where id in (select key_id from used) order by id for key share)
insert into ${uses} as u select id, secret_id, used_at from held join used on key_id = id order by 1, 2 on conflict (key_id, secret_id) do update set used_at = excluded.used_at where u.used_at < excluded.used_at`,
  }
}

function parsePostgresRow({ record, uses }: Row): StoredKey {
  const stored = JSON.parse(record) as StoredKey | null
  return stored?.kind === 'key'
    ? { ...stored, lastUsedAt: uses === null ? {} : JSON.parse(uses) }
    : (stored as StoredKey)
}
