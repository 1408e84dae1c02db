/** A connection that nothing else uses: `new pg.Client(url)`, or a `Client` of @neondatabase/serverless. The store opens it, listens, and ends it. */
export interface PostgresListener {
  connect(): Promise<unknown>
  query(text: string): Promise<unknown>
  on(event: 'notification', listener: (message: PostgresNotification) => void): unknown
  on(event: 'error' | 'end', listener: (error?: unknown) => void): unknown
  end(): Promise<unknown>
}

/** What a connection hears on a channel. */
export interface PostgresNotification {
  readonly channel: string
  readonly payload?: string | undefined
}

const NO_LISTENER = 'postgresStore: listen must make a connection of its own for each call, like () => new pg.Client(url). A pool is none.'

const SILENT =
  'postgresStore: the connection of listen hears nothing. It must go straight to the database of the store, not through PgBouncer in transaction mode or a pooler like that.'

const LISTENS_WITHIN_MILLISECONDS = 10_000
const TELLS_WITHIN_MILLISECONDS = 10_000
const HEARS_WITHIN_MILLISECONDS = 5_000
const CHECK_EVERY_MILLISECONDS = 15_000
const ANSWER_WITHIN_MILLISECONDS = 5_000
const LOST = 'The connection was closed, or did not answer in time.'
const FIRST_PAUSE_MILLISECONDS = 100
const LONGEST_PAUSE_MILLISECONDS = 5_000

/** What {@link hearChannel} needs. */
export interface Feed {
  readonly channel: string
  /** Makes a connection to listen on. */
  open(): PostgresListener | Promise<PostgresListener>
  /** Notifies a channel on another connection. */
  tell(channel: string, text: string): Promise<unknown>
  changed(id: string | undefined): void
  /** Told why, once for each outage: where an attempt has failed that was to begin or to go on. */
  failed?: ((error: unknown) => void) | undefined
}

/**
 * Hears a channel until it is stopped. A connection that is lost, or that answers no more, is thrown away and the next is opened. Whenever one has
 * been lost or has begun to listen, some changes may have been missed, and that is told as undefined, as is a notification without a payload.
 *
 * Behind a pooler LISTEN is acknowledged and nothing is heard. So every connection listens to a channel of its own as well, which is notified from
 * another connection while nothing is asked of this one: one that does not hear that in time has failed.
 *
 * @returns Resolves to what ends it: as soon as it listens, or when the first attempt has failed, so that it can be ended while the server is down.
 */
export function hearChannel({ open, tell, channel, changed, failed = () => {} }: Feed): Promise<() => Promise<void>> {
  return new Promise((resolve, reject) => {
    const own = `twinkey.${crypto.randomUUID()}`
    // At any moment one thing is waited for: a connection, what it is to hear, the next check, its answer, or the next attempt.
    let timer: ReturnType<typeof setTimeout> | undefined
    let end = async () => {}
    let pause = FIRST_PAUSE_MILLISECONDS
    // Whether what has happened since must be told: at first, and while it listens.
    let owes = true
    let hasBegun = false
    let isOut = false

    const wait = (milliseconds: number, then: () => void) => {
      clearTimeout(timer)
      timer = setTimeout(then, milliseconds)
      // In some runtimes a timer is a number, and keeps nothing alive.
      ;(timer as { unref?: () => void }).unref?.()
    }
    const stop = async () => {
      clearTimeout(timer)
      await end()
    }
    const begin = () => {
      hasBegun = true
      resolve(stop)
    }

    async function attempt(): Promise<void> {
      let listener: PostgresListener | undefined
      let over = false
      let listens = false
      const discard = async () => {
        over = true
        try {
          await listener?.end()
        } catch {
          // It is closed already.
        }
      }
      const lose = (error: unknown = new Error(LOST)) => {
        if (over) return
        void discard()
        // Servers that come back are not met by every node at the same moment.
        wait(pause * (0.5 + Math.random() / 2), attempt)
        pause = Math.min(pause * 2, LONGEST_PAUSE_MILLISECONDS)
        if (owes) changed(undefined)
        owes = false
        if (!listens && !isOut) {
          isOut = true
          failed(error)
        }
        begin()
      }
      const check = () => {
        wait(ANSWER_WITHIN_MILLISECONDS, lose)
        listener?.query('select 1').then(() => over || wait(CHECK_EVERY_MILLISECONDS, check), lose)
      }
      const hears = () => {
        owes = true
        listens = true
        isOut = false
        pause = FIRST_PAUSE_MILLISECONDS
        wait(CHECK_EVERY_MILLISECONDS, check)
        changed(undefined)
        begin()
      }
      end = discard
      wait(LISTENS_WITHIN_MILLISECONDS, lose)
      try {
        const opened = await open()
        if (!isListener(opened)) {
          if (hasBegun) return lose(new TypeError(NO_LISTENER))
          await stop()
          return reject(new TypeError(NO_LISTENER))
        }
        listener = opened
        if (over) return void discard()
        // Listened to for ever: an 'error' that nobody hears would end the process.
        listener.on('error', lose)
        listener.on('end', lose)
        listener.on('notification', (message) => {
          if (over) return
          if (message.channel === channel) changed(message.payload || undefined)
          else if (message.channel === own && !listens) hears()
        })
        await listener.connect()
        await listener.query(`listen "${channel}"; listen "${own}"`)
        if (over) return
        wait(TELLS_WITHIN_MILLISECONDS, lose)
        await tell(own, '')
        if (!over && !listens) wait(HEARS_WITHIN_MILLISECONDS, () => lose(new Error(SILENT)))
      } catch (error) {
        if (!listens) lose(error)
      }
    }
    void attempt()
  })
}

function isListener(opened: unknown): opened is PostgresListener {
  const has = (name: string) => typeof (opened as Record<string, unknown> | undefined)?.[name] === 'function'
  // A pool has all of this too, and would be ended.
  return ['connect', 'query', 'on', 'end'].every(has) && !('totalCount' in (opened as object))
}
