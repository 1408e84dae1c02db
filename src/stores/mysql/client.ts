/** A statement, and the form of its rows. */
export interface MysqlQuery {
  readonly sql: string
  /** Rows as lists of values. */
  readonly rowsAsArray: true
  /** No prefix of a table, also if the pool asks for it. */
  readonly nestTables: false
  /** The result as `[rows, columns]`, which mysql2 always returns. */
  readonly metaAsArray: true
}

/** A connection of a pool. */
export interface MysqlConnection {
  query(statement: MysqlQuery): Promise<unknown>
  /** Returns the connection to the pool. */
  release(): unknown
  /** Closes the connection. */
  destroy(): unknown
}

/**
 * The part of a pool that the store uses. A pool of `mysql2/promise` implements it, and so does one
 * of `mariadb`.
 */
export interface MysqlPool {
  /** Runs one statement on any connection. */
  query(statement: MysqlQuery): Promise<unknown>
  /** Takes a connection for a transaction. */
  getConnection(): Promise<MysqlConnection>
}

/** Runs one statement. Returns its rows as lists of values, or undefined if it has none. */
export type Run = (sql: string) => Promise<unknown[][] | undefined>

/** @throws TypeError if it is not a pool. */
export function requirePool(pool: MysqlPool): void {
  const has = (name: string) =>
    typeof (pool as unknown as Record<string, unknown>)?.[name] === 'function'
  if (!has('query') || !has('getConnection') || has('promise'))
    throw new TypeError(
      'mysqlStore needs a pool: createPool() of mysql2/promise, or of mariadb. A pool of mysql2 with callbacks has it as pool.promise().',
    )
}

/** Makes a function that runs statements, one at a time, on a pool or a connection. */
export function runOn(client: Pick<MysqlPool, 'query'>): Run {
  return async (sql) => {
    const result = await client.query({
      sql,
      rowsAsArray: true,
      nestTables: false,
      metaAsArray: true,
    })
    const rows: unknown = Array.isArray(result) ? result[0] : undefined
    return Array.isArray(rows) ? rows : undefined
  }
}

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/**
 * Writes a text as a literal of its bytes. Unlike a text that the client escapes, it does not depend
 * on `sql_mode`, on the character set of the connection, or on options of the client.
 */
export function bytes(text: string): string {
  let digits = ''
  for (const byte of encoder.encode(text)) digits += byte.toString(16).padStart(2, '0')
  return `x'${digits}'`
}

/** Writes a text for a column with a character set. */
export function characters(text: string): string {
  return `convert(${bytes(text)} using utf8mb4)`
}

/** Writes an integer. */
export function integer(value: number): string {
  if (!Number.isSafeInteger(value)) throw new RangeError('A number of a record is not an integer.')
  return String(value)
}

/** Reads a column of bytes as text. */
export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : decoder.decode(value as Uint8Array)
}
