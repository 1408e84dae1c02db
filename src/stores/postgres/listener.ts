import type { ConnectFeed } from '../shared/feed.ts'

/**
 * A connection that nothing else uses: `new pg.Client(url)`, or a `Client` of
 * @neondatabase/serverless. The store opens it, listens, and ends it.
 */
export interface PostgresListener {
  connect(): Promise<unknown>
  query(text: string): Promise<unknown>
  on(event: 'notification', listener: (message: PostgresNotification) => void): unknown
  on(event: 'error' | 'end', listener: (error?: unknown) => void): unknown
  end(): Promise<unknown>
}

/** A notification on a channel. */
export interface PostgresNotification {
  readonly channel: string
  readonly payload?: string | undefined
}

const MISUSE =
  'postgresStore: listen must create a new connection for each call, like () => new pg.Client(url), and not a pool.'

const SILENT =
  'postgresStore: the connection of listen receives no notifications. Connect it directly to the database of the store, not through PgBouncer in transaction mode or a similar pooler.'

const NOTIFY_WITHIN_MILLISECONDS = 10_000
const HEAR_WITHIN_MILLISECONDS = 5_000

/**
 * Listens on a channel. A notification names the changed record. A notification without a payload
 * means that changes may have been missed.
 *
 * Behind some poolers, LISTEN is acknowledged but no notification arrives. So each connection also
 * listens on a private channel, which `notify` notifies from another connection. A connection that
 * does not receive that notification in time has failed.
 *
 * @param notify Notifies a channel from another connection.
 */
export function connectListener(
  open: () => PostgresListener | Promise<PostgresListener>,
  notify: (channel: string, payload: string) => Promise<unknown>,
  channel: string,
): ConnectFeed {
  const ownChannel = `twinkey.${crypto.randomUUID()}`
  return async () => {
    const listener = await open()
    if (!isListener(listener)) return MISUSE
    return {
      async subscribe({ changed, ready, lose, limit }) {
        // Never removed: an 'error' event without a listener ends the process.
        listener.on('error', lose)
        listener.on('end', lose)
        listener.on('notification', (message) => {
          if (message.channel === channel) changed(message.payload || undefined)
          else if (message.channel === ownChannel) ready()
        })
        await listener.connect()
        await listener.query(`listen "${channel}"; listen "${ownChannel}"`)
        if (!limit(NOTIFY_WITHIN_MILLISECONDS)) return
        await notify(ownChannel, '')
        limit(HEAR_WITHIN_MILLISECONDS, new Error(SILENT))
      },
      ping: () => listener.query('select 1'),
      close: () => listener.end(),
    }
  }
}

function isListener(opened: unknown): opened is PostgresListener {
  const has = (name: string) =>
    typeof (opened as Record<string, unknown> | undefined)?.[name] === 'function'
  // A pool has these methods too, but the store would end it. Only a pool has totalCount.
  return ['connect', 'query', 'on', 'end'].every(has) && !('totalCount' in (opened as object))
}
