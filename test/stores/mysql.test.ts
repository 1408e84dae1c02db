import type * as mariadb from 'mariadb'
import type mysql from 'mysql2/promise'
import type { MysqlPool } from 'twinkey/stores/mysql'
import { expectTypeOf, test } from 'vitest'
import { smallContract } from '../support/contract.ts'
import { describeMysql } from './mysql-suite.ts'

// mysql.interop.test.ts has the large cases, the other client library and the other settings.
describeMysql(['mysql2'], smallContract)

test('the pools of both client libraries have the interface that the store requires', () => {
  expectTypeOf<mysql.Pool>().toExtend<MysqlPool>()
  expectTypeOf<mariadb.Pool>().toExtend<MysqlPool>()
  // One connection cannot keep two transactions apart.
  expectTypeOf<mysql.Connection>().not.toExtend<MysqlPool>()
  expectTypeOf<mariadb.Connection>().not.toExtend<MysqlPool>()
})
