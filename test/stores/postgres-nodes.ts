import pg from 'pg'
import type { KeyRecord } from 'twinkey/store'
import { type PostgresStore, postgresStore } from 'twinkey/stores/postgres'
import { expect } from 'vitest'
import { labelsOf } from '../../src/core/store/list-query.ts'
import { createPool, type PostgresServer, startPostgres } from '../support/postgres.ts'

/** Several nodes on one server, and a way to look into its tables. */
export interface Nodes {
  readonly server: PostgresServer
  readonly stores: readonly [PostgresStore, ...PostgresStore[]]
  /**
   * The codes of the errors that the server has answered so far, including those that a store has
   * recovered from.
   */
  readonly errors: readonly string[]
  /** Rows as lists. */
  ask(text: string, ...values: unknown[]): Promise<unknown[][]>
  /**
   * Checks that the tables agree: the index matches the record, and deleted records leave nothing.
   */
  expectAgreement(ids: readonly string[]): Promise<void>
  end(): Promise<void>
}

export async function startNodes(count: number): Promise<Nodes> {
  const server = await startPostgres()
  const pools = Array.from({ length: count }, () => createPool(server.url))
  const errors: string[] = []
  const stores = pools.map((pool) =>
    postgresStore({
      query: (text, values) =>
        pool.query(text, values).catch((error) => {
          errors.push(error.code)
          throw error
        }),
    }),
  ) as [PostgresStore, ...PostgresStore[]]
  await stores[0].migrate()
  const ask = async (text: string, ...values: unknown[]) =>
    (await (pools[0] as pg.Pool).query({ text, values, rowMode: 'array' })).rows
  return {
    server,
    stores,
    errors,
    ask,
    async expectAgreement(ids) {
      for (const id of ids) {
        const found = await stores[0].get(id)
        const index = await ask(
          'select label, at::text from twinkey_keys_by_label where key_id = $1',
          id,
        )
        const at = String((found as KeyRecord | undefined)?.createdAt)
        expect(index.sort(), id).toEqual(
          found === undefined
            ? []
            : labelsOf(found)
                .map((label) => [label, at])
                .sort(),
        )
        expect(await ask('select version::text from twinkey_keys where id = $1', id)).toEqual(
          found ? [[String(found.version)]] : [],
        )
        if (found === undefined)
          expect(await ask('select secret_id from twinkey_uses where key_id = $1', id)).toEqual([])
      }
    },
    async end() {
      await Promise.all(pools.map((pool) => pool.end()))
      await server.stop()
    },
  }
}

/** Connections that send one statement after another without waiting for the answers. */
export async function openPipelines(url: string): Promise<pg.Client[]> {
  const clients = Array.from(
    { length: 4 },
    () => new pg.Client({ connectionString: url, pipeline: true }),
  )
  await Promise.all(clients.map((client) => client.connect()))
  return clients
}

/** The key in a later version, with other tenants. */
export function onTenants(key: KeyRecord, step: number, ...tenants: string[]): KeyRecord {
  return { ...key, version: key.version + step, scope: { ...key.scope, tenants } }
}

export function shuffled<T>(items: readonly T[]): T[] {
  return items
    .map((item) => [Math.random(), item] as const)
    .sort(([a], [b]) => a - b)
    .map(([, item]) => item)
}

/** What a watcher has received, and a way to wait for it. */
export function createEar() {
  const heard: (string | undefined)[] = []
  let wake = () => {}
  return {
    heard,
    changed(id: string | undefined) {
      heard.push(id)
      wake()
    },
    async until(holds: (heard: readonly (string | undefined)[]) => boolean) {
      while (!holds(heard)) {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
    },
  }
}
