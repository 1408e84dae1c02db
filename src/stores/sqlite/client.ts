import { type Driver, type SqliteValue, valuesOf } from './driver.ts'

/** What runs statements: a client of libSQL, or a transaction of one. */
export interface LibsqlExecutor {
  execute(statement: {
    sql: string
    args: SqliteValue[]
  }): Promise<{ readonly rows: readonly unknown[] }>
  executeMultiple(sql: string): Promise<unknown>
}

/** `Client` of @libsql/client, over a local file or a server, as far as the store needs it. */
export interface LibsqlClient extends LibsqlExecutor {
  /** `file` where the database is a file of this machine, or in memory. */
  readonly protocol: string
  /** Runs statements in one transaction. */
  batch(statements: string[], mode: 'write'): Promise<unknown>
  /** Begins a transaction. */
  transaction(
    mode: 'deferred',
  ): Promise<LibsqlExecutor & { commit(): Promise<unknown>; close(): void }>
}

export function clientDriver(client: LibsqlClient): Driver {
  return client.protocol === 'file' ? fileDriver(client) : serverDriver(client)
}

function serverDriver(client: LibsqlClient): Driver {
  const query: Driver['read'] = async (sql, ...args) =>
    valuesOf((await client.execute({ sql, args })).rows)
  return {
    isLocal: false,
    // Its journal is the business of the server.
    open: async () => {},
    read: query,
    write: query,
    run: async (statements) => void (await client.batch([...statements], 'write')),
  }
}

// A statement of libsql that met a lock stays unfinished until it is collected as garbage.
// Meanwhile its connection reads what was there before, and what it writes is acknowledged and not
// committed (https://github.com/tursodatabase/libsql-client-ts/issues/352). `executeMultiple`
// finishes whatever it begins, so every lock is taken by that; and every write is in a transaction,
// because a commit objects where a statement of the application is unfinished on the connection.
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
  const query =
    (lock: string): Driver['read'] =>
    (sql, ...args) =>
      inTransaction(lock, async (transaction) =>
        valuesOf((await transaction.execute({ sql, args })).rows),
      )
  return {
    isLocal: true,
    // Every connection of a client is synchronous = full from the start.
    open: () => client.executeMultiple('pragma journal_mode = wal'),
    read: query(READING),
    write: query(WRITING),
    run: (statements) =>
      inTransaction(
        WRITING,
        async (transaction) => void (await transaction.executeMultiple(statements.join(';'))),
      ),
  }
}
