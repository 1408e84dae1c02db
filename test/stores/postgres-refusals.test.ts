import pg from 'pg'
import { createTwinkey, type Twinkey } from 'twinkey'
import { type PostgresClient, postgresStore } from 'twinkey/stores/postgres'
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { createGate, settled } from '../support/gate.ts'
import { createPool, freePort, type PostgresServer, startPostgres } from '../support/postgres.ts'

// What PostgreSQL refuses, and which error the caller gets.

const INPUT = { name: 'n', scope: { tenants: ['t'], workflows: '*' }, secondary: false } as const

let server: PostgresServer
let admin: pg.Pool

beforeAll(async () => {
  server = await startPostgres()
  admin = createPool(server.url)
})
beforeEach(async () => {
  await admin.query(`drop table if exists ${TABLES}, twinkey_migrations`)
  await postgresStore(admin).migrate()
})
afterAll(async () => {
  await admin.end()
  await server.stop()
})

// All but twinkey_migrations.
const TABLES =
  'twinkey_keys, twinkey_keys_by_label, twinkey_uses, twinkey_history, twinkey_history_by_label'

/** A client that counts its statements. */
function counted(client: PostgresClient) {
  const counter = {
    sent: 0,
    query(text: string, values?: unknown[]) {
      counter.sent++
      return client.query(text, values)
    },
  }
  return counter
}

const over = (client: PostgresClient, more = {}): Twinkey =>
  createTwinkey({ store: postgresStore(client), ...more })

/** A pool for the same server, as another user or with other settings. */
function poolAt(change: (url: URL) => unknown): pg.Pool {
  const url = new URL(server.url)
  change(url)
  const pool = createPool(url.href)
  onTestFinished(() => pool.end())
  return pool
}
const withSetting = (setting: string) =>
  poolAt((url) => url.searchParams.set('options', `-c ${setting}`))

async function poolOf(user: string): Promise<pg.Pool> {
  await admin.query(
    `drop role if exists ${user}; create role ${user} login; grant usage on schema public to ${user}`,
  )
  await admin.query(`grant all on ${TABLES} to ${user}`)
  onTestFinished(async () => {
    await admin.query(`drop owned by ${user}; drop role ${user}`)
  })
  return poolAt((url) => {
    url.username = user
  })
}

const ignoring = (
  event: string,
) => `create or replace function ignored() returns trigger language plpgsql as 'begin return null; end';
create trigger ignores before ${event} on twinkey_keys for each row execute function ignored()`

describe('a write that PostgreSQL skips without an error is store_unavailable, with the reason', () => {
  const left = {
    code: 'store_unavailable',
    message: expect.stringMatching(/twinkey_keys.*trigger.*rule.*row-level security/),
  }

  test.each([
    ['update', (twinkey: Twinkey, id: string) => twinkey.keys.revoke(id)],
    ['update', (twinkey: Twinkey, id: string) => twinkey.keys.update(id, { name: 'm' })],
    ['delete', (twinkey: Twinkey, id: string) => twinkey.keys.delete(id)],
    ['insert', (twinkey: Twinkey) => twinkey.keys.create(INPUT)],
  ] as const)('where a trigger before %s returns null: %s', async (event, change) => {
    const { key } = await over(admin).keys.create(INPUT)
    await admin.query(ignoring(event))
    const client = counted(admin)
    const twinkey = over(client)
    await expect(change(twinkey, key.id)).rejects.toMatchObject(left)
    const { sent } = client
    expect(sent).toBeLessThan(20)
    await admin.query('drop trigger ignores on twinkey_keys')
    expect(await over(admin).keys.get(key.id)).toMatchObject({ name: 'n', state: 'active' })
    expect(client.sent).toBe(sent)
  })

  test.each([
    [
      'for update',
      'select, insert, delete',
      (twinkey: Twinkey, id: string) => twinkey.keys.revoke(id),
    ],
    [
      'for delete',
      'select, insert, update',
      (twinkey: Twinkey, id: string) => twinkey.keys.delete(id),
    ],
  ])('where row-level security shows a row, but not %s', async (_name, allowed, change) => {
    const { key } = await over(admin).keys.create(INPUT)
    const pool = await poolOf('limited')
    await admin.query('alter table twinkey_keys enable row level security')
    for (const command of allowed.split(', ')) {
      const check = command === 'insert' ? 'with check' : 'using'
      await admin.query(
        `create policy may_${command} on twinkey_keys for ${command} to limited ${check} (true)`,
      )
    }
    const twinkey = over(pool)
    expect(await twinkey.keys.get(key.id)).toMatchObject({ id: key.id })
    await expect(change(twinkey, key.id)).rejects.toMatchObject(left)
    expect(await over(admin).keys.get(key.id)).toMatchObject({ state: 'active' })
  })
})

test('a store stops at the deadline: it sends nothing more, and nothing changes later', async () => {
  const { key } = await over(admin).keys.create(INPUT)
  await admin.query(ignoring('update'))
  const [late, arrived] = [createGate(), createGate()]
  const client = counted({
    async query(text, values) {
      const answer = await admin.query(text, values)
      if (!text.startsWith('with found')) return answer
      arrived.open()
      await late.opened
      return answer
    },
  })
  const twinkey = over(client, { deadlineSeconds: 0.05 })
  const revoking = twinkey.keys.revoke(key.id).catch((error: unknown) => error)
  await arrived.opened
  expect(await revoking).toMatchObject({ code: 'outcome_unknown' })
  const { sent } = client
  late.open()
  await settled()
  expect(client.sent).toBe(sent)
})

