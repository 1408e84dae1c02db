// Runs in Bun: the contract of the store over its SQL, on the database of the first argument.
import { postgresStore } from 'twinkey/stores/postgres'
import { storeContract } from 'twinkey/testing'

interface Sql {
  unsafe(text: string, values?: unknown[]): Promise<unknown[]>
}

const { SQL } = (await import('bun' as string)) as { SQL: new (url: string) => Sql }
const [, , url = ''] = process.argv
const stores = [new SQL(url), new SQL(url)].map((sql) =>
  postgresStore({ query: async (text, values) => ({ rows: await sql.unsafe(text, values) }) }),
)
await stores[0]?.migrate()
let opened = 0
const failed: string[] = []
for (const { name, run } of storeContract) {
  await run(async () => stores[opened++ % stores.length] as (typeof stores)[0]).catch((error) =>
    failed.push(`${name}: ${error}`),
  )
}
console.log(JSON.stringify({ ran: storeContract.length, failed }))
process.exit()
