import { type Driver, type SqliteValue, type Statement, valuesOf } from './driver.ts'

/** A statement with its values. */
export interface LibsqlStatement {
  sql: string
  args: SqliteValue[]
}

/** The result of a statement. */
export interface LibsqlResult {
  readonly rows: readonly unknown[]
}

/** Runs statements: a client of libSQL, or one of its transactions. */
export interface LibsqlExecutor {
  execute(statement: LibsqlStatement): Promise<LibsqlResult>
  executeMultiple(sql: string): Promise<unknown>
}

/** The part of `Client` of @libsql/client that the store uses, over a file or a server. */
export interface LibsqlClient extends LibsqlExecutor {
  /** `file` if the database is a local file or in memory. */
  readonly protocol: string
  /** Runs statements in one transaction. */
  batch(statements: LibsqlStatement[], mode: 'write'): Promise<readonly LibsqlResult[]>
  /** Begins a transaction. */
  transaction(
    mode: 'deferred',
  ): Promise<LibsqlExecutor & { commit(): Promise<unknown>; close(): void }>
}

export function clientDriver(client: LibsqlClient): Driver {
  return client.protocol === 'file' ? fileDriver(client) : serverDriver(client)
}

function serverDriver(client: LibsqlClient): Driver {
  const batch = (statements: readonly Statement[]) =>
    client.batch(
      statements.map(([sql, ...args]) => ({ sql, args })),
      'write',
    )
  return {
    isLocal: false,
    // The server controls its own journal.
    open: async () => {},
    read: async (sql, ...args) => valuesOf((await client.execute({ sql, args })).rows),
    write: async (...statements) => valuesOf((await batch(statements))[0]?.rows ?? []),
    run: async (statements) => void (await batch(statements.map((sql) => [sql]))),
  }
}

// In libsql, a statement that fails on a lock stays unfinished until it is garbage-collected.
// Meanwhile its connection reads old data, and acknowledges writes without committing them
// (https://github.com/tursodatabase/libsql-client-ts/issues/352). `executeMultiple` finishes every
// statement, so the store takes each lock through it. Every write runs in a transaction, because a
// commit fails while a statement of the application is unfinished on the connection.
const READING = 'select 1 from sqlite_schema limit 1'
const WRITING = 'rollback; begin immediate'

function fileDriver(client: LibsqlClient): Driver {
  const inTransaction = async <T>(
    lock: string,
    work: (transaction: LibsqlExecutor) => Promise<T>,
  ): Promise<T> => {
    const transaction = await client.transaction('deferred')
    try {
      await transaction.executeMultiple(lock)
      const answer = await work(transaction)
      await transaction.commit()
      return answer
    } finally {
      transaction.close()
    }
  }
  const query = (lock: string, statements: readonly Statement[]) =>
    inTransaction(lock, async (transaction) => {
      const results: LibsqlResult[] = []
      for (const [sql, ...args] of statements)
        results.push(await transaction.execute({ sql, args }))
      return valuesOf(results[0]?.rows ?? [])
    })
  return {
    isLocal: true,
    // Connections of @libsql/client start with synchronous = full.
    open: () => client.executeMultiple('pragma journal_mode = wal'),
    read: (...statement) => query(READING, [statement]),
    write: (...statements) => query(WRITING, statements),
    run: (statements) =>
      inTransaction(
        WRITING,
        async (transaction) => void (await transaction.executeMultiple(statements.join(';'))),
      ),
  }
}
