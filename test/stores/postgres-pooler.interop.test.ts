import pg from 'pg'
import { createTwinkey, type WarningEvent } from 'twinkey'
import { type PostgresClient, postgresStore } from 'twinkey/stores/postgres'
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest'
import { newKey } from '../../src/testing/sample.ts'
import { settled } from '../support/gate.ts'
import { type PgBouncer, startPgBouncer } from '../support/pgbouncer.ts'
import { createPool, type PostgresServer, startPostgres } from '../support/postgres.ts'
import { createEar } from './postgres-nodes.ts'

// A pooler in transaction mode acknowledges LISTEN, but delivers no notifications.

const HEARS_NOTHING =
  /connection of listen receives no notifications.*directly to the database.*PgBouncer/

let server: PostgresServer
let bouncer: PgBouncer

beforeAll(async () => {
  server = await startPostgres()
  bouncer = await startPgBouncer(server)
  const pool = createPool(server.url)
  await postgresStore(pool).migrate()
  await pool.end()
})
afterAll(async () => {
  await bouncer.stop()
  await server.stop()
})

/** A clock that the test advances, and that stands still while a server is answering. */
function heldClock() {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  onTestFinished(() => void vi.useRealTimers())
  let asked = 0
  const during = async <T>(call: Promise<T>): Promise<T> => {
    asked++
    return call.finally(() => {
      asked--
    })
  }
  return {
    during,
    async passUntil(holds: () => boolean) {
      for (const limit = performance.now() + 20_000; !holds(); await settled()) {
        if (performance.now() > limit) throw new Error('waited in vain')
        if (asked === 0) vi.advanceTimersByTime(100)
      }
    },
  }
}

/** A store that listens through the pooler, and the number of its attempts. */
function listeningThroughPooler(pool: pg.Pool) {
  const clock = heldClock()
  let opened = 0
  const listen = () => {
    opened++
    const client = new pg.Client(bouncer.url)
    const [connect, query] = [
      client.connect.bind(client),
      client.query.bind(client) as (text: string) => Promise<unknown>,
    ]
    return Object.assign(client, {
      connect: () => clock.during(connect()),
      query: (text: string) => clock.during(query(text)),
    })
  }
  const client: PostgresClient = { query: (text, values) => clock.during(pool.query(text, values)) }
  return {
    store: postgresStore(client, { listen }),
    triedThreeTimes: () => clock.passUntil(() => opened === 3),
  }
}

test.each(['straight to the server', 'through the pooler'])(
  'listening through a pooler counts as a failed feed, while the pool goes %s',
  async (way) => {
    const pool = createPool(way === 'through the pooler' ? bouncer.url : server.url)
    const [ear, why] = [createEar(), createEar()]
    const { store, triedThreeTimes } = listeningThroughPooler(pool)
    const watching = store.watch?.(ear.changed, (error) => why.changed((error as Error).message))
    onTestFinished(async () => {
      await (await watching)?.()
      await pool.end()
    })
    await triedThreeTimes()
    expect(why.heard).toEqual([expect.stringMatching(HEARS_NOTHING)])
    // The watcher reports once that it may have missed something, and never that it listens.
    expect(ear.heard).toEqual([undefined])
  },
)

test('an operator gets one warning that the feed receives nothing', async () => {
  const pool = createPool(bouncer.url)
  const warnings: WarningEvent[] = []
  const { store, triedThreeTimes } = listeningThroughPooler(pool)
  const twinkey = createTwinkey({ store, onEvent: (event) => warnings.push(event as WarningEvent) })
  onTestFinished(async () => {
    await twinkey.close()
    await pool.end()
  })
  await triedThreeTimes()
  expect(warnings).toMatchObject([
    { type: 'warning.store_unavailable', error: { message: expect.stringMatching(HEARS_NOTHING) } },
  ])
})

test('a direct connection to the server receives changes, while the pool goes through the pooler', async () => {
  const pool = createPool(bouncer.url)
  const [ear, why] = [createEar(), createEar()]
  const store = postgresStore(pool, { listen: () => new pg.Client(server.url) })
  const stop = await store.watch?.(ear.changed, () => why.changed('failed'))
  onTestFinished(async () => {
    await stop?.()
    await pool.end()
  })
  const key = newKey()
  await store.put(key, undefined, undefined)
  await ear.until((heard) => heard.includes(key.id))
  expect([ear.heard, why.heard]).toEqual([[undefined, key.id], []])
})
