import { createTwinkey } from 'twinkey'
import { mysqlMigrations, mysqlStore } from 'twinkey/stores/mysql'
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { newKey } from '../../src/testing/sample.ts'
import {
  type MariadbServer,
  openPool,
  type Pool,
  startMariadb,
  WITHOUT_SYNC,
} from '../support/mariadb.ts'

// The tables of the MySQL store, their names, and the settings of the server.

let server: MariadbServer
let pool: Pool

beforeAll(async () => {
  server = await startMariadb({ config: WITHOUT_SYNC })
  pool = openPool('mysql2', server.url)
})
beforeEach(async () => {
  await server.ask('drop database app', 'create database app')
})
afterAll(async () => {
  await pool.end()
  await server.stop()
})

const tables = async () =>
  (
    await server.ask(
      "select table_name from information_schema.tables where table_schema = 'app' order by 1",
    )
  ).flat()
const TABLES = ['history', 'history_by_label', 'keys', 'keys_by_label', 'migrations', 'uses'].map(
  (name) => `twinkey_${name}`,
)
const STEPS = [[1, 'keys, uses, history, and indexes in order of time']]
const steps = () => server.ask('select version, name from app.twinkey_migrations order by 1')

describe('migrate()', () => {
  test('creates the tables once when ten begin at the same time, and does no harm a second time', async () => {
    const pools = Array.from({ length: 10 }, (_, i) =>
      openPool(i % 2 === 0 ? 'mysql2' : 'mariadb', server.url, { max: 1 }),
    )
    await Promise.all(pools.map((each) => mysqlStore(each).migrate()))
    await Promise.all(pools.map((each) => each.end()))
    expect(await tables()).toEqual(TABLES)
    expect(await steps()).toEqual(STEPS)
    const store = mysqlStore(pool)
    const key = newKey()
    await store.put(key, undefined, undefined)
    await store.migrate()
    expect(await store.get(key.id)).toEqual(key)
    expect(await steps()).toEqual(STEPS)
  })

  test('continues a step that was interrupted', async () => {
    await server.ask('create view app.twinkey_history as select 1 as id')
    const store = mysqlStore(pool)
    await expect(store.migrate()).rejects.toMatchObject({ code: 'not_written' })
    expect(await tables()).not.toContain('twinkey_history_by_label')
    expect(await steps()).toEqual([])
    await server.ask('drop view app.twinkey_history')
    await store.migrate()
    expect(await tables()).toEqual(TABLES)
    expect(await store.put(newKey(), undefined, undefined)).toBe('stored')
  })

  test('leaves a database unchanged that a later version of the package has migrated', async () => {
    const store = mysqlStore(pool)
    await store.migrate()
    await server.ask("update app.twinkey_migrations set version = 7, name = 'later'")
    await store.migrate()
    expect(await steps()).toEqual([[7, 'later']])
  })

  test('needs only to read if there is nothing to do, and the store needs only its tables', async () => {
    await mysqlStore(pool).migrate()
    await server.ask(
      "create or replace user app@'127.0.0.1'",
      ...TABLES.filter((name) => name !== 'twinkey_migrations').map(
        (name) => `grant select, insert, update, delete on app.${name} to app@'127.0.0.1'`,
      ),
      "grant select on app.twinkey_migrations to app@'127.0.0.1'",
    )
    const asApp = openPool('mysql2', server.url, { user: 'app' })
    onTestFinished(() => asApp.end())
    const store = mysqlStore(asApp)
    await store.migrate()
    const key = newKey()
    expect(await store.put(key, undefined, undefined)).toBe('stored')
    await store.recordUse([{ keyId: key.id, secretId: 's', usedAt: 5 }])
    expect(await store.forgetHistory(5)).toBe(0)
    expect(await store.delete(key.id, key.version, undefined)).toBe('deleted')
    expect(await store.inspect?.()).not.toEqual([])
    expect(Math.abs(Number(await store.clock?.()) - Date.now())).toBeLessThan(2000)
  })
})

test('the printed SQL makes what migrate() makes', async () => {
  const names = { tablePrefix: 'by_hand' }
  for (let run = 1; run <= 2; run++)
    for (const { sql } of mysqlMigrations(names))
      await server.ask(...sql.split(';\n').filter((statement) => statement !== ''))
  const store = mysqlStore(pool, names)
  expect(store.migrations).toEqual(mysqlMigrations(names))
  const key = newKey()
  expect(await store.put(key, undefined, undefined)).toBe('stored')
  await store.migrate()
  expect(await store.get(key.id)).toEqual(key)
  expect(await tables()).toEqual(TABLES.map((name) => name.replace('twinkey', 'by_hand')))
})

