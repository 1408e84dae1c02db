import { writeSync } from 'node:fs'
import pg from 'pg'
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

  /** Migrates the keys of version 0.1, and stops for ever in the middle. */
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

  /** Listens to a server that is down, and exits without stopping the watch. */
  async forget(url: string) {
    await postgresStore(createPool(url), { listen: () => new pg.Client(url) }).watch?.(() => {})
    say('watching')
  },
}

const [task, url] = process.argv.slice(2) as [keyof typeof TASKS, string]
await TASKS[task](url)
