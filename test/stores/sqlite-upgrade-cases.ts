import { readFileSync } from 'node:fs'
import { type SqliteStore, sqliteMigrations, sqliteStore } from 'twinkey/stores/sqlite'
import { expect } from 'vitest'
import type { KeyRecord } from '../../src/core/model/api-key.ts'
import { isListed, labelsOf } from '../../src/core/store/list-query.ts'
import type { ListQuery, StoredKey } from '../../src/core/store/store.ts'
import { currentRecord } from '../../src/core/store/stored-key.ts'
import { newEntry, newKey } from '../../src/testing/sample.ts'
import { createBench } from '../support/bench.ts'
import { verdict } from '../support/sent.ts'
import { type OpenSqlite, withBed } from '../support/sqlite.ts'
import { withChildren } from './sqlite-child.ts'
import type { SqliteCase } from './sqlite-schema-cases.ts'

const read = (name: string) => readFileSync(new URL(name, import.meta.url), 'utf8')

interface OldRecord {
  readonly id: string
  readonly version: number
  readonly record: Record<string, unknown>
  readonly labels: readonly string[]
}

/** The statements of the pre-release, and what its keyring wrote with them. */
const old = JSON.parse(read('sqlite-pre-release.json')) as {
  readonly statements: Readonly<
    Record<'get' | 'create' | 'update' | 'delete' | 'list' | 'recordUse', string>
  >
  readonly records: readonly OldRecord[]
  readonly uses: readonly { keyId: string; secretId: string; usedAt: number }[]
  /** The primary secret of the first key. */
  readonly secret: string
}
const [active] = old.records as [OldRecord]
const QUERY = { now: 1_767_300_000_000, sort: 'newest', limit: 100 } as const
const COPIES = 500

/** Creates the database as the pre-release did, with its records and copies of the first key. */
async function createOld({ all, exec }: OpenSqlite, copies = 0): Promise<void> {
  await exec(read('sqlite-migration-1.sql'))
  const { create, recordUse } = old.statements
  for (const { id, version, record, labels } of old.records)
    await all(create, version, JSON.stringify(record), JSON.stringify(labels), id)
  await all(recordUse, JSON.stringify(old.uses))
  const copy = `with recursive n(i) as (select 0 union all select i + 1 from n where i < ${copies - 1})
    insert into twinkey_keys select 'copy' || i, version, json_set(record, '$.id', 'copy' || i, '$.createdAt', 1000 + i), labels
    from n, twinkey_keys where id = '${active.id}'`
  if (copies > 0) await exec(copy)
}

/** Expects the index to have exactly the labels of all records. */
async function expectIndexed({ all }: OpenSqlite): Promise<void> {
  const records = (await all('select record from twinkey_records')).map(
    ([text]) => currentRecord(JSON.parse(String(text))) as KeyRecord,
  )
  const places = records.flatMap((record) =>
    labelsOf(record).map((label) => [label, record.createdAt, record.id].join(' ')),
  )
  const found = await all('select label, at, key_id from twinkey_index')
  expect(found.map((row) => row.join(' ')).sort()).toEqual(places.sort())
  const versions = await all('select version from twinkey_migrations order by version')
  expect(versions).toEqual([[1], [2], [3]])
}

async function idsOf(store: SqliteStore, query: Partial<ListQuery>): Promise<string[]> {
  const ids: string[] = []
  let after: ListQuery['after']
  do {
    const page = await store.list({ ...QUERY, ...query, after })
    ids.push(...page.keys.map(({ id }) => id))
    after = page.next
  } while (after !== undefined)
  return ids
}

async function tablesOf({ all }: OpenSqlite): Promise<unknown> {
  const tables = ['records', 'index', 'history', 'history_index', 'uses', 'migrations']
  return Promise.all(tables.map((name) => all(`select * from twinkey_${name}`)))
}

