import { messageOf } from '../../core/model/error.ts'
import { notWritten } from '../../core/store/store-error.ts'
import type { Names } from './migrations.ts'

/**
 * The part of a PostgreSQL client that the store uses. `Pool` and `Client` of pg and of
 * @neondatabase/serverless implement it, and so does PGlite.
 */
export interface PostgresClient {
  /**
   * Runs one statement once, with strings and numbers for `$1`, `$2` and so on. Returns each row as
   * an object keyed by column name.
   *
   * An error with a SQLSTATE as its `code` means that the server undid the statement. A connection
   * error such as `ECONNREFUSED` means that the client did not send it. A client must not resend a
   * statement that it may already have sent.
   */
  query(text: string, values?: unknown[]): Promise<{ rows: unknown[] }>
}

/** Runs statements. The first write checks that the client returns rows in a readable form. */
export interface QueryRunner {
  read<Row>(signal: AbortSignal | undefined, statement: string, values?: unknown[]): Promise<Row[]>
  write<Row>(signal: AbortSignal | undefined, statement: string, values?: unknown[]): Promise<Row[]>
}

// serialization_failure, deadlock_detected and foreign_key_violation: the statement lost to another
// one and can be retried. With PostgreSQL's default isolation level, no statement of this store
// causes the first two. A deletion causes the third if migrate() adds the key to the index after
// the snapshot of the deletion.
const UNDONE = /^(?:40(?:001|P01)|23503)$/
// The maximum number of attempts for one statement.
const MAX_ATTEMPTS = 10

// The SQLSTATEs that prove that nothing was written:
// - 0A, 21 to 28, 3D, 3F, 42, 44, F0, P0: the statement is invalid, forbidden, or names a missing
//   object.
// - 53, 54: the server is out of resources.
// - 40 (without 40003), 55: another transaction interferes.
// - 57014, 57P03: the statement was canceled, or the server accepts no connections yet.
// - 08001, 08004: no connection was made.
// These leave the outcome open: a lost connection (the rest of 08, 57P01), a commit of unknown
// outcome (40003), and internal errors (58, XX), which some poolers send in place of the server.
const NOTHING_DONE =
  /^(?:(?:0A|2[1-8]|3[DF]|4[24]|5[345]|F0|P0)[0-9A-Z]{3}|40(?!003)[0-9A-Z]{3}|57014|57P03|0800[14])$/
// Error codes of Node and of postgres.js for a connection that could not be opened, or that was
// ended before the statement. Other codes can also come from an open connection, so the failed
// system call decides.
const NOT_FOUND = /^(?:ECONNREFUSED|ENOTFOUND|EAI_AGAIN|CONNECT_TIMEOUT|CONNECTION_ENDED)$/
const OPENING = /^(?:connect|getaddrinfo|queryA*)$/
// Errors that pg and clients derived from it throw before they send anything. They have no codes.
const NOT_SENT =
  /^(?:Cannot use a pool after calling end on the pool|timeout exceeded when trying to connect|Connection terminated due to connection timeout|Client was closed and is not queryable|Client has encountered a connection error and is not queryable)$/
const UNDEFINED_TABLE = '42P01'

const NO_ROWS =
  'postgresStore: query() of the client must return { rows } with an object for each row, but returned something else. Pass a Pool. neon() of @neondatabase/serverless needs { fullResults: true } and no arrayMode. Nothing was written.'

/**
 * Creates the function that runs every statement of the store.
 *
 * @param keys The name of the table of keys, for the message about missing tables.
 */
export function createQueryRunner(client: PostgresClient, keys: string): QueryRunner {
  let isReadable: Promise<void> | undefined

  async function read<Row>(
    signal: AbortSignal | undefined,
    statement: string,
    values?: unknown[],
  ): Promise<Row[]> {
    for (let attempt = 1; ; attempt++) {
      signal?.throwIfAborted()
      try {
        const rows: unknown = (await client.query(statement, values))?.rows
        if (Array.isArray(rows) && !Array.isArray(rows[0])) {
          if (rows.length > 0) isReadable ??= Promise.resolve()
          return rows as Row[]
        }
      } catch (cause) {
        if (UNDONE.test(codeOf(cause)) && attempt < MAX_ATTEMPTS) continue
        throw explainError(cause, keys)
      }
      throw notWritten(NO_ROWS, undefined)
    }
  }

  // Runs before a write if no read has returned a row yet.
  async function probe(): Promise<void> {
    try {
      await read(undefined, 'select 1 as one')
    } catch (error) {
      isReadable = undefined
      throw error
    }
  }

  return {
    read,
    async write(signal, statement, values) {
      isReadable ??= probe()
      await isReadable
      return read(signal, statement, values)
    },
  }
}

/** Creates the function that runs a writing statement until it reports an outcome. */
export function createWriter(runner: QueryRunner, { keys, channel }: Names) {
  return async function write<Outcome>(
    signal: AbortSignal | undefined,
    statement: string,
    ...values: unknown[]
  ): Promise<Outcome> {
    // A concurrent write can make a statement skip its own write. The next attempt then sees that
    // concurrent write. If every attempt skips, the cause is not a concurrent write.
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
      const [row] = await runner.write<{ outcome: Outcome | 'again' }>(signal, statement, [
        channel,
        ...values,
      ])
      if (row?.outcome !== 'again') return row?.outcome as Outcome
    }
    throw notWritten(
      `PostgreSQL skipped the write without an error. Check ${keys} for a trigger that returns null, a rule, or a row-level security policy.`,
      undefined,
    )
  }
}

// Returns a `not_written` error if it is certain that nothing was written, or else the cause.
function explainError(cause: unknown, keys: string): unknown {
  const code = codeOf(cause)
  if (code === UNDEFINED_TABLE) {
    const message = `The tables ${keys}, … do not exist. Call migrate() of the store before the first use, or run the SQL of postgresMigrations().`
    return notWritten(message, cause)
  }
  if (isNotOpened(cause))
    return notWritten(`No connection to the database could be opened: ${messageOf(cause)}`, cause)
  return NOTHING_DONE.test(code) || NOT_SENT.test(messageOf(cause))
    ? notWritten(messageOf(cause), cause)
    : cause
}

function isNotOpened(cause: unknown): boolean {
  const { syscall, errors } = (cause ?? {}) as { syscall?: unknown; errors?: unknown }
  // Node throws an AggregateError with one error for each address of the host.
  if (Array.isArray(errors) && errors.length > 0) return errors.every(isNotOpened)
  return NOT_FOUND.test(codeOf(cause)) || (typeof syscall === 'string' && OPENING.test(syscall))
}

function codeOf(cause: unknown): string {
  const code = (cause as { code?: unknown } | undefined)?.code
  return typeof code === 'string' ? code : ''
}
