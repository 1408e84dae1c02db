import { setTimeout as sleep } from 'node:timers/promises'
import { createTwinkey, type Twinkey } from 'twinkey'
import { type MysqlPool, mysqlStore } from 'twinkey/stores/mysql'
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { newEntry, newKey } from '../../src/testing/sample.ts'
import { createGate, settled } from '../support/gate.ts'
import {
  type MariadbServer,
  openPool,
  type Pool,
  startMariadb,
  WITHOUT_SYNC,
} from '../support/mariadb.ts'
import { freePort } from '../support/postgres.ts'
import { wiretapped } from './mysql-nodes.ts'

// What the server refuses or loses, and which error the caller gets.

const INPUT = { name: 'n', scope: { tenants: ['t'], workflows: '*' }, secondary: false } as const
const LIBRARIES = ['mysql2', 'mariadb'] as const

let server: MariadbServer
let admin: Pool

beforeAll(async () => {
  server = await startMariadb({ config: WITHOUT_SYNC })
  admin = openPool('mysql2', server.url)
})
beforeEach(async () => {
  await mysqlStore(admin).migrate()
  const rows = ['keys', 'history'].map((name) => `delete from app.twinkey_${name}`)
  await server.ask('drop trigger if exists app.refuses', ...rows)
})
afterAll(async () => {
  await admin.end()
  await server.stop()
})

const over = (pool: MysqlPool, more = {}): Twinkey =>
  createTwinkey({ store: mysqlStore(pool), ...more })

function open(library: (typeof LIBRARIES)[number], options = {}, url = server.url): Pool {
  const pool = openPool(library, url, options)
  onTestFinished(() => pool.end())
  return pool
}

/** Holds the lock of every key, until the test ends or the result is called. */
async function lockKeys(): Promise<() => Promise<unknown>> {
  const query = (sql: string) =>
    connection.query({ sql, rowsAsArray: true, nestTables: false, metaAsArray: true })
  const connection = await admin.getConnection()
  onTestFinished(() => void connection.destroy())
  await query('start transaction')
  await query('select * from twinkey_keys for update')
  return () => query('rollback')
}

/** Kills the connections that wait for a lock. Returns whether there was one. */
// The server caches this table, and refreshes it only if it was not read for 0.1 seconds.
async function waitingForLocks(): Promise<unknown[][]> {
  await sleep(150)
  return server.ask(
    "select trx_mysql_thread_id from information_schema.innodb_trx where trx_state = 'LOCK WAIT'",
  )
}

async function killWaiting(): Promise<boolean> {
  const rows = await waitingForLocks()
  for (const [id] of rows) await server.ask(`kill ${id}`).catch(() => {})
  return rows.length > 0
}

