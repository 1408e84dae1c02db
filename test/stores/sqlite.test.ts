import { readFileSync } from 'node:fs'
import {
  type SqliteDatabase,
  type SqliteStoreOptions,
  sqliteMigrations,
  sqliteStore,
} from 'twinkey/stores/sqlite'
import { describe, expect, test } from 'vitest'
import { newKey } from '../../src/testing/sample.ts'
import { smallContract } from '../support/contract.ts'
import { describeSqlite } from './sqlite-suite.ts'

// The large cases run once for each driver in npm test: on a file. sqlite-node.interop.test.ts has
// them in memory, too.
describeSqlite(['@libsql/client'], smallContract)

const unused: SqliteDatabase = {
  exec: () => expect.fail('it was asked'),
  prepare: () => expect.fail('it was asked'),
}

describe('sqliteStore', () => {
  test('sends nothing to the database before it is used, and has no feed', () => {
    expect(Object.keys(sqliteStore(unused)).sort()).toEqual([
      'delete',
      'forgetHistory',
      'get',
      'history',
      'inspect',
      'list',
      'migrate',
      'migrations',
      'put',
      'recordUse',
    ])
  })

  test('tries again when a lock is reported at once, although the driver would wait for one', async () => {
    let attempts = 0
    const database: SqliteDatabase = {
      exec(sql) {
        if (sql === 'begin immediate' && ++attempts < 4) throw new Error('database is locked')
      },
      prepare: (sql) => ({
        all: () => (sql === 'pragma busy_timeout' ? [{ timeout: 5000 }] : [{ answer: 2 }]),
      }),
    }
    expect(await sqliteStore(database).put(newKey(), undefined, undefined)).toBe('stored')
    expect(attempts).toBe(4)
  })

  test.each([
    null,
    undefined,
    {},
    'keys.db',
    5,
    [],
    { execute() {} },
    { prepare() {} },
    () => {},
    { exec: 'exec', prepare: 'prepare' },
  ])('says what it needs when it gets %o', (database) => {
    expect(() => sqliteStore(database as never)).toThrow(TypeError)
    expect(() => sqliteStore(database as never)).toThrow(/needs a database of node:sqlite/)
  })

  test.each([
    '',
    'a-b',
    'a b',
    'a"b',
    "a'b",
    'a;b',
    'A',
    'é',
    '1a',
    '_a',
    'sqlite',
    'sqlite_a',
    'a.b',
    'a\n',
    'a\0',
    'a'.repeat(41),
  ])('rejects the prefix %j', (tablePrefix) => {
    expect(() => sqliteStore(unused, { tablePrefix })).toThrow(RangeError)
    expect(() => sqliteMigrations({ tablePrefix })).toThrow(/tablePrefix must be/)
  })

  test.each([
    null,
    5,
    true,
    [],
    'twinkey',
    { prefix: 'a' },
    { tablePrefix: 5 },
    { tablePrefix: null },
    { tablePrefix: ['a'] },
  ])('rejects the options %o', (options) => {
    expect(() => sqliteStore(unused, options as SqliteStoreOptions)).toThrow(TypeError)
    expect(() => sqliteMigrations(options as SqliteStoreOptions)).toThrow(TypeError)
  })

  test.each(['a', 'a1', 'select', 'a_b', 'a'.repeat(40), undefined])(
    'accepts the prefix %j',
    (tablePrefix) => {
      expect(() => sqliteStore(unused, { tablePrefix })).not.toThrow()
    },
  )
})

describe('sqliteMigrations', () => {
  test('is numbered without gaps, and frozen', () => {
    const migrations = sqliteMigrations()
    expect(migrations.map(({ version }) => version)).toEqual(migrations.map((_, i) => i + 1))
    for (const migration of migrations) expect(Object.isFrozen(migration)).toBe(true)
  })

  test('never changes a step that databases may have taken', () => {
    expect(sqliteMigrations()[0]?.sql).toBe(
      readFileSync(new URL('sqlite-migration-1.sql', import.meta.url), 'utf8'),
    )
  })
})
