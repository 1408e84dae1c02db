// A Worker on Hono with its keys in D1, on workerd: npm run example worker
//
// Installs miniflare in the folder workerd if needed, starts two isolates over one database, and
// calls them over HTTP.
import { spawnSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { generateSigningKey } from 'twinkey'
import { bundleWorker } from './bundle.ts'
import { type Database, schema } from './d1-store.ts'
import { tour } from './tour.ts'

/**
 * The part of Miniflare that is used here. It is not a dependency of the project, because it is
 * larger than all of them.
 */
interface Miniflare {
  getD1Database(binding: string, worker: string): Promise<Database>
  unsafeGetDirectURL(worker: string): Promise<URL>
  dispose(): Promise<void>
}

const folder = fileURLToPath(new URL('workerd/', import.meta.url))
if (!existsSync(`${folder}node_modules`)) {
  console.log('Installing miniflare…')
  const { status } = spawnSync('npm', ['ci', '--no-audit', '--no-fund'], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  if (status !== 0) process.exit(1)
}
const load = createRequire(`${folder}package.json`)
const { Miniflare } = load('miniflare') as { Miniflare: new (options: object) => Miniflare }

const script = await bundleWorker()
console.log(`The bundle has ${Math.round(script.length / 1024)} KiB`)
const adminToken = randomUUID()
const worker = {
  modules: true,
  script,
  // Without nodejs_compat, no Node API is available.
  compatibilityDate: '2026-03-01',
  d1Databases: { DB: 'keys' },
  bindings: { ADMIN_TOKEN: adminToken, SIGNING_KEY: JSON.stringify(await generateSigningKey()) },
  unsafeDirectSockets: [{ port: 0 }],
}
const miniflare = new Miniflare({
  workers: ['here', 'elsewhere'].map((name) => ({ ...worker, name })),
})
try {
  const database = await miniflare.getD1Database('DB', 'here')
  for (const sql of schema) await database.prepare(sql).all()
  const [here, elsewhere] = await Promise.all([
    miniflare.unsafeGetDirectURL('here'),
    miniflare.unsafeGetDirectURL('elsewhere'),
  ])
  await tour({ here: here.origin, elsewhere: elsewhere.origin, adminToken })
} finally {
  await miniflare.dispose()
}
