import { setTimeout } from 'node:timers/promises'
import type { Client } from '@libsql/client'
import type { Database, Statement, Value } from '../../examples/worker/d1-store.ts'

/**
 * The part of D1 that the example uses, over libSQL, which is SQLite, too. A call after the host
 * has ended the request has no effect.
 */
export function d1Over(client: Client, isOpen?: () => boolean): Database {
  const asked = new WeakMap<Statement, { sql: string; args: Value[] }>()
  const alive = async () => {
    if (isOpen === undefined) return
    // D1 is remote, so its answer never arrives in the same turn.
    await setTimeout(2)
    if (!isOpen()) throw new Error('The request has ended')
  }
  const prepare = (sql: string, ...args: Value[]): Statement => {
    const statement: Statement = {
      bind: (...values) => prepare(sql, ...values),
      async all<T>() {
        await alive()
        const { rows, rowsAffected } = await client.execute({ sql, args })
        return { results: rows as T[], meta: { changes: rowsAffected } }
      },
    }
    asked.set(statement, { sql, args })
    return statement
  }
  return {
    prepare: (sql) => prepare(sql),
    async batch<T>(statements: Statement[]) {
      await alive()
      const results = await client.batch(
        statements.map((statement) => asked.get(statement) as { sql: string; args: Value[] }),
        'write',
      )
      return results.map(({ rows, rowsAffected }) => ({
        results: rows as T[],
        meta: { changes: rowsAffected },
      }))
    },
  }
}
