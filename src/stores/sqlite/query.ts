import { messageOf } from '../../core/model/error.ts'
import type { HistoryEntry } from '../../core/model/history.ts'
import { historyLabelsOf } from '../../core/store/history-query.ts'
import { notWritten } from '../../core/store/store-error.ts'
import { type createLockRetry, type Driver, isNothingDone, type Statement } from './driver.ts'
import type { sqliteStatements } from './statements.ts'

const MAX_ATTEMPTS = 10

/**
 * Runs statements as {@link Driver} does. Throws a `not_written` error if it is certain that nothing
 * was written.
 */
export interface Query {
  read(signal: AbortSignal | undefined, ...statement: Statement): Promise<unknown[][]>
  write(signal: AbortSignal | undefined, ...statements: Statement[]): Promise<unknown[][]>
}

export function createQuery(
  driver: Driver,
  retryWhileLocked: ReturnType<typeof createLockRetry>,
  prefix: string,
): Query {
  const query = async (signal: AbortSignal | undefined, attempt: () => Promise<unknown[][]>) => {
    try {
      return await retryWhileLocked(attempt, signal)
    } catch (cause) {
      if (!isNothingDone(cause)) throw cause
      const reason = messageOf(cause)
      if (!reason.includes('no such table')) throw notWritten(reason, cause)
      throw notWritten(
        `The tables ${prefix}_… do not exist, or are those of an earlier version. Call migrate() of the store before the first use, or run the SQL of sqliteMigrations().`,
        cause,
      )
    }
  }
  return {
    read: (signal, ...statement) => query(signal, () => driver.read(...statement)),
    write: (signal, ...statements) => query(signal, () => driver.write(...statements)),
  }
}

/** Creates the function that writes or deletes a record by compare-and-set. */
export function createWriter(
  { read, write }: Query,
  sql: ReturnType<typeof sqliteStatements>,
  records: string,
) {
  return async <Done>(
    done: Done,
    id: string,
    expectedVersion: number | undefined,
    entry: HistoryEntry | undefined,
    signal: AbortSignal | undefined,
    ...change: Statement
  ): Promise<Done | 'conflict' | 'missing'> => {
    const statements = entry === undefined ? [change] : [change, enter(sql.enter, entry)]
    // A write that changed no row reads the current version. If that is the expected one, a
    // concurrent write came between, and the next attempt sees it. If every attempt fails that way,
    // the cause is not a concurrent write.
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
      if ((await write(signal, ...statements)).length > 0) return done
      const [row] = await read(signal, sql.version, id)
      const version = row && Number(row[0])
      if (version !== expectedVersion) return version === undefined ? 'missing' : 'conflict'
    }
    throw notWritten(
      `SQLite skipped the write without an error. Check ${records} for a trigger that does that.`,
      undefined,
    )
  }
}

function enter(sql: string, entry: HistoryEntry): Statement {
  const labels = JSON.stringify(historyLabelsOf(entry))
  return [sql, entry.id, entry.at, labels, JSON.stringify(entry)]
}
