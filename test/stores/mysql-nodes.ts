import type { KeyRecord } from 'twinkey/store'
import { type MysqlPool, type MysqlStore, mysqlStore } from 'twinkey/stores/mysql'
import { expect } from 'vitest'
import { labelsOf } from '../../src/core/store/list-query.ts'
import { type MariadbServer, openPool, startMariadb, WITHOUT_SYNC } from '../support/mariadb.ts'

/** Several nodes on one server, with both client libraries, and a way to look into its tables. */
export interface Nodes {
  readonly server: MariadbServer
  readonly stores: readonly [MysqlStore, ...MysqlStore[]]
  /** Rows as lists. */
  ask(sql: string): Promise<unknown[][]>
  /**
   * Checks that the tables agree: the index matches the record, and deleted records leave nothing.
   */
  expectAgreement(ids: readonly string[]): Promise<void>
  end(): Promise<void>
}

export async function startNodes(count: number): Promise<Nodes> {
  const server = await startMariadb({ config: WITHOUT_SYNC })
  const pools = Array.from({ length: count }, (_, i) =>
    openPool(i % 2 === 0 ? 'mysql2' : 'mariadb', server.url),
  )
  const stores = pools.map((pool) => mysqlStore(pool)) as [MysqlStore, ...MysqlStore[]]
  await stores[0].migrate()
  const asking = openPool('mysql2', server.url)
  const ask = async (sql: string) => {
    const [rows] = (await asking.query({
      sql,
      rowsAsArray: true,
      nestTables: false,
      metaAsArray: true,
    })) as [unknown[][]]
    return rows
  }
  return {
    server,
    stores,
    ask,
    async expectAgreement(ids) {
      for (const id of ids) {
        const found = await stores[0].get(id)
        const index = await ask(
          `select cast(label as char character set utf8mb4), at from twinkey_keys_by_label where key_id = '${id}'`,
        )
        const at = (found as KeyRecord | undefined)?.createdAt
        expect(index.sort(), id).toEqual(
          found === undefined
            ? []
            : labelsOf(found)
                .map((label) => [label, at])
                .sort(),
        )
        expect(await ask(`select version from twinkey_keys where id = '${id}'`)).toEqual(
          found ? [[found.version]] : [],
        )
        if (found === undefined)
          expect(await ask(`select 1 from twinkey_uses where key_id = '${id}'`)).toEqual([])
      }
    },
    async end() {
      await Promise.all([...pools, asking].map((pool) => pool.end()))
      await server.stop()
    },
  }
}

/** A pool whose statements, in transactions or not, pass through a function. */
export function wiretapped(
  pool: MysqlPool,
  through: (sql: string, send: () => Promise<unknown>) => Promise<unknown>,
): MysqlPool {
  const tap = <Client extends Pick<MysqlPool, 'query'>>(client: Client): Client['query'] => {
    return (statement) => through(statement.sql, () => client.query(statement))
  }
  return {
    query: tap(pool),
    async getConnection() {
      const connection = await pool.getConnection()
      return {
        query: tap(connection),
        release: () => connection.release(),
        destroy: () => connection.destroy(),
      }
    },
  }
}
