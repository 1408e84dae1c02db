import { createTwinkey } from 'twinkey'
import {
  type LibsqlClient,
  type SqliteDatabase,
  sqliteMigrations,
  sqliteStore,
} from 'twinkey/stores/sqlite'
import { expect } from 'vitest'
import { newEntry, newKey } from '../../src/testing/sample.ts'
import { errorCodeOf } from '../support/faults.ts'
import { type DriverName, withBed } from '../support/sqlite.ts'

/** The first page of all keys, of one key. */
const FIRST = { now: 0, sort: 'newest', limit: 1 } as const

/** One sentence about the store over SQLite, for any driver. */
export interface SqliteCase {
  readonly name: string
  run(driver: DriverName): Promise<void>
}

/** Tests of tables, indexes and settings. */
export const schemaCases: readonly SqliteCase[] = [
  {
    name: 'migrates a second time without harm',
    run: (driver) =>
      withBed(driver, async ({ open }) => {
        const { database, all } = await open()
        const store = sqliteStore(database)
        const key = newKey()
        await store.migrate()
        await store.put(key, undefined, undefined)
        await store.migrate()
        await sqliteStore((await open()).database).migrate()
        expect(await store.get(key.id)).toEqual(key)
        expect(await all('select version from twinkey_migrations')).toEqual([[1], [2], [3]])
      }),
  },
  {
    name: 'runs on tables that the printed SQL has created, and migrate() recognises them',
    run: (driver) =>
      withBed(driver, async ({ open }) => {
        const { database, exec } = await open()
        for (const { sql } of sqliteMigrations({ tablePrefix: 'printed' }))
          await exec(`begin;\n${sql}commit`)
        const store = sqliteStore(database, { tablePrefix: 'printed' })
        const key = newKey()
        expect(await store.put(key, undefined, undefined)).toBe('stored')
        await store.migrate()
        expect(await store.get(key.id)).toEqual(key)
      }),
  },
  {
    name: 'rolls back a migration that fails, and completes it when the obstacle is gone',
    run: (driver) =>
      withBed(driver, async ({ open }) => {
        const { database, all, exec } = await open()
        const store = sqliteStore(database)
        await exec('create table twinkey_uses (theirs text)')
        await expect(store.migrate()).rejects.toThrow(/already exists/)
        expect(
          await all(
            "select name from sqlite_schema where name like 'twinkey%' and type <> 'index' order by name",
          ),
        ).toEqual([['twinkey_migrations'], ['twinkey_uses']])
        await exec('drop table twinkey_uses')
        await store.migrate()
        expect(await store.put(newKey(), undefined, undefined)).toBe('stored')
      }),
  },
  {
    name: 'keeps two prefixes in one database apart, and creates nothing without its prefix',
    run: (driver) =>
      withBed(driver, async ({ open }) => {
        const { database, all } = await open()
        const [one, two] = [
          sqliteStore(database),
          sqliteStore(database, { tablePrefix: 'select_2' }),
        ]
        await one.migrate()
        await expect(two.get('k')).rejects.toThrow(/migrate\(\)/)
        await two.migrate()
        const key = newKey()
        await one.put(key, undefined, undefined)
        await two.recordUse([{ keyId: key.id, secretId: key.primary.id, usedAt: 5 }])
        expect([await one.get(key.id), await two.get(key.id)]).toEqual([key, undefined])
        expect((await two.list(FIRST)).keys).toEqual([])
        const names = (await all('select name from sqlite_schema')).map(([name]) => String(name))
        expect(
          names.filter((name) => !/^(sqlite_autoindex_)?(twinkey|select_2)_/.test(name)),
        ).toEqual([])
      }),
  },
  {
    name: 'says what to do if it is used before migrate()',
    run: (driver) =>
      withBed(driver, async ({ open }) => {
        const store = sqliteStore((await open()).database)
        const key = newKey()
        const use = { keyId: key.id, secretId: key.primary.id, usedAt: 5 }
        const calls = [
          () => store.get('k'),
          () => store.put(key, undefined, undefined),
          () => store.put(key, 5, undefined),
          () => store.delete('k', 5, undefined),
          () => store.list(FIRST),
          () => store.history({ sort: 'newest', limit: 1 }),
          () => store.forgetHistory(5),
          () => store.recordUse([use]),
        ]
        for (const call of calls) await expect(call()).rejects.toThrow(/Call migrate\(\)/)
        const twinkey = createTwinkey({ store })
        expect(await errorCodeOf(twinkey.keys.get('k'))).toBe('store_unavailable')
        await expect(twinkey.keys.get('k')).rejects.toMatchObject({
          cause: { message: expect.stringContaining('Call migrate()') },
        })
        const missing = {
          code: 'store_unavailable',
          message: expect.stringContaining('Call migrate()'),
        }
        await expect(
          twinkey.keys.create({ name: 'n', scope: { tenants: ['t'], workflows: '*' } }),
        ).rejects.toMatchObject(missing)
      }),
  },
  {
    name: 'keeps a write-ahead log, with every commit on the disk before it is acknowledged',
    run: (driver) =>
      withBed(driver, async ({ open }) => {
        // New, and opened again: a build may use a weaker setting for a log that it finds.
        for (let opened = 1; opened <= 2; opened++) {
          const { database, all, close } = await open()
          const store = sqliteStore(database)
          await store.migrate()
          await store.put(newKey(), undefined, undefined)
          await store.list(FIRST)
          expect(await all('pragma journal_mode')).toEqual([['wal']])
          expect(await all('pragma synchronous')).toEqual([[2]])
          if (isClient(database))
            expect(await levelsOf(database as unknown as Pool)).toEqual([2, 2, 2])
          close()
        }
      }),
  },
  {
    name: 'lowers nothing that the application has set',
    run: (driver) =>
      withBed(driver, async ({ open }) => {
        const { database, all, exec } = await open()
        await exec(
          'pragma synchronous = extra; pragma foreign_keys = off; pragma busy_timeout = 77; pragma cache_size = 123',
        )
        await sqliteStore(database).migrate()
        const found = await Promise.all(
          ['synchronous', 'foreign_keys', 'busy_timeout', 'cache_size'].map((name) =>
            all(`pragma ${name}`),
          ),
        )
        // A client chooses its connections in an order of its own, so it may answer for another
        // one.
        if (!isClient(database)) expect(found.flat(2)).toEqual([3, 0, 77, 123])
      }),
  },
  {
    name: 'answers every query by an index, and sorts nothing',
    run: (driver) =>
      withBed(driver, async ({ open }) => {
        const { database, all, exec } = await open()
        const asked = new Map<string, readonly (string | number)[]>()
        const store = sqliteStore(listening(database, (sql, values) => asked.set(sql, values)))
        const key = newKey()
        await exec(`begin;\n${sqliteMigrations()[0]?.sql}commit`)
        // A key of the pre-release, for the statements that index it.
        await exec(`insert into twinkey_keys values ('old', 1, '{}', '["key"]')`)
        await store.migrate()
        const entry = newEntry(key)
        await store.put(key, undefined, undefined)
        await store.put({ ...key, version: 7 }, key.version, entry)
        await store.delete(key.id, 5, undefined)
        await store.recordUse([{ keyId: key.id, secretId: key.primary.id, usedAt: 5 }])
        await store.get(key.id)
        const after = { at: 5, id: 'k' }
        for (const sort of ['newest', 'oldest'] as const) {
          await store.list({ ...FIRST, sort, tenant: 't', owner: 'o', after })
          await store.history({ sort, limit: 10, tenant: 't', after })
        }
        await store.forgetHistory(5)
        expect(asked.size).toBe(16)
        const inTriggers = [...(sqliteMigrations()[1]?.sql ?? '').matchAll(/^ {2}(.*);$/gm)].map(
          ([, statement]) =>
            String(statement)
              .replaceAll(/(?:old|new)\.labels/g, "'[]'")
              .replaceAll(/(?:old|new)\.(?:at|created_at)/g, '5')
              .replaceAll(/(?:old|new)\.id/g, "'k'"),
        )
        // Those of the view for the pre-release only raise an error.
        const maintaining = inTriggers.filter((statement) => !statement.includes('raise('))
        expect(maintaining).toHaveLength(7)
        for (const sql of maintaining) asked.set(sql, [])
        for (const [sql, values] of asked) {
          const plan = (await all(`explain query plan ${sql}`, ...values)).map(([, , , detail]) =>
            String(detail),
          )
          const slow = plan.filter(
            (detail) =>
              /TEMP B-TREE|SCAN (?!e |json_each |CONSTANT)/.test(detail) ||
              /AUTOMATIC/.test(detail),
          )
          expect(slow, sql).toEqual([])
        }
      }),
  },
]

