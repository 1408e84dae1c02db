import pg from 'pg'
import {
  type PostgresMigrationOptions,
  postgresMigrations,
  postgresStore,
} from 'twinkey/stores/postgres'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newKey } from '../../src/testing/sample.ts'
import { createPool, type PostgresServer, startPostgres } from '../support/postgres.ts'

// The options of the PostgreSQL store, and the names of its tables.

let server: PostgresServer
let pool: pg.Pool

beforeAll(async () => {
  server = await startPostgres()
  pool = createPool(server.url)
})
afterAll(async () => {
  await pool.end()
  await server.stop()
})

const countTables = async () => {
  const { rows } = await pool.query(
    "select count(*)::int from pg_tables where schemaname !~ '^(pg_|information_schema)'",
  )
  return rows[0].count
}

describe('schema and prefix', () => {
  test('keep stores apart, and a missing schema is created', async () => {
    await pool.query('create schema "There"')
    const names: PostgresMigrationOptions[] = [
      {},
      { schema: 'Missing_1' },
      { schema: 'There', tablePrefix: 'select' },
      { tablePrefix: `T${'_'.repeat(39)}` },
      { schema: 's'.repeat(63), tablePrefix: 'p'.repeat(40) },
      // The prefix of the table of another one.
      { tablePrefix: 'twinkey_keys' },
      { tablePrefix: 'twinkey_history' },
    ]
    const stores = names.map((each) => postgresStore(pool, each))
    const key = newKey()
    for (const [i, store] of stores.entries()) {
      await expect(store.get(key.id)).rejects.toThrow(/Call migrate\(\)/)
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
    expect(await countTables()).toBe(6 * stores.length)
    // No name was truncated, which would make two names equal.
    const { rows } = await pool.query(
      "select tablename from pg_tables where tablename ~ '_history_by_label$' order by 1",
    )
    expect(rows.map(({ tablename }) => tablename)).toEqual(
      [
        'twinkey',
        'twinkey',
        'twinkey_keys',
        'twinkey_history',
        'select',
        `T${'_'.repeat(39)}`,
        'p'.repeat(40),
      ]
        .map((prefix) => `${prefix}_history_by_label`)
        .sort(),
    )
  })

  test.each([
    '',
    '1st',
    'a b',
    'a-b',
    'a.b',
    'a"b',
    "a'b",
    'a;b',
    '$twinkey$',
    'a\n',
    'a\0',
    'schl\u00fcssel',
    '\u043a',
    '"; drop schema public cascade; --',
    'x'.repeat(64),
  ])('%j is no name', (name) => {
    for (const options of [{ schema: name }, { tablePrefix: name }]) {
      expect(() => postgresStore(pool, options)).toThrow(RangeError)
      expect(() => postgresMigrations(options)).toThrow(/must be 1 to \d+ letters, digits and "_"/)
    }
  })

  test('a prefix of 41 letters is too long', () => {
    expect(() => postgresStore(pool, { tablePrefix: 'x'.repeat(41) })).toThrow(RangeError)
  })
})

test.each([
  ['no client', () => postgresStore(undefined as never), /needs a client with query/],
  ['a URL', () => postgresStore('postgres://localhost' as never), /needs a client with query/],
  ['options that are none', () => postgresStore(pool, 'keys' as never), /must be an object/],
  [
    'an option that there is not',
    () => postgresStore(pool, { prefix: 'a' } as never),
    /cannot have "prefix"/,
  ],
  [
    'a schema that is no string',
    () => postgresStore(pool, { schema: 5 as never }),
    /schema must be a string/,
  ],
  [
    'a prefix that is null',
    () => postgresStore(pool, { tablePrefix: null as never }),
    /tablePrefix must be a string/,
  ],
  [
    'a connection where a function is asked for',
    () => postgresStore(pool, { listen: new pg.Client() as never }),
    /listen must be a function/,
  ],
])('%s is a TypeError', (_name, make, message) => {
  expect(make).toThrow(TypeError)
  expect(make).toThrow(message)
})
