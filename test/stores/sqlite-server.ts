import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import {
  type Client,
  createClient,
  type InValue,
  type ResultSet,
  type Transaction,
} from '@libsql/client'

// What a libSQL server says to its client over HTTP: the part of Hrana 2
// (https://github.com/tursodatabase/libsql/blob/main/docs/HRANA_2_SPEC.md) that a store needs, over
// a database in memory. The server itself comes in no package.

interface Statement {
  readonly sql?: string
  readonly sql_id?: number
  readonly args?: readonly { readonly type: string; readonly value: InValue }[]
}

interface Condition {
  readonly type: 'ok' | 'not'
  readonly step?: number
  readonly cond?: Condition
}

interface Request {
  readonly type: string
  readonly stmt?: Statement
  readonly batch?: {
    readonly steps: readonly { readonly stmt: Statement; readonly condition?: Condition | null }[]
  }
  readonly sql?: string
  readonly sql_id?: number
}

export interface LibsqlServer {
  readonly url: string
  /** What arrived over the network: the statements of each request. */
  readonly asked: string[][]
  close(): Promise<void>
}

export async function startLibsqlServer(): Promise<LibsqlServer> {
  const database = createClient({ url: ':memory:' })
  const asked: string[][] = []
  // One request after the other.
  let last: Promise<unknown> = Promise.resolve()
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    if (request.url !== '/v2/pipeline') return void response.writeHead(404).end()
    const { requests } = JSON.parse(Buffer.concat(chunks).toString()) as { requests: Request[] }
    last = last
      .then(() => answers(database, requests, asked))
      .then((results) => response.end(JSON.stringify({ baton: null, results })))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      database.close()
    },
  }
}

async function answers(
  database: Client,
  requests: readonly Request[],
  asked: string[][],
): Promise<unknown[]> {
  const texts = new Map<number | undefined, string>()
  const inRequest: string[] = []
  asked.push(inRequest)
  const textOf = ({ sql, sql_id }: Statement) => sql ?? texts.get(sql_id) ?? ''
  const results: unknown[] = []
  for (const request of requests) {
    try {
      results.push({
        type: 'ok',
        response: { type: request.type, result: await resultOf(request) },
      })
    } catch (error) {
      results.push({ type: 'error', error: errorOf(error) })
    }
  }
  return results

  async function resultOf({ type, stmt, batch, sql, sql_id }: Request): Promise<unknown> {
    if (type === 'store_sql') texts.set(sql_id, sql ?? '')
    if (type === 'execute' && stmt !== undefined) return run(database, stmt)
    if (type === 'batch' && batch !== undefined) return runBatch(batch.steps)
    return undefined
  }

  async function run(executor: Client | Transaction, statement: Statement): Promise<unknown> {
    const text = textOf(statement)
    inRequest.push(text)
    return encoded(
      await executor.execute({ sql: text, args: (statement.args ?? []).map(({ value }) => value) }),
    )
  }

  async function runBatch(steps: NonNullable<Request['batch']>['steps']): Promise<unknown> {
    const empty = { cols: [], rows: [], affected_row_count: 0 }
    const [step_results, step_errors]: [unknown[], unknown[]] = [[], []]
    let transaction: Transaction | undefined
    const holds = ({ type, step = 0, cond }: Condition): boolean =>
      type === 'not' ? !holds(cond as Condition) : (step_results[step] ?? null) !== null
    for (const [i, { stmt, condition }] of steps.entries()) {
      step_results[i] = step_errors[i] = null
      if (condition && !holds(condition)) continue
      try {
        const control = /^(BEGIN IMMEDIATE|COMMIT|ROLLBACK)$/.exec(textOf(stmt))?.[0]
        if (control === 'BEGIN IMMEDIATE') transaction = await database.transaction('write')
        if (control === 'COMMIT') await transaction?.commit()
        if (control === 'ROLLBACK') await transaction?.rollback()
        step_results[i] = control === undefined ? await run(transaction ?? database, stmt) : empty
      } catch (error) {
        step_errors[i] = errorOf(error)
      }
    }
    return { step_results, step_errors }
  }
}

function encoded({ columns, rows, rowsAffected }: ResultSet): unknown {
  const typed = (value: unknown) => {
    if (value === null) return { type: 'null' }
    return typeof value === 'number'
      ? { type: 'integer', value: String(value) }
      : { type: 'text', value }
  }
  return {
    cols: columns.map((name) => ({ name })),
    rows: rows.map((row) => Object.values(row).map(typed)),
    affected_row_count: rowsAffected,
  }
}

function errorOf(error: unknown): { message: string; code: string } {
  return { message: (error as Error).message, code: 'SQLITE_ERROR' }
}
