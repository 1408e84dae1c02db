import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import postgres from 'postgres'
import { postgresStore } from 'twinkey/stores/postgres'
import { describe, expect, test } from 'vitest'
import { newEntry, newKey } from '../../src/testing/sample.ts'
import { freePort } from '../support/postgres.ts'
import { loadNode, startPostgresJs } from './postgres-js-suite.ts'
import { createEar } from './postgres-nodes.ts'

// postgres-js.interop.test.ts has the contract.
const scene = startPostgresJs()

const WITHIN = { timeout: 20_000, interval: 20 }

/** The number of connections that listen, of all feeds. */
async function listening(): Promise<number> {
  const [{ sql }] = scene.nodes
  const rows = await sql.unsafe(
    "select pid from pg_stat_activity where application_name = 'twinkey feed'",
  )
  return rows.length
}

describe('the client and the listener of docs/stores.md', () => {
  test('prepares no statement, so that PgBouncer works in any mode', async () => {
    const [{ sql, store }] = scene.nodes
    const key = newKey()
    for (let count = 0; count < 20; count++) await store.get(key.id)
    await store.put(key, undefined, newEntry(key))
    // Every connection of the pool answers at least one of them.
    const asked = await Promise.all(
      Array.from({ length: 100 }, () =>
        sql.unsafe(
          "select count(*)::int as count from pg_prepared_statements where statement like '%twinkey%'",
        ),
      ),
    )
    expect(new Set(asked.map(([row]) => row?.['count']))).toEqual(new Set([0]))
  })

  test('a feed that lost its connection says so, listens again, and hears later changes', async () => {
    const [{ sql, store }] = scene.nodes
    const { heard, changed, until } = createEar()
    const failures: unknown[] = []
    const stop = await store.watch?.(changed, (error) => failures.push(error))
    const first = newKey()
    await store.put(first, undefined, newEntry(first))
    await until(() => heard.includes(first.id))
    // One for this feed, and one for each node.
    await expect.poll(listening, WITHIN).toBe(3)
    heard.length = 0
    const ended = await sql.unsafe(
      "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'twinkey feed'",
    )
    expect(ended).toHaveLength(3)
    // Clears the cache once for the loss and once for the new connection.
    await until(() => heard.filter((id) => id === undefined).length >= 2)
    const second = newKey()
    await store.put(second, undefined, newEntry(second))
    await until(() => heard.includes(second.id))
    await stop?.()
    expect(failures.length).toBeLessThanOrEqual(1)
  })

  test('a stopped feed leaves no connection open', async () => {
    const [{ store }] = scene.nodes
    // One for each node. The nodes are still reconnecting after the previous test.
    const before = scene.nodes.length
    await expect.poll(listening, WITHIN).toBe(before)
    const stop = await store.watch?.(() => {})
    await expect.poll(listening, WITHIN).toBe(before + 1)
    await stop?.()
    await expect.poll(listening, WITHIN).toBe(before)
  })
})

test.each(['an ended pool', 'no server', 'a server that does not answer'])(
  'a write that postgres.js did not send because of %s reports that nothing was written',
  async (cause) => {
    const silent = createServer().listen(0, '127.0.0.1')
    await once(silent, 'listening')
    const { port } = silent.address() as AddressInfo
    const { sql, store, twinkey } = await loadNode(scene.server.url)
    await twinkey.close()
    const closed = `postgres://postgres@127.0.0.1:${await freePort()}/postgres`
    const other = {
      'no server': postgres(closed, { max: 1 }),
      'a server that does not answer': postgres(`postgres://postgres@127.0.0.1:${port}/postgres`, {
        max: 1,
        connect_timeout: 1,
      }),
    }[cause]
    const asked =
      other === undefined
        ? store
        : postgresStore({
            query: async (text, values) => ({
              rows: await other.unsafe(text, values as string[]),
            }),
          })
    const key = newKey()
    await sql.end()
    await expect(asked.put(key, undefined, newEntry(key))).rejects.toMatchObject({
      code: 'not_written',
    })
    await other?.end({ timeout: 0 })
    silent.close()
  },
)
