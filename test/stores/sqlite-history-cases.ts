import { sqliteStore } from 'twinkey/stores/sqlite'
import { expect } from 'vitest'
import { historyLabelsOf } from '../../src/core/store/history-query.ts'
import { newEntry, newKey } from '../../src/testing/sample.ts'
import { withBed } from '../support/sqlite.ts'
import type { SqliteCase } from './sqlite-schema-cases.ts'

/** Tests of the history. */
export const historyCases: readonly SqliteCase[] = [
  {
    name: 'changes nothing if the entry of the change cannot be written',
    run: (driver) =>
      withBed(driver, async ({ open }) => {
        const { database, exec } = await open()
        const [store, other] = [sqliteStore(database), sqliteStore((await open()).database)]
        await store.migrate()
        const [key, created] = [newKey(), newKey()]
        await store.put(key, undefined, undefined)
        await exec(
          "create trigger a after insert on twinkey_history_index when new.label = 'entry' begin select raise(abort, 'no entry'); end",
        )
        const changes = [
          () => store.put(created, undefined, newEntry(created)),
          () => store.put({ ...key, version: 7 }, key.version, newEntry(key)),
          () => store.delete(key.id, key.version, newEntry(key)),
        ]
        for (const change of changes) await expect(change()).rejects.toThrow('no entry')
        expect([await other.get(key.id), await other.get(created.id)]).toEqual([key, undefined])
        expect((await other.history({ sort: 'newest', limit: 10 })).entries).toEqual([])
        await exec('drop trigger a')
        expect(await store.delete(key.id, key.version, newEntry(key))).toBe('deleted')
      }),
  },
  {
    name: 'writes no entry for a change that a trigger skips',
    run: (driver) =>
      withBed(driver, async ({ open }) => {
        const { database, exec } = await open()
        const store = sqliteStore(database)
        await store.migrate()
        const key = newKey()
        await store.put(key, undefined, undefined)
        await exec(
          'create trigger a before update on twinkey_records begin select raise(ignore); end',
        )
        await expect(
          store.put({ ...key, version: 7 }, key.version, newEntry(key)),
        ).rejects.toMatchObject({ code: 'not_written' })
        expect((await store.history({ sort: 'newest', limit: 10 })).entries).toEqual([])
      }),
  },
  {
    name: 'forgets 1,000 of the oldest entries in each call, with their places in the index',
    run: (driver) =>
      withBed(driver, async ({ open }) => {
        const { database, all } = await open()
        const store = sqliteStore(database)
        await store.migrate()
        const key = newKey({ version: 1, owner: 'o' })
        for (let version = 1; version <= 1010; version++) {
          const entry = newEntry(key, { id: `e${version}`, at: version, tenants: ['t', 'u'] })
          const expected = version === 1 ? undefined : version - 1
          expect(await store.put({ ...key, version }, expected, entry)).toBe('stored')
        }
        expect(await store.forgetHistory(1006)).toBe(1000)
        const left = (await store.history({ sort: 'oldest', limit: 1, owner: 'o' })).entries
        expect(left).toMatchObject([{ at: 1001, id: 'e1001' }])
        expect(await store.forgetHistory(1006)).toBe(5)
        expect(await store.forgetHistory(1006)).toBe(0)
        const remaining = await all('select id, entry from twinkey_history order by at')
        expect(remaining.map(([id]) => id)).toEqual(['e1006', 'e1007', 'e1008', 'e1009', 'e1010'])
        const places = remaining.flatMap(([, text]) => {
          const entry = JSON.parse(String(text))
          return historyLabelsOf(entry).map((label) => [label, entry.at, entry.id])
        })
        const found = await all('select label, at, entry_id from twinkey_history_index')
        expect(found.sort()).toEqual(places.sort())
      }),
  },
]
