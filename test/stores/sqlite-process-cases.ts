import type { KeyRecord } from 'twinkey/store'
import { type SqliteStore, sqliteStore } from 'twinkey/stores/sqlite'
import { expect } from 'vitest'
import { labelsOf } from '../../src/core/store/list-query.ts'
import { newKey } from '../../src/testing/sample.ts'
import { rounds } from '../support/rounds.ts'
import { type Bed, type DriverName, withBed } from '../support/sqlite.ts'
import { withChildren } from './sqlite-child.ts'
import type { SqliteCase } from './sqlite-schema-cases.ts'

// Even, because each round starts two processes.
const KILLS = 2 * rounds(10)
const COUNTS = rounds(500)

/** Tests with several processes on one file. */
export const processCases: readonly SqliteCase[] = [
  {
    name: 'migrates once when ten processes begin at the same time on a new file',
    run: (driver) =>
      withBed(driver, ({ path, open }) =>
        withChildren(driver, path, async (start) => {
          const children = Array.from({ length: 10 }, () => start('migrate'))
          await Promise.all(children.map((child) => child.said(1)))
          for (const child of children) child.tell()
          expect(await Promise.all(children.map(({ ended }) => ended))).toEqual(Array(10).fill('0'))
          const { all } = await open()
          expect(await all('select version from twinkey_migrations')).toEqual([[1], [2], [3]])
          expect(await all('select count(*) from twinkey_records')).toEqual([[10]])
        }),
      ),
  },
  {
    name: `loses none of ${2 * COUNTS} writes of two processes to the same key`,
    run: (driver) =>
      withBed(driver, ({ path, open }) =>
        withChildren(driver, path, async (start) => {
          const { database, all } = await open()
          const store = sqliteStore(database)
          await store.migrate()
          const key = newKey({ version: 1, metadata: { count: 0 } })
          await store.put(key, undefined, undefined)
          const children = [1, 2].map(() => start('count', key.id, String(COUNTS)))
          await Promise.all(children.map((child) => child.said(1)))
          for (const child of children) child.tell()
          expect(await Promise.all(children.map(({ ended }) => ended))).toEqual(['0', '0'])
          // The two processes did compete.
          expect(children.flatMap(({ lines }) => lines).join()).toMatch(/conflicts [1-9]/)
          expect(await store.get(key.id)).toMatchObject({
            version: 1 + 2 * COUNTS,
            metadata: { count: 2 * COUNTS },
          })
          const tenants = await all("select label from twinkey_index where label like 'tenant:%'")
          expect(tenants).toEqual([[`tenant:t${2 * COUNTS}`]])
        }),
      ),
  },
  {
    name: `keeps everything that was acknowledged, and its index, through ${KILLS} kills in the middle of writing`,
    run: (driver) =>
      withBed(driver, ({ path, open }) =>
        withChildren(driver, path, async (start) => {
          const { database, all } = await open()
          const store = sqliteStore(database)
          await store.migrate()
          // Two at a time, so that one is killed while the other writes.
          for (let kill = 0; kill < KILLS; kill += 2) {
            const children = [kill, kill + 1].map((name) => start('churn', `k${name}`))
            for (const [i, child] of children.entries()) {
              // Somewhere between the first write and the thirtieth, and never at the same place.
              await child.said(3 + Math.floor(((kill + i) * 60) / KILLS))
              child.kill()
              expect(await child.ended).toBe('SIGKILL ')
              for (const [id, possible] of expectedOf(child.lines))
                expect(possible).toContain((await store.get(id))?.version ?? 'gone')
            }
          }
          const records = (await all('select record, version, id from twinkey_records')).map(
            ([text, version, id]) => ({
              record: JSON.parse(String(text)),
              version,
              id,
            }),
          )
          expect(records.length).toBeGreaterThan(KILLS)
          for (const { record, version, id } of records)
            expect([record.id, record.version]).toEqual([id, version])
          const labels = records.flatMap(({ record }) =>
            labelsOf(record).map((label) => `${label} ${record.createdAt} ${record.id}`),
          )
          const found = (await all('select label, at, key_id from twinkey_index')).map((row) =>
            row.join(' '),
          )
          expect(found.sort()).toEqual(labels.sort())
          expect(await all('pragma integrity_check')).toEqual([['ok']])
        }),
      ),
  },
  {
    name: 'waits for the lock of another process without blocking this one',
    run: (driver) =>
      withLockedFile(driver, { mode: 'immediate', timeout: 0 }, async ({ store, release }) => {
        let turns = 0
        const ticking = setInterval(() => turns++, 5)
        try {
          const write = store.put(newKey(), undefined, undefined)
          // The lock is released after twenty turns of this process, so never if the wait blocks it.
          while (turns < 20) await new Promise((resolve) => setImmediate(resolve))
          await release()
          expect(await write).toBe('stored')
        } finally {
          clearInterval(ticking)
        }
      }),
  },
  {
    name: 'counts the time that the driver has waited by itself',
    run: (driver) =>
      withLockedFile(driver, { mode: 'immediate', timeout: 800 }, async ({ store }) => {
        const start = performance.now()
        await expect(store.put(newKey(), undefined, undefined)).rejects.toThrow(
          /database is locked/,
        )
        // The driver waits twice. Without the count it would wait until the deadline.
        expect(performance.now() - start).toBeLessThan(10 * 800)
      }),
  },
  {
    name: 'throws the error of the driver if a lock is not released, and uses the latest state afterwards',
    run: (driver) =>
      withLockedFile(
        driver,
        { mode: 'exclusive', timeout: 0 },
        async ({ store, key, open, release }) => {
          const calls = [
            store.get(key.id),
            store.put({ ...key, version: 8 }, key.version, undefined),
            store.list({ now: 0, sort: 'newest', limit: 1 }),
          ]
          const outcomes = await Promise.allSettled(calls)
          for (const outcome of outcomes)
            expect(outcome).toMatchObject({
              status: 'rejected',
              reason: { message: expect.stringContaining('database is locked') },
            })
          await release()
          expect(await store.get(key.id)).toEqual(key)
          // A statement that was cut short on this connection neither keeps its old snapshot nor
          // holds back its writes.
          const other = sqliteStore((await open()).database)
          let version = key.version
          for (const writer of [other, store, other, store]) {
            expect(await writer.put({ ...key, version: version - 1 }, version, undefined)).toBe(
              'stored',
            )
            version--
            for (const reader of [store, other])
              expect((await reader.get(key.id))?.version).toBe(version)
          }
        },
      ),
  },
]

