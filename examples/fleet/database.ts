import pg from 'pg'
import { createClient } from 'redis'
import type { KeyStore } from 'twinkey'
import { postgresStore } from 'twinkey/stores/postgres'
import { redisStore } from 'twinkey/stores/redis'
import { startPostgres } from '../../test/support/postgres.ts'
import { startRedis } from '../../test/support/redis.ts'

/** The database of the fleet. `stop` ends it only if `startDatabase` started it. */
export interface Database {
  readonly url: string
  stop(): Promise<void>
}

/** Answers the database at `url`, or starts a new one that ends with the fleet. */
export async function startDatabase(
  kind: 'postgres' | 'redis',
  url: string | undefined,
): Promise<Database> {
  if (url !== undefined) return { url, stop: async () => {} }
  if (kind === 'redis') return startRedis({ appendonly: 'yes', appendfsync: 'always' })
  return startPostgres({ config: { fsync: 'on' } })
}

/**
 * Opens the store of this process, with a change feed for the changes of other nodes. Every node
 * calls `migrate`. Only one creates the tables.
 */
export async function openStore(url: string): Promise<{ store: KeyStore; close(): Promise<void> }> {
  if (url.startsWith('redis')) {
    const client = createClient({ url }).on('error', (error) => console.error(error.message))
    await client.connect()
    return {
      store: redisStore(client, { subscriber: () => client.duplicate() }),
      close: async () => client.destroy(),
    }
  }
  const pool = new pg.Pool({ connectionString: url, max: 5 }).on('error', (error) =>
    console.error(error.message),
  )
  const store = postgresStore(pool, { listen: () => new pg.Client({ connectionString: url }) })
  await store.migrate()
  return { store, close: () => pool.end() }
}
