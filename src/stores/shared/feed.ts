const CONNECT_WITHIN_MILLISECONDS = 10_000
const PING_EVERY_MILLISECONDS = 15_000
const ANSWER_WITHIN_MILLISECONDS = 5_000
const FIRST_PAUSE_MILLISECONDS = 100
const LONGEST_PAUSE_MILLISECONDS = 5_000
const LOST = 'The connection was closed, or did not answer in time.'

/**
 * Opens a connection that nothing else uses. Resolves to a sentence about the mistake if the
 * application's function did not return a connection.
 */
export type ConnectFeed = () => Promise<FeedConnection | string>

/** What the feed needs of a connection. */
interface FeedConnection {
  /**
   * Subscribes, and calls `session.ready` when changes arrive. If it rejects before that, the
   * attempt has failed.
   */
  subscribe(session: FeedSession): Promise<void>
  ping(): Promise<unknown>
  close(): unknown
}

/** One connection, from opening it to losing it. */
interface FeedSession {
  /** Reports a changed record; undefined when changes may have been missed. */
  changed(id: string | undefined): void
  ready(): void
  /** Ends the session; the feed opens the next one after a pause. */
  lose(error?: unknown): void
  /** Replaces the time limit for getting ready. Returns false when the session is over. */
  limit(milliseconds: number, error?: Error): boolean
}

/**
 * Listens for changes until it is stopped. The feed discards a connection that is lost or does not
 * answer, and opens another after a pause that grows, so that nothing depends on how a client
 * library reconnects. Each time it loses a connection or begins to listen, it reports undefined,
 * because changes may have been missed.
 *
 * @param failed Receives the first error of each outage. That error comes from an attempt to
 *   connect, never from a connection that worked.
 * @returns A promise of the function that stops the feed. It resolves when the feed listens or the
 *   first attempt has failed, so that the feed can be stopped while the server is down. It rejects
 *   with a TypeError if the first call of `connect` resolves to a mistake.
 */
export function openFeed(
  connect: ConnectFeed,
  changed: (id: string | undefined) => void,
  failed?: (error: unknown, isFirstAttempt: boolean) => void,
): Promise<() => Promise<void>> {
  return new Promise((resolve, reject) => {
    const timer = createTimer()
    let close: () => Promise<void>
    let pause = FIRST_PAUSE_MILLISECONDS
    let hasBegun = false
    let isOut = false

    const begin = () => {
      hasBegun = true
      resolve(() => {
        timer()
        return close()
      })
    }
    const ready = () => {
      isOut = false
      pause = FIRST_PAUSE_MILLISECONDS
      changed(undefined)
      begin()
    }
    const lost = (error: unknown, wasReady: boolean) => {
      // Random, so that nodes do not reconnect to a restarted server all at once.
      timer(pause * (0.5 + Math.random() / 2), attempt)
      pause = Math.min(pause * 2, LONGEST_PAUSE_MILLISECONDS)
      if (wasReady) changed(undefined)
      else if (!isOut) {
        isOut = true
        failed?.(error, !hasBegun)
      }
      begin()
    }
    const misused = (error: TypeError, lose: FeedSession['lose']) => {
      if (hasBegun) return lose(error)
      timer()
      reject(error)
    }
    const attempt = () => {
      close = startSession(connect, timer, changed, ready, lost, misused)
    }
    attempt()
  })
}

/**
 * The one timer of a feed. It limits the wait for a connection and for the answer to a check, and it
 * schedules the next check and the next attempt. Each call replaces the last.
 */
type Timer = (milliseconds?: number, then?: () => void) => void

function createTimer(): Timer {
  let timer: ReturnType<typeof setTimeout> | undefined
  return (milliseconds, then) => {
    clearTimeout(timer)
    if (!then) return
    timer = setTimeout(then, milliseconds)
    // In some runtimes a timer is a number, and does not keep the process alive.
    ;(timer as { unref?: () => void }).unref?.()
  }
}

/** Opens one connection, and keeps it while it answers. Returns the function that closes it. */
function startSession(
  connect: ConnectFeed,
  timer: Timer,
  reportChange: (id: string | undefined) => void,
  reportReady: () => void,
  reportLoss: (error: unknown, wasReady: boolean) => void,
  reportMisuse: (error: TypeError, lose: FeedSession['lose']) => void,
): () => Promise<void> {
  let connection: FeedConnection | undefined
  let isReady = false
  let isOver = false

  const close = async () => {
    isOver = true
    try {
      await connection?.close()
    } catch {
      // It is closed already.
    }
  }
  const lose = (error: unknown = new Error(LOST)) => {
    if (isOver) return
    void close()
    reportLoss(error, isReady)
  }
  const limit = (milliseconds: number, error?: Error) => {
    if (!isOver && !isReady) timer(milliseconds, () => lose(error))
    return !isOver
  }
  const ping = () => {
    timer(ANSWER_WITHIN_MILLISECONDS, lose)
    connection?.ping().then(() => isOver || timer(PING_EVERY_MILLISECONDS, ping), lose)
  }
  const ready = () => {
    if (isOver || isReady) return
    isReady = true
    timer(PING_EVERY_MILLISECONDS, ping)
    reportReady()
  }
  const run = async () => {
    limit(CONNECT_WITHIN_MILLISECONDS)
    try {
      const opened = await connect()
      if (typeof opened === 'string') return reportMisuse(new TypeError(opened), lose)
      connection = opened
      if (isOver) return close()
      await connection.subscribe({
        changed: (id) => isOver || reportChange(id),
        ready,
        lose,
        limit,
      })
    } catch (error) {
      if (!isReady) lose(error)
    }
  }
  void run()
  return close
}