describe.each(LIBRARIES)(
  'over %s, a refusal by the server is store_unavailable, and never outcome_unknown:',
  (library) => {
    const fails = async (
      pool: MysqlPool,
      message: RegExp,
      change = (twinkey: Twinkey) => twinkey.keys.create(INPUT) as Promise<unknown>,
    ) =>
      expect(change(over(pool))).rejects.toMatchObject({
        code: 'store_unavailable',
        message: expect.stringMatching(message),
      })

    test('a right that the user does not have', async () => {
      const { key } = await over(admin).keys.create(INPUT)
      await server.ask(
        "create or replace user reader@'127.0.0.1'",
        "grant select on app.* to reader@'127.0.0.1'",
      )
      const pool = open(library, { user: 'reader' })
      expect(await over(pool).keys.get(key.id)).toMatchObject({ id: key.id })
      await fails(pool, /INSERT command denied/)
      await fails(pool, /command denied/, ({ keys }) => keys.revoke(key.id))
      await fails(pool, /command denied/, ({ keys }) => keys.delete(key.id))
    })

    test('a read-only server', async () => {
      const { key } = await over(admin).keys.create(INPUT)
      await server.ask(
        "create or replace user app@'127.0.0.1'",
        "grant all on app.* to app@'127.0.0.1'",
        'set global read_only = on',
      )
      onTestFinished(() => server.ask('set global read_only = off').then(() => {}))
      const pool = open(library, { user: 'app' })
      await fails(pool, /read-only/, ({ keys }) => keys.revoke(key.id))
      expect(await mysqlStore(pool).inspect?.()).toContainEqual(expect.stringMatching(/read_only/))
    })

    test('a trigger that raises an error, also in the last statement before the commit', async () => {
      await server.ask(
        "create trigger app.refuses before insert on app.twinkey_history_by_label for each row signal sqlstate '45000' set message_text = 'not now'",
      )
      await fails(open(library), /not now/)
      expect((await over(admin).keys.list()).keys).toEqual([])
    })

    test('a lock that another session holds, for longer than the server waits', async () => {
      const { key } = await over(admin).keys.create(INPUT)
      const release = await lockKeys()
      let attempts = 0
      const pool = wiretapped(open(library), (sql, send) => {
        if (sql.endsWith('for update')) attempts++
        return send()
      })
      await server.ask('set global innodb_lock_wait_timeout = 0')
      onTestFinished(() => server.ask('set global innodb_lock_wait_timeout = 50').then(() => {}))
      await fails(pool, /Lock wait timeout/, ({ keys }) => keys.revoke(key.id))
      expect(attempts).toBeGreaterThan(5)
      await release()
      expect(await over(admin).keys.get(key.id)).toMatchObject({ state: 'active' })
    })

    test('a connection that is cut while it waits for a lock', async () => {
      const { key } = await over(admin).keys.create(INPUT)
      await lockKeys()
      let isOver = false
      const failing = fails(open(library), /./, (twinkey) =>
        twinkey.keys.revoke(key.id).finally(() => (isOver = true)),
      )
      while (!isOver) await killWaiting()
      await failing
    })

    test('tables that do not exist', async () => {
      await server.ask('drop database app', 'create database app')
      await fails(open(library), /`twinkey_keys`, … do not exist\. Call migrate\(\) of the store/)
    })

    test('a database that does not exist, and a port on which nothing listens', async () => {
      const soon = library === 'mariadb' ? { acquireTimeout: 500 } : {}
      await fails(open(library, { ...soon, database: 'nowhere' }), /./)
      const url = server.url.replace(String(server.port), String(await freePort()))
      await fails(open(library, soon, url), /./)
    })

    test('a pool that was ended', async () => {
      const pool = openPool(library, server.url)
      await pool.end()
      await fails(pool, /closed/i)
    })

    test('connections without autocommit, whose reads would not see later changes', async () => {
      const { key } = await over(admin).keys.create(INPUT)
      await server.ask('set global autocommit = 0')
      onTestFinished(() => server.ask('set global autocommit = 1').then(() => {}))
      const pool = open(library)
      await fails(pool, /Leave autocommit at 1/)
      await fails(pool, /Leave autocommit at 1/, ({ keys }) => keys.get(key.id))
    })
  },
)

test.each(LIBRARIES)(
  'a connection of %s that is lost during the commit leaves the outcome unknown',
  async (library) => {
    const { key } = await over(admin).keys.create(INPUT)
    const inner = open(library)
    let isCut = false
    const pool = wiretapped(inner, async (sql, send) => {
      if (sql !== 'commit' || isCut) return send()
      isCut = true
      await send()
      throw Object.assign(new Error('the connection is lost'), { code: 'ECONNRESET' })
    })
    // Twinkey reads the key back, and finds its own change.
    await over(pool).keys.disable(key.id)
    expect(isCut).toBe(true)
    isCut = false
    const store = mysqlStore(pool)
    const created = newKey()
    await expect(store.put(created, undefined, newEntry(created))).rejects.toMatchObject({
      code: 'ECONNRESET',
    })
    expect(await store.get(created.id)).toEqual(created)
  },
)

