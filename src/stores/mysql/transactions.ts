import { notWritten } from '../../core/store/store-error.ts'
import { type MysqlConnection, type MysqlPool, type Run, runOn } from './client.ts'
import { lostToAnother, nothingWritten } from './errors.ts'

/** Runs statements. Repeats what loses to another transaction, until the signal aborts. */
export interface Transactions {
  /** Runs one statement that reads. */
  read(signal: AbortSignal | undefined, sql: string): Promise<unknown[][]>
  /**
   * Runs one transaction. Throws a `not_written` error if it was not committed, and the error of the
   * client if the answer to the commit is missing.
   */
  write<T>(signal: AbortSignal | undefined, work: (run: Run) => Promise<T>): Promise<T>
}

const MAX_ATTEMPTS = 20
const MAX_PAUSE_MILLISECONDS = 10

const NO_ROWS =
  'mysqlStore: query() of the pool must return [rows, columns], with rows as lists. Pass a pool of mysql2/promise or of mariadb. Nothing was written.'
const NO_AUTOCOMMIT =
  'The connections of the pool have autocommit = 0: a read would open a transaction, and later reads on the connection would not see that a key was revoked. Leave autocommit at 1. Nothing was written.'

/** @param keys The name of the table of keys, for the message about missing tables. */
export function createTransactions(pool: MysqlPool, keys: string): Transactions {
  const runOnPool = runOn(pool)
  let checked: Promise<void> | undefined

  // Runs once, before the first statement.
  async function check(): Promise<void> {
    try {
      const rows = await runOnPool('select 1, @@autocommit')
      if (Number(rows?.[0]?.[0]) !== 1) throw notWritten(NO_ROWS, undefined)
      if (Number(rows?.[0]?.[1]) !== 1) throw notWritten(NO_AUTOCOMMIT, undefined)
    } catch (error) {
      checked = undefined
      throw error
    }
  }

  async function repeat<T>(signal: AbortSignal | undefined, attempt: () => Promise<T>): Promise<T> {
    checked ??= check()
    await checked.catch((cause) => {
      throw nothingWritten(cause, keys)
    })
    for (let attempts = 1; ; attempts++) {
      signal?.throwIfAborted()
      try {
        return await attempt()
      } catch (error) {
        if (attempts === MAX_ATTEMPTS || !lostToAnother((error as Error)?.cause)) throw error
      }
      // Random, so that the transactions that lost do not all repeat at once.
      const pause = Math.random() * Math.min(attempts, MAX_PAUSE_MILLISECONDS)
      await new Promise((resolve) => setTimeout(resolve, pause))
    }
  }

  return {
    read: (signal, sql) =>
      repeat(signal, async () => {
        const rows = await runOnPool(sql).catch((cause) => {
          throw nothingWritten(cause, keys)
        })
        if (rows === undefined) throw notWritten(NO_ROWS, undefined)
        return rows
      }),
    write: (signal, work) => repeat(signal, () => transact(pool, keys, signal, work)),
  }
}

/** Runs one transaction once. */
async function transact<T>(
  pool: MysqlPool,
  keys: string,
  signal: AbortSignal | undefined,
  work: (run: Run) => Promise<T>,
): Promise<T> {
  const connection = await pool.getConnection().catch((cause) => {
    throw nothingWritten(cause, keys)
  })
  const send = runOn(connection)
  const run: Run = (sql) => {
    signal?.throwIfAborted()
    return send(sql)
  }
  let isCommitting = false
  // A statement may wait for a lock long after the deadline. The transaction ends with its
  // connection, and the pool can open another one.
  const cut = () => {
    if (!isCommitting) connection.destroy()
  }
  signal?.addEventListener('abort', cut)
  try {
    await run('start transaction')
    const outcome = await work(run)
    signal?.throwIfAborted()
    isCommitting = true
    await send('commit')
    free(connection)
    return outcome
  } catch (cause) {
    await undo(connection, run)
    // Only the answer to the commit can be missing. Before it, the server undoes everything, even if
    // the connection is lost.
    throw isCommitting && !lostToAnother(cause) ? cause : nothingWritten(cause, keys)
  } finally {
    signal?.removeEventListener('abort', cut)
  }
}

async function undo(connection: MysqlConnection, run: Run): Promise<void> {
  try {
    await run('rollback')
  } catch {
    connection.destroy()
    return
  }
  free(connection)
}

function free(connection: MysqlConnection): void {
  // mariadb returns a promise, which rejects if the connection is lost.
  void Promise.resolve(connection.release()).catch(() => {})
}