test('a store that is used before migrate() says what to do', async () => {
  const store = mysqlStore(pool)
  const key = newKey()
  const page = { now: 5, sort: 'oldest', limit: 10 } as const
  const calls = [
    () => store.get('k'),
    () => store.put(key, undefined, undefined),
    () => store.put(key, 5, undefined),
    () => store.delete('k', 5, undefined),
    () => store.list(page),
    () => store.history(page),
    () => store.forgetHistory(5),
    () => store.recordUse([{ keyId: key.id, secretId: 's', usedAt: 5 }]),
  ]
  for (const call of calls) await expect(call()).rejects.toThrow(/Call migrate\(\) of the store/)
  await expect(createTwinkey({ store }).keys.get('k')).rejects.toMatchObject({
    code: 'store_unavailable',
    message: expect.stringMatching(
      /^The store failed: The tables `twinkey_keys`, … do not exist\. Call migrate\(\) of the store/,
    ),
  })
})

test('prefixes keep stores apart', async () => {
  const prefixes = [
    'twinkey',
    // The prefix of the table of another one.
    'twinkey_keys',
    'twinkey_history',
    'select',
    `t${'_'.repeat(31)}`,
  ]
  const stores = prefixes.map((tablePrefix) => mysqlStore(pool, { tablePrefix }))
  const key = newKey()
  for (const [i, store] of stores.entries()) {
    await store.migrate()
    expect(await store.put({ ...key, name: `store ${i}` }, undefined, undefined)).toBe('stored')
    await store.recordUse([{ keyId: key.id, secretId: 's', usedAt: i + 1 }])
  }
  for (const [i, store] of stores.entries()) {
    const found = { ...key, name: `store ${i}`, lastUsedAt: { s: i + 1 } }
    expect(await store.get(key.id)).toEqual(found)
    expect(await store.list({ now: 5, sort: 'oldest', limit: 10 })).toEqual({
      keys: [found],
      next: undefined,
    })
  }
  expect(await tables()).toHaveLength(6 * stores.length)
})

test.each([
  '',
  '1st',
  'a b',
  'A',
  'a-b',
  'a.b',
  'a`b',
  "a'b",
  'a;b',
  'a\n',
  'a\0',
  'ä',
  'x'.repeat(33),
])('%j is no prefix', (tablePrefix) => {
  expect(() => mysqlStore(pool, { tablePrefix })).toThrow(RangeError)
  expect(() => mysqlMigrations({ tablePrefix })).toThrow(/must be 1 to 32 lower-case letters/)
})

test.each([
  ['no pool', () => mysqlStore(undefined as never), /needs a pool/],
  ['a URL', () => mysqlStore('mysql://localhost' as never), /needs a pool/],
  [
    'a pool of mysql2 with callbacks',
    () => mysqlStore((pool as never as { pool: never }).pool),
    /pool\.promise\(\)/,
  ],
  ['options that are none', () => mysqlStore(pool, 'keys' as never), /must be an object/],
  [
    'an option that there is not',
    () => mysqlStore(pool, { schema: 'a' } as never),
    /cannot have "schema"/,
  ],
  [
    'a prefix that is null',
    () => mysqlStore(pool, { tablePrefix: null as never }),
    /tablePrefix must be a string/,
  ],
])('%s is a TypeError', (_name, make, message) => {
  expect(make).toThrow(TypeError)
  expect(make).toThrow(message)
})

describe('inspect() reports', () => {
  const problems = async (...settings: readonly string[]) => {
    await server.ask(...settings)
    const fresh = openPool('mariadb', server.url, { max: 1 })
    try {
      return (await mysqlStore(fresh).inspect?.()) ?? []
    } finally {
      await fresh.end()
    }
  }
  const SAFE = [
    'set global innodb_flush_log_at_trx_commit = 1',
    'set global sql_mode = default',
    'set global tx_isolation = default',
  ]

  test('nothing with the default settings of the server', async () => {
    expect(await problems(...SAFE)).toEqual([])
  })

  test.each([
    [
      'innodb_flush_log_at_trx_commit',
      'set global innodb_flush_log_at_trx_commit = 2',
      'Set it to 1',
    ],
    ['sql_mode', "set global sql_mode = ''", 'Add it'],
    ['isolation level', "set global tx_isolation = 'READ-UNCOMMITTED'", 'READ-COMMITTED'],
  ])('%s', async (name, setting, remedy) => {
    const [problem = '', ...others] = await problems(...SAFE, setting)
    expect(others).toEqual([])
    expect(problem).toContain(name)
    expect(problem).toContain(remedy)
    expect(await problems(...SAFE)).toEqual([])
  })
})

test('inspect() reports a binary log that is not synced', async () => {
  const logged = await startMariadb({ config: { log_bin: 'on', sync_binlog: '0', server_id: '1' } })
  const onLogged = openPool('mysql2', logged.url)
  try {
    const store = mysqlStore(onLogged)
    expect(await store.inspect?.()).toEqual([expect.stringMatching(/sync_binlog = 0/)])
    await logged.ask('set global sync_binlog = 1')
    expect(await store.inspect?.()).toEqual([])
  } finally {
    await onLogged.end()
    await logged.stop()
  }
})