describe('a refusal by PostgreSQL is store_unavailable, and never outcome_unknown:', () => {
  const fails = async (
    pool: PostgresClient,
    message: RegExp,
    change = (twinkey: Twinkey) => twinkey.keys.create(INPUT) as Promise<unknown>,
  ) =>
    expect(change(over(pool))).rejects.toMatchObject({
      code: 'store_unavailable',
      message: expect.stringMatching(message),
    })

  test('a right that the user does not have', async () => {
    const { key } = await over(admin).keys.create(INPUT)
    const pool = await poolOf('reader')
    await admin.query('revoke insert, update, delete on twinkey_keys from reader')
    await fails(pool, /permission denied/)
    await fails(pool, /permission denied/, ({ keys }) => keys.revoke(key.id))
    await fails(pool, /permission denied/, ({ keys }) => keys.delete(key.id))
  })

  test('row-level security that forbids the row', async () => {
    const pool = await poolOf('barred')
    await admin.query('alter table twinkey_keys enable row level security')
    await fails(pool, /row-level security/)
  })

  test('a read-only session', () =>
    fails(withSetting('default_transaction_read_only=on'), /read-only transaction/))

  test('a database that does not exist', () =>
    fails(
      poolAt((url) => Object.assign(url, { pathname: '/nowhere' })),
      /"nowhere" does not exist/,
    ))

  test('too many connections', async () => {
    const pool = await poolOf('crowded')
    await admin.query('alter role crowded connection limit 0')
    await fails(pool, /too many connections/)
  })

  test.each(['statement_timeout=100', 'lock_timeout=100'])(
    'a limit of the server, while another session has locked the row: %s',
    async (setting) => {
      const { key } = await over(admin).keys.create(INPUT)
      const holder = await admin.connect()
      onTestFinished(() => holder.release(true))
      await holder.query('begin; select from twinkey_keys for update')
      await fails(withSetting(setting), /canceling statement/, ({ keys }) => keys.revoke(key.id))
      await holder.query('rollback')
      expect(await over(admin).keys.get(key.id)).toMatchObject({ state: 'active' })
    },
  )

  test('a character that the encoding of the database does not have', async () => {
    await admin.query(
      `create database latin template template0 encoding 'LATIN1' locale_provider libc locale 'C'`,
    )
    const pool = poolAt((url) => Object.assign(url, { pathname: '/latin' }))
    await postgresStore(pool).migrate()
    await fails(pool, /no equivalent in encoding "LATIN1"/, ({ keys }) =>
      keys.create({ ...INPUT, name: '鍵' }),
    )
  })

  test('a trigger that raises an exception', async () => {
    const body = `'begin raise exception ''not now''; end'`
    await admin.query(`create or replace function refused() returns trigger language plpgsql as ${body};
create trigger refuses before insert on twinkey_keys for each row execute function refused()`)
    await fails(admin, /not now/)
  })

  test('an unknown host, and a port on which nothing listens', async () => {
    await fails(
      poolAt((url) => Object.assign(url, { hostname: 'nowhere.invalid' })),
      /No connection to the database could be opened/,
    )
    const port = String(await freePort())
    await fails(
      poolAt((url) => Object.assign(url, { port: port })),
      /No connection to the database could be opened/,
    )
  })

  test('a pool and a client that have been ended', async () => {
    const pool = createPool(server.url)
    await pool.end()
    await fails(pool, /after calling end on the pool/)
    const client = new pg.Client(server.url)
    await client.connect()
    await client.end()
    await fails(client, /not queryable/)
  })
})

test('a connection that is cut while it waits stays outcome_unknown', async () => {
  const { key } = await over(admin).keys.create(INPUT)
  const holder = await admin.connect()
  onTestFinished(() => holder.release(true))
  await holder.query('begin; select from twinkey_keys for update')
  const pool = poolAt(() => {})
  const revoking = over(pool, { deadlineSeconds: 30 })
    .keys.revoke(key.id)
    .catch((error: unknown) => error)
  const cut = `select pg_terminate_backend(pid) from pg_stat_activity where wait_event_type = 'Lock'`
  let isOver = false
  void revoking.then(() => (isOver = true))
  while (!isOver) await admin.query(cut)
  await holder.query('rollback')
  expect(await revoking).toMatchObject({ code: 'outcome_unknown' })
})

describe('a client that does not return { rows }', () => {
  const lists: PostgresClient = {
    query: async (text, values) => (await admin.query(text, values)).rows as never,
  }
  const arrays: PostgresClient = {
    query: (text, values) => admin.query({ text, values, rowMode: 'array' } as never),
  }

  test.each([
    ['but a list of them, as neon() does', lists],
    ['but rows that are lists', arrays],
  ])('%s is told what to do, before anything is written', async (_name, client) => {
    await admin.query(`drop table ${TABLES}, twinkey_migrations`)
    await expect(postgresStore(client).migrate()).rejects.toThrow(/\{ rows \}.*fullResults: true/)
    expect((await admin.query("select to_regclass('twinkey_migrations') as found")).rows).toEqual([
      { found: null },
    ])
    await postgresStore(admin).migrate()
    const twinkey = over(client)
    await expect(twinkey.keys.create(INPUT)).rejects.toMatchObject({
      code: 'store_unavailable',
      message: expect.stringMatching(/\{ rows \}.*fullResults: true/),
    })
    expect((await admin.query('select from twinkey_keys')).rows).toEqual([])
    const { key } = await over(admin).keys.create(INPUT)
    await expect(twinkey.keys.get(key.id)).rejects.toMatchObject({
      message: expect.stringMatching(/fullResults: true/),
    })
  })
})