type Asked = (sql: string, values: readonly (string | number)[]) => void

/** The same database, with a listener for its statements. */
function listening(
  database: SqliteDatabase | LibsqlClient,
  asked: Asked,
): SqliteDatabase | LibsqlClient {
  const heard = (sql: string, values: readonly (string | number)[]) => {
    if (!sql.startsWith('pragma')) asked(sql, values)
  }
  if (isClient(database)) {
    return {
      protocol: database.protocol,
      batch: (statements, mode) => database.batch(statements, mode),
      execute: (statement) => database.execute(statement),
      executeMultiple: (sql) => database.executeMultiple(sql),
      async transaction(mode) {
        const transaction = await database.transaction(mode)
        const execute = transaction.execute.bind(transaction)
        transaction.execute = (statement) => {
          heard(statement.sql, statement.args)
          return execute(statement)
        }
        return transaction
      },
    }
  }
  return {
    exec: (sql) => database.exec(sql),
    prepare: (sql) => ({
      all(...values) {
        heard(sql, values)
        return database.prepare(sql).all(...values)
      },
    }),
  }
}

interface Pool {
  transaction(
    mode: 'deferred',
  ): Promise<{ execute(sql: string): Promise<{ rows: readonly object[] }>; close(): void }>
}

/**
 * The settings of several connections of a client, all held at once so that each is another one.
 */
async function levelsOf(client: Pool): Promise<unknown[]> {
  const transactions = await Promise.all([1, 2, 3].map(() => client.transaction('deferred')))
  try {
    const answers = await Promise.all(
      transactions.map((each) => each.execute('pragma synchronous')),
    )
    return answers.flatMap(({ rows }) => Object.values(rows[0] ?? {}))
  } finally {
    for (const each of transactions) each.close()
  }
}

function isClient(database: SqliteDatabase | LibsqlClient): database is LibsqlClient {
  return 'batch' in database
}
