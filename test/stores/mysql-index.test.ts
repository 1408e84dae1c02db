import type { ListQuery } from 'twinkey/store'
import { type MysqlStore, mysqlStore } from 'twinkey/stores/mysql'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { historyLabelsOf } from '../../src/core/store/history-query.ts'
import { labelsOf } from '../../src/core/store/list-query.ts'
import { newEntry, newId, newKey, tenantScope } from '../../src/testing/sample.ts'
import {
  type MariadbServer,
  openPool,
  type Pool,
  startMariadb,
  WITHOUT_SYNC,
} from '../support/mariadb.ts'
import { wiretapped } from './mysql-nodes.ts'

const KEYS = 10_000
const BATCH = 2000

let server: MariadbServer
let pool: Pool
let store: MysqlStore
const asked: string[] = []

beforeAll(async () => {
  server = await startMariadb({ config: WITHOUT_SYNC })
  pool = openPool('mysql2', server.url)
  store = mysqlStore(
    wiretapped(pool, (sql, send) => {
      asked.push(sql)
      return send()
    }),
  )
  await store.migrate()
})
afterAll(async () => {
  await pool.end()
  await server.stop()
})

const run = async (sql: string) =>
  (
    (await pool.query({ sql, rowsAsArray: true, nestTables: false, metaAsArray: true })) as [
      unknown[][],
    ]
  )[0]
const bytes = (text: string) => `x'${Buffer.from(text).toString('hex')}'`
const PAGE = { now: 5, sort: 'newest', limit: 100 } as const
const SORTS = ['newest', 'oldest'] as const
// A place in the middle of the keys and of the entries.
const MIDDLE = { at: KEYS / 2, id: 'key-005000' }

describe(`with ${KEYS} keys, uses and entries`, () => {
  beforeAll(async () => {
    for (let from = 0; from < KEYS; from += BATCH) {
      const rows = Array.from({ length: BATCH }, (_, n) => {
        const i = from + n
        const key = newKey({
          id: `key-${String(i).padStart(6, '0')}`,
          owner: i % 4 ? `o${i % 1000}` : null,
          scope: tenantScope(`t${i % 200}`, `u${i % 3}`),
          createdAt: i,
          disabledBy: i % 50 ? null : { actor: null, owner: null, tenants: null, at: 5 },
        })
        return { key, entry: newEntry(key, { id: `entry-${key.id}`, at: i }), at: i }
      })
      const insert = (table: string, values: readonly (readonly (string | number)[])[]) =>
        run(
          `insert into twinkey_${table} values ${values.map((row) => `(${row.map((value) => (typeof value === 'number' ? value : bytes(value))).join(', ')})`).join(', ')}`,
        )
      await insert(
        'keys',
        rows.map(({ key }) => [key.id, 1, JSON.stringify(key)]),
      )
      await insert(
        'keys_by_label',
        rows.flatMap(({ key, at }) => labelsOf(key).map((label) => [label, at, key.id])),
      )
      await insert(
        'history',
        rows.map(({ entry }) => [entry.id, JSON.stringify(entry)]),
      )
      await insert(
        'history_by_label',
        rows.flatMap(({ entry, at }) =>
          historyLabelsOf(entry).map((label) => [label, at, entry.id]),
        ),
      )
      await insert(
        'uses',
        rows.map(({ key }) => [key.id, key.primary.id, 1]),
      )
    }
  })

  /** The kind of access to each table of a statement. */
  async function accessOf(
    sql: string,
  ): Promise<{ table: string; kind: string; index: string; extra: string }[]> {
    return (await run(`explain ${sql}`)).map((row) => {
      const [, , table, kind, , index] = row
      return {
        table: String(table),
        kind: String(kind),
        index: String(index),
        extra: String(row.at(-1)),
      }
    })
  }

  test.each(
    SORTS.flatMap((sort) =>
      [{}, { pepper: null }, { tenant: 'u1' }, { owner: 'o7' }, { state: 'disabled' }].map(
        (filter) => [sort, filter],
      ),
    ) as [(typeof SORTS)[number], Partial<ListQuery>][],
  )(
    'a page of keys, the %s first, with %j, is read in the order of the index',
    async (sort, filter) => {
      asked.length = 0
      await store.list({ ...PAGE, ...filter, sort, after: MIDDLE })
      expect(asked.length).toBeGreaterThan(0)
      for (const sql of asked) {
        const access = await accessOf(sql)
        expect(access.filter(({ extra }) => /filesort|temporary/.test(extra))).toEqual([])
        const index = access.filter(({ table }) => table === 'twinkey_keys_by_label')
        expect(index.map(({ kind, index }) => [kind, index])).toEqual([
          ['range', 'PRIMARY'],
          ['range', 'PRIMARY'],
        ])
      }
    },
  )

  test('a page of the history is read in the order of the index', async () => {
    for (const sort of SORTS) {
      asked.length = 0
      const { entries } = await store.history({ tenant: 'u1', sort, limit: 100, after: MIDDLE })
      expect(entries).toHaveLength(100)
      const access = await accessOf(asked[0] as string)
      expect(access.filter(({ extra }) => /filesort|temporary/.test(extra))).toEqual([])
      expect(access.map(({ kind }) => kind)).not.toContain('index')
    }
  })

  test('no call reads a whole table, and a page reads little more than its rows', async () => {
    const key = newKey({ owner: 'o7', scope: tenantScope('t7') })
    const use = { keyId: key.id, secretId: key.primary.id, usedAt: 5 }
    const calls: [number, () => Promise<unknown>][] = [
      [40, () => store.put(key, undefined, newEntry(key))],
      [60, () => store.put({ ...key, version: 7, owner: 'o' }, key.version, newEntry(key))],
      [20, () => store.recordUse([use, { ...use, keyId: 'key-000007' }])],
      [10, () => store.get('key-000007')],
      [60, () => store.delete(key.id, 7, newEntry(key))],
      [20, () => store.forgetHistory(1)],
      ...SORTS.flatMap((sort): [number, () => Promise<unknown>][] => [
        [1200, () => store.list({ ...PAGE, sort, after: MIDDLE })],
        [1200, () => store.list({ ...PAGE, sort, tenant: 'u1', after: MIDDLE })],
        [700, () => store.history({ tenant: 'u1', sort, limit: 100, after: MIDDLE })],
      ]),
    ]
    const rowsRead = async () => Number((await run("show global status like 'Rows_read'"))[0]?.[1])
    for (const [most, call] of calls) {
      const before = await rowsRead()
      await call()
      const read = (await rowsRead()) - before
      expect([call.toString(), read, read <= most]).toEqual([call.toString(), read, true])
    }
  })
})