/**
 * What each id may be, by the output of a process before its kill: the latest acknowledged state,
 * or the announced one.
 */
function expectedOf(lines: readonly string[]): Map<string, (string | number)[]> {
  const possible = new Map<string, (string | number)[]>()
  for (const line of lines) {
    const [word, id = '', version = ''] = line.split(' ')
    const value = version === 'gone' ? version : Number(version)
    possible.set(id, word === 'done' ? [value] : [...(possible.get(id) ?? ['gone']), value])
  }
  return possible
}

interface Lock {
  readonly mode: 'immediate' | 'exclusive'
  /** How long the driver of this process waits by itself. */
  readonly timeout: number
}

interface Locked extends Pick<Bed, 'open'> {
  readonly store: SqliteStore
  readonly key: KeyRecord
  release(): Promise<void>
}

/**
 * Runs a test while another process holds the lock for writing, or an exclusive one, which keeps
 * readers out as well.
 */
function withLockedFile(
  driver: DriverName,
  { mode, timeout }: Lock,
  test: (locked: Locked) => Promise<void>,
): Promise<void> {
  return withBed(driver, ({ path, open }) =>
    withChildren(driver, path, async (start) => {
      const { database, exec } = await open({ timeout })
      const store = sqliteStore(database)
      const key = newKey()
      await store.migrate()
      await store.put(key, undefined, undefined)
      // Only for moments that no test can hit are readers of a write-ahead log blocked.
      if (mode === 'exclusive') await exec('pragma journal_mode = delete')
      const holder = start('hold', mode)
      await holder.said(1)
      expect(holder.lines).toEqual(['held'])
      await test({
        store,
        key,
        open,
        async release() {
          holder.tell()
          expect(await holder.ended).toBe('0')
        },
      })
    }),
  )
}
