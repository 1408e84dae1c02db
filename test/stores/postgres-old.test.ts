import pg from 'pg'
import type { KeyRecord, ListQuery } from 'twinkey/store'
import { type PostgresStore, postgresMigrations, postgresStore } from 'twinkey/stores/postgres'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { labelsOf } from '../../src/core/store/list-query.ts'
import { currentRecord } from '../../src/core/store/stored-key.ts'
import { newEntry, newKey } from '../../src/testing/sample.ts'
import { createPool, type PostgresServer, startPostgres } from '../support/postgres.ts'
import { endChildren, startChild } from './postgres-child.ts'
import { addOldKeys, createOldTables, OLD, oldProcess } from './postgres-old.ts'

// A database of the pre-release, while and after `migrate()` brings it forward.

const PAGE = { now: 1_767_225_700_000, sort: 'oldest', limit: 100 } as const
const RECORDS = OLD.keys.map(([, , text]) => JSON.parse(text))
const named = (name: string) => RECORDS.find((record) => record.name === name)

let server: PostgresServer
let url: string
let pool: pg.Pool
let store: PostgresStore
let databases = 0

beforeAll(async () => {
  server = await startPostgres()
})
afterAll(async () => {
  endChildren()
  await server.stop()
})
beforeEach(async () => {
  const admin = createPool(server.url)
  const name = `old_${databases++}`
  await admin.query(`create database ${name}`)
  await admin.end()
  url = server.url.replace(/postgres$/, name)
  pool = createPool(url)
  store = postgresStore(pool)
  await createOldTables(pool)
  return () => pool.end()
})

const runSteps = async () => {
  for (const { sql } of postgresMigrations()) await pool.query(sql)
}
const rows = async (text: string) => (await pool.query({ text, rowMode: 'array' })).rows
const keysAsStored = () =>
  rows('select id, version::text, record::text from twinkey_keys order by id collate "C"')
const steps = () => rows('select version from twinkey_migrations order by 1')

async function listAll(filter: Partial<ListQuery> = {}, from = store): Promise<string[]> {
  const ids: string[] = []
  for (let after: ListQuery['after']; ; ) {
    const page = await from.list({ ...PAGE, ...filter, after })
    ids.push(...page.keys.map(({ id }) => id))
    after = page.next
    if (after === undefined) return ids
  }
}

/** Checks that every key has exactly the rows of the index that its record asks for. */
async function expectCompleteIndex(): Promise<void> {
  const expected = (await keysAsStored()).flatMap(([id, , text]) => {
    const key = currentRecord(JSON.parse(text)) as KeyRecord
    return labelsOf(key).map((label) => [label, String(key.createdAt), id].join())
  })
  const found = await rows('select label, at::text, key_id from twinkey_keys_by_label')
  expect(found.map((row) => row.join()).sort()).toEqual(expected.sort())
}

test.each(['read committed', 'repeatable read', 'serializable'])(
  'every key of the pre-release is listed after migrate(), and its record keeps its text, where transactions are %s',
  async (isolation) => {
    const isolated = createPool(
      `${url}?options=-c%20default_transaction_isolation=${isolation.replace(' ', '%5C%20')}`,
    )
    await postgresStore(isolated).migrate()
    await isolated.end()
    expect(await keysAsStored()).toEqual(OLD.keys)
    await expectCompleteIndex()
    const ids = (...names: string[]) => names.map((name) => named(name).id)
    expect(await listAll()).toEqual(
      RECORDS.filter(({ kind }) => kind === 'key')
        .sort((a, b) => a.createdAt - b.createdAt)
        .map(({ id }) => id),
    )
    expect(await listAll({ owner: 'acme' })).toEqual(ids('enabled', 'disabled'))
    expect(await listAll({ state: 'disabled' })).toEqual(ids('disabled'))
    expect(await listAll({ state: 'revoked' })).toEqual(ids('revoked'))
    expect(await listAll({ tenant: 't2' })).toEqual(ids('enabled', 'rotated in grace'))
    expect(await listAll({ tenant: '東京' })).toEqual(ids('Schlüssel 鍵 🔑'))
    expect(await listAll({ pepper: 'p1' })).toEqual(ids('peppered'))
    expect(await listAll({ hint: 'ABCD' })).toEqual(ids('imported'))
    expect(await store.get(named('rotated in grace').id)).toMatchObject({
      enabled: true,
      lastUsedAt: { [named('rotated in grace').secondary.id]: 1_767_225_608_000 },
    })
    expect(await steps()).toEqual([[1], [2], [3]])
  },
)

