import { type Client, createClient } from '@libsql/client'
import { createTwinkey, type HistoryEntry } from 'twinkey'
import type { KeyRecord } from 'twinkey/store'
import { type D1Database, type D1Store, d1Migrations, d1Store } from 'twinkey/stores/d1'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { labelsOf } from '../../src/core/store/list-query.ts'
import { newEntry, newId, newKey, tenantScope } from '../../src/testing/sample.ts'
import { smallContract } from '../support/contract.ts'
import { d1Over } from '../support/d1.ts'

// d1.interop.test.ts runs the contract on workerd, and its large cases.

const clients: Client[] = []
const open = () => {
  const client = createClient({ url: ':memory:' })
  clients.push(client)
  return client
}
afterAll(() => {
  for (const client of clients) client.close()
})

const INPUT = { name: 'n', scope: { tenants: ['t'], workflows: '*' }, secondary: false } as const
const TABLES = ['history', 'history_by_label', 'keys', 'keys_by_label', 'migrations', 'uses']
const WRITERS = 20

describe('the store over two isolates with one database', () => {
  const client = open()
  const stores = [1, 2].map(() => d1Store(d1Over(client), { tablePrefix: 'of_d1' }))
  let opened = 0
  beforeAll(() => (stores[0] as D1Store).migrate())

  test.each(smallContract)('$name', ({ run }) => run(async () => stores[opened++ % 2] as D1Store))
})

