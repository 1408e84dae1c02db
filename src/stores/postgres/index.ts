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

/** What a store over PostgreSQL is made with. */
export interface PostgresStoreOptions extends PostgresMigrationOptions {
  /**
   * Makes a connection for hearing of the changes of other nodes, anew for each call. The store
   * opens it and ends it. It must go to the primary server, and not through PgBouncer in
   * transaction mode or another pooler of that kind: there it hears nothing, which becomes
   * `warning.store_unavailable`. Without it other nodes see a change within `cache.maxAgeSeconds`.
   */
  readonly listen?: (() => PostgresListener | Promise<PostgresListener>) | undefined
}

/** A store over PostgreSQL. */
export interface PostgresStore extends KeyStore {
  /**
   * Makes the tables, or brings them up to date. Call it before the first use; calling it again, or
   * in many processes at once, does no harm. Where the tables are up to date it needs the right to
   * read them only, and tables of a later version of this package are left as they are.
   *
   * @returns Resolves when the tables are as this version of the package needs them. A step that
   *   fails leaves nothing.
   */
  migrate(): Promise<void>
}

/**
 * Keeps keys in PostgreSQL 12 or later, or in a server that speaks and locks as it does.
 *
 * Every call is one statement and one round trip, in a transaction of its own, without prepared
 * statements or anything else that stays with a connection: it runs through PgBouncer in any mode.
 * What is acknowledged is on the disk, unless the server is told otherwise by `fsync` or
 * `synchronous_commit`. With asynchronous replication a failover can lose what was acknowledged
 * last, so that a revoked key is live again. Hand in a client of the primary server: a replica lags
 * behind.
 *
 * Do not hand in a connection on which the application has a transaction open: what Twinkey takes
 * for written would be gone with it.
 *
 * @param client A pool or a connection, which the store does not end. Give a pool of pg a listener
 *   for `error`, as pg asks.
 * @param options Schema, table prefix, and a connection to hear changes. All nodes must have the
 *   same.
 * @returns The store. Nothing is asked of the database until it is used. It has `watch` where
 *   `listen` is given.
 * @throws TypeError or RangeError where an argument is wrong.
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

  // What came between may make a statement leave out what it was to do; then the next attempt sees
  // it. What leaves it out again and again is no other write.
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
      `PostgreSQL left out the write, and said no error. A trigger that returns null, a rule, or a policy of row-level security on ${names.keys} does that: look for it there.`,
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
      // One more than asked for tells whether there is a next page.
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

// Everything goes in and comes out as text or as a number, so that no driver reads it in a way of
// its own: drivers differ in lists, JSON and bigint. A statement sees the rows as they were when it
// began, but waits for whoever has a row locked, and then has the row as it is by then.
function postgresStatements({ keys, labels, uses }: Names) {
  const found = `id, record::text as record, (select json_object_agg(secret_id, used_at)::text from ${uses} where key_id = id) as uses`
  // Whoever changes a row has it locked before it looks at the version: of those that wait, each is
  // told what is there by then.
  const locked = (mode: string) =>
    `with found as (select version from ${keys} where id = $2 for ${mode})`
  const version = '(select version from found)'
  const isWritten = '(select pg_notify($1, id)::text from written) is not null'
  const isThere = `exists (select from ${keys} where id = $2)`
  // A row that is seen and cannot be locked was deleted meanwhile, or is hidden by row-level
  // security from who wants to change it.
  const outcome = (done: string) =>
    `select case when ${isWritten} then '${done}' when ${version} = $3::bigint or (${version} is null and ${isThere}) then 'again' when ${version} is null then 'missing' else 'conflict' end as outcome`
  return {
    get: `select ${found} from ${keys} where id = $1`,
    create: `with written as (insert into ${keys} values ($2, $3::bigint, $4::text::json) on conflict do nothing returning id),
labelled as (insert into ${labels} select label, id from written, json_array_elements_text($5::text::json) label)
select case when ${isWritten} then 'stored' when ${isThere} then 'conflict' else 'again' end as outcome`,
    // The version is compared in the row as it was, too: where the expected one came between, the
    // labels that this statement sees are those of the version before, so it writes nothing, and
    // begins anew. A key that has had very many secrets forgets the uses of those it has no more.
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
    // The other labels are asked for in a way that is no join: a join would find all keys of a
    // label and put them in order, for one page.
    list: (others: number) =>
      `select ${found} from (select key_id as page from ${labels} l where label = $1 and key_id > $2${Array.from({ length: others }, (_, i) => ` and (select true from ${labels} o where o.label = $${i + 4} and o.key_id = l.key_id)`).join('')} order by key_id limit $3::bigint) p join ${keys} on id = page order by id`,
    // Locked in order, so that two batches cannot wait for each other; as a foreign key locks,
    // which lets records be written meanwhile, but not deleted.
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
