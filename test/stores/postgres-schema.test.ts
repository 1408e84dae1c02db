import pg from 'pg'
import { createTwinkey, type TwinkeyError } from 'twinkey'
import { type PostgresClient, postgresMigrations, postgresStore } from 'twinkey/stores/postgres'
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
const TABLES = ['history', 'history_by_label', 'keys', 'keys_by_label', 'migrations', 'uses'].map(
  (name) => `public.twinkey_${name}`,
)
const STEPS = [
  { version: 1, name: 'keys, labels and uses' },
  { version: 2, name: 'history, and an index in order of time' },
  { version: 3, name: 'index of the keys of the pre-release' },
]
const PAGE = { now: 5, sort: 'oldest', limit: 10 } as const

describe('migrate()', () => {
  test('creates the tables once when ten processes begin at the same time', async () => {
    const children = Array.from({ length: 10 }, () => startChild('migrate', url))
    expect(await Promise.all(children.map(({ said }) => said))).toEqual(Array(10).fill('ready'))
    for (const child of children) child.tell()
    expect(await Promise.all(children.map(({ ended }) => ended))).toEqual(Array(10).fill('0'))
    expect(
      (await pool.query('select version, name from twinkey_migrations order by 1')).rows,
    ).toEqual(STEPS)
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
    await store.put(key, undefined, undefined)
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
    expect(await store.put(newKey(), undefined, undefined)).toBe('stored')
  })

  test('leaves a database unchanged that a later version of the package has migrated', async () => {
    const store = postgresStore(pool)
    await store.migrate()
    await pool.query(
      "insert into twinkey_migrations values (7, 'later'); delete from twinkey_migrations where version < 7",
    )
    await store.migrate()
    expect((await pool.query('select version from twinkey_migrations')).rows).toEqual([
      { version: 7 },
    ])
  })

  test('needs only to read if there is nothing to do, and the store needs only its tables', async () => {
    await postgresStore(pool).migrate()
    await pool.query(
      'revoke create on schema public from public; drop role if exists app; create role app login; grant select on twinkey_migrations to app; grant select, insert, update, delete on twinkey_keys, twinkey_keys_by_label, twinkey_uses, twinkey_history, twinkey_history_by_label to app',
    )
    const asApp = createPool(url.replace('postgres@', 'app@'))
    await expect(asApp.query('create table other ()')).rejects.toThrow('permission denied')
    const store = postgresStore(asApp)
    await store.migrate()
    const key = newKey()
    expect(await store.put(key, undefined, undefined)).toBe('stored')
    await store.recordUse([{ keyId: key.id, secretId: 's', usedAt: 5 }])
    expect(await store.delete(key.id, key.version, undefined)).toBe('deleted')
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
    expect(await store.put(key, undefined, undefined)).toBe('stored')
    await store.migrate()
    expect(await store.get(key.id)).toEqual(key)
    expect((await tables()).length).toBe(TABLES.length)
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
    () => store.put(key, undefined, undefined),
    () => store.put(key, 5, undefined),
    () => store.delete('k', 5, undefined),
    () => store.list(PAGE),
    () => store.history(PAGE),
    () => store.forgetHistory(5),
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
