import pg from 'pg'
import { type PostgresStore, postgresStore } from 'twinkey/stores/postgres'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import type { HistoryEntry } from '../../src/core/model/history.ts'
import { newEntry, newId, newKey } from '../../src/testing/sample.ts'
import { type Nodes, startNodes } from './postgres-nodes.ts'

// The history of PostgreSQL: written with the change by one statement, or not at all.

let nodes: Nodes
let store: PostgresStore

beforeAll(async () => {
  nodes = await startNodes(4)
  store = nodes.stores[0]
})
afterAll(() => nodes.end())

const entriesOf = async (keyId: string) =>
  (await store.history({ keyId, sort: 'oldest', limit: 100 })).entries

/** Makes a trigger before each insert into the history, for one test. */
async function withTrigger(body: string): Promise<void> {
  await nodes.ask(
    `create or replace function meddle() returns trigger language plpgsql as $$begin ${body} end$$`,
  )
  await nodes.ask(
    'create trigger meddles before insert on twinkey_history for each row execute function meddle()',
  )
  onTestFinished(async () => {
    await nodes.ask('drop trigger meddles on twinkey_history')
  })
}

describe('a change whose entry cannot be written changes nothing,', () => {
  const failures: [string, (entry: HistoryEntry) => Promise<unknown>][] = [
    ['because a trigger raises an exception', () => withTrigger(`raise exception 'not now';`)],
    ['because a trigger skips it', () => withTrigger('return null;')],
    [
      'because its id exists',
      async (entry) => {
        const other = newKey()
        await store.put(other, undefined, { ...newEntry(other), id: entry.id })
      },
    ],
  ]

  test.each(failures)('%s', async (_name, fail) => {
    const [key, created] = [newKey(), newKey()]
    const next = { ...key, version: key.version + 1, owner: 'next' }
    await store.put(key, undefined, newEntry(key))
    const entry = newEntry(next)
    await fail(entry)
    const calls = [
      () => store.put(created, undefined, { ...entry, keyId: created.id }),
      () => store.put(next, key.version, entry),
      () => store.delete(key.id, key.version, entry),
    ]
    for (const call of calls) await expect(call()).rejects.toMatchObject({ code: 'not_written' })
    expect(await store.get(created.id)).toBeUndefined()
    expect(await store.get(key.id)).toEqual(key)
    await nodes.expectAgreement([key.id, created.id])
    expect(await entriesOf(key.id)).toHaveLength(1)
    // Without an entry, there is nothing to fail.
    expect(await store.put(next, key.version, undefined)).toBe('stored')
  })
})

test.each(['put', 'delete'] as const)(
  'a %s that is cut off in the middle of its statement leaves neither change nor entry',
  async (method) => {
    const key = newKey()
    await store.put(key, undefined, newEntry(key))
    const next = { ...key, version: key.version + 1 }
    // The statement stops after it has written the record, and waits.
    await withTrigger('perform pg_advisory_xact_lock(7); return new;')
    const [holder, writer] = [1, 2].map(() => new pg.Client(nodes.server.url)) as [
      pg.Client,
      pg.Client,
    ]
    writer.on('error', () => {})
    await Promise.all([holder.connect(), writer.connect()])
    await holder.query('begin; select pg_advisory_xact_lock(7)')
    const cut = postgresStore(writer)
    const outcome = (
      method === 'put'
        ? cut.put(next, key.version, newEntry(next))
        : cut.delete(key.id, key.version, newEntry(key))
    ).catch((error) => error.code)
    const end =
      "select pg_terminate_backend(pid) from pg_stat_activity where wait_event = 'advisory'"
    while ((await nodes.ask(end)).length === 0);
    expect(await outcome).toBe('57P01')
    await holder.end()
    expect(await store.get(key.id)).toEqual(key)
    expect(await entriesOf(key.id)).toHaveLength(1)
    await nodes.expectAgreement([key.id])
  },
)

