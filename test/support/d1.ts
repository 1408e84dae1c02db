import { setTimeout } from 'node:timers/promises'
import type { Client } from '@libsql/client'
import type { D1Database, D1Statement, D1Value } from 'twinkey/stores/d1'

// The limits of D1.
const MAX_PARAMETERS = 100
const MAX_SQL_BYTES = 100_000
const MAX_TEXT_BYTES = 2_000_000

/**
 * The part of D1 that the store uses, over libSQL, which is SQLite, too. Like D1, it runs one call
 * after another, refuses values and statements beyond its limits, and names itself in its errors. A
 * call after the host has ended the request has no effect.
 */
export function d1Over(client: Client, isOpen?: () => boolean): D1Database {
  const asked = new WeakMap<D1Statement, { sql: string; args: D1Value[] }>()
  const call = async <T>(work: () => Promise<T>): Promise<T> => {
    // D1 is remote, so its answer never arrives in the same turn.
    if (isOpen !== undefined) await setTimeout(2)
    if (isOpen?.() === false) throw new Error('The request has ended')
    try {
      return await work()
    } catch (cause) {
      const { message, code } = cause as { message: string; code?: string }
      throw new Error(`D1_ERROR: ${message}: ${code ?? ''}`, { cause })
    }
  }
  const resultOf = <T>({ rows, rowsAffected }: { rows: unknown[]; rowsAffected: number }) => ({
    // Plain objects, as from JSON.
    results: rows.map((row) => ({ ...(row as object) })) as T[],
    meta: { changes: rowsAffected },
  })
  const prepare = (sql: string, ...args: D1Value[]): D1Statement => {
    const statement: D1Statement = {
      bind(...values) {
        requireValues(values)
        return prepare(sql, ...values)
      },
      all: <T>() => call(async () => resultOf<T>(await client.execute({ sql, args }))),
    }
    asked.set(statement, { sql, args })
    return statement
  }
  return {
    prepare(sql) {
      if (Buffer.byteLength(sql) > MAX_SQL_BYTES) throw new Error('D1_ERROR: statement too long')
      return prepare(sql)
    },
    batch: <T>(statements: D1Statement[]) =>
      call(async () => {
        const queries = statements.map((statement) => {
          const query = asked.get(statement)
          if (query === undefined) throw new Error('not a statement of this database')
          return query
        })
        return (await client.batch(queries, 'write')).map((result) => resultOf<T>(result))
      }),
  }
}

function requireValues(values: readonly unknown[]): void {
  if (values.length > MAX_PARAMETERS) throw new Error('D1_ERROR: too many SQL variables')
  for (const value of values) {
    if (value !== null && typeof value !== 'string' && typeof value !== 'number')
      throw new Error(`D1_TYPE_ERROR: Type '${typeof value}' not supported for value '${value}'`)
    if (typeof value === 'string' && Buffer.byteLength(value) > MAX_TEXT_BYTES)
      throw new Error('D1_ERROR: string or blob too big: SQLITE_TOOBIG')
  }
}
