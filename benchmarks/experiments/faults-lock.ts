import { openSqlite } from '../../test/support/sqlite.ts'

// Another process that holds the write lock of a SQLite file until it is killed.

const { begin } = await openSqlite('@libsql/client', String(process.argv[2]), { timeout: 30_000 })
await begin()
process.send?.('locked')
process.on('disconnect', () => process.exit())
