import { PGlite } from '@electric-sql/pglite'
import pg from 'pg'
import {
  type PostgresClient,
  type PostgresListener,
  type PostgresStore,
  postgresStore,
} from 'twinkey/stores/postgres'
import { storeContract } from 'twinkey/testing'
import { afterAll, beforeAll, describe, expect, expectTypeOf, test } from 'vitest'
import { newEntry, newKey } from '../../src/testing/sample.ts'
import { createPool, type PostgresServer, startPostgres } from '../support/postgres.ts'

let server: PostgresServer

beforeAll(async () => {
  // These tests do not depend on the disk, and three times 10,000 keys are many.
  server = await startPostgres({ config: { synchronous_commit: 'off' } })
})
afterAll(() => server.stop())

interface Backend {
  readonly stores: readonly PostgresStore[]
  end(): Promise<unknown>
}

// postgres-pgbouncer.interop.test.ts has pools without a schema of their own.
const BACKENDS: Record<string, () => Promise<Backend>> = {
  'two pools of pg, in a schema of its own': async () =>
    onPools(server.url, { schema: 'Auth_1', tablePrefix: 'Keys_of_2' }),
  'two pools of pg where transactions are serializable': async () =>
    onPools(`${server.url}?options=-c%20default_transaction_isolation=serializable`, {
      tablePrefix: 'serializable',
    }),
  PGlite: async () => {
    const database = new PGlite()
    return {
      stores: [postgresStore(database), postgresStore(database)],
      end: () => database.close(),
    }
  },
}

function onPools(
  url: string,
  names: { readonly schema?: string; readonly tablePrefix: string },
): Backend {
  const pools = [createPool(url), createPool(url)]
  // The listening connection must not go through a pool.
  const options = { ...names, listen: () => new pg.Client(server.url) }
  return {
    stores: pools.map((pool) => postgresStore(pool, options)),
    end: () => Promise.all(pools.map((pool) => pool.end())),
  }
}

describe.each(Object.keys(BACKENDS))('the store over %s', (name) => {
  let backend: Backend
  let opened = 0

  beforeAll(async () => {
    backend = await (BACKENDS[name] as () => Promise<Backend>)()
    await Promise.all(backend.stores.map((store) => store.migrate()))
  })
  afterAll(() => backend.end())

  test.each(storeContract)('$name', ({ run }) =>
    run(async () => backend.stores[opened++ % backend.stores.length] as PostgresStore),
  )
})

test('every call is one statement', async () => {
  const pool = createPool(server.url)
  const asked: string[] = []
  const client: PostgresClient = {
    query(text, values) {
      asked.push(text)
      return pool.query(text, values)
    },
  }
  const store = postgresStore(client, { tablePrefix: 'counted' })
  const key = newKey({ owner: 'o' })
  const use = { keyId: key.id, secretId: key.primary.id, usedAt: 5 }
  const calls: [string, () => Promise<unknown>][] = [
    ['migrates', () => store.migrate()],
    ['creates', () => store.put(key, undefined, newEntry(key))],
    ['creates what is there', () => store.put(key, undefined, undefined)],
    ['writes', () => store.put({ ...key, version: key.version + 1 }, key.version, newEntry(key))],
    ['writes with an old version', () => store.put(key, key.version, undefined)],
    ['writes what is not there', () => store.put(newKey(), 1, undefined)],
    ['reads', () => store.get(key.id)],
    ['lists', () => store.list({ owner: 'o', state: 'active', now: 5, sort: 'newest', limit: 1 })],
    ['reads the history', () => store.history({ keyId: key.id, sort: 'oldest', limit: 100 })],
    ['notes uses', () => store.recordUse([use, { ...use, usedAt: 6 }])],
    ['deletes with an old version', () => store.delete(key.id, key.version, undefined)],
    ['deletes', () => store.delete(key.id, key.version + 1, newEntry(key))],
    ['deletes what is not there', () => store.delete(key.id, 1, undefined)],
    ['forgets', () => store.forgetHistory(5)],
  ]
  for (const [name, call] of calls) {
    asked.length = 0
    await call()
    // Before its steps, the first write of a store checks whether rows come back in a readable
    // form. After them, migrate() checks whether the index is complete.
    expect(asked, name).toHaveLength(name === 'migrates' ? 4 : 1)
    if (name !== 'migrates') expect(asked[0], name).not.toContain(';')
  }
  asked.length = 0
  await store.recordUse([])
  expect(asked).toEqual([])
  await pool.end()
})

test('the drivers have the interface that the store requires', () => {
  expectTypeOf<pg.Pool>().toExtend<PostgresClient>()
  expectTypeOf<pg.PoolClient>().toExtend<PostgresClient>()
  expectTypeOf<pg.Client>().toExtend<PostgresClient>()
  expectTypeOf<PGlite>().toExtend<PostgresClient>()
  expectTypeOf<pg.Client>().toExtend<PostgresListener>()
  // A pool receives nothing, and would be ended.
  expectTypeOf<pg.Pool>().not.toExtend<PostgresListener>()
})
