import { type MysqlStore, mysqlStore } from 'twinkey/stores/mysql'
import { afterAll, beforeAll, describe, test } from 'vitest'
import type { Contract } from '../support/contract.ts'
import {
  type MariadbServer,
  openPool,
  type Pool,
  startMariadb,
  WITHOUT_SYNC,
} from '../support/mariadb.ts'

// Settings of servers and clients on which no call may depend.
const UNUSUAL = {
  sql_mode: 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES,PIPES_AS_CONCAT,NO_UNSIGNED_SUBTRACTION',
  transaction_isolation: 'SERIALIZABLE',
  character_set_server: 'latin1',
  collation_server: 'latin1_german1_ci',
  default_time_zone: '+05:45',
}

const POOLS = {
  mysql2: { library: 'mysql2', options: {} },
  mariadb: { library: 'mariadb', options: {} },
  'mysql2 with other options': {
    library: 'mysql2',
    options: {
      charset: 'LATIN1',
      namedPlaceholders: true,
      rowsAsArray: false,
      nestTables: true,
      supportBigNumbers: true,
      bigNumberStrings: true,
    },
  },
  'mariadb with other options': {
    library: 'mariadb',
    options: {
      charset: 'latin1',
      namedPlaceholders: true,
      rowsAsArray: false,
      metaAsArray: false,
      bigIntAsNumber: true,
      initSql: 'set session transaction isolation level read committed',
    },
  },
} as const

/** A contract of a store, on each of these pools with two stores. */
export function describeMysql(
  names: readonly (keyof typeof POOLS)[],
  contract: Contract,
  settings: 'default' | 'unusual' = 'default',
): void {
  let server: MariadbServer

  beforeAll(async () => {
    const config = settings === 'unusual' ? { ...WITHOUT_SYNC, ...UNUSUAL } : WITHOUT_SYNC
    server = await startMariadb({ config })
  })
  afterAll(() => server.stop())

  describe.each(names)('the store over two pools of %s', (name) => {
    const { library, options } = POOLS[name]
    let pools: Pool[]
    let stores: MysqlStore[]
    let opened = 0

    beforeAll(async () => {
      pools = [1, 2].map(() => openPool(library, server.url, options))
      stores = pools.map((pool) => mysqlStore(pool, { tablePrefix: `on_${library}` }))
      await Promise.all(stores.map((store) => store.migrate()))
    })
    afterAll(() => Promise.all(pools.map((pool) => pool.end())))

    test.each(contract)('$name', ({ run }) =>
      run(async () => stores[opened++ % stores.length] as MysqlStore),
    )
  })
}