test('names may hold any characters: nothing in them is read as SQL, JSON or a list', async () => {
  const owner = newId()
  const hostile = [
    "'",
    '"',
    '\\',
    "\\'",
    '`',
    "'; drop table twinkey_keys; -- ",
    '?',
    ':name',
    '%s',
    '/* */',
    'NULL',
    'a ',
    'a',
    '\u2028',
    '\ud83d\udd11',
  ]
  for (const text of hostile) {
    const name = `${owner}${text}`
    const key = newKey({
      owner: name,
      name: text,
      metadata: { [text]: text },
      scope: tenantScope(name),
    })
    const entry = newEntry(key)
    expect(await store.put(key, undefined, entry)).toBe('stored')
    await store.recordUse([{ keyId: key.id, secretId: text, usedAt: 5 }])
    const found = { ...key, lastUsedAt: { [text]: 5 } }
    expect(await store.get(key.id)).toEqual(found)
    for (const filter of [{ tenant: name }, { owner: name }]) {
      expect((await store.list({ ...PAGE, ...filter })).keys).toEqual([found])
      expect((await store.history({ ...filter, sort: 'newest', limit: 100 })).entries).toEqual([
        entry,
      ])
    }
    expect(await store.get(text)).toBeUndefined()
    const after = { at: key.createdAt, id: text }
    expect((await store.list({ ...PAGE, tenant: name, after })).keys.length).toBeLessThanOrEqual(1)
  }
})

test('an entry is stored byte for byte, and survives its key', async () => {
  const key = newKey({ owner: 'Ærø\u{1f511}' })
  const entry = newEntry(key, {
    changes: { name: ['\u0000 \u2028 " \\ \ud83d', 'é e\u0301'], n: [1.5, -1e-7] },
  })
  await store.put(key, undefined, entry)
  await store.delete(key.id, key.version, undefined)
  const [[text]] = (await run(
    `select cast(entry as binary) from twinkey_history where id = '${entry.id}'`,
  )) as [[Buffer]]
  expect(text.toString()).toBe(JSON.stringify(entry))
  const { entries } = await store.history({ keyId: key.id, sort: 'oldest', limit: 9 })
  expect(entries).toEqual([entry])
})
