import type { KeyStore } from 'twinkey'
import { sqliteStore } from 'twinkey/stores/sqlite'
import { expect } from 'vitest'
import { labelsOf } from '../../src/core/store/list-query.ts'
import { newId, newKey } from '../../src/testing/sample.ts'
import { createBench } from '../support/bench.ts'
import { errorCodeOf } from '../support/faults.ts'
import { verdict } from '../support/sent.ts'
import { openSqlite, withBed } from '../support/sqlite.ts'
import type { SqliteCase } from './sqlite-schema-cases.ts'

/** The first page of all keys, of one key. */
const FIRST = { now: 0, sort: 'newest', limit: 1 } as const
const forTenant = (tenant: string) =>
  ({ scope: { tenants: [tenant], environments: '*', workflows: '*' } }) as const

/** Tests of writes and records. */
export const writeCases: readonly SqliteCase[] = [
  {
    name: 'rolls back a write that fails in the middle, and leaves the connection usable',
    run: (driver) =>
      withBed(driver, async ({ open }) => {
        const { database, all, exec } = await open()
        const [store, other] = [sqliteStore(database), sqliteStore((await open()).database)]
        await store.migrate()
        const key = newKey(forTenant('before'))
        await store.put(key, undefined, undefined)
        await store.recordUse([{ keyId: key.id, secretId: 'a', usedAt: 5 }])
        const everything = async () => [
          await all('select * from twinkey_records'),
          await all('select * from twinkey_index'),
          await all('select * from twinkey_history'),
          await all('select * from twinkey_history_index'),
          await all('select * from twinkey_uses'),
        ]
        const before = await everything()
        await exec(`
          create trigger a after insert on twinkey_index when new.label = 'tenant:after' begin select raise(abort, 'no label'); end;
          create trigger b after delete on twinkey_uses begin select raise(abort, 'no delete'); end;
          create trigger c after insert on twinkey_uses when new.used_at = 7 begin select raise(abort, 'no use'); end;
        `)
        await expect(store.put(newKey(forTenant('after')), undefined, undefined)).rejects.toThrow(
          'no label',
        )
        await expect(
          store.put({ ...key, ...forTenant('after'), version: 9 }, key.version, undefined),
        ).rejects.toThrow('no label')
        await expect(store.delete(key.id, key.version, undefined)).rejects.toThrow('no delete')
        const uses = [6, 7].map((usedAt) => ({ keyId: key.id, secretId: `s${usedAt}`, usedAt }))
        await expect(store.recordUse(uses)).rejects.toThrow('no use')
        expect(await everything()).toEqual(before)
        expect(await other.put({ ...key, version: 9 }, key.version, undefined)).toBe('stored')
        expect(await store.put({ ...key, version: 10 }, 9, undefined)).toBe('stored')
        expect((await other.get(key.id))?.version).toBe(10)
      }),
  },
  {
    name: 'keeps the labels in step with a record, and touches them only where they change',
    run: (driver) =>
      withBed(driver, async ({ open }) => {
        const { database, all, exec } = await open()
        const store = sqliteStore(database)
        await store.migrate()
        const key = newKey(forTenant('t'))
        const disabledBy = { actor: null, owner: null, tenants: null, at: 5 }
        await store.put(key, undefined, undefined)
        await exec(
          "create trigger a after insert on twinkey_index begin select raise(abort, 'touched'); end",
        )
        expect(
          await store.put({ ...key, version: 9, metadata: { a: 1 } }, key.version, undefined),
        ).toBe('stored')
        await expect(store.put({ ...key, version: 10, disabledBy }, 9, undefined)).rejects.toThrow(
          'touched',
        )
        await exec('drop trigger a')
        expect(await store.put({ ...key, version: 10, disabledBy }, 9, undefined)).toBe('stored')
        const labels = labelsOf({ ...key, disabledBy }).sort()
        expect(await all('select label from twinkey_index order by label')).toEqual(
          labels.map((label) => [label]),
        )
        await exec('delete from twinkey_records')
        expect(await all('select label from twinkey_index')).toEqual([])
      }),
  },
  {
    name: 'returns a record that was damaged by hand, and the keyring says store_malformed',
    run: (driver) =>
      withBed(driver, async ({ open }) => {
        const { database, exec } = await open()
        const { twinkey, ...bench } = createBench({ store: sqliteStore(database) })
        await (bench.spy.inner as ReturnType<typeof sqliteStore>).migrate()
        const { key, primary } = await twinkey.keys.create({
          name: 'n',
          scope: { tenants: ['t'], workflows: '*' },
        })
        for (const spoilt of ['no JSON', '', 'null', '5', '[]', '{}', '{"kind":"key"}', '"text"']) {
          await exec(`update twinkey_records set record = '${spoilt}'`)
          expect(await errorCodeOf(twinkey.keys.get(key.id)), spoilt).toBe('store_malformed')
          expect(await errorCodeOf(twinkey.keys.list({ tenant: 't' })), spoilt).toBe(
            'store_malformed',
          )
          expect(await verdict(bench.another(), primary)).toBe('unavailable')
        }
      }),
  },
  {
    name: 'serves a Twinkey: create, list, rotate, regenerate, revoke and last use, on two nodes',
    run: (driver) =>
      withBed(driver, async ({ open }) => {
        const stores = [
          sqliteStore((await open()).database),
          sqliteStore((await open()).database),
        ] as const
        await stores[0].migrate()
        const { twinkey, clock, another } = createBench({
          store: stores[0],
          cache: { maxAgeSeconds: 5 },
        })
        const other = another({ store: stores[1] })
        const { key, primary } = await twinkey.keys.create({
          name: 'n',
          owner: 'o',
          scope: { tenants: ['t'], workflows: '*' },
          secondary: false,
        })
        expect(await verdict(other, primary)).toBe('let in')
        await other.close()
        expect(await twinkey.keys.get(key.id)).toMatchObject({
          primary: { lastUsedAt: clock.now() },
        })
        const rotated = await twinkey.keys.rotate(key.id, { graceSeconds: 3600 })
        clock.advance(5_000)
        expect([await verdict(other, primary), await verdict(other, rotated.primary)]).toEqual([
          'let in',
          'let in',
        ])
        const { secondary } = await other.keys.renew(key.id, { slots: 'secondary' })
        clock.advance(5_000)
        expect([await verdict(twinkey, primary), await verdict(twinkey, secondary)]).toEqual([
          'credential_invalid',
          'let in',
        ])
        const ids = async (query: Parameters<typeof twinkey.keys.list>[0]) =>
          (await twinkey.keys.list(query)).keys.map(({ id }) => id)
        expect([
          await ids({ tenant: 't' }),
          await ids({ owner: 'o', state: 'active' }),
          await ids({ tenant: 'u' }),
        ]).toEqual([[key.id], [key.id], []])
        await twinkey.keys.revoke(key.id)
        clock.advance(5_000)
        expect(await verdict(other, secondary)).toBe('credential_invalid')
        expect([await ids({ state: 'revoked' }), await ids({ state: 'active' })]).toEqual([
          [key.id],
          [],
        ])
        await other.keys.delete(key.id)
        expect(await twinkey.keys.get(key.id)).toBeUndefined()
      }),
  },
  {
    name: 'stays out of a transaction that the application has open on the same connection, and waits until it ends',
    async run(driver) {
      const { database, all, exec, begin, close } = await openSqlite(driver, ':memory:')
      const store = sqliteStore(database)
      await store.migrate()
      await exec('create table theirs (a text)')
      const [key, lost] = [newKey(), newKey()]
      await store.put(lost, undefined, undefined)
      const rollback = await begin()
      const waiting = [
        store.put(key, undefined, undefined),
        store.delete(lost.id, lost.version, undefined),
        store.get(key.id),
      ]
      expect(
        await Promise.race([
          ...waiting,
          new Promise((resolve) => setTimeout(() => resolve('waits'), 50)),
        ]),
      ).toBe('waits')
      await rollback()
      expect((await Promise.all(waiting)).slice(0, 2)).toEqual(['stored', 'deleted'])
      expect([await store.get(key.id), await store.get(lost.id)]).toEqual([key, undefined])
      expect(await all('select * from theirs')).toEqual([])
      close()
    },
  },
  {
    name: 'acknowledges only committed writes, even if a statement of the application met a lock on the same connection',
    run: (driver) =>
      withBed(driver, async ({ open }) => {
        const [shared, other] = [await open({ timeout: 0 }), await open({ timeout: 0 })]
        const [store, elsewhere] = [sqliteStore(shared.database), sqliteStore(other.database)]
        await store.migrate()
        const key = newKey({ version: 1 })
        await store.put(key, undefined, undefined)
        const rollback = await other.begin()
        await expect(
          shared.all("update twinkey_uses set used_at = 1 where key_id = '' returning 1"),
        ).rejects.toThrow('database is locked')
        await rollback()
        for (let version = 1; version < 3; version++) {
          const outcome = await store
            .put({ ...key, version: version + 1 }, version, undefined)
            .catch(() => 'rejected')
          if (outcome !== 'stored')
            expect(await elsewhere.put({ ...key, version: version + 1 }, version, undefined)).toBe(
              'stored',
            )
          expect((await elsewhere.get(key.id))?.version).toBe(version + 1)
          const found = await store.get(key.id).catch(() => undefined)
          if (found !== undefined) expect(found.version).toBe(version + 1)
        }
      }),
  },
  {
    name: 'answers the same on a connection that returns whole numbers as bigint and rows as lists',
    run: (driver) =>
      withBed(driver, async ({ open }) => {
        const store = sqliteStore((await open({ answers: 'unusual' })).database)
        await store.migrate()
        await store.migrate()
        const key = newKey({ version: Number.MAX_SAFE_INTEGER })
        expect(await store.put(key, undefined, undefined)).toBe('stored')
        await store.recordUse([{ keyId: key.id, secretId: newId(), usedAt: 8.64e15 }])
        expect(await store.put(key, Number.MAX_SAFE_INTEGER, undefined)).toBe('stored')
        const found = await store.get(key.id)
        expect(found).toMatchObject({ version: Number.MAX_SAFE_INTEGER })
        expect(Object.values((found as typeof key).lastUsedAt)).toEqual([8.64e15])
        expect(await store.list(FIRST)).toEqual({ keys: [found], next: undefined })
      }),
  },
  {
    name: 'says that nothing was written if a trigger skips a write, and stops',
    run: (driver) =>
      withBed(driver, async ({ open }) => {
        const { database, exec } = await open()
        const store = sqliteStore(database)
        await store.migrate()
        const { twinkey } = createBench({ store })
        const { key } = await twinkey.keys.create({
          name: 'n',
          scope: { tenants: ['t'], workflows: '*' },
        })
        for (const event of ['insert', 'update', 'delete'])
          await exec(
            `create trigger no_${event} before ${event} on twinkey_records begin select raise(ignore); end`,
          )
        for (const change of [
          () => twinkey.keys.create({ name: 'm', scope: { tenants: ['t'], workflows: '*' } }),
          () => twinkey.keys.revoke(key.id),
          () => twinkey.keys.delete(key.id),
        ])
          await expect(change()).rejects.toMatchObject({
            code: 'store_unavailable',
            message: expect.stringContaining('for a trigger that does that'),
          })
        expect(await twinkey.keys.get(key.id)).toMatchObject({ state: 'active' })
      }),
  },
  {
    name: 'says that nothing was written if the database is read-only, full, locked or closed',
    run: (driver) =>
      withBed(driver, async ({ open }) => {
        const writable = await open({ timeout: 0 })
        await sqliteStore(writable.database).migrate()
        const create = (database: typeof writable.database) =>
          createBench({ store: sqliteStore(database) }).twinkey.keys.create({
            name: 'n',
            scope: { tenants: ['t'], workflows: '*' },
          })
        const isRefused = (database: typeof writable.database, message: RegExp) =>
          expect(create(database)).rejects.toMatchObject({
            code: 'store_unavailable',
            message: expect.stringMatching(message),
          })
        // Before each call: a transaction of libsql takes the connection with it.
        const [readOnly, full] = [await open(), await open()]
        await readOnly.exec('pragma query_only = 1')
        await isRefused(readOnly.database, /readonly database/)
        const name = 'n'.repeat(128)
        const { twinkey } = createBench({ store: sqliteStore(full.database) })
        let fault: unknown
        for (let i = 0; i < 100 && fault === undefined; i++) {
          await full.exec('pragma max_page_count = 1')
          fault = await twinkey.keys
            .create({ name, scope: { tenants: ['t'], workflows: '*' } })
            .then(
              () => undefined,
              (error: unknown) => error,
            )
        }
        expect(fault).toMatchObject({
          code: 'store_unavailable',
          message: expect.stringContaining('database or disk is full'),
        })
        const rollback = await (await open()).begin()
        await isRefused(writable.database, /database is locked/)
        await rollback()
        writable.close()
        await isRefused(writable.database, /not open|closed/)
      }),
  },
  {
    name: 'stops at the deadline: a write that waits for a lock then is never made',
    run: (driver) =>
      withBed(driver, async ({ open }) => {
        const { database, all } = await open({ timeout: 0 })
        const inner = sqliteStore(database)
        await inner.migrate()
        const puts: Promise<unknown>[] = []
        const store: KeyStore = {
          ...inner,
          put(...args) {
            const put = inner.put(...args)
            puts.push(put.catch(() => {}))
            return put
          },
        }
        const rollback = await (await open()).begin()
        const { twinkey } = createBench({ store, deadlineSeconds: 0.05 })
        expect(
          await errorCodeOf(
            twinkey.keys.create({ name: 'n', scope: { tenants: ['t'], workflows: '*' } }),
          ),
        ).toBe('outcome_unknown')
        await rollback()
        await Promise.all(puts)
        expect(await all('select id from twinkey_records')).toEqual([])
      }),
  },
  {
    name: 'warns only if the file is less durable than it was set to be',
    run: (driver) =>
      withBed(driver, async ({ open }) => {
        const { database, exec } = await open()
        const store = sqliteStore(database)
        await store.migrate()
        expect(await store.inspect?.()).toEqual([])
        // Each transaction of libsql has a connection of its own, with default settings.
        if (driver === '@libsql/client') return
        await exec('pragma synchronous = normal')
        expect(await store.inspect?.()).toEqual([expect.stringMatching(/synchronous = 1.*full/)])
        await exec(
          'pragma journal_mode = delete; pragma journal_mode = memory; pragma synchronous = full',
        )
        expect(await store.inspect?.()).toEqual([
          expect.stringMatching(/journal_mode = memory.*wal/),
        ])
      }),
  },
]
