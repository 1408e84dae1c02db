import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { createTwinkey } from 'twinkey'
import { postgresMigrations, postgresStore } from 'twinkey/stores/postgres'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { blocksOf, blockWith } from '../support/guide.ts'
import { type MariadbServer, startMariadb, WITHOUT_SYNC } from '../support/mariadb.ts'
import { createPool, type PostgresServer, startPostgres } from '../support/postgres.ts'
import { createProject, type Project } from '../support/project.ts'

const TABLES = [
  'twinkey_history',
  'twinkey_history_by_label',
  'twinkey_keys',
  'twinkey_keys_by_label',
  'twinkey_migrations',
  'twinkey_uses',
]
const TSCONFIG = JSON.stringify({
  compilerOptions: {
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    noPropertyAccessFromIndexSignature: true,
    noEmit: true,
    skipLibCheck: true,
    target: 'es2023',
    module: 'nodenext',
    types: ['node'],
  },
})
const PRISMA_SCHEMA = `datasource db {
  provider = "postgresql"
}
generator client {
  provider               = "prisma-client"
  output                 = "./generated"
  generatedFileExtension = "ts"
  importFileExtension    = "js"
}
model Customer {
  id   Int    @id @default(autoincrement())
  name String
  @@map("customers")
}
`
const DRIZZLE_SCHEMA = `import { integer, pgTable, text } from 'drizzle-orm/pg-core'
export const customers = pgTable('customers', {
  id: integer().primaryKey().generatedAlwaysAsIdentity(),
  name: text().notNull(),
})
`
const CUSTOMERS =
  'create table customers (id int primary key generated always as identity, name text not null)'

// A row of the application and a key over one pool, and a key in a transaction that rolls back.
const program = (imports: string, insert: string, rollBack: string) => `
import { createCustomer } from './customer.js'
import { pool, twinkey } from './twinkey.js'
${imports}
const scope = { tenants: ['t1'], workflows: '*' as const }
const insert = async (name: string) => { ${insert} }
const { key, primary } = await createCustomer(insert, twinkey, 'Acme')
const verified = await twinkey.keys.verify(primary ?? '')
const again = await createCustomer(async () => ({ id: Number(key.scope.tenants[0]) }), twinkey, 'Acme')
await (${rollBack}).catch(() => {})
const names: string[] = []
for await (const each of twinkey.keys.all({})) names.push(each.name)
const { rows } = await pool.query('select name from customers order by name')
await twinkey.close()
await pool.end()
console.log(JSON.stringify({ ok: verified.ok, again: again.key.id === key.id && again.primary == null, names: names.sort(), rows }))
`
const PROGRAMS = {
  drizzle: program(
    "import { customers } from './schema.js'\nimport { db } from './drizzle.js'",
    'return (await db.insert(customers).values({ name }).returning())[0]!',
    "db.transaction(async (tx) => { await tx.insert(customers).values({ name: 'gone' }); await twinkey.keys.create({ name: 'stays', scope }); tx.rollback() })",
  ),
  kysely: program(
    "import { db } from './kysely.js'",
    "return await db.insertInto('customers').values({ name } as never).returningAll().executeTakeFirstOrThrow()",
    "db.transaction().execute(async (trx) => { await trx.insertInto('customers').values({ name: 'gone' } as never).execute(); await twinkey.keys.create({ name: 'stays', scope }); throw new Error('undone') })",
  ),
  prisma: program(
    "import { prisma } from './prisma.js'",
    'return await prisma.customer.create({ data: { name } })',
    "prisma.$transaction(async (tx) => { await tx.customer.create({ data: { name: 'gone' } }); await twinkey.keys.create({ name: 'stays', scope }); throw new Error('undone') })",
  ),
}
const EXPECTED = {
  ok: true,
  again: true,
  names: ['Acme', 'stays'],
  rows: [{ name: 'Acme' }],
}
// Prisma asks for this program even where it does not use it, and would download it.
const PRISMA = { PRISMA_SCHEMA_ENGINE_BINARY: '/bin/true', CHECKPOINT_DISABLE: '1' }

let server: PostgresServer
let project: Project
let databases = 0

