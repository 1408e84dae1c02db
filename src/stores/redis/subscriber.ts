import type { ConnectFeed } from '../shared/feed.ts'

/** A connection of node-redis to one server: `createClient`, or `client.duplicate()`. */
export interface NodeRedisSubscriber {
  readonly isOpen: boolean
  /**
   * Distinguishes a client from a cluster. A cluster is refused, because it moves its subscription
   * to another server without reporting that messages were missed.
   */
  readonly isPubSubActive: boolean
  on(event: string, listener: (...args: unknown[]) => void): unknown
  connect(): Promise<unknown>
  subscribe(channel: string, received: (message: string) => void): Promise<unknown>
  ping(): Promise<unknown>
  destroy(): void
}

/** A connection of ioredis to one server: `new Redis()`, or `redis.duplicate()`. */
export interface IoRedisSubscriber {
  readonly status: string
  /**
   * Distinguishes `Redis` from `Cluster`. A `Cluster` is refused, because it moves its subscription
   * to another server without reporting that messages were missed.
   */
  readonly mode: string
  on(event: string, listener: (...args: unknown[]) => void): unknown
  connect(): Promise<unknown>
  subscribe(channel: string): Promise<unknown>
  ping(): Promise<unknown>
  disconnect(): void
}

/** A connection that nothing else uses. The store opens it, subscribes, and ends it. */
export type RedisSubscriber = NodeRedisSubscriber | IoRedisSubscriber

const MISUSE =
  'redisStore: subscriber must return a connection to one server. In a cluster, connect to one of its nodes.'

/** Subscribes to a channel. Its messages name the changed record. */
export function connectSubscriber(
  open: () => RedisSubscriber | Promise<RedisSubscriber>,
  channel: string,
): ConnectFeed {
  return async () => {
    const connection = await open()
    if (!isSubscriber(connection)) return MISUSE
    return {
      async subscribe({ changed, ready, lose }) {
        // Never removed: an 'error' event without a listener ends the process.
        for (const event of ['error', 'close', 'end']) connection.on(event, lose)
        if ('mode' in connection) await subscribeIoRedis(connection, channel, changed)
        else {
          if (!connection.isOpen) await connection.connect()
          await connection.subscribe(channel, changed)
        }
        ready()
      },
      ping: () => connection.ping(),
      close: () => ('destroy' in connection ? connection.destroy() : connection.disconnect()),
    }
  }
}

function isSubscriber(connection: unknown): connection is RedisSubscriber {
  return (
    typeof connection === 'object' &&
    connection !== null &&
    ('mode' in connection || 'isPubSubActive' in connection)
  )
}

async function subscribeIoRedis(
  connection: IoRedisSubscriber,
  channel: string,
  changed: (message: string) => void,
): Promise<void> {
  connection.on('message', (from, message) => from === channel && changed(message as string))
  if (connection.status !== 'ready') {
    const connected = new Promise<unknown>((resolve) => connection.on('ready', resolve))
    // ioredis usually connects by itself and then rejects this call. If it cannot connect, its
    // error event reports why.
    connection.connect().catch(() => {})
    await connected
  }
  await connection.subscribe(channel)
}
