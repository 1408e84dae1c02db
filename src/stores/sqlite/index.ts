/** Keys in SQLite. @module twinkey/stores/sqlite */

import type { KeyRecord } from '../../core/model/api-key.ts'
import { messageOf } from '../../core/model/error.ts'
import { labelsAsked, labelsOf } from '../../core/store/list-query.ts'
import type { KeyStore, StoredKey } from '../../core/store/store.ts'
import { notWritten } from '../../core/store/store-error.ts'
import { clientDriver, type LibsqlClient } from './client.ts'
import { databaseDriver, type SqliteDatabase } from './database.ts'
import { createLockRetry, type Driver, isNothingDone, type SqliteValue } from './driver.ts'
import {
  migrationsOf,
  migrationsTable,
  prefixOf,
  type SqliteStoreOptions,
  type Tables,
  tablesOf,
} from './migrations.ts'

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

const MAX_ATTEMPTS = 10
const FULL = 2

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

  const query = async (
    signal: AbortSignal | undefined,
    how: 'read' | 'write',
    statement: string,
    ...values: SqliteValue[]
  ) => {
    try {
      return await retryWhileLocked(() => driver[how](statement, ...values), signal)
    } catch (cause) {
      if (!isNothingDone(cause)) throw cause
      const reason = messageOf(cause)
      if (!reason.includes('no such table')) throw notWritten(reason, cause)
      throw notWritten(
        `The tables ${prefix}_… do not exist. Call migrate() of the store before the first use, or run the SQL of sqliteMigrations().`,
        cause,
      )
    }
  }
  // A write that changed no row reads the current version. If that is the expected one, a
  // concurrent write came between, and the next attempt sees it. If every attempt fails that way,
  // the cause is not a concurrent write.
  async function write<Done>(
    done: Done,
    id: string,
    expectedVersion: number | undefined,
    signal: AbortSignal | undefined,
    ...[statement, ...values]: [string, ...SqliteValue[]]
  ): Promise<Done | 'conflict' | 'missing'> {
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
      if ((await query(signal, 'write', statement, ...values)).length > 0) return done
      const [row] = await query(signal, 'read', sql.version, id)
      const version = row && Number(row[0])
      if (version !== expectedVersion) return version === undefined ? 'missing' : 'conflict'
    }
    throw notWritten(
      `SQLite skipped the write without an error. Check ${tables.keys} for a trigger that does that.`,
      undefined,
    )
  }

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
      const rows = (pragma: string) => query(signal, 'read', `pragma ${pragma}`)
      const [[journal], [synchronous], databases] = [
        await rows('journal_mode'),
        await rows('synchronous'),
        await rows('database_list'),
      ]
      const isFile = databases.some(
        ([, name, file]) => name === 'main' && file !== '' && file !== null,
      )
      return isFile ? sqliteSettingsProblems(String(journal?.[0]), Number(synchronous?.[0])) : []
    },
    async migrate() {
      const run = (statements: readonly string[]) => retryWhileLocked(() => driver.run(statements))
      const isTaken = async (version: number) =>
        (await query(undefined, 'read', sql.isTaken, version)).length > 0
      await run([migrationsTable(tables)])
      for (const { version, statements } of migrationsOf(prefix)) {
        if (await isTaken(version)) continue
        try {
          await run(statements)
        } catch (error) {
          // Another process may have run the step first.
          if (!(await isTaken(version))) throw error
        }
      }
    },
  }
}

function sqliteSettingsProblems(journal: string, synchronous: number): string[] {
  const problems: string[] = []
  if (journal === 'off' || journal === 'memory')
    problems.push(
      `SQLite runs with journal_mode = ${journal}: a crash can destroy the file. Leave it at wal.`,
    )
  if (synchronous < FULL)
    problems.push(
      `SQLite runs with synchronous = ${synchronous}: a power cut can lose the last writes and make a revoked key active again. Leave it at full (${FULL}).`,
    )
  return problems
}

// Every statement returns rows, because better-sqlite3 needs another method for those that do not.
function sqliteStatements({ keys, labels, uses, migrations }: Tables) {
  const found = `k.record, (select json_group_object(u.secret_id, u.used_at) from ${uses} u where u.key_id = k.id)`
  return {
    isTaken: `select 1 from ${migrations} where version = ?`,
    get: `select ${found} from ${keys} k where k.id = ?`,
    version: `select version from ${keys} where id = ?`,
    create: `insert into ${keys} (version, record, labels, id) values (?, ?, ?, ?) on conflict do nothing returning 1`,
    update: `update ${keys} set version = ?, record = ?, labels = ? where id = ? and version = ? returning 1`,
    delete: `delete from ${keys} where id = ? and version = ? returning 1`,
    // SQLite runs a cross join in the written order: from the first label to the keys.
    list: (others: number) =>
      `select ${found}, k.id from ${labels} l cross join ${keys} k on k.id = l.key_id where l.label = ? and l.key_id > ?${` and exists (select 1 from ${labels} o where o.label = ? and o.key_id = l.key_id)`.repeat(others)} order by l.key_id limit ?`,
    // One statement for the whole batch. Without `where true`, SQLite would parse `on conflict` as
    // part of the join.
    recordUse: `insert into ${uses} select k.id, e.value ->> 'secretId', e.value ->> 'usedAt' from json_each(?) e cross join ${keys} k on k.id = e.value ->> 'keyId' where true on conflict do update set used_at = excluded.used_at where excluded.used_at > used_at returning 1`,
  }
}

// Returns a text that is not JSON unchanged: the core reports it as malformed.
function parseRow([text, uses]: readonly unknown[]): StoredKey {
  try {
    const record = JSON.parse(text as string) as StoredKey | null
    return record?.kind === 'key'
      ? { ...record, lastUsedAt: JSON.parse(uses as string) }
      : (record as StoredKey)
  } catch {
    return text as StoredKey
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
