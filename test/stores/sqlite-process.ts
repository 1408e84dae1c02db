import { writeSync } from 'node:fs'
import type { KeyRecord } from '../../src/core/model/api-key.ts'
import type { Position } from '../../src/core/store/store.ts'
import { currentRecord } from '../../src/core/store/stored-key.ts'
import { type SqliteStore, sqliteStore } from '../../src/stores/sqlite/index.ts'
import { newEntry, newKey } from '../../src/testing/sample.ts'
import { type DriverName, openSqlite } from '../support/sqlite.ts'

// What another process does with the same file: a program of its own that gets the driver, the file
// and a task.

const [driver, path, task, ...args] = process.argv.slice(2) as [
  DriverName,
  string,
  keyof typeof TASKS,
  ...string[],
]

// Synchronous, so that everything printed before the kill has arrived.
const say = (...words: readonly (string | number)[]) => void writeSync(1, `${words.join(' ')}\n`)
const told = () => new Promise((resolve) => process.stdin.once('data', resolve))

const TASKS = {
  async migrate() {
    const { database, close } = await openSqlite(driver, path)
    const store = sqliteStore(database)
    // All begin when every process is ready.
    say('ready')
    await told()
    await store.migrate()
    await store.put(newKey(), undefined, undefined)
    close()
  },

  /** Migrates, changes ten keys and deletes ten others meanwhile, and prints how many keys it lists. */
  async upgrade(name: string) {
    const { database, close } = await openSqlite(driver, path)
    const store = sqliteStore(database)
    say('ready')
    await told()
    const migration = store.migrate()
    const first = Number(name) * 20
    for (let i = first; i < first + 20; i++) {
      const key = currentRecord(await getAfterMigration(store, `copy${i}`)) as KeyRecord
      const entry = newEntry(key)
      const next = { ...key, version: key.version + 1, owner: 'moved' }
      const outcome =
        i % 2 === 0
          ? await store.put(next, key.version, entry)
          : await store.delete(key.id, key.version, entry)
      if (outcome !== 'stored' && outcome !== 'deleted') throw new Error(`${key.id}: ${outcome}`)
    }
    await migration
    let count = 0
    let after: Position | undefined
    do {
      const page = await store.list({ now: 0, sort: 'oldest', limit: 100, after })
      count += page.keys.length
      after = page.next
    } while (after !== undefined)
    say(count)
    close()
  },

  /** Counts up in the metadata of a key, so many times, by compare-and-set. */
  async count(id: string, times: string) {
    const { database, close } = await openSqlite(driver, path)
    const store = sqliteStore(database)
    say('ready')
    await told()
    let conflicts = 0
    for (let done = 0; done < Number(times); ) {
      const key = await store.get(id)
      if (key?.kind !== 'key') throw new Error('the key is gone')
      const count = Number(key.metadata['count']) + 1
      const scope = { ...key.scope, tenants: [`t${count}`] }
      // The other process may write the same version, so only the expected version decides.
      const outcome = await store.put(
        { ...key, version: key.version + 1, metadata: { count }, scope },
        key.version,
        undefined,
      )
      if (outcome === 'stored') done++
      else conflicts++
    }
    say('conflicts', conflicts)
    close()
  },

  /** Creates, changes and deletes without end, and announces and reports each step. */
  async churn(name: string) {
    const store: SqliteStore = sqliteStore((await openSqlite(driver, path)).database)
    const versions = new Map<string, number>()
    for (let version = 1; ; version++) {
      const id = `${name}-${version % 5}`
      const before = versions.get(id)
      const isEnd = before !== undefined && version % 3 === 0
      const next = newKey({
        id,
        version,
        owner: `o${version % 4}`,
        scope: { tenants: [`t${version % 7}`], environments: '*', workflows: '*' },
      })
      const entry = newEntry(next, { at: version })
      say('try', id, isEnd ? 'gone' : version)
      const outcome = isEnd
        ? await store.delete(id, before, entry)
        : await store.put(next, before, entry)
      if (outcome !== 'stored' && outcome !== 'deleted') throw new Error(`${id}: ${outcome}`)
      if (isEnd) versions.delete(id)
      else versions.set(id, version)
      say('done', id, isEnd ? 'gone' : version)
    }
  },

  /** Holds a lock until it is told to release it. */
  async hold(mode: 'immediate' | 'exclusive') {
    const { begin, close } = await openSqlite(driver, path)
    const rollback = await begin(mode)
    say('held')
    await told()
    await rollback()
    close()
  },
}

/** Asks until the tables of this version exist. */
async function getAfterMigration(store: SqliteStore, id: string): Promise<unknown> {
  for (;;) {
    try {
      return await store.get(id)
    } catch (error) {
      if (!String(error).includes('Call migrate()')) throw error
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
}

await (TASKS[task] as (...args: string[]) => Promise<void>)(...args)
process.stdin.destroy()