test('list throws until the index of the old keys is complete, and all else works', async () => {
  await runSteps()
  expect(await steps()).toEqual([[1], [2]])
  await expect(store.list(PAGE)).rejects.toMatchObject({
    code: 'not_written',
    message: expect.stringMatching(/a list would miss keys. Call migrate\(\) of the store/),
  })
  const old = named('enabled')
  const next = { ...(currentRecord(old) as KeyRecord), version: old.version + 1, lastUsedAt: {} }
  expect(await store.put(next, old.version, newEntry(next))).toBe('stored')
  expect(await store.delete(named('revoked').id, named('revoked').version, undefined)).toBe(
    'deleted',
  )
  expect(await store.get(old.id)).toEqual(next)
  expect((await store.history({ sort: 'newest', limit: 10 })).entries).toHaveLength(1)
  await expect(store.list(PAGE)).rejects.toMatchObject({ code: 'not_written' })
  await postgresStore(pool).migrate()
  expect((await listAll()).length).toBe(RECORDS.length - 2)
  await expectCompleteIndex()
})

test('the steps as SQL are enough for a database without keys', async () => {
  await pool.query('drop table twinkey_keys, twinkey_labels, twinkey_uses, twinkey_migrations')
  await runSteps()
  expect(await steps()).toEqual([[1], [2], [3]])
  expect(await store.list(PAGE)).toEqual({ keys: [], next: undefined })
})

test('a malformed record does not stop the others, and is listed so that the core reports it', async () => {
  await pool.query(`insert into twinkey_keys values ('bad', 1, '{"kind":"key","text":"\\u0000"}')`)
  await store.migrate()
  expect(await listAll({ owner: 'beta' })).toHaveLength(2)
  expect((await store.list(PAGE)).keys[0]).toEqual({ kind: 'key', text: '\0', lastUsedAt: {} })
})

test.each([
  ['no time', 'null'],
  ['a time with a fraction', '1.5'],
  ['text for a time', '"yesterday"'],
  ['a time that is too large', '1e30'],
])('a record that has %s does not stop migrate()', async (_, createdAt) => {
  await pool.query(
    `insert into twinkey_keys select 'bad', 1, (record::jsonb || '{"createdAt": ${createdAt}}')::json from twinkey_keys where record->>'kind' = 'key' limit 1`,
  )
  await store.migrate()
  expect(await listAll({ owner: 'beta' })).not.toHaveLength(0)
  expect(await listAll()).toContain((await store.get('bad'))?.id)
})

describe('eight processes, and processes that are killed:', () => {
  // More than two batches of migrate(), which have 500 each.
  const COUNT = 1_200

  test(`eight processes that migrate ${COUNT} old keys at once index each key once`, async () => {
    await addOldKeys(pool, COUNT)
    const children = Array.from({ length: 8 }, () => startChild('migrate', url))
    expect(await Promise.all(children.map(({ said }) => said))).toEqual(Array(8).fill('ready'))
    for (const child of children) child.tell()
    expect(await Promise.all(children.map(({ ended }) => ended))).toEqual(Array(8).fill('0'))
    await expectCompleteIndex()
    // Each process has created a key.
    const ids = await listAll()
    expect([ids.length, new Set(ids).size]).toEqual(Array(2).fill(COUNT + RECORDS.length - 1 + 8))
    expect(await steps()).toEqual([[1], [2], [3]])
  })

  test('kill -9 in the middle loses nothing, and the next migrate() continues', async () => {
    await addOldKeys(pool, COUNT)
    const child = startChild('halt', url)
    expect(await child.said).toBe('halfway')
    endChildren()
    expect(await child.ended).toMatch(/SIGKILL/)
    expect(await steps()).toEqual([[1], [2]])
    const before = await keysAsStored()
    const indexed = await rows('select distinct key_id from twinkey_keys_by_label')
    expect(indexed.length).toBeGreaterThan(900)
    expect(indexed.length).toBeLessThan(COUNT)
    await expect(store.list(PAGE)).rejects.toMatchObject({ code: 'not_written' })
    await store.migrate()
    await expectCompleteIndex()
    expect(await keysAsStored()).toEqual(before)
    expect((await listAll()).length).toBe(COUNT + RECORDS.length - 1)
  })
})

