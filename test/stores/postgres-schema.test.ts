import pg from 'pg'
import { createTwinkey, type TwinkeyError } from 'twinkey'
import {
  type PostgresClient,
  type PostgresMigrationOptions,
  postgresMigrations,
  postgresStore,
} from 'twinkey/stores/postgres'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { newKey } from '../../src/testing/sample.ts'
import { errorCodeOf } from '../support/faults.ts'
import { createPool, freePort, type PostgresServer, startPostgres } from '../support/postgres.ts'
import { endChildren, startChild } from './postgres-child.ts'

let server: PostgresServer
let url: string
let pool: pg.Pool
let databases = 0

beforeAll(async () => {
  server = await startPostgres()
})
afterAll(async () => {
  endChildren()
  await server.stop()
})
// A database of its own for each test.
beforeEach(async () => {
  const name = `test_${databases++}`
  const admin = createPool(server.url)
  await admin.query(`create database ${name}`)
  await admin.end()
  url = server.url.replace(/postgres$/, name)
  pool = createPool(url)
  return () => pool.end()
})

const tables = async () => {
  const { rows } = await pool.query(
    "select schemaname, tablename from pg_tables where schemaname !~ '^(pg_|information_schema)' order by 1, 2",
  )
  return rows.map(({ schemaname, tablename }) => `${schemaname}.${tablename}`)
}
const TABLES = ['keys', 'labels', 'migrations', 'uses'].map((name) => `public.twinkey_${name}`)

describe('migrate()', () => {
  test('creates the tables once when ten processes begin at the same time', async () => {
    const children = Array.from({ length: 10 }, () => startChild('migrate', url))
    expect(await Promise.all(children.map(({ said }) => said))).toEqual(Array(10).fill('ready'))
    for (const child of children) child.tell()
    expect(await Promise.all(children.map(({ ended }) => ended))).toEqual(Array(10).fill('0'))
    expect((await pool.query('select version, name from twinkey_migrations')).rows).toEqual([
      { version: 1, name: 'keys, labels and uses' },
    ])
    expect((await pool.query('select count(*)::int from twinkey_keys')).rows).toEqual([
      { count: 10 },
    ])
  })

  test('creates them once when ten begin at the same time in transactions that see only the earlier state', async () => {
    const isolated = createPool(`${url}?options=-c%20default_transaction_isolation=serializable`)
    await Promise.all(Array.from({ length: 10 }, () => postgresStore(isolated).migrate()))
    await isolated.end()
    expect(await tables()).toEqual(TABLES)
  })

  test('does no harm a second time', async () => {
    const store = postgresStore(pool)
    const key = newKey()
    await store.migrate()
    await store.put(key, undefined)
    await store.migrate()
    await postgresStore(pool).migrate()
    expect(await store.get(key.id)).toEqual(key)
    expect(await tables()).toEqual(TABLES)
  })

  test('rolls back a step that fails, and completes it when the obstacle is gone', async () => {
    const store = postgresStore(pool)
    await pool.query('create table twinkey_uses (theirs text)')
    await expect(store.migrate()).rejects.toThrow(/already exists/)
    expect(await tables()).toEqual(['public.twinkey_uses'])
    await pool.query('drop table twinkey_uses')
    await store.migrate()
    expect(await store.put(newKey(), undefined)).toBe('stored')
  })

  test('leaves a database unchanged that a later version of the package has migrated', async () => {
    const store = postgresStore(pool)
    await store.migrate()
    await pool.query(
      "insert into twinkey_migrations values (7, 'later'); delete from twinkey_migrations where version = 1",
    )
    await store.migrate()
    expect((await pool.query('select version from twinkey_migrations')).rows).toEqual([
      { version: 7 },
    ])
  })

  test('needs only to read if there is nothing to do, and the store needs only its tables', async () => {
    await postgresStore(pool).migrate()
    await pool.query(
      'revoke create on schema public from public; drop role if exists app; create role app login; grant select on twinkey_migrations to app; grant select, insert, update, delete on twinkey_keys, twinkey_labels, twinkey_uses to app',
    )
    const asApp = createPool(url.replace('postgres@', 'app@'))
    await expect(asApp.query('create table other ()')).rejects.toThrow('permission denied')
    const store = postgresStore(asApp)
    await store.migrate()
    const key = newKey()
    expect(await store.put(key, undefined)).toBe('stored')
    await store.recordUse([{ keyId: key.id, secretId: 's', usedAt: 5 }])
    expect(await store.delete(key.id, key.version)).toBe('deleted')
    await asApp.end()
  })

  test('finds tables by the search path, and does not create them again in an earlier schema', async () => {
    const store = postgresStore(pool)
    await store.migrate()
    await pool.query('create schema postgres')
    // "$user" comes first in the search path, and from now on that schema exists.
    const later = createPool(url)
    await postgresStore(later).migrate()
    await later.end()
    expect(await tables()).toEqual(TABLES)
  })
})

