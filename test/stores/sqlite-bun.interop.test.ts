import { bun } from '../support/other-node.ts'
import { describeSqlite, describeSqliteElsewhere } from './sqlite-suite.ts'

const drivers = ['bun:sqlite'] as const

if (process.versions['bun'] !== undefined) describeSqlite(drivers)
else describeSqliteElsewhere(drivers, 'test/stores/sqlite-bun.interop.test.ts', bun)
