import { hasSqlite, nodeWithSqlite } from '../support/other-node.ts'
import { describeSqlite, describeSqliteElsewhere } from './sqlite-suite.ts'

const drivers = ['node:sqlite', 'better-sqlite3'] as const

if (hasSqlite()) describeSqlite(drivers)
else describeSqliteElsewhere(drivers, 'test/stores/sqlite-node.interop.test.ts', nodeWithSqlite)
