import type { PGlite } from '@electric-sql/pglite'
import type pg from 'pg'
import { type PostgresClient, type PostgresListener, postgresStore } from 'twinkey/stores/postgres'
import { afterAll, beforeAll, expect, expectTypeOf, test } from 'vitest'
import { newEntry, newKey } from '../../src/testing/sample.ts'
import { smallContract } from '../support/contract.ts'
import { createPool, type PostgresServer, startPostgres } from '../support/postgres.ts'
import { describePostgres } from './postgres-suite.ts'

// postgres.interop.test.ts has the large cases, and the other backends.
describePostgres(['two pools of pg, in a schema of its own'], smallContract)

let server: PostgresServer

beforeAll(async () => {
  server = await startPostgres()
})
afterAll(() => server.stop())

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
