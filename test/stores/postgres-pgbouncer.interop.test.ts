import pg from 'pg'
import { type PostgresStore, postgresStore } from 'twinkey/stores/postgres'
import { storeContract } from 'twinkey/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type PgBouncer, startPgBouncer } from '../support/pgbouncer.ts'
import { createPool, type PostgresServer, startPostgres } from '../support/postgres.ts'

let server: PostgresServer
let bouncer: PgBouncer

beforeAll(async () => {
  // These tests do not depend on the disk, and twice 10,000 keys are many.
  server = await startPostgres({ config: { synchronous_commit: 'off' } })
  bouncer = await startPgBouncer(server)
})
afterAll(async () => {
  await bouncer.stop()
  await server.stop()
})

describe.each([
  ['two pools of pg', () => server.url],
  ['PgBouncer in transaction mode', () => bouncer.url],
])('the store over %s', (_name, url) => {
  let stores: readonly PostgresStore[]
  let pools: readonly pg.Pool[]
  let opened = 0

  beforeAll(async () => {
    pools = [createPool(url()), createPool(url())]
    // The listening connection must not go through a pool.
    const listen = () => new pg.Client(server.url)
    stores = pools.map((pool) => postgresStore(pool, { listen }))
    await Promise.all(stores.map((store) => store.migrate()))
  })
  afterAll(() => Promise.all(pools.map((pool) => pool.end())))

  test.each(storeContract)('$name', ({ run }) =>
    run(async () => stores[opened++ % stores.length] as PostgresStore),
  )
})

test('PgBouncer did spread the statements of one client over several connections', async () => {
  const pool = createPool(bouncer.url)
  const pids = await Promise.all(
    Array.from({ length: 40 }, () => pool.query('select pg_backend_pid() as pid, pg_sleep(0.01)')),
  )
  expect(new Set(pids.map(({ rows }) => rows[0].pid)).size).toBeGreaterThan(1)
  await pool.query('prepare kept as select 1')
  await expect(pool.query('execute kept')).rejects.toThrow('does not exist')
  await pool.end()
})