/** A new database, with the table of the application. */
async function createDatabase() {
  const admin = createPool(server.url, 1)
  const name = `app${++databases}`
  await admin.query(`create database ${name}`)
  await admin.end()
  const url = server.url.replace(/\/postgres$/, `/${name}`)
  const ask = async (sql: string): Promise<Record<string, unknown>[]> => {
    const client = new pg.Client(url)
    await client.connect()
    try {
      return (await client.query(sql)).rows
    } finally {
      await client.end()
    }
  }
  await ask(CUSTOMERS)
  return {
    url,
    ask,
    /** The tables of Twinkey in a schema. */
    tables: async (schema: string) =>
      (
        await ask(
          `select tablename from pg_tables where schemaname = '${schema}' and tablename like 'twinkey%' order by tablename collate "C"`,
        )
      ).map(({ tablename }) => tablename),
    /** Makes the tables and one key, and returns a check that the key still works. */
    async addKey(schema?: string) {
      const open = () => {
        const pool = createPool(url)
        const store = postgresStore(pool, schema === undefined ? {} : { schema })
        return { pool, store, twinkey: createTwinkey({ store }) }
      }
      const { pool, store, twinkey } = open()
      await store.migrate()
      const scope = { tenants: ['t1'], workflows: '*' as const }
      const { primary } = await twinkey.keys.create({ name: 'k', scope })
      await twinkey.close()
      await pool.end()
      return async () => {
        const later = open()
        const { ok } = await later.twinkey.keys.verify(primary)
        await later.twinkey.close()
        await later.pool.end()
        return ok
      }
    },
  }
}

beforeAll(async () => {
  server = await startPostgres()
  project = createProject('orms', [
    '@prisma/adapter-pg',
    '@prisma/client',
    '@prisma/driver-adapter-utils',
    '@prisma/schema-engine-wasm',
    '@types/node',
    '@types/pg',
    'drizzle-kit',
    'drizzle-orm',
    'kysely',
    'mysql2',
    'pg',
    'prisma',
    'tsx',
    'typescript',
  ])
  project.write({
    'tsconfig.json': TSCONFIG,
    'twinkey.ts': blockWith('orms', 'export const twinkey'),
    'drizzle.ts': blockWith('orms', "from 'drizzle-orm/node-postgres'"),
    'kysely.ts': blockWith('orms', 'export const db = new Kysely'),
    'migration.ts': blockWith('orms', 'export async function up'),
    'prisma.ts': blockWith('orms', "from '@prisma/adapter-pg'"),
    'customer.ts': blockWith('orms', 'createCustomer'),
    'schema.ts': DRIZZLE_SCHEMA,
    'drizzle.config.ts': blockWith('orms', "from 'drizzle-kit'"),
    'bare.config.ts': blockWith('orms', "from 'drizzle-kit'").replace(
      / {2}(?:schema|tables)Filter.*\n/g,
      '',
    ),
    'prisma.config.ts': blockWith('orms', "from 'prisma/config'"),
    'schema.prisma': PRISMA_SCHEMA,
    'engine.mjs': readFileSync(
      fileURLToPath(new URL('prisma-engine.mjs', import.meta.url)),
      'utf8',
    ),
    'twinkey.config.ts': "export { twinkey } from './twinkey.js'\n",
    ...Object.fromEntries(Object.entries(PROGRAMS).map(([name, text]) => [`use-${name}.ts`, text])),
  })
  project.run('prisma', ['generate'], PRISMA)
})
afterAll(async () => {
  await project?.remove()
  await server.stop()
})

test('every program of the guide is used, and compiles', () => {
  expect(blocksOf('orms', 'ts')).toHaveLength(8)
  expect(project.run('tsc', [])).toBe('')
})

describe.each(Object.keys(PROGRAMS) as (keyof typeof PROGRAMS)[])('%s', (name) => {
  test('shares a pool with Twinkey, and its rollback does not undo a key', async () => {
    const { url, tables } = await createDatabase()
    const printed = project.run('tsx', [`use-${name}.ts`], { DATABASE_URL: url })
    expect(JSON.parse(printed)).toEqual(EXPECTED)
    expect(await tables('twinkey')).toEqual(TABLES)
    expect(await tables('public')).toEqual([])
  })
})

