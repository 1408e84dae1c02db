import { PGlite } from '@electric-sql/pglite'
import pg from 'pg'
import { type PostgresStore, postgresStore } from 'twinkey/stores/postgres'
import { afterAll, beforeAll, describe, test } from 'vitest'
import type { Contract } from '../support/contract.ts'
import { createPool, type PostgresServer, startPostgres } from '../support/postgres.ts'

let server: PostgresServer

beforeAll(async () => {
  // These tests do not depend on the disk, and 10,000 keys are many.
  server = await startPostgres({ config: { synchronous_commit: 'off' } })
})
afterAll(() => server.stop())

interface Backend {
  readonly stores: readonly PostgresStore[]
  end(): Promise<unknown>
}

// postgres-pgbouncer.interop.test.ts has pools without a schema of their own.
const BACKENDS = {
  'two pools of pg, in a schema of its own': async () =>
    onPools(server.url, { schema: 'Auth_1', tablePrefix: 'Keys_of_2' }),
  'two pools of pg where transactions are serializable': async () =>
    onPools(`${server.url}?options=-c%20default_transaction_isolation=serializable`, {
      tablePrefix: 'serializable',
    }),
  PGlite: async (): Promise<Backend> => {
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

/** A contract of a store, on each of these backends with two stores. */
export function describePostgres(
  names: readonly (keyof typeof BACKENDS)[],
  contract: Contract,
): void {
  describe.each(names)('the store over %s', (name) => {
    let backend: Backend
    let opened = 0

    beforeAll(async () => {
      backend = await BACKENDS[name]()
      await Promise.all(backend.stores.map((store) => store.migrate()))
    })
    afterAll(() => backend.end())

    test.each(contract)('$name', ({ run }) =>
      run(async () => backend.stores[opened++ % backend.stores.length] as PostgresStore),
    )
  })
}
