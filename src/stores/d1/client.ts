import { messageOf } from '../../core/model/error.ts'
import { notWritten } from '../../core/store/store-error.ts'

/** A bound value of a statement. */
export type D1Value = string | number | null

/** The part of a statement of D1 that the store uses. */
export interface D1Statement {
  bind(...values: D1Value[]): D1Statement
  all<Row>(): Promise<D1Result<Row>>
}

/** The part of a result of D1 that the store uses. */
export interface D1Result<Row> {
  readonly results: Row[]
  readonly meta: { readonly changes?: number }
}

/** The part of a D1 binding, such as `env.DB`, that the store uses. */
export interface D1Database {
  prepare(sql: string): D1Statement
  /** Runs statements in one transaction. */
  batch<Row>(statements: D1Statement[]): Promise<D1Result<Row>[]>
}

/** A statement with its values. */
export type Query = readonly [sql: string, ...values: D1Value[]]

/**
 * Runs statements. Throws a `not_written` error if it is certain that nothing was written.
 */
export interface Runner {
  /** Runs one statement that reads. */
  read<Row>(signal: AbortSignal | undefined, ...query: Query): Promise<Row[]>
  /** Runs statements in one transaction. */
  write(signal: AbortSignal | undefined, queries: readonly Query[]): Promise<D1Result<unknown>[]>
}

// Messages of D1 and SQLite when nothing was written: the statement is invalid or was refused, the
// database is full, or D1 did not accept the request. Others, like "Network connection lost", leave
// the outcome open.
const NOTHING_DONE =
  /D1_TYPE_ERROR|D1_COLUMN_NOTFOUND|no such (?:table|column)|constraint failed|SQLITE_(?:CONSTRAINT|ERROR|TOOBIG|FULL|AUTH)|Exceeded maximum DB size|DB is overloaded|Too many API requests/

/** @throws TypeError if it is not a binding. */
export function requireBinding(database: D1Database): void {
  const has = (name: string) =>
    typeof (database as unknown as Record<string, unknown>)?.[name] === 'function'
  if (!has('prepare') || !has('batch'))
    throw new TypeError('d1Store needs a D1 binding with prepare() and batch(), like env.DB.')
  if (has('getBookmark'))
    throw new TypeError(
      'd1Store needs the D1 binding itself. A session can read from a replica, which lags behind. Pass env.DB instead of env.DB.withSession().',
    )
}

/** @param keys The name of the table of keys, for the message about missing tables. */
export function createRunner(database: D1Database, keys: string): Runner {
  const prepare = ([sql, ...values]: Query) => database.prepare(sql).bind(...values)
  const explained = async <T>(signal: AbortSignal | undefined, run: () => Promise<T>) => {
    signal?.throwIfAborted()
    try {
      return await run()
    } catch (cause) {
      const reason = messageOf(cause)
      if (reason.includes('no such table'))
        throw notWritten(
          `The tables ${keys}, … do not exist. Run the SQL of d1Migrations() by wrangler, or call migrate() of the store once.`,
          cause,
        )
      throw NOTHING_DONE.test(reason) ? notWritten(reason, cause) : cause
    }
  }
  return {
    read: <Row>(signal: AbortSignal | undefined, ...query: Query) =>
      explained(signal, async () => (await prepare(query).all<Row>()).results),
    write: (signal, queries) => explained(signal, () => database.batch(queries.map(prepare))),
  }
}
