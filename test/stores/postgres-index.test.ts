import type pg from 'pg'
import type { ListQuery } from 'twinkey/store'
import { type PostgresStore, postgresStore } from 'twinkey/stores/postgres'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { historyLabelsOf } from '../../src/core/store/history-query.ts'
import { labelsOf } from '../../src/core/store/list-query.ts'
import { newEntry, newKey, tenantScope } from '../../src/testing/sample.ts'
import { createPool, type PostgresServer, startPostgres } from '../support/postgres.ts'

const KEYS = 6000

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
  readonly 'Index Name'?: string
  readonly Plans?: readonly Plan[]
}

async function planOf(text: string, values: unknown[]): Promise<Plan[]> {
  const { rows } = await pool.query(`explain (format json) ${text}`, values)
  return nodesOf(rows[0]['QUERY PLAN'][0].Plan)
}

const nodesOf = (plan: Plan): Plan[] => [plan, ...(plan.Plans ?? []).flatMap(nodesOf)]

const PAGE = { now: 5, sort: 'newest', limit: 100 } as const
const ANALYZE =
  'analyze twinkey_keys, twinkey_keys_by_label, twinkey_uses, twinkey_history, twinkey_history_by_label'
const SORTS = ['newest', 'oldest'] as const
// A place in the middle of the keys and of the entries.
const MIDDLE = { at: KEYS / 2, id: 'key-003000' }

/** Every call, with every set of filters. */
async function askEverything(): Promise<void> {
  asked.length = 0
  const key = newKey({ owner: 'o7', scope: tenantScope('t7') })
  const use = { keyId: key.id, secretId: key.primary.id, usedAt: 5 }
  await store.put(key, undefined, newEntry(key))
  await store.put({ ...key, version: 7 }, key.version, newEntry(key))
  await store.recordUse([use, { ...use, keyId: 'key-000007' }])
  await store.get(key.id)
  const filters = [
    { tenant: 't7' },
    { owner: 'o7' },
    { owner: null },
    { pepper: null },
    { hint: 'abcd' },
    { state: 'disabled' },
  ] as const
  for (let chosen = 0; chosen < 2 ** filters.length; chosen++) {
    const filter = Object.assign({}, ...filters.filter((_, i) => chosen & (2 ** i)))
    for (const sort of SORTS) await store.list({ ...PAGE, ...filter, sort, after: MIDDLE })
  }
  for (const filter of [{}, { keyId: 'key-000007' }, { owner: 'o7' }, { tenant: 't7' }])
    for (const sort of SORTS) await store.history({ ...filter, sort, limit: 100, after: MIDDLE })
  await store.delete(key.id, 7, newEntry(key))
  await store.forgetHistory(5)
}

