import { join } from 'node:path'
import mysql from 'mysql2/promise'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type MariadbServer, startMariadb, WITHOUT_SYNC } from '../support/mariadb.ts'
import { openSqlite } from '../support/sqlite.ts'
import { project, twinkeyIn } from './project.ts'

/** A project over an empty database, and that database as another migration tool sees it. */
interface Scene {
  readonly folder: string
  /** Runs a file of SQL as it is. */
  apply(sql: string): Promise<void>
  /** The definitions of all tables, and which steps were applied, and when. */
  schema(): Promise<unknown[][]>
  end(): Promise<void>
}

async function overSqlite(): Promise<Scene> {
  const folder = project(
    {
      'twinkey.config.mjs': `
        import { createClient } from '@libsql/client'
        import { createTwinkey } from 'twinkey'
        import { sqliteStore } from 'twinkey/stores/sqlite'
        export const twinkey = createTwinkey({ store: sqliteStore(createClient({ url: 'file:keys.db' })) })`,
    },
    ['@libsql/client'],
  )
  const { all, exec, close } = await openSqlite('@libsql/client', join(folder, 'keys.db'))
  const definitions = 'select type, name, sql from sqlite_schema order by type, name'
  return {
    folder,
    apply: exec,
    async schema() {
      const defined = await all(definitions)
      return defined.length === 0
        ? []
        : [...defined, ...(await all('select * from twinkey_migrations'))]
    },
    end: async () => close(),
  }
}

async function overMariadb(server: MariadbServer): Promise<Scene> {
  await server.ask('select 1')
  const folder = project(
    {
      'twinkey.config.mjs': `
        import mysql from 'mysql2/promise'
        import { createTwinkey } from 'twinkey'
        import { mysqlStore } from 'twinkey/stores/mysql'
        export const twinkey = createTwinkey({ store: mysqlStore(mysql.createPool('${server.url}')) })`,
    },
    ['mysql2'],
  )
  const connection = await mysql.createConnection({ uri: server.url, multipleStatements: true })
  const rows = async (sql: string) =>
    (await connection.query({ sql, rowsAsArray: true }))[0] as unknown[][]
  return {
    folder,
    async apply(sql) {
      await connection.query(sql)
    },
    async schema() {
      const tables = (await rows('show tables')).map(([name]) => String(name))
      const defined: unknown[][] = []
      for (const table of tables) defined.push(...(await rows(`show create table ${table}`)))
      return tables.length === 0
        ? []
        : [...defined, ...(await rows('select * from twinkey_migrations order by version'))]
    },
    end: () => connection.end(),
  }
}

let server: MariadbServer
beforeAll(async () => {
  server = await startMariadb({ config: WITHOUT_SYNC })
})
afterAll(() => server?.stop())

describe.each([
  { name: 'SQLite', repeats: false, open: overSqlite },
  { name: 'MariaDB', repeats: true, open: () => overMariadb(server) },
])('the SQL that migrate --print prints for $name', ({ open, repeats }) => {
  test('makes all tables of an empty database, and migrate() then changes nothing', async () => {
    const { folder, apply, schema, end } = await open()
    try {
      const printed = twinkeyIn(folder, 'migrate', '--print')
      expect(printed).toMatchObject({ code: 0, err: '' })
      expect(await schema()).toEqual([])
      await apply(printed.out)
      const made = await schema()
      expect(made.length).toBeGreaterThan(6)

      const words = ['keys', 'create', '--name', 'Billing', '--tenant', 't1', '--workflow', 'a']
      const created = twinkeyIn(folder, ...words, '--json')
      expect(created.code).toBe(0)
      const { key } = JSON.parse(created.out)
      expect(twinkeyIn(folder, 'migrate')).toMatchObject({ code: 0, err: '' })
      expect(await schema()).toEqual(made)
      expect(twinkeyIn(folder, 'keys', 'get', key.id)).toMatchObject({ code: 0 })
      // The output of a later version repeats these steps.
      if (repeats) await apply(printed.out)
      else await expect(apply(printed.out)).rejects.toThrow(/UNIQUE/)
      expect(await schema()).toEqual(made)
      expect(twinkeyIn(folder, 'history').out).toContain('created')
    } finally {
      await end()
    }
  })
})
