/** Keys in Cloudflare D1. @module twinkey/stores/d1 */

import type { KeyStore } from '../../core/store/store.ts'
import { createRunner, type D1Database, requireBinding } from './client.ts'
import {
  type D1Migration,
  type D1StoreOptions,
  d1Migrations,
  stepsOf,
  tablesOf,
} from './migrations.ts'
import { createReads } from './reads.ts'
import { d1Statements } from './statements.ts'
import { createWrites } from './writes.ts'

export type { D1Database, D1Result, D1Statement, D1Value } from './client.ts'
export { type D1Migration, type D1StoreOptions, d1Migrations } from './migrations.ts'

/** A {@link twinkey.KeyStore} in Cloudflare D1. */
export interface D1Store extends KeyStore {
  /**
   * Creates or updates the tables, like the migrations of wrangler with {@link d1Migrations}. Call it
   * once, before the first use. Repeated and concurrent calls are safe.
   *
   * @returns Resolves when the tables are up to date. A step that fails leaves no changes behind.
   */
  migrate(): Promise<void>
  /** The steps of `migrate()` as SQL: {@link d1Migrations} with the options of the store. */
  readonly migrations: readonly D1Migration[]
}

/**
 * Keeps keys in a D1 database of Cloudflare, for Workers.
 *
 * A change of a key and its entry in the history are one batch, which D1 runs as one transaction.
 * Each of its statements has the condition that the key has the expected version.
 *
 * The store reads from the primary database, also with read replication. D1 has no feed of changes,
 * so the store has no `watch`: other isolates see a change within `cache.maxAgeSeconds`.
 *
 * @param database The binding, such as `env.DB`, and not a session of it.
 * @param options The table prefix.
 * @returns The store. It does not query the database before its first use.
 * @throws TypeError or RangeError if an argument is invalid.
 * @example
 * ```ts
 * import { createTwinkey, type Twinkey } from 'twinkey'
 * import { type D1Database, d1Store } from 'twinkey/stores/d1'
 *
 * let twinkey: Twinkey | undefined
 * export function twinkeyOf(env: { readonly DB: D1Database }): Twinkey {
 *   twinkey ??= createTwinkey({ store: d1Store(env.DB), cache: { maxAgeSeconds: 2 } })
 *   return twinkey
 * }
 * ```
 */
export function d1Store(database: D1Database, options: D1StoreOptions = {}): D1Store {
  requireBinding(database)
  const tables = tablesOf(options)
  const sql = d1Statements(tables)
  const runner = createRunner(database, tables.keys)
  const isTaken = async (version: number) =>
    (await runner.read(undefined, sql.isTaken, version).catch(() => [])).length > 0

  return {
    ...createReads(runner, sql),
    ...createWrites(runner, sql),
    async clock(signal) {
      return Number((await runner.read<{ now: number }>(signal, sql.clock))[0]?.now)
    },
    migrations: d1Migrations(options),
    async migrate() {
      for (const { version, statements } of stepsOf(options)) {
        if (await isTaken(version)) continue
        await runner.write(
          undefined,
          statements.map((statement) => [statement]),
        )
      }
    },
  }
}
