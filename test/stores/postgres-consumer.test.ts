import { createTwinkey } from 'twinkey'
import { postgresStore } from 'twinkey/stores/postgres'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createPool, type PostgresServer, startPostgres } from '../support/postgres.ts'
import { endChildren, startChild } from './postgres-child.ts'

let server: PostgresServer

beforeAll(async () => {
  server = await startPostgres()
})
afterAll(async () => {
  endChildren()
  await server.stop()
})

// The clocks of the writers differ, so that entries are stored behind those that the consumer has
// read already.
const AHEAD = [-50_000, -1000, 0, 50_000]

test('a consumer in one process sees every entry that four others write, and tells repeats by their ids', async () => {
  const pool = createPool(server.url)
  const store = postgresStore(pool)
  await store.migrate()
  const { keys } = createTwinkey({ store })
  const { key } = await keys.create({ name: 'shared', scope: { tenants: '*', workflows: '*' } })
  const consumer = startChild('consume', server.url)
  const writers = AHEAD.map((ahead) => startChild('write', server.url, key.id, String(ahead)))
  for (const child of [consumer, ...writers]) expect(await child.said).toBe('ready')
  for (const writer of writers) writer.tell()
  for (const writer of writers) expect(await writer.ended).toBe('0')
  consumer.tell()
  expect(await consumer.ended).toBe('0')

  const { rows } = await pool.query('select id from twinkey_history')
  const stored = rows.map(({ id }) => id as string).sort()
  const emitted = writers.flatMap(({ lines }) => lines.slice(1))
  const { entries } = await keys.history({ keyId: key.id, limit: 100 })
  const created = entries.find(({ type }) => type === 'key.created')?.id
  expect([...emitted, created].sort()).toEqual(stored)
  expect(stored.length).toBeGreaterThan(4 * 80)

  const { ids, repeats, early } = JSON.parse(consumer.lines[1] as string)
  expect([...ids].sort()).toEqual(stored)
  expect(repeats).toBeGreaterThan(0)
  // It has really read while they wrote.
  expect(early).toBeGreaterThan(20)
  await pool.end()
})