test('of 20 writers exactly one leaves its entry, in each of 20 rounds over four pools', async () => {
  let key = newKey()
  const won: HistoryEntry[] = []
  for (let round = 0; round < 20; round++) {
    const writers = Array.from({ length: 20 }, (_, i) => ({ ...key, version: key.version + 1 + i }))
    const entries = writers.map((next) => newEntry(next, { at: round }))
    const outcomes = await Promise.all(
      writers.map((next, i) =>
        (nodes.stores[i % 4] as PostgresStore).put(
          next,
          round === 0 ? undefined : key.version,
          entries[i],
        ),
      ),
    )
    key = writers[outcomes.indexOf('stored')] as typeof key
    won.push(entries[outcomes.indexOf('stored')] as HistoryEntry)
  }
  const deletions = Array.from({ length: 20 }, () => newEntry(key, { at: 20, type: 'key.deleted' }))
  const outcomes = await Promise.all(
    deletions.map((entry, i) =>
      (nodes.stores[i % 4] as PostgresStore).delete(key.id, key.version, entry),
    ),
  )
  won.push(deletions[outcomes.indexOf('deleted')] as HistoryEntry)
  expect(await entriesOf(key.id)).toEqual(won)
})

test('an entry is stored byte for byte, and survives its key', async () => {
  const key = newKey({ owner: 'Ærø\u{1f511}' })
  const entry = newEntry(key, {
    changes: { name: ['\u0000 \u2028 " \\ \ud83d', 'é e\u0301'], n: [1.5, -1e-7] },
  })
  await store.put(key, undefined, entry)
  await store.delete(key.id, key.version, undefined)
  expect(
    await nodes.ask('select entry::text from twinkey_history where id = $1', entry.id),
  ).toEqual([[JSON.stringify(entry)]])
  expect(await entriesOf(key.id)).toEqual([entry])
})

test('entries and keys of one millisecond are sorted by the bytes of their ids', async () => {
  const owner = newId()
  const ids = ['-', '0', '9', 'A', 'Z', '_', 'a', 'b', 'z'].map((each) => `${each}${owner}`)
  for (const id of [...ids].reverse()) {
    const key = newKey({ id, owner })
    await store.put(key, undefined, newEntry(key, { id }))
  }
  for (const sort of ['oldest', 'newest'] as const) {
    const expected = sort === 'oldest' ? ids : [...ids].reverse()
    const found: [string, string][] = []
    for (let after: { at: number; id: string } | undefined, more = true; more; ) {
      const query = { owner, sort, limit: 2, now: 5 } as const
      const page = await store.list({ ...query, after })
      const { entries } = await store.history({
        ...query,
        after: after && { at: newEntry(newKey()).at, id: after.id },
      })
      found.push(
        ...page.keys.map(({ id }, i): [string, string] => [id, (entries[i] as HistoryEntry).id]),
      )
      after = page.next
      more = after !== undefined
    }
    expect(found).toEqual(expected.map((id) => [id, id]))
  }
})

test('nodes that forget at once forget each entry once, and the index with it', async () => {
  await store.forgetHistory(5)
  await nodes.ask(
    `with given as (insert into twinkey_history select 'e' || n, '{}'::json from generate_series(1, 3500) n returning id)
insert into twinkey_history_by_label select label, 1 + substr(id, 2)::int % 5, id from given, (values ('entry'), ('no-owner')) v (label)`,
  )
  const counts = await Promise.all(
    Array.from({ length: 4 }, async (_, i) => {
      const counts: number[] = []
      for (let count = 1; count > 0; counts.push(count))
        count = await (nodes.stores[i] as PostgresStore).forgetHistory(5)
      return counts
    }),
  )
  expect(counts.flat().reduce((a, b) => a + b)).toBe(2800)
  expect(Math.max(...counts.flat())).toBeLessThanOrEqual(1000)
  expect(
    await nodes.ask(`select count(*)::int from twinkey_history where id ~ '^e[0-9]{1,4}$'`),
  ).toEqual([[700]])
  expect(
    await nodes.ask(
      'select distinct at::int from twinkey_history_by_label where at between 1 and 5',
    ),
  ).toEqual([[5]])
  expect(await store.forgetHistory(5)).toBe(0)
})