describe.each([
  ['before the index is complete', runSteps],
  ['after migrate()', () => store.migrate()],
] as const)('a process of the pre-release that still runs, %s,', (when, migrate) => {
  const code = (call: Promise<unknown>) =>
    call.then(
      () => 'done',
      (error) => error.code,
    )

  test('cannot create, change or list keys, and changes nothing', async () => {
    await migrate()
    const old = oldProcess(pool)
    const { id, version } = named('enabled')
    expect(await code(old.create('new', 1, '{}'))).toBe('42P01')
    expect(await code(old.update(id, version, version + 1, '{}'))).toBe('42P01')
    expect(await code(old.list())).toBe('42P01')
    expect(await keysAsStored()).toEqual(OLD.keys)
  })

  test('cannot delete a key that is in the index', async () => {
    await migrate()
    if (when === 'before the index is complete') await store.migrate()
    const { id, version } = named('rotated in grace')
    expect(await code(oldProcess(pool).delete(id, version))).toBe('23503')
    expect(await keysAsStored()).toEqual(OLD.keys)
    expect(await rows('select key_id from twinkey_uses')).toHaveLength(1)
    expect(await store.delete(id, version, undefined)).toBe('deleted')
  })

  test('continues to authenticate: it reads keys and records uses', async () => {
    await migrate()
    const old = oldProcess(pool)
    const record = named('enabled')
    await old.recordUse(record.id, record.primary.id, 7)
    expect(await old.get(record.id)).toEqual([
      {
        id: record.id,
        record: JSON.stringify(record),
        uses: expect.stringContaining(`"${record.primary.id}" : 7`),
      },
    ])
    await old.recordUse('nothing', 's', 7)
  })
})

test('a key that is changed or deleted between reading and indexing keeps the index of the change', async () => {
  const [changed, deleted] = [named('enabled'), named('disabled')]
  const next: KeyRecord = {
    ...(currentRecord(changed) as KeyRecord),
    version: changed.version + 1,
    owner: 'next',
  }
  const outcomes: string[] = []
  const slow = postgresStore({
    async query(text, values) {
      if (text.startsWith('with old as'))
        outcomes.push(
          await store.put(next, changed.version, undefined),
          await store.delete(deleted.id, deleted.version, undefined),
        )
      return pool.query(text, values)
    },
  })
  await slow.migrate()
  expect(outcomes).toEqual(['stored', 'deleted'])
  await expectCompleteIndex()
  expect(await listAll({ owner: 'acme' })).toEqual([])
  expect(await listAll({ owner: 'next' })).toEqual([changed.id])
})

describe('a write that waits for the index of its key', () => {
  /** Runs a write while `migrate()` holds the rows, and lets it go when the write waits. */
  async function whileIndexing<T>(write: () => Promise<T>): Promise<T> {
    await runSteps()
    const holder = new pg.Client(url)
    await holder.connect()
    await holder.query('begin')
    await postgresStore(holder).migrate()
    const written = write()
    const waits =
      "select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
    while ((await rows(waits)).length === 0);
    await holder.query('commit')
    await holder.end()
    return written
  }

  test('deletes the key and its index', async () => {
    const { id, version } = named('enabled')
    expect(await whileIndexing(() => store.delete(id, version, undefined))).toBe('deleted')
    expect(await store.get(id)).toBeUndefined()
    await expectCompleteIndex()
  })

  test('changes the key, which is listed as it is now', async () => {
    const old = named('enabled')
    const next: KeyRecord = {
      ...(currentRecord(old) as KeyRecord),
      version: old.version + 1,
      scope: { tenants: ['moved'], environments: '*', workflows: '*' },
    }
    expect(await whileIndexing(() => store.put(next, old.version, undefined))).toBe('stored')
    expect(await listAll({ tenant: 'moved' })).toEqual([old.id])
    expect(await listAll({ tenant: 't1' })).not.toContain(old.id)
    expect(await listAll()).toHaveLength(RECORDS.length - 1)
    await store.put({ ...next, version: next.version + 1 }, next.version, undefined)
    await expectCompleteIndex()
  })
})

test('migrate() gives up rather than keep reads waiting behind another transaction, and changes nothing', async () => {
  const holder = new pg.Client(url)
  await holder.connect()
  await holder.query('begin; select from twinkey_keys')
  await expect(store.migrate()).rejects.toMatchObject({
    code: 'not_written',
    message: expect.stringMatching(/lock timeout/),
  })
  expect(await steps()).toEqual([[1]])
  await holder.query('commit')
  await holder.end()
  await store.migrate()
  expect(await listAll()).toHaveLength(RECORDS.length - 1)
  expect(await store.put(newKey(), undefined, undefined)).toBe('stored')
})