describe('drizzle-kit', () => {
  const push = (url: string, config: string) =>
    project.run('drizzle-kit', ['push', '--force', '--config', config], { DATABASE_URL: url })

  test('push drops the tables of Twinkey in public if its config has no filter', async () => {
    const { url, tables, addKey } = await createDatabase()
    await addKey()
    expect(await tables('public')).toEqual(TABLES)
    push(url, 'bare.config.ts')
    expect(await tables('public')).toEqual([])
  })

  test.each([
    ['in public, with the config of the guide', undefined, 'drizzle.config.ts'],
    ['in a schema of their own, without a filter', 'twinkey', 'bare.config.ts'],
  ])('push leaves tables alone that are %s', async (_where, schema, config) => {
    const { url, tables, addKey, ask } = await createDatabase()
    const works = await addKey(schema)
    await ask('alter table customers add column old text')
    push(url, config)
    expect(await tables(schema ?? 'public')).toEqual(TABLES)
    expect(await works()).toBe(true)
    // It did change the tables of the application.
    const columns =
      "select column_name from information_schema.columns where table_name = 'customers'"
    expect((await ask(columns)).map((row) => row['column_name'])).toEqual(['id', 'name'])
  })

  test('generate makes a migration without the tables of Twinkey', async () => {
    const { url, addKey } = await createDatabase()
    await addKey()
    const args = ['generate', '--config', 'bare.config.ts', '--name', 'first']
    project.run('drizzle-kit', args, { DATABASE_URL: url })
    const made = readFileSync(join(project.folder, 'drizzle/0000_first.sql'), 'utf8')
    expect(made).toContain('customers')
    expect(made).not.toContain('twinkey')
  })

  test('the printed SQL is a migration of drizzle-orm, and migrate() accepts its tables', async () => {
    const { url, tables, ask } = await createDatabase()
    await ask('drop table customers')
    expect(blocksOf('orms', 'sh').at(-1)?.trim().split('\n')).toEqual([
      'npx drizzle-kit generate --custom --name twinkey',
      'npx twinkey migrate --print > drizzle/0001_twinkey.sql',
      'npx drizzle-kit migrate',
    ])
    project.run('drizzle-kit', ['generate', '--custom', '--name', 'twinkey'])
    // As the guide says, without the call of migrate().
    project.write({
      'print.config.ts': blockWith('orms', 'export const twinkey').replace(
        'await store.migrate()\n',
        '',
      ),
    })
    const printed = project.run('twinkey', ['migrate', '--print', '--config', 'print.config.ts'], {
      DATABASE_URL: url,
    })
    writeFileSync(join(project.folder, 'drizzle/0001_twinkey.sql'), printed)
    expect(await tables('twinkey')).toEqual([])
    project.run('drizzle-kit', ['migrate'], { DATABASE_URL: url })
    expect(await tables('twinkey')).toEqual(TABLES)
    const before = await ask('select * from twinkey.twinkey_migrations order by version')
    expect(before.length).toBeGreaterThanOrEqual(postgresMigrations().length)
    expect(JSON.parse(project.run('tsx', ['use-drizzle.ts'], { DATABASE_URL: url }))).toEqual(
      EXPECTED,
    )
    expect(await ask('select * from twinkey.twinkey_migrations order by version')).toEqual(before)
  })
})

test('the migration for Kysely makes the tables, also when it runs again', async () => {
  const { url, tables } = await createDatabase()
  project.write({
    'migrate-kysely.ts': `
import { Migrator } from 'kysely/migration'
import { db } from './kysely-only.js'
import { up } from './migration.js'
for (const name of ['1', '2']) {
  const provider = { getMigrations: async () => Object.fromEntries(Array.from({ length: Number(name) }, (_, at) => [String(at + 1), { up }])) }
  const { error } = await new Migrator({ db, provider }).migrateToLatest()
  if (error) throw error
}
await db.destroy()
`,
    'kysely-only.ts': `
import { Kysely, PostgresDialect } from 'kysely'
import pg from 'pg'
export const db = new Kysely<unknown>({ dialect: new PostgresDialect({ pool: new pg.Pool({ connectionString: process.env['DATABASE_URL']! }) }) })
`,
  })
  project.run('tsx', ['migrate-kysely.ts'], { DATABASE_URL: url })
  expect(await tables('twinkey')).toEqual(TABLES)
  expect(JSON.parse(project.run('tsx', ['use-kysely.ts'], { DATABASE_URL: url }))).toEqual(EXPECTED)
})