test('a transaction that loses a deadlock is repeated', async () => {
  const key = newKey()
  const store = mysqlStore(admin)
  await store.put(key, undefined, undefined)
  const numbers: unknown[] = []
  let losses = 3
  const losing = wiretapped(admin, async (sql, send) => {
    if (!sql.startsWith('update') || losses-- <= 0) return send()
    const deadlock = Object.assign(new Error('Deadlock found'), { errno: 1213 })
    numbers.push(deadlock.errno)
    throw deadlock
  })
  const next = { ...key, version: key.version + 1 }
  expect(await mysqlStore(losing).put(next, key.version, newEntry(next))).toBe('stored')
  expect(numbers).toEqual([1213, 1213, 1213])
  expect(await store.get(key.id)).toEqual(next)
  expect((await store.history({ keyId: key.id, sort: 'oldest', limit: 9 })).entries).toHaveLength(1)
})

test('a real deadlock is repeated: two batches of uses that lock in opposite orders by hand', async () => {
  const [one, two] = [newKey({ id: 'a' }), newKey({ id: 'b' })]
  const store = mysqlStore(admin)
  for (const key of [one, two]) await store.put(key, undefined, undefined)
  const holder = await admin.getConnection()
  onTestFinished(() => void holder.destroy())
  const hold = (sql: string) =>
    holder.query({ sql, rowsAsArray: true, nestTables: false, metaAsArray: true })
  await hold('start transaction')
  await hold("select 1 from twinkey_keys where id = 'b' for update")
  const errors: unknown[] = []
  const pool = wiretapped(open('mysql2'), (_sql, send) =>
    send().catch((error) => {
      errors.push(error.errno)
      throw error
    }),
  )
  const uses = [one, two].map(({ id }) => ({ keyId: id, secretId: 's', usedAt: 5 }))
  const recording = mysqlStore(pool).recordUse(uses)
  while ((await waitingForLocks()).length === 0);
  // The server ends the transaction that has changed fewer rows.
  await hold("insert into twinkey_history select concat('h', seq), '{}' from seq_1_to_100")
  await hold("select 1 from twinkey_keys where id = 'a' for update")
  await hold('rollback')
  await recording
  expect(errors).toEqual([1213])
  expect(await store.get('b')).toMatchObject({ lastUsedAt: { s: 5 } })
})

test('a store stops at the deadline: it sends nothing more, and nothing changes later', async () => {
  const { key } = await over(admin).keys.create(INPUT)
  const [late, arrived] = [createGate(), createGate()]
  const sent: string[] = []
  const pool = wiretapped(admin, async (sql, send) => {
    sent.push(sql)
    const answer = await send()
    if (!sql.startsWith('update')) return answer
    arrived.open()
    await late.opened
    return answer
  })
  const twinkey = over(pool, { deadlineSeconds: 0.05 })
  const revoking = twinkey.keys.revoke(key.id).catch((error: unknown) => error)
  await arrived.opened
  expect(await revoking).toMatchObject({ code: 'outcome_unknown' })
  const before = sent.length
  late.open()
  await settled()
  expect(sent).toHaveLength(before)
  expect(sent).not.toContain('commit')
  expect(await over(admin).keys.get(key.id)).toMatchObject({ state: 'active' })
})

test.each(LIBRARIES)(
  'a write over %s that waits for a lock beyond the deadline leaves the pool its connections',
  async (library) => {
    const { key } = await over(admin).keys.create(INPUT)
    const release = await lockKeys()
    const twinkey = over(open(library, { max: 1 }), { deadlineSeconds: 0.3 })
    await expect(twinkey.keys.revoke(key.id)).rejects.toMatchObject({ code: 'outcome_unknown' })
    expect(await twinkey.keys.get(key.id)).toMatchObject({ state: 'active' })
    await release()
    await twinkey.keys.disable(key.id)
    expect(await twinkey.keys.get(key.id)).toMatchObject({ state: 'disabled' })
  },
)

test('a pool that returns something else fails before anything is written, and the error says what to pass', async () => {
  await server.ask('drop database app', 'create database app')
  const connection = { query: async () => [], release() {}, destroy() {} }
  const pool: MysqlPool = {
    query: async () => [{ 1: 1 }],
    getConnection: async () => connection,
  }
  await expect(mysqlStore(pool).migrate()).rejects.toThrow(/must return \[rows, columns\]/)
  await expect(over(pool).keys.create(INPUT)).rejects.toMatchObject({
    code: 'store_unavailable',
    message: expect.stringMatching(/must return \[rows, columns\]/),
  })
})
