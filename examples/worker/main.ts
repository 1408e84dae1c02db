// A Worker on Hono with its keys in D1, on workerd: npm run example worker
//
// Installs miniflare in the folder workerd if needed, starts two isolates over one database, and
// calls them over HTTP.
import { randomUUID } from 'node:crypto'
import { generateSigningKey } from 'twinkey'
import { d1Store } from 'twinkey/stores/d1'
import { bundleWorker } from './bundle.ts'
import { startMiniflare } from './miniflare.ts'
import { tour } from './tour.ts'

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
const miniflare = startMiniflare({
  workers: ['here', 'elsewhere'].map((name) => ({ ...worker, name })),
})
try {
  await d1Store(await miniflare.getD1Database('DB', 'here')).migrate()
  const [here, elsewhere] = await Promise.all([
    miniflare.unsafeGetDirectURL('here'),
    miniflare.unsafeGetDirectURL('elsewhere'),
  ])
  await tour({ here: here.origin, elsewhere: elsewhere.origin, adminToken })
} finally {
  await miniflare.dispose()
}
