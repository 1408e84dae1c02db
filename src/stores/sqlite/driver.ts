/** A value of a statement. */
export type SqliteValue = string | number

/**
 * What the store asks of every driver. Each call is one attempt, and leaves no transaction open
 * where it fails.
 */
export interface Driver {
  /** Whether its settings are those of a database of this machine. */
  readonly isLocal: boolean
  /** Sets what the store promises. */
  open(): Promise<unknown>
  /** The rows of a statement that only reads, each as its values in order. */
  read(sql: string, ...values: SqliteValue[]): Promise<unknown[][]>
  /** Runs one statement that writes and answers rows, whole or not at all. */
  write(sql: string, ...values: SqliteValue[]): Promise<unknown[][]>
  /** Runs statements that answer nothing, all of them or none. */
  run(statements: readonly string[]): Promise<void>
}

// Shorter than the default deadline of createTwinkey, so that an error tells of the lock and not
// only of the time.
const RETRY_FOR_MILLISECONDS = 1500
const MAX_PAUSE_MILLISECONDS = 10
// What SQLite says where somebody else has the lock. All drivers pass the sentence on; their codes
// differ.
const LOCKED = /database is locked/
// What SQLite and libSQL say where the application is in a transaction on this very connection.
const OCCUPIED = /(?:within|inside) a transaction|open transactions?\b/

/**
 * Makes what opens a driver once, and then tries again where somebody else is writing, without
 * stopping the process as the wait of SQLite itself does.
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
  // What the driver itself has waited is in this. It does not wait where SQLite sees that two would
  // be locked out for ever, as while a file gets its log.
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
        // By chance, so that those who wait do not all come back at once.
        const pause = 1 + Math.random() * MAX_PAUSE_MILLISECONDS
        await new Promise((resolve) => setTimeout(resolve, pause))
        if (isOver) throw error
      }
    }
  } finally {
    clearTimeout(timeout)
  }
}

// What SQLite and its drivers say where a transaction was not begun, or was rolled back: somebody
// else has the lock, the database may only be read, there is no room, there is no such file or
// table, a trigger or a constraint forbids it, or it was closed before.
const NOTHING_DONE =
  /database is locked|readonly database|database or disk is full|unable to open database file|no such table|file is not a database|constraint failed|database (?:connection )?is not open|client is closed|closed database/i

/** Whether an error says for certain that nothing was written. */
export function isNothingDone(cause: unknown): boolean {
  const message = String((cause as Error | undefined)?.message)
  return NOTHING_DONE.test(message) || OCCUPIED.test(message)
}

/**
 * The values of each row in order, whether the connection is set to answer rows as objects or as
 * lists.
 */
export function valuesOf(rows: readonly unknown[]): unknown[][] {
  return rows.map((row) => Object.values(row as object))
}
