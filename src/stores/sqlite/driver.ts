/** A bound value of a statement. */
export type SqliteValue = string | number

/** A statement with its values. */
export type Statement = readonly [sql: string, ...values: SqliteValue[]]

/** What the store needs of a driver. Each call is one attempt and leaves no transaction open. */
export interface Driver {
  /** Whether this machine, and not a server, controls the settings of the database. */
  readonly isLocal: boolean
  /** Sets the pragmas for durable writes. */
  open(): Promise<unknown>
  /** Runs a read-only statement. Returns each row as its values in order. */
  read(...statement: Statement): Promise<unknown[][]>
  /**
   * Runs statements that write and return rows. Either all of them take effect, or none does.
   * Returns the rows of the first one, as `read` does.
   */
  write(...statements: readonly Statement[]): Promise<unknown[][]>
  /** Runs statements that return no rows. Either all of them take effect, or none does. */
  run(statements: readonly string[]): Promise<void>
}

// Shorter than the default deadline of createTwinkey, so that the error names the lock and not only
// the timeout.
const RETRY_FOR_MILLISECONDS = 1500
const MAX_PAUSE_MILLISECONDS = 10
// SQLite's message when another connection holds the lock. All drivers pass it on, but their error
// codes differ.
const LOCKED = /database is locked/
// Messages of SQLite and libSQL when the application has a transaction open on this connection.
const OCCUPIED = /(?:within|inside) a transaction|open transactions?\b/

/**
 * Creates a function that opens the driver once and then retries an attempt while another
 * connection holds the lock. The waits do not block the process, as SQLite's own busy timeout does.
 */
export function createLockRetry({
  open,
}: Driver): <T>(attempt: () => Promise<T>, signal?: AbortSignal) => Promise<T> {
  let opened: Promise<unknown> | undefined
  const opening = async () => {
    try {
      await retryWhileLocked(open)
    } catch (error) {
      opened = undefined
      throw error
    }
  }
  return async (attempt, signal) => {
    opened ??= opening()
    await opened
    return retryWhileLocked(attempt, signal)
  }
}

async function retryWhileLocked<T>(attempt: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  let isOver = false
  // This limit includes the busy timeout of the driver. SQLite skips that timeout if waiting would
  // deadlock, for example while it switches a file to WAL.
  const timeout = setTimeout(() => {
    isOver = true
  }, RETRY_FOR_MILLISECONDS)
  try {
    for (;;) {
      signal?.throwIfAborted()
      try {
        return await attempt()
      } catch (error) {
        const message = String((error as Error | undefined)?.message)
        if (!LOCKED.test(message) && !OCCUPIED.test(message)) throw error
        // Random, so that waiting connections do not all retry at once.
        const pause = 1 + Math.random() * MAX_PAUSE_MILLISECONDS
        await new Promise((resolve) => setTimeout(resolve, pause))
        if (isOver) throw error
      }
    }
  } finally {
    clearTimeout(timeout)
  }
}

// Messages of SQLite and its drivers when a transaction did not begin or was rolled back: the
// database is locked, read-only, full, missing or closed, a table is missing, or a trigger or
// constraint refused the write.
const NOTHING_DONE =
  /database is locked|readonly database|database or disk is full|unable to open database file|no such table|file is not a database|constraint failed|database (?:connection )?is not open|client is closed|closed database/i

/** Tells whether an error proves that nothing was written. */
export function isNothingDone(cause: unknown): boolean {
  const message = String((cause as Error | undefined)?.message)
  return NOTHING_DONE.test(message) || OCCUPIED.test(message)
}

/** Returns the values of each row in order, for connections that return objects or arrays. */
export function valuesOf(rows: readonly unknown[]): unknown[][] {
  return rows.map((row) => Object.values(row as object))
}