/** Tests of a database that the pre-release created. */
export const upgradeCases: readonly SqliteCase[] = [
  {
    name: 'migrates a database of the pre-release, and keeps its records as they are until they change',
    run: (driver) =>
      withBed(driver, async ({ open }) => {
        const opened = await open()
        await createOld(opened)
        const store = sqliteStore(opened.database)
        await expect(store.get(active.id)).rejects.toThrow(/Call migrate\(\)/)
        await store.migrate()
        await store.migrate()
        await expectIndexed(opened)
        const used = { [String(old.uses[0]?.secretId)]: old.uses[0]?.usedAt }
        for (const { id, record } of old.records) {
          const lastUsedAt = id === active.id ? used : {}
          const expected = record['kind'] === 'key' ? { ...record, lastUsedAt } : record
          expect(await store.get(id)).toEqual(expected)
        }
        for (const query of [
          {},
          { tenant: 't1' },
          { tenant: '\u{1f511}' },
          { owner: 'anna', state: 'disabled' },
          { owner: null, state: 'revoked' },
          { pepper: 'p1' },
          { pepper: null },
          { name: 'straße 中文' },
          { state: 'expired', now: 1_767_400_000_000 },
        ] as const) {
          const keys = old.records.filter(
            ({ record }) =>
              record['kind'] === 'key' &&
              isListed({ ...record, lastUsedAt: {} }, { ...QUERY, ...query }),
          )
          expect(keys.length).toBeGreaterThan(0)
          expect((await idsOf(store, query)).sort()).toEqual(keys.map(({ id }) => id).sort())
        }
      }),
  },
  {
    name: 'lets in a secret of the pre-release, and writes the key in the current format when it changes',
    run: (driver) =>
      withBed(driver, async ({ open }) => {
        const opened = await open()
        await createOld(opened)
        const store = sqliteStore(opened.database)
        await store.migrate()
        const { twinkey } = createBench({ store, prefixes: ['acme'] })
        expect(await verdict(twinkey, old.secret)).toBe('let in')
        await twinkey.keys.disable(active.id, { actor: 'eve' })
        expect(await verdict(twinkey, old.secret)).toBe('credential_invalid')
        const changed = (await store.get(active.id)) as unknown as Record<string, unknown>
        expect([changed['format'], 'enabled' in changed]).toEqual([2, false])
        const { entries } = await store.history({ keyId: active.id, sort: 'newest', limit: 5 })
        expect(entries).toMatchObject([{ type: 'key.disabled', actor: 'eve', name: 'Active' }])
        await expectIndexed(opened)
      }),
  },
  {
    name: 'lists nothing before migrate() has indexed the keys, if another tool ran the SQL',
    run: (driver) =>
      withBed(driver, async ({ open }) => {
        const opened = await open()
        await createOld(opened)
        await opened.exec(`begin;\n${sqliteMigrations()[1]?.sql}commit`)
        const store = sqliteStore(opened.database)
        const key = newKey({ owner: 'anna' })
        expect(await store.put(key, undefined, newEntry(key))).toBe('stored')
        expect(await store.get(active.id)).toMatchObject({ id: active.id })
        await expect(store.list(QUERY)).rejects.toThrow(/Call migrate\(\)/)
        await sqliteStore((await open()).database).migrate()
        expect(await idsOf(store, {})).toHaveLength(9)
        await expectIndexed(opened)
      }),
  },
  {
    name: 'a process of the pre-release still reads keys and records uses, but can write and list nothing',
    run: (driver) =>
      withBed(driver, async ({ open }) => {
        const opened = await open()
        await createOld(opened)
        const store = sqliteStore(opened.database)
        await store.migrate()
        const key = newKey()
        await store.put(key, undefined, newEntry(key))
        const { get, create, update, delete: remove, list, recordUse } = old.statements
        const { id, version, record } = active
        const text = JSON.stringify({ ...record, name: 'changed' })
        const before = await tablesOf(opened)
        for (const attempt of [
          () => opened.all(create, 5, text, '["key"]', 'new'),
          () => opened.all(create, 5, '{"kind":"alias"}', '[]', 'alias-new'),
          () => opened.all(update, version + 1, text, '["key"]', id, version),
          () => opened.all(remove, id, version),
          () => opened.all(update, key.version + 1, text, '["key"]', key.id, key.version),
          () => opened.all(remove, key.id, key.version),
          () => opened.all(list, 'key', '', 10),
        ])
          await expect(attempt()).rejects.toThrow()
        // The pre-release knows by these words that nothing was written.
        await expect(opened.all(remove, id, version)).rejects.toThrow(/constraint failed/)
        expect(await tablesOf(opened)).toEqual(before)
        const use = { keyId: id, secretId: 's', usedAt: 8 }
        await opened.all(recordUse, JSON.stringify([use]))
        const [[found, uses] = []] = await opened.all(get, id)
        expect(JSON.parse(String(found))).toEqual(record)
        expect(JSON.parse(String(uses))).toMatchObject({ s: 8 })
      }),
  },
  {
    name: 'continues an index of old keys that was interrupted',
    run: (driver) =>
      withBed(driver, async ({ open }) => {
        const opened = await open()
        await createOld(opened, COPIES)
        const store = sqliteStore(opened.database)
        const [first, second] = sqliteMigrations()
        expect(first?.version).toBe(1)
        await opened.exec(`begin;\n${second?.sql}commit`)
        await opened.exec(
          "create trigger a after insert on twinkey_index when new.key_id = 'copy400' begin select raise(abort, 'interrupted'); end",
        )
        await expect(store.migrate()).rejects.toThrow('interrupted')
        const count = 'select count(*) from twinkey_records where created_at is null'
        const [[left] = []] = await opened.all(count)
        expect(Number(left)).toBeGreaterThan(99)
        expect(Number(left)).toBeLessThan(COPIES)
        await expect(store.list(QUERY)).rejects.toThrow(/Call migrate\(\)/)
        await opened.exec('drop trigger a')
        await store.migrate()
        expect(await idsOf(store, { owner: 'anna' })).toHaveLength(COPIES + 2)
        await expectIndexed(opened)
      }),
  },
  {
    name: 'indexes old keys in eight processes at the same time, while keys are changed and deleted',
    run: (driver) =>
      withBed(driver, async ({ path, open }) =>
        withChildren(driver, path, async (start) => {
          const opened = await open()
          await createOld(opened, COPIES)
          const children = Array.from({ length: 8 }, (_, i) => start('upgrade', String(i)))
          await Promise.all(children.map((child) => child.said(1)))
          for (const child of children) child.tell()
          const ends = await Promise.all(children.map(({ ended }) => ended))
          expect(ends).toEqual(Array(8).fill('0'))
          // Each process has listed all keys that were left, and its own changes.
          const counts = children.map(({ lines }) => Number(lines[1]))
          for (const listed of counts) expect(listed).toBeGreaterThanOrEqual(COPIES + 8 - 8 * 10)
          await expectIndexed(opened)
          const store = sqliteStore(opened.database)
          expect(await idsOf(store, { owner: 'moved' })).toHaveLength(8 * 10)
          expect(await idsOf(store, {})).toHaveLength(COPIES + 8 - 8 * 10)
        }),
      ),
  },
  {
    name: 'lists a record that was damaged before the migration where it was, so that it is reported',
    run: (driver) =>
      withBed(driver, async ({ open }) => {
        const opened = await open()
        await createOld(opened)
        const damaged = ['no JSON', '{"kind":"key"}', 'null', '{"kind":"key","scope":5}']
        for (const [i, text] of damaged.entries())
          await opened.all(old.statements.create, 5, text, '["tenant:hurt","key"]', `hurt${i}`)
        const store = sqliteStore(opened.database)
        await store.migrate()
        const { keys } = await store.list({ ...QUERY, tenant: 'hurt' })
        expect(keys).toHaveLength(damaged.length)
        expect(await store.get('hurt0')).toBe('no JSON' as unknown as StoredKey)
        const { twinkey } = createBench({ store })
        await expect(twinkey.keys.list({ tenant: 'hurt' })).rejects.toMatchObject({
          code: 'store_malformed',
        })
        expect(await idsOf(store, { owner: 'bob' })).toHaveLength(2)
      }),
  },
]
