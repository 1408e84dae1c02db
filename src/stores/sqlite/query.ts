import { messageOf } from '../../core/model/error.ts'
import { notWritten } from '../../core/store/store-error.ts'
import { type createLockRetry, type Driver, isNothingDone, type SqliteValue } from './driver.ts'
import type { Tables } from './migrations.ts'

const MAX_ATTEMPTS = 10

/** Runs one statement. Throws a `not_written` error if it is certain that nothing was written. */
export type Query = (
  signal: AbortSignal | undefined,
  how: 'read' | 'write',
  statement: string,
  ...values: SqliteValue[]
) => Promise<unknown[][]>

export function createQuery(
  driver: Driver,
  retryWhileLocked: ReturnType<typeof createLockRetry>,
  prefix: string,
): Query {
  return async (signal, how, statement, ...values) => {
    try {
      return await retryWhileLocked(() => driver[how](statement, ...values), signal)
    } catch (cause) {
      if (!isNothingDone(cause)) throw cause
      const reason = messageOf(cause)
      if (!reason.includes('no such table')) throw notWritten(reason, cause)
      throw notWritten(
        `The tables ${prefix}_… do not exist. Call migrate() of the store before the first use, or run the SQL of sqliteMigrations().`,
        cause,
      )
    }
  }
}

/**
 * Creates the function that writes or deletes a record by compare-and-set.
 *
 * @param selectVersion The statement that reads the current version of an id.
 */
export function createWriter(query: Query, { keys }: Tables, selectVersion: string) {
  return async function write<Done>(
    done: Done,
    id: string,
    expectedVersion: number | undefined,
    signal: AbortSignal | undefined,
    ...[statement, ...values]: [string, ...SqliteValue[]]
  ): Promise<Done | 'conflict' | 'missing'> {
    // A write that changed no row reads the current version. If that is the expected one, a
    // concurrent write came between, and the next attempt sees it. If every attempt fails that way,
    // the cause is not a concurrent write.
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
      if ((await query(signal, 'write', statement, ...values)).length > 0) return done
      const [row] = await query(signal, 'read', selectVersion, id)
      const version = row && Number(row[0])
      if (version !== expectedVersion) return version === undefined ? 'missing' : 'conflict'
    }
    throw notWritten(
      `SQLite skipped the write without an error. Check ${keys} for a trigger that does that.`,
      undefined,
    )
  }
}
