import { messageOf } from '../../core/model/error.ts'
import { notWritten } from '../../core/store/store-error.ts'

/**
 * What the store asks of a client: `Pool` and `Client` of pg and of @neondatabase/serverless have
 * it, and PGlite.
 */
export interface PostgresClient {
  /**
   * Runs one statement once, with values for `$1`, `$2` and so on: strings and numbers. Rows are
   * objects by the names of their columns. An error with a SQLSTATE as its `code` says that the
   * statement was undone; a connection that could not be opened (`ECONNREFUSED`) that it was not
   * sent. A client that repeats by itself what it may have sent breaks that.
   */
  query(text: string, values?: unknown[]): Promise<{ rows: unknown[] }>
}

/**
 * Asks a client. A write first makes sure, once, that rows come back in a form that can be read.
 */
export interface QueryRunner {
  read<Row>(signal: AbortSignal | undefined, statement: string, values?: unknown[]): Promise<Row[]>
  write<Row>(signal: AbortSignal | undefined, statement: string, values?: unknown[]): Promise<Row[]>
}

// A statement that was undone because of another one can be tried again: serialization_failure,
// deadlock_detected. In the isolation that PostgreSQL has by default neither comes from a statement
// of this store.
const UNDONE = /^40(?:001|P01)$/
/** The most attempts at one statement. */
export const MAX_ATTEMPTS = 10

// The classes of SQLSTATE with which PostgreSQL undoes the one statement of a transaction: what is
// asked for is wrong, not allowed or not there (0A, 21 to 28, 3D, 3F, 42, 44, F0, P0), there is no
// room (53, 54), or another transaction holds something (40, 55). Of class 57 a statement that was
// canceled, and a server that takes no connection yet. Of class 08 a connection that was not made.
// Not among them is what leaves it open: a connection that was lost (08, 57P01), a commit of
// unknown outcome (40003), and what is internal (58, XX), which some poolers answer in place of the
// server.
const NOTHING_DONE =
  /^(?:(?:0A|2[1-8]|3[DF]|4[24]|5[345]|F0|P0)[0-9A-Z]{3}|40(?!003)[0-9A-Z]{3}|57014|57P03|0800[14])$/
// What Node says where a connection could not be opened. A route may also be lost later: then the
// call that failed is another one.
const NOT_FOUND = /^(?:ECONNREFUSED|ENOTFOUND|EAI_AGAIN)$/
const OPENING = /^(?:connect|getaddrinfo|queryA*)$/
// What pg, and what is made from it, says before it sends anything. It has no codes.
const NOT_SENT =
  /^(?:Cannot use a pool after calling end on the pool|timeout exceeded when trying to connect|Connection terminated due to connection timeout|Client was closed and is not queryable|Client has encountered a connection error and is not queryable)$/
const UNDEFINED_TABLE = '42P01'

const NO_ROWS =
  'postgresStore: query() of the client must answer { rows }, with an object for each row, and answered something else. Hand in a Pool; neon() of @neondatabase/serverless needs { fullResults: true } and no arrayMode. Nothing was written.'

/** @param keys The table of keys, for the message where it is not there. */
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

  // Asked where no row has come back yet.
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

// What was thrown, and where that is certain, that nothing was written.
function explainError(cause: unknown, keys: string): unknown {
  const code = codeOf(cause)
  if (code === UNDEFINED_TABLE) {
    const message = `The tables ${keys}, … are not there. Call migrate() of the store before its first use, or run what postgresMigrations() answers.`
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
  // One error for each address of a host.
  if (Array.isArray(errors) && errors.length > 0) return errors.every(isNotOpened)
  return NOT_FOUND.test(codeOf(cause)) || (typeof syscall === 'string' && OPENING.test(syscall))
}

function codeOf(cause: unknown): string {
  const code = (cause as { code?: unknown } | undefined)?.code
  return typeof code === 'string' ? code : ''
}