describe('with a database', () => {
  let client: Client
  let database: D1Database
  let store: D1Store

  beforeEach(async () => {
    client = open()
    database = d1Over(client)
    store = d1Store(database)
    await store.migrate()
  })

  const rows = async (sql: string, ...args: string[]) =>
    (await client.execute({ sql, args })).rows.map((row) => Object.values(row))
  const entriesOf = async (keyId: string) =>
    (await store.history({ keyId, sort: 'oldest', limit: 100 })).entries

  /** Checks that the tables agree: the index matches the record, and deleted records leave nothing. */
  async function expectAgreement(id: string): Promise<void> {
    const found = (await store.get(id)) as KeyRecord | undefined
    const index = await rows('select label, at from twinkey_keys_by_label where key_id = ?', id)
    const expected = found ? labelsOf(found).map((label) => [label, found.createdAt]) : []
    expect(index.sort()).toEqual(expected.sort())
    if (found === undefined)
      expect(await rows('select * from twinkey_uses where key_id = ?', id)).toEqual([])
  }

  test(`of ${WRITERS} writers exactly one wins, in each of 20 rounds, and leaves its labels and its entry`, async () => {
    let key = newKey()
    const won: HistoryEntry[] = []
    for (let round = 0; round < 20; round++) {
      const writers = Array.from({ length: WRITERS }, (_, i) => ({
        ...key,
        version: key.version + 1 + i,
        scope: tenantScope(`t${round}-${i}`, `shared-${i % 3}`),
      }))
      const entries = writers.map((next) => newEntry(next, { at: round }))
      const outcomes = await Promise.all(
        writers.map((next, i) =>
          d1Store(database).put(next, round === 0 ? undefined : key.version, entries[i]),
        ),
      )
      expect(outcomes.filter((outcome) => outcome === 'stored')).toHaveLength(1)
      expect(outcomes.filter((outcome) => outcome === 'conflict')).toHaveLength(WRITERS - 1)
      key = writers[outcomes.indexOf('stored')] as typeof key
      won.push(entries[outcomes.indexOf('stored')] as HistoryEntry)
      expect(await store.get(key.id)).toEqual(key)
      await expectAgreement(key.id)
    }
    await store.recordUse([{ keyId: key.id, secretId: 's', usedAt: 5 }])
    const deletions = Array.from({ length: WRITERS }, () => newEntry(key, { at: 20 }))
    const outcomes = await Promise.all(
      deletions.map((entry) => store.delete(key.id, key.version, entry)),
    )
    expect(outcomes.filter((outcome) => outcome === 'deleted')).toHaveLength(1)
    expect(outcomes.filter((outcome) => outcome === 'missing')).toHaveLength(WRITERS - 1)
    won.push(deletions[outcomes.indexOf('deleted')] as HistoryEntry)
    expect(await entriesOf(key.id)).toEqual(won)
    await expectAgreement(key.id)
  })

  test('a change whose entry cannot be written changes nothing', async () => {
    const [key, other, created] = [newKey(), newKey(), newKey()]
    const entry = newEntry(key)
    await store.put(key, undefined, newEntry(key))
    await store.put(other, undefined, { ...newEntry(other), id: entry.id })
    const next = { ...key, version: key.version + 1, owner: 'next' }
    const calls = [
      () => store.put(created, undefined, { ...entry, keyId: created.id }),
      () => store.put(next, key.version, entry),
      () => store.delete(key.id, key.version, entry),
    ]
    for (const call of calls) await expect(call()).rejects.toMatchObject({ code: 'not_written' })
    expect(await store.get(created.id)).toBeUndefined()
    expect(await store.get(key.id)).toEqual(key)
    for (const { id } of [key, created]) await expectAgreement(id)
    expect(await entriesOf(key.id)).toHaveLength(1)
    expect(await store.put(next, key.version, undefined)).toBe('stored')
  })

  test('an entry is stored byte for byte, and survives its key', async () => {
    const key = newKey({ owner: 'Ærø\u{1f511}' })
    const entry = newEntry(key, {
      changes: { name: ['\u0000 \u2028 " \\ \ud83d', 'é e\u0301'], n: [1.5, -1e-7] },
    })
    await store.put(key, undefined, entry)
    await store.delete(key.id, key.version, undefined)
    expect(await rows('select entry from twinkey_history')).toEqual([[JSON.stringify(entry)]])
    expect(await entriesOf(key.id)).toEqual([entry])
  })

  test('pages of keys and of the history are read in the order of the index', async () => {
    const asked: string[] = []
    const spied = d1Store({
      ...database,
      prepare(sql) {
        asked.push(sql)
        return database.prepare(sql)
      },
    })
    const after = { at: 5, id: 'a' }
    for (const sort of ['newest', 'oldest'] as const) {
      await spied.list({ now: 5, tenant: 't', sort, limit: 9, after })
      await spied.history({ tenant: 't', sort, limit: 9, after })
    }
    await spied.put(newKey(), undefined, newEntry(newKey()))
    await spied.delete(newId(), 5, undefined)
    await spied.recordUse([{ keyId: 'k', secretId: 's', usedAt: 5 }])
    await spied.forgetHistory(5)
    expect(asked.length).toBeGreaterThan(10)
    for (const sql of asked) {
      const plan = (await rows(`explain query plan ${sql}`)).map((row) => String(row[3]))
      expect([
        sql,
        plan.filter((step) => /SCAN (?!e\b|json_each|CONSTANT)|TEMP B-TREE/.test(step)),
      ]).toEqual([sql, []])
    }
  })

  test('migrate() does no harm a second time, and recognises what wrangler has run', async () => {
    const key = newKey()
    await store.put(key, undefined, undefined)
    await Promise.all([store.migrate(), d1Store(database).migrate()])
    expect(await store.get(key.id)).toEqual(key)
    const options = { tablePrefix: 'by_wrangler' }
    for (const { sql } of d1Migrations(options)) await client.executeMultiple(sql)
    const other = d1Store(database, options)
    expect(other.migrations).toEqual(d1Migrations(options))
    await other.migrate()
    expect(await other.get(key.id)).toBeUndefined()
    expect(await other.put(key, undefined, undefined)).toBe('stored')
    const tables = (
      await rows("select name from sqlite_schema where type = 'table' order by 1")
    ).flat()
    expect(tables).toEqual(
      ['by_wrangler', 'twinkey'].flatMap((prefix) => TABLES.map((name) => `${prefix}_${name}`)),
    )
    expect(Math.abs(Number(await store.clock?.()) - Date.now())).toBeLessThan(1000)
  })

  test('a store that is used before migrate() says what to do', async () => {
    const other = d1Store(database, { tablePrefix: 'other' })
    const message = /"other_keys", … do not exist\. Run the SQL of d1Migrations\(\)/
    await expect(other.get('k')).rejects.toThrow(message)
    await expect(createTwinkey({ store: other }).keys.create(INPUT)).rejects.toMatchObject({
      code: 'store_unavailable',
      message: expect.stringMatching(message),
    })
  })

  test.each([
    ['D1_ERROR: D1 DB is overloaded. Requests queued for too long.', 'store_unavailable'],
    ['D1_ERROR: Exceeded maximum DB size', 'store_unavailable'],
    ['Too many API requests by single Worker invocation.', 'store_unavailable'],
    ['D1_ERROR: Network connection lost.', 'outcome_unknown'],
    ['D1_ERROR: internal error', 'outcome_unknown'],
  ])('a write that fails with %j is %s', async (message, code) => {
    const failing = d1Store({
      ...database,
      batch: async () => {
        throw new Error(message)
      },
    })
    const failed = createTwinkey({ store: failing }).keys.create(INPUT)
    await expect(failed).rejects.toMatchObject({ code, message: expect.stringContaining(message) })
  })

  test('a write of which D1 has lost the answer is found by reading the key', async () => {
    const { key } = await createTwinkey({ store }).keys.create(INPUT)
    let losses = 1
    const losing = d1Store({
      ...database,
      async batch(statements) {
        const results = await database.batch(statements)
        if (losses-- > 0) throw new Error('D1_ERROR: Network connection lost.')
        return results as never
      },
    })
    const { keys } = createTwinkey({ store: losing })
    expect(await keys.disable(key.id)).toMatchObject({ state: 'disabled' })
    const { entries } = await keys.history({ keyId: key.id })
    expect(entries.map(({ type }) => type)).toEqual(['key.disabled', 'key.created'])
  })

  test('sends nothing after the deadline', async () => {
    const signal = AbortSignal.abort(new Error('too late'))
    const key = newKey()
    await expect(store.put(key, undefined, undefined, signal)).rejects.toThrow('too late')
    await expect(store.list({ now: 5, sort: 'newest', limit: 1 }, signal)).rejects.toThrow(
      'too late',
    )
    expect(await store.get(key.id)).toBeUndefined()
  })

  test.each([
    ['no binding', () => d1Store(undefined as never), /needs a D1 binding/],
    ['a client of libSQL', () => d1Store(client as never), /needs a D1 binding/],
    [
      'a session, which can read from a replica',
      () => d1Store({ ...database, getBookmark: () => '' } as never),
      /Pass env\.DB instead/,
    ],
    ['options that are none', () => d1Store(database, 'keys' as never), /must be an object/],
    ['another option', () => d1Store(database, { prefix: 'a' } as never), /cannot have "prefix"/],
    [
      'a prefix that is null',
      () => d1Store(database, { tablePrefix: null as never }),
      /tablePrefix must be a string/,
    ],
  ])('%s is a TypeError', (_name, make, message) => {
    expect(make).toThrow(TypeError)
    expect(make).toThrow(message)
  })

  test.each(['', '1st', 'a b', 'A', 'a"b', 'a;b', 'sqlite_keys', 'x'.repeat(41)])(
    '%j is no prefix',
    (tablePrefix) => {
      expect(() => d1Store(database, { tablePrefix })).toThrow(RangeError)
      expect(() => d1Migrations({ tablePrefix })).toThrow(/must be 1 to 40 lower-case letters/)
    },
  )
})