describe('the engine of prisma db push', () => {
  interface Answer {
    readonly executedSteps: number
    readonly warnings: readonly string[]
  }
  const push = (url: string, ...args: string[]): Answer =>
    JSON.parse(project.run('tsx', ['engine.mjs', ...args], { DATABASE_URL: url }))

  test('warns of tables with rows, and drops all tables of Twinkey in public if it is forced', async () => {
    const { url, tables, addKey } = await createDatabase()
    await addKey()
    const { warnings, executedSteps } = push(url, 'ask')
    expect(executedSteps).toBe(0)
    expect(warnings).toContainEqual(expect.stringContaining('drop the `twinkey_keys` table'))
    expect(await tables('public')).toEqual(TABLES)
    push(url, 'accept-data-loss')
    expect(await tables('public')).toEqual([])
  })

  test('leaves tables alone that the config of the guide names as external', async () => {
    const { url, tables, addKey, ask } = await createDatabase()
    const works = await addKey()
    project.write({
      'external.ts': `import config from './prisma.config.js'\nconsole.log(JSON.stringify(config.tables?.external))\n`,
    })
    const external: string[] = JSON.parse(project.run('tsx', ['external.ts']))
    // RateLimiterPostgres of the guide for limits makes it in the pool's schema.
    await ask('create table twinkey_limits (key text primary key)')
    await ask("insert into twinkey_limits values ('k')")
    expect(push(url, 'accept-data-loss', ...external).warnings).toEqual([])
    expect(await tables('public')).toEqual([...TABLES, 'twinkey_limits'].sort())
    expect(await works()).toBe(true)
  })

  test('leaves tables alone that are in a schema of their own', async () => {
    const { url, tables, addKey, ask } = await createDatabase()
    const works = await addKey('twinkey')
    await ask('create table not_in_the_model (id int)')
    push(url, 'accept-data-loss')
    expect(await tables('twinkey')).toEqual(TABLES)
    expect(await works()).toBe(true)
    // It did change the schema of the application.
    expect(await ask("select 1 from pg_tables where tablename = 'not_in_the_model'")).toEqual([])
  })
})

describe('drizzle-kit on MariaDB', () => {
  let mariadb: MariadbServer
  beforeAll(async () => {
    mariadb = await startMariadb({ config: WITHOUT_SYNC })
    await mariadb.ask('create table customers (name varchar(9))')
    project.write({
      'mysql-schema.ts': `import { int, mysqlTable, varchar } from 'drizzle-orm/mysql-core'
export const customers = mysqlTable('customers', { name: varchar({ length: 9 }), more: int() })
`,
      'mysql.config.ts': `import { defineConfig } from 'drizzle-kit'
export default defineConfig({ dialect: 'mysql', schema: './mysql-schema.ts', tablesFilter: ['!twinkey_*'], dbCredentials: { url: process.env['DATABASE_URL'] ?? '' } })
`,
      'mysql-bare.config.ts': `import { defineConfig } from 'drizzle-kit'
export default defineConfig({ dialect: 'mysql', schema: './mysql-schema.ts', dbCredentials: { url: process.env['DATABASE_URL'] ?? '' } })
`,
      'mysql.ts': `import mysql from 'mysql2/promise'
import { mysqlStore } from 'twinkey/stores/mysql'
const pool = mysql.createPool(process.env['DATABASE_URL'] ?? '')
await mysqlStore(pool).migrate()
await pool.end()
`,
    })
    project.run('tsx', ['mysql.ts'], { DATABASE_URL: mariadb.url })
  })
  afterAll(() => mariadb?.stop())

  const tables = async () =>
    (await mariadb.ask("show tables like 'twinkey%'")).map(([name]) => name).sort()

  test('push leaves the tables of Twinkey alone with tablesFilter, and tries to drop them without', async () => {
    expect(await tables()).toEqual(TABLES)
    project.run('drizzle-kit', ['push', '--force', '--config', 'mysql.config.ts'], {
      DATABASE_URL: mariadb.url,
    })
    expect(await tables()).toEqual(TABLES)
    expect(await mariadb.ask("show columns from customers like 'more'")).toHaveLength(1)
    // Without it, only a foreign key keeps the first table.
    const args = ['push', '--force', '--verbose', '--config', 'mysql-bare.config.ts']
    const said = project.run('drizzle-kit', args, { DATABASE_URL: mariadb.url })
    for (const table of TABLES) expect(said).toContain(`DROP TABLE \`${table}\``)
  })

  test('push fails at a table that already has a primary key', async () => {
    await mariadb.ask('create table numbered (id int primary key)')
    project.write({
      'mysql-schema.ts': `import { int, mysqlTable, varchar } from 'drizzle-orm/mysql-core'
export const numbered = mysqlTable('numbered', { id: int().primaryKey() })
export const customers = mysqlTable('customers', { name: varchar({ length: 9 }), more: int() })
`,
    })
    const args = ['push', '--force', '--config', 'mysql.config.ts']
    const said = project.run('drizzle-kit', args, { DATABASE_URL: mariadb.url })
    expect(said).toContain('Multiple primary key defined')
  })
})
