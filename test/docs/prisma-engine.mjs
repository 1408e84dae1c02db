// Runs in a project of its own, with the engine of Prisma as WebAssembly: what `prisma db push` does.
// Arguments: accept-data-loss or ask, then the external tables. Prints what the engine answers.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { PrismaPg } from '@prisma/adapter-pg'
import { bindMigrationAwareSqlAdapterFactory, ColumnTypeEnum } from '@prisma/driver-adapter-utils'
import pg from 'pg'

const file = createRequire(import.meta.url).resolve('@prisma/schema-engine-wasm/schema_engine_bg')
const glue = await import(file)
const code = new WebAssembly.Module(readFileSync(join(dirname(file), 'schema_engine_bg.wasm')))
const { exports } = new WebAssembly.Instance(code, { './schema_engine_bg.js': glue })
glue.__wbg_set_wasm(exports)
exports.__wbindgen_start()

// The adapter does not know the type "char" of the catalogue, which only the engine reads.
const CHAR = 18
const TEXT = 25
let isChar = []
class Pool extends pg.Pool {
  async query(...asked) {
    const result = await super.query(...asked)
    isChar = (result.fields ?? []).map(({ dataTypeID }) => dataTypeID === CHAR)
    for (const field of result.fields ?? []) if (field.dataTypeID === CHAR) field.dataTypeID = TEXT
    return result
  }
}
class Factory extends PrismaPg {
  async connect() {
    const adapter = await super.connect()
    const queryRaw = adapter.queryRaw.bind(adapter)
    adapter.queryRaw = async (asked) => {
      const result = await queryRaw(asked)
      result.columnTypes = result.columnTypes.map((type, index) =>
        isChar[index] ? ColumnTypeEnum.Character : type,
      )
      return result
    }
    return adapter
  }
}

const [force, ...externalTables] = process.argv.slice(2)
const pool = new Pool({ connectionString: process.env.DATABASE_URL })
const content = readFileSync('schema.prisma', 'utf8')
const engine = await glue.SchemaEngine.new(
  { datamodels: [['schema.prisma', content]] },
  () => {},
  bindMigrationAwareSqlAdapterFactory(new Factory(pool)),
)
const answer = await engine.schemaPush({
  force: force === 'accept-data-loss',
  schema: { files: [{ path: 'schema.prisma', content }] },
  filters: { externalTables, externalEnums: [] },
})
// The engine keeps a connection, so the process would not end by itself.
process.stdout.write(JSON.stringify(answer), () => process.exit())
