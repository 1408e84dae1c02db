// A service calls an API through createClient while its secrets are renewed: npm run example client
//
// Starts the API on Express and the service in one process. The service calls the API over HTTP
// without a pause. The tour controls the clock of the service.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createTwinkey, generateSigningKey } from 'twinkey'
import { part, show } from '../call.ts'
import { startApi } from './server.ts'
import { startService } from './service.ts'

const twinkey = createTwinkey({
  prefixes: ['acme'],
  environments: ['production'],
  tokens: {
    issuer: 'https://api.acme.example',
    audience: 'https://api.acme.example',
    signingKeys: [await generateSigningKey()],
  },
})
const created = await twinkey.keys.create({
  name: 'Billing',
  scope: { tenants: ['t1'], workflows: ['customers.read'] },
})
const { id } = created.key

const folder = mkdtempSync(join(tmpdir(), 'service-'))
const file = join(folder, 'secrets')
const deliver = (primary: string | null, secondary: string | null) =>
  writeFileSync(file, `${primary}\n${secondary}\n`, { mode: 0o600 })
deliver(created.primary, created.secondary)

let passed = 0
const api = await startApi(twinkey)
const service = startService(api.url, file, () => performance.now() + passed)

try {
  part('Calls through the client')
  await show('the API without a token', statusOf(fetch(`${api.url}/customers`)))
  await Promise.all(Array.from({ length: 100 }, service.customers))
  await show('the service', statusOf(service.customers()))
  console.log(`  101 calls, ${api.exchanges()} exchange`)

  part('The leaked primary secret is renewed')
  const { primary } = await whileCalling(() => twinkey.keys.renew(id, { slots: 'primary' }))

  part('The new primary secret is delivered, and the secondary one is renewed')
  deliver(primary, created.secondary)
  passed += 60_000
  const { secondary } = await whileCalling(() => twinkey.keys.renew(id, { slots: 'secondary' }))
  deliver(primary, secondary)

  part('An hour later, the token has expired')
  const before = api.exchanges()
  passed += 3_600_000
  await show('the service', statusOf(service.customers()))
  console.log(`  ${api.exchanges() - before} exchange`)
} finally {
  service.stop()
  await api.stop()
  await twinkey.close()
  rmSync(folder, { recursive: true })
}

async function statusOf(answer: Promise<Response>) {
  const response = await answer
  return { status: response.status, body: (await response.json()) as { code?: string } }
}

/** Calls the API before, during and after an action. */
async function whileCalling<T>(act: () => Promise<T>): Promise<T> {
  const statuses: number[] = []
  const call = async (count: number) => {
    for (let i = 0; i < count; i++) statuses.push((await statusOf(service.customers())).status)
  }
  await call(50)
  const [result] = await Promise.all([act(), call(100), call(100)])
  await call(50)
  const failed = statuses.filter((status) => status !== 200).length
  console.log(`  ${statuses.length} calls meanwhile, ${failed} failed`)
  return result
}
