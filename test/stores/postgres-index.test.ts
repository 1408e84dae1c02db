import type pg from 'pg'
import { type PostgresStore, postgresStore } from 'twinkey/stores/postgres'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { labelsOf } from '../../src/core/store/list-query.ts'
import { newKey } from '../../src/testing/sample.ts'
import { createPool, type PostgresServer, startPostgres } from '../support/postgres.ts'

const KEYS = 20_000

let server: PostgresServer
let pool: pg.Pool
let store: PostgresStore
const asked: { text: string; values: unknown[] }[] = []

beforeAll(async () => {
  server = await startPostgres({ config: { autovacuum: 'off' } })
  pool = createPool(server.url)
  store = postgresStore({
    query(text, values = []) {
      asked.push({ text, values })
      return pool.query(text, values)
    },
  })
})
afterAll(async () => {
  await pool.end()
  await server.stop()
})

interface Plan {
  readonly 'Node Type': string
  readonly 'Relation Name'?: string
  readonly Plans?: readonly Plan[]
}

async function planOf(text: string, values: unknown[]): Promise<Plan[]> {
  const { rows } = await pool.query(`explain (format json) ${text}`, values)
  return nodesOf(rows[0]['QUERY PLAN'][0].Plan)
}

const nodesOf = (plan: Plan): Plan[] => [plan, ...(plan.Plans ?? []).flatMap(nodesOf)]

/** Every call, with every set of filters. */
async function askEverything(): Promise<void> {
  asked.length = 0
  const key = newKey({ owner: 'o7', scope: { tenants: ['t7'], environments: '*', workflows: '*' } })
  const use = { keyId: key.id, secretId: key.primary.id, usedAt: 5 }
  await store.put(key, undefined, undefined)
  await store.put({ ...key, version: 7 }, key.version, undefined)
  await store.recordUse([use, { ...use, keyId: 'key-000007' }])
  await store.get(key.id)
  const filters = [
    { tenant: 't7' },
    { owner: 'o7' },
    { owner: null },
    { pepper: null },
    { pepper: 'p' },
    { state: 'enabled' },
  ] as const
  for (let chosen = 0; chosen < 2 ** filters.length; chosen++) {
    const filter = Object.assign({}, ...filters.filter((_, i) => chosen & (2 ** i)))
    for (const cursor of [undefined, 'key-010000'])
      await store.list({ ...filter, limit: 100, cursor })
  }
  await store.delete(key.id, 7, undefined)
}

describe(`with ${KEYS} keys, uses and labels`, () => {
  beforeAll(async () => {
    await store.migrate()
    const rows = Array.from({ length: KEYS }, (_, i) => {
      const scope = {
        tenants: [`t${i % 200}`, `u${i % 3}`],
        environments: '*',
        workflows: '*',
      } as const
      const record = newKey({
        id: `key-${String(i).padStart(6, '0')}`,
        owner: i % 4 ? `o${i % 1000}` : null,
        scope,
        enabled: i % 50 !== 0,
      })
      return {
        id: record.id,
        version: 1,
        record,
        labels: labelsOf(record),
        secret_id: record.primary.id,
        used_at: 1,
      }
    })
    const given =
      'from json_to_recordset($1::json) as r(id text, version bigint, record json, labels json, secret_id text, used_at bigint)'
    await pool.query(`insert into twinkey_keys select id, version, record ${given}`, [
      JSON.stringify(rows),
    ])
    await pool.query(
      `insert into twinkey_labels select label, id ${given}, json_array_elements_text(labels) label`,
      [JSON.stringify(rows)],
    )
    await pool.query(`insert into twinkey_uses select id, secret_id, used_at ${given}`, [
      JSON.stringify(rows),
    ])
  })

  describe.each([
    ['before PostgreSQL has looked at the tables', 'select 1'],
    ['when it has', 'analyze twinkey_keys, twinkey_labels, twinkey_uses'],
  ])('%s', (_when, statement) => {
    test('no statement plans to scan a whole table', async () => {
      await pool.query(statement)
      await askEverything()
      expect(asked.length).toBe(5 + 2 * 2 ** 6)
      for (const { text, values } of asked) {
        const { rows } = await pool.query(`explain (format json) ${text}`, values)
        const nodes = nodesOf(rows[0]['QUERY PLAN'][0].Plan)
        expect(
          nodes
            .filter((node) => node['Node Type'] === 'Seq Scan')
            .map((node) => node['Relation Name']),
          text,
        ).toEqual([])
      }
    })

    test('no table is scanned in full, not even to check a reference', async () => {
      await pool.query(statement)
      const before = await scans()
      await askEverything()
      expect(await scans()).toEqual(before)
    })
  })

  test.each([
    {},
    { pepper: null },
    { state: 'enabled' },
    { pepper: null, state: 'enabled' },
  ] as const)(
    'a page of keys that nearly all are asked for, with %j, is read in order, and not picked out of all of them',
    async (filter) => {
      await pool.query('analyze twinkey_keys, twinkey_labels, twinkey_uses')
      asked.length = 0
      expect((await store.list({ ...filter, limit: 100, cursor: 'key-010000' })).keys).toHaveLength(
        100,
      )
      const [{ text, values }] = asked as [(typeof asked)[0]]
      expect(
        (await planOf(text, values)).filter((node) => /Sort|Bitmap Heap/.test(node['Node Type'])),
      ).toEqual([])
    },
  )
})

/** How often each table has been scanned in full. A connection reports its counts when it ends. */
async function scans(): Promise<unknown> {
  await pool.end()
  pool = createPool(server.url)
  const query =
    "select relname, seq_scan::int from pg_stat_user_tables where relname ~ '_(keys|labels|uses)$' order by 1"
  const { rows } = await pool.query(query)
  expect(rows).toHaveLength(3)
  return rows
}

test('names may hold any characters: nothing in them is read as SQL, JSON or a list', async () => {
  await store.migrate()
  const hostile = [
    "'",
    '"',
    '\\',
    "\\'",
    "'; drop table twinkey_keys; --",
    '$$',
    '$twinkey$',
    '$1',
    '{a,b}',
    '{"a"}',
    '["a"]',
    'NULL',
    '%s',
    '\u2028',
  ]
  for (const name of hostile) {
    const id = `of ${name}`
    const key = newKey({
      id,
      owner: name,
      name,
      metadata: { [name]: name },
      scope: { tenants: [name], environments: [name], workflows: [name] },
    })
    expect(await store.put(key, undefined, undefined)).toBe('stored')
    await store.recordUse([{ keyId: id, secretId: name, usedAt: 5 }])
    const found = { ...key, lastUsedAt: { [name]: 5 } }
    expect(await store.get(id)).toEqual(found)
    expect((await store.list({ tenant: name, owner: name, limit: 10 })).keys).toEqual([found])
    expect(
      (await store.list({ tenant: name, limit: 10, cursor: name })).keys.length,
    ).toBeLessThanOrEqual(1)
    expect(await store.put({ ...key, version: 7 }, key.version, undefined)).toBe('stored')
    expect(await store.delete(id, 7, undefined)).toBe('deleted')
    expect(await store.list({ owner: name, limit: 10 })).toEqual({ keys: [], next: undefined })
  }
  const { rows } = await pool.query(
    "select count(*)::int from pg_tables where tablename ~ '^twinkey_'",
  )
  expect(rows).toEqual([{ count: 4 }])
})
