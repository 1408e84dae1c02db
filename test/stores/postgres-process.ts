import { writeSync } from 'node:fs'
import pg from 'pg'
import { createTwinkey, type HistoryStep, isTwinkeyError } from '../../src/index.ts'
import { postgresStore } from '../../src/stores/postgres/index.ts'
import { newKey } from '../../src/testing/sample.ts'
import { createPool } from '../support/postgres.ts'

// What another process does with the same server: a program of its own that gets a task and the
// URL.

const say = (word: string) => void writeSync(1, `${word}\n`)
const told = () => new Promise((resolve) => process.stdin.once('data', resolve))

const TASKS = {
  async migrate(url: string) {
    const pool = createPool(url)
    const store = postgresStore(pool)
    // All begin when every process is ready.
    await pool.query('select 1')
    say('ready')
    await told()
    await store.migrate()
    await store.put(newKey(), undefined, undefined)
    await pool.end()
    process.stdin.destroy()
  },

  /** Migrates the keys of the pre-release, and stops for ever in the middle. */
  async halt(url: string) {
    const pool = createPool(url)
    let batches = 0
    const store = postgresStore({
      async query(text, values) {
        const answer = await pool.query(text, values)
        if (!text.startsWith('with old as') || ++batches < 2) return answer
        say('halfway')
        return new Promise(() => {})
      },
    })
    await store.migrate()
  },

  /**
   * Changes keys of its own and one that others change too, by a clock that is so many milliseconds
   * ahead. Prints the id of each entry.
   */
  async write(url: string, shared: string, ahead: string) {
    const pool = createPool(url)
    const { keys } = createTwinkey({
      store: postgresStore(pool),
      now: () => Date.now() + Number(ahead),
      onEvent: (event) => event.type.startsWith('key.') && say((event as { id: string }).id),
    })
    say('ready')
    await told()
    const scope = { tenants: ['t'], workflows: '*' } as const
    for (let turn = 0; turn < 20; turn++) {
      const { key } = await keys.create({ name: `k${turn}`, scope })
      const changes = [
        () => keys.renew(key.id, { slots: 'both' }),
        () => keys.update(shared, { name: `${turn} ${ahead}` }),
        () => keys.disable(key.id),
        () => keys.delete(key.id),
      ]
      for (const change of changes)
        await change().catch((error: unknown) => {
          if (!isTwinkeyError(error) || error.code !== 'version_conflict') throw error
        })
    }
    await pool.end()
    process.stdin.destroy()
  },

  /** Reads the history while it grows, until the parent says that all is written. Prints the result. */
  async consume(url: string) {
    const pool = createPool(url)
    const { keys } = createTwinkey({ store: postgresStore(pool) })
    const seen = new Set<string>()
    let [repeats, early, isComplete] = [0, 0, false]
    say('ready')
    void told().then(() => {
      early = seen.size
      isComplete = true
    })
    let after: string | number = 0
    // After the parent's word, it reads up to the present twice.
    for (let ends = 0; ends < 2; ) {
      const wasComplete = isComplete
      const step: HistoryStep = await keys.history({ after, limit: 20 })
      after = step.nextCursor
      for (const { id } of step.entries) {
        if (seen.has(id)) repeats++
        seen.add(id)
      }
      if (wasComplete && !step.hasMore) ends++
    }
    say(JSON.stringify({ ids: [...seen], repeats, early }))
    await pool.end()
    process.stdin.destroy()
  },

  /** Listens to a server that is down, and exits without stopping the watch. */
  async forget(url: string) {
    await postgresStore(createPool(url), { listen: () => new pg.Client(url) }).watch?.(() => {})
    say('watching')
  },
}

const [task, ...args] = process.argv.slice(2) as [keyof typeof TASKS, ...string[]]
await (TASKS[task] as (...args: string[]) => Promise<void>)(...args)