describe(`with ${KEYS} keys, uses and labels`, () => {
  beforeAll(async () => {
    await store.migrate()
    const rows = Array.from({ length: KEYS }, (_, i) => {
      const record = newKey({
        id: `key-${String(i).padStart(6, '0')}`,
        owner: i % 4 ? `o${i % 1000}` : null,
        scope: tenantScope(`t${i % 200}`, `u${i % 3}`),
        createdAt: i,
        disabledBy: i % 50 ? null : { actor: null, owner: null, tenants: null, at: 5 },
      })
      const entry = newEntry(record, { id: `entry-${record.id}`, at: i })
      return {
        id: record.id,
        version: 1,
        record,
        labels: labelsOf(record),
        entry,
        entry_labels: historyLabelsOf(entry),
        at: i,
        secret_id: record.primary.id,
        used_at: 1,
      }
    })
    // Sent and parsed once, because it is 20 MB.
    await pool.query(
      'create unlogged table given as select * from json_to_recordset($1::json) as r(id text, version bigint, record json, labels json, entry json, entry_labels json, at bigint, secret_id text, used_at bigint)',
      [JSON.stringify(rows)],
    )
    for (const statement of [
      'insert into twinkey_keys select id, version, record from given',
      'insert into twinkey_keys_by_label select label, at, id from given, json_array_elements_text(labels) label',
      "insert into twinkey_history select 'entry-' || id, entry from given",
      "insert into twinkey_history_by_label select label, at, 'entry-' || id from given, json_array_elements_text(entry_labels) label",
      'insert into twinkey_uses select id, secret_id, used_at from given',
      'drop table given',
    ])
      await pool.query(statement)
  })

  describe.each([
    ['before PostgreSQL has looked at the tables', 'select 1'],
    ['when it has', ANALYZE],
  ])('%s', (_when, statement) => {
    let scanned: { readonly before: unknown; readonly after: unknown }
    beforeAll(async () => {
      await pool.query(statement)
      const before = await scans()
      await askEverything()
      scanned = { before, after: await scans() }
    })

    test('no statement plans to scan a whole table', async () => {
      expect(asked.length).toBeGreaterThanOrEqual(6 + 2 * 2 ** 6 + 2 * 4)
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
      expect(scanned.after).toEqual(scanned.before)
    })
  })

  test.each(
    SORTS.flatMap((sort) =>
      [{}, { pepper: null }, { tenant: 'u1' }, { state: 'active' }].map((filter) => [sort, filter]),
    ) as [(typeof SORTS)[number], Partial<ListQuery>][],
  )(
    'a page of keys, the %s first, with %j, is read in the order of the index',
    async (sort, filter) => {
      await pool.query(ANALYZE)
      asked.length = 0
      const { keys } = await store.list({ ...PAGE, ...filter, sort, after: MIDDLE })
      expect(keys).toHaveLength(100)
      for (const { text, values } of asked) {
        const nodes = await planOf(text, values)
        expect(nodes.filter((node) => /Sort|Bitmap|Seq/.test(node['Node Type']))).toEqual([])
        expect(nodes.map((node) => node['Index Name'])).toContain('twinkey_keys_by_label_pkey')
      }
    },
  )

  test('a page of the history is read in the order of the index', async () => {
    await pool.query(ANALYZE)
    for (const sort of SORTS) {
      asked.length = 0
      const { entries } = await store.history({ tenant: 'u1', sort, limit: 100, after: MIDDLE })
      expect(entries).toHaveLength(100)
      const [{ text, values }] = asked as [(typeof asked)[0]]
      const nodes = await planOf(text, values)
      expect(nodes.filter((node) => /Sort|Bitmap|Seq/.test(node['Node Type']))).toEqual([])
      expect(nodes.map((node) => node['Index Name'])).toContain('twinkey_history_by_label_pkey')
    }
  })
})

/** How often each table has been scanned in full. A connection reports its counts when it ends. */
async function scans(): Promise<unknown> {
  await pool.end()
  pool = createPool(server.url)
  const query =
    "select relname, seq_scan::int from pg_stat_user_tables where relname ~ '_(keys|keys_by_label|uses|history|history_by_label)$' order by 1"
  const { rows } = await pool.query(query)
  expect(rows).toHaveLength(5)
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
    const entry = newEntry(key, { id: `entry of ${name}` })
    expect(await store.put(key, undefined, entry)).toBe('stored')
    await store.recordUse([{ keyId: id, secretId: name, usedAt: 5 }])
    const found = { ...key, lastUsedAt: { [name]: 5 } }
    expect(await store.get(id)).toEqual(found)
    for (const filter of [{ tenant: name }, { owner: name }, { tenant: name, name }])
      expect((await store.list({ ...PAGE, ...filter })).keys).toEqual([found])
    for (const filter of [{ tenant: name }, { owner: name }, { keyId: id }])
      expect((await store.history({ ...filter, sort: 'newest', limit: 100 })).entries).toEqual([
        entry,
      ])
    const after = { at: key.createdAt, id: name }
    expect((await store.list({ ...PAGE, tenant: name, after })).keys.length).toBeLessThanOrEqual(1)
    expect(await store.put({ ...key, version: 7 }, key.version, undefined)).toBe('stored')
    expect(await store.delete(id, 7, undefined)).toBe('deleted')
    expect(await store.list({ ...PAGE, owner: name })).toEqual({ keys: [], next: undefined })
  }
  const { rows } = await pool.query(
    "select count(*)::int from pg_tables where tablename ~ '^twinkey_'",
  )
  expect(rows).toEqual([{ count: 6 }])
})
