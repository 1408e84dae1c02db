/** A connection of node-redis to one server: `createClient`, or `client.duplicate()`. */
export interface NodeRedisSubscriber {
  readonly isOpen: boolean
  /** A cluster has none: it moves its subscription to another server without a word of what was missed meanwhile. */
  readonly isPubSubActive: boolean
  on(event: string, listener: (...args: unknown[]) => void): unknown
  connect(): Promise<unknown>
  subscribe(channel: string, heard: (message: string) => void): Promise<unknown>
  ping(): Promise<unknown>
  destroy(): void
}

/** A connection of ioredis to one server: `new Redis()`, or `redis.duplicate()`. */
export interface IoRedisSubscriber {
  readonly status: string
  /** A `Cluster` has none: it moves its subscription to another server without a word of what was missed meanwhile. */
  readonly mode: string
  on(event: string, listener: (...args: unknown[]) => void): unknown
  connect(): Promise<unknown>
  subscribe(channel: string): Promise<unknown>
  ping(): Promise<unknown>
  disconnect(): void
}

/** A connection that nothing else uses. The store opens it, listens on it, and ends it. */
export type RedisSubscriber = NodeRedisSubscriber | IoRedisSubscriber

const NO_SUBSCRIBER = 'redisStore: subscriber must make a connection to one server, in a cluster to one of its nodes.'

const CONNECT_WITHIN_MILLISECONDS = 10_000
const PING_EVERY_MILLISECONDS = 15_000
const PONG_WITHIN_MILLISECONDS = 5_000
const LOST = 'The connection was closed, or did not answer in time.'
const FIRST_PAUSE_MILLISECONDS = 100
const LONGEST_PAUSE_MILLISECONDS = 5_000

/**
 * Hears a channel until it is stopped. One connection is one subscription: one that is lost, or that answers no more, is thrown away and the next
 * is opened, so that nothing depends on how a client library reconnects. Whenever a subscription has ended or begun, some messages may have been
 * missed, and that is told as undefined.
 *
 * @param failed Told why, once for each outage: where an attempt has failed that was to begin or to go on.
 * @returns Resolves to what ends it: as soon as it hears, or when the first attempt has failed, so that it can be ended while the server is down.
 */
export function hearChannel(
  open: () => RedisSubscriber | Promise<RedisSubscriber>,
  channel: string,
  changed: (message: string | undefined) => void,
  failed: (error: unknown) => void = () => {},
): Promise<() => Promise<void>> {
  return new Promise((resolve, reject) => {
    // At any moment one thing is waited for: a connection, the next ping, its answer, or the next attempt.
    let timer: ReturnType<typeof setTimeout> | undefined
    let end = () => {}
    let stopped = false
    let hasBegun = false
    let isOut = false
    let pause = FIRST_PAUSE_MILLISECONDS

    const wait = (milliseconds: number, then: () => void) => {
      clearTimeout(timer)
      timer = setTimeout(then, milliseconds)
      // In some runtimes a timer is a number, and keeps nothing alive.
      ;(timer as { unref?: () => void }).unref?.()
    }
    const stop = async () => {
      stopped = true
      end()
      clearTimeout(timer)
    }
    const begin = () => {
      hasBegun = true
      resolve(stop)
    }

    async function attempt(): Promise<void> {
      let connection: RedisSubscriber | undefined
      let hears = false
      let over = false
      const lose = (error: unknown = new Error(LOST)) => {
        if (over) return
        over = true
        if (connection !== undefined) discard(connection)
        if (stopped) return
        // Servers that come back are not met by every node at the same moment.
        wait(pause * (0.5 + Math.random()), attempt)
        pause = Math.min(pause * 2, LONGEST_PAUSE_MILLISECONDS)
        if (hears) changed(undefined)
        else if (!isOut) {
          isOut = true
          failed(error)
        }
        begin()
      }
      const ping = () => {
        wait(PONG_WITHIN_MILLISECONDS, lose)
        connection?.ping().then(() => over || wait(PING_EVERY_MILLISECONDS, ping), lose)
      }
      end = lose
      wait(CONNECT_WITHIN_MILLISECONDS, lose)
      try {
        connection = await open()
        if (over) return discard(connection)
        if (!isSubscriber(connection)) {
          if (hasBegun) return lose(new TypeError(NO_SUBSCRIBER))
          stopped = true
          lose()
          return reject(new TypeError(NO_SUBSCRIBER))
        }
        // Listened to for ever: an 'error' that nobody hears would end the process.
        for (const event of ['error', 'close', 'end']) connection.on(event, lose)
        await subscribe(connection, channel, (message) => over || changed(message))
        if (over) return
        hears = true
        isOut = false
        pause = FIRST_PAUSE_MILLISECONDS
        wait(PING_EVERY_MILLISECONDS, ping)
        changed(undefined)
        begin()
      } catch (error) {
        lose(error)
      }
    }
    void attempt()
  })
}

function isSubscriber(connection: unknown): connection is RedisSubscriber {
  return typeof connection === 'object' && connection !== null && ('mode' in connection || 'isPubSubActive' in connection)
}

async function subscribe(connection: RedisSubscriber, channel: string, heard: (message: string) => void): Promise<void> {
  if (!('mode' in connection)) {
    if (!connection.isOpen) await connection.connect()
    await connection.subscribe(channel, heard)
    return
  }
  connection.on('message', (from, message) => from === channel && heard(message as string))
  if (connection.status !== 'ready') {
    const ready = new Promise<unknown>((resolve) => connection.on('ready', resolve))
    // As a rule it connects by itself, and says no. Why it does not come up is told by an event.
    connection.connect().catch(() => {})
    await ready
  }
  await connection.subscribe(channel)
}

function discard(connection: RedisSubscriber): void {
  try {
    if ('destroy' in connection) connection.destroy()
    else connection.disconnect()
  } catch {
    // It is closed already.
  }
}