describe('schema and prefix', () => {
  test('keep stores apart, and a missing schema is created', async () => {
    await pool.query('create schema "There"')
    const names: PostgresMigrationOptions[] = [
      {},
      { schema: 'Missing_1' },
      { schema: 'There', tablePrefix: 'select' },
      { tablePrefix: `T${'_'.repeat(39)}` },
      { schema: 's'.repeat(63), tablePrefix: 'p'.repeat(40) },
    ]
    const stores = names.map((each) => postgresStore(pool, each))
    const key = newKey()
    for (const [i, store] of stores.entries()) {
      await expect(store.get(key.id)).rejects.toThrow(/Call migrate\(\)/)
      await store.migrate()
      expect(await store.put({ ...key, name: `store ${i}` }, undefined)).toBe('stored')
      await store.recordUse([{ keyId: key.id, secretId: 's', usedAt: i + 1 }])
    }
    for (const [i, store] of stores.entries()) {
      const found = { ...key, name: `store ${i}`, lastUsedAt: { s: i + 1 } }
      expect(await store.get(key.id)).toEqual(found)
      expect(await store.list({ limit: 10 })).toEqual({ keys: [found], next: undefined })
    }
    expect((await tables()).length).toBe(4 * stores.length)
    // No name was truncated, which would make two names equal.
    const { rows } = await pool.query(
      "select relname from pg_class where relname ~ '_labels_by_key$' order by 1",
    )
    expect(rows.map(({ relname }) => relname)).toEqual(
      ['twinkey', 'twinkey', 'select', `T${'_'.repeat(39)}`, 'p'.repeat(40)]
        .map((prefix) => `${prefix}_labels_by_key`)
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

test.each([{}, { schema: 'Own', tablePrefix: 'by_hand' }])(
  'the printed SQL makes what migrate() makes, with %j',
  async (names) => {
    const client = new pg.Client(url)
    await client.connect()
    for (let run = 1; run <= 2; run++)
      for (const { sql } of postgresMigrations(names)) await client.query(`begin; ${sql} commit;`)
    await client.end()
    const store = postgresStore(pool, names)
    const key = newKey()
    expect(await store.put(key, undefined)).toBe('stored')
    await store.migrate()
    expect(await store.get(key.id)).toEqual(key)
    expect((await tables()).length).toBe(4)
    expect(postgresMigrations(names).map(({ version }) => version)).toEqual(
      postgresMigrations(names).map((_, i) => i + 1),
    )
  },
)

test('a store that is used before migrate() says what to do', async () => {
  const store = postgresStore(pool)
  const key = newKey()
  const calls = [
    () => store.get('k'),
    () => store.put(key, undefined),
    () => store.put(key, 5),
    () => store.delete('k', 5),
    () => store.list({ limit: 1 }),
    () => store.recordUse([{ keyId: key.id, secretId: 's', usedAt: 5 }]),
  ]
  for (const call of calls) await expect(call()).rejects.toThrow(/Call migrate\(\) of the store/)
  const twinkey = createTwinkey({ store })
  expect(await errorCodeOf(twinkey.keys.get('k'))).toBe('store_unavailable')
  await expect(twinkey.keys.get('k')).rejects.toMatchObject({ cause: { cause: { code: '42P01' } } })
  await expect(
    twinkey.keys.create({ name: 'n', scope: { tenants: ['t'], workflows: '*' } }),
  ).rejects.toMatchObject({
    code: 'store_unavailable',
    message: expect.stringMatching(
      /^The store failed: The tables "twinkey_keys", … do not exist\. Call migrate\(\) of the store/,
    ),
  })
})

test('a failed creation reports that the key does not exist only if no connection was opened', async () => {
  const create = (client: PostgresClient) => {
    const { keys } = createTwinkey({ store: postgresStore(client) })
    return keys.create({ name: 'n', scope: { tenants: ['t'], workflows: '*' } }).then(
      () => 'created',
      ({ code, message }: TwinkeyError) => `${code}: ${message}`,
    )
  }
  const port = await freePort()
  const closed = createPool(`postgres://127.0.0.1:${port}/postgres`)
  expect(await create(closed)).toBe(
    `store_unavailable: The store failed: No connection to the database could be opened: connect ECONNREFUSED 127.0.0.1:${port}`,
  )
  await closed.end()
  // The form of Node's error for a name with several addresses.
  const refused = Object.assign(new Error('connect ECONNREFUSED ::1:5432'), {
    code: 'ECONNREFUSED',
    syscall: 'connect',
  })
  const several = Object.assign(new AggregateError([refused]), { code: 'ECONNREFUSED' })
  expect(await create({ query: () => Promise.reject(several) })).toMatch(
    /could be opened: ECONNREFUSED$/,
  )
  for (const code of ['ECONNRESET', 'ETIMEDOUT', 'EPIPE', '57P01', '08006', undefined]) {
    const lost = () => Promise.reject(Object.assign(new Error('the connection is gone'), { code }))
    expect(await create({ query: lost })).toMatch(
      /^outcome_unknown: .* Read the key when the store is back\. The store failed: the connection is gone$/,
    )
  }
})
