import { createClient as createLibsql } from '@libsql/client'
import { Redis } from 'ioredis'
import pg from 'pg'
import { createClient as createRedis } from 'redis'
import type { KeyStore } from 'twinkey'
import { postgresStore } from 'twinkey/stores/postgres'
import { redisStore } from 'twinkey/stores/redis'
import { sqliteStore } from 'twinkey/stores/sqlite'

/** The client through which a node reaches its store. */
export type Client = 'pg' | 'node-redis' | 'ioredis' | '@libsql/client'

// The timeout for a silent connection. No client has one by default.
const PATIENCE_MILLISECONDS = 1000

/**
 * Opens a store as recommended for servers that may fall silent.
 *
 * @param place A URL, or the file of a SQLite database.
 */
export async function openNode(
  client: Client,
  place: string,
): Promise<{ store: KeyStore; close(): Promise<void> }> {
  switch (client) {
    case 'pg': {
      const connect = { connectionString: place, connectionTimeoutMillis: PATIENCE_MILLISECONDS }
      const pool = new pg.Pool({ ...connect, query_timeout: PATIENCE_MILLISECONDS, max: 4 }).on(
        'error',
        () => {},
      )
      return {
        store: postgresStore(pool, { listen: () => new pg.Client(connect) }),
        close: () => pool.end(),
      }
    }
    case 'node-redis': {
      const redis = createRedis({ url: place, socket: { connectTimeout: PATIENCE_MILLISECONDS } })
      await redis.on('error', () => {}).connect()
      const unwatch = watchOver(redis)
      const close = async () => {
        unwatch()
        redis.destroy()
      }
      return { store: redisStore(redis, { subscriber: () => redis.duplicate() }), close }
    }
    case 'ioredis': {
      const redis = new Redis(place, {
        connectTimeout: PATIENCE_MILLISECONDS,
        socketTimeout: PATIENCE_MILLISECONDS,
      })
      redis.on('error', () => {})
      return {
        store: redisStore(redis, { subscriber: () => redis.duplicate() }),
        close: async () => redis.disconnect(),
      }
    }
    case '@libsql/client': {
      const libsql = createLibsql({ url: `file:${place}` })
      return { store: sqliteStore(libsql), close: async () => libsql.close() }
    }
  }
}

// node-redis keeps a connection as long as it can write to it, even if it gets no readable answers.
// It also waits forever for a connection attempt. `socketTimeout` does not help, because writes
// count as activity. So this checks regularly whether the answers match the requests.
function watchOver(redis: {
  echo(text: string): Promise<unknown>
  destroy(): void
  connect(): Promise<unknown>
}): () => void {
  let stopped = false
  let question = 0
  const watching = setInterval(async () => {
    const asked = String(question++)
    const late = new Promise((resolve) => setTimeout(resolve, PATIENCE_MILLISECONDS))
    const answer = await Promise.race([redis.echo(asked).catch(() => undefined), late])
    if (answer === asked || stopped) return
    redis.destroy()
    redis.connect().catch(() => {})
  }, PATIENCE_MILLISECONDS)
  return () => {
    stopped = true
    clearInterval(watching)
  }
}
