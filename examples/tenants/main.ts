// An Express API with its keys in PostgreSQL, as two processes: npm run example tenants
//
// Starts PostgreSQL and the processes, calls them over HTTP as tenants and as an operator, rotates
// secrets under traffic, and stops everything.
import { randomBytes } from 'node:crypto'
import { type ApiKey, type CreatedKey, generateSigningKey, type RenewedKey } from 'twinkey'
import { startPostgres } from '../../test/support/postgres.ts'
import { call, part, pause, show, soon } from '../call.ts'
import { type Program, runProgram, startProgram } from '../program.ts'
import { filesOf, search } from './leaks.ts'
import { keepCalling } from './traffic.ts'

// The worst case: PostgreSQL logs every statement with its parameters.
const database = await startPostgres({ config: { fsync: 'on', log_statement: 'all' } })
const env = {
  DATABASE_URL: database.url,
  PEPPER_2026: randomBytes(32).toString('base64'),
  SIGNING_KEYS: JSON.stringify([await generateSigningKey()]),
}
const startAll = () =>
  Promise.all([startProgram('tenants/server', env), startProgram('tenants/server', env)])
let servers: Program[] = []
let printed = ''
const stopAll = async () => {
  await Promise.all(servers.map((server) => server.stop()))
  printed += servers.map((server) => server.printed()).join('')
}

// `index` selects one of the two processes.
const get = (index: number, path: string, credential?: string) =>
  call(`${servers[index]?.url}${path}`, { credential })
const post = <T>(index: number, path: string, credential: string, body: object = {}) =>
  call<T>(`${servers[index]?.url}${path}`, { method: 'POST', credential, body })
const customersOf = (tenant: string) => `/tenants/${tenant}/customers`

try {
  servers = await startAll()
  const operator = runProgram('tenants/operator', env)
  const secrets = [operator]
  const create = async (name: string, tenant: string, workflows: string[], secondary = true) => {
    const created = await show(
      `created for ${tenant}: ${name}`,
      post<CreatedKey>(0, '/admin/keys', operator, { name, tenant, workflows, secondary }),
    )
    secrets.push(created.primary, ...(created.secondary === null ? [] : [created.secondary]))
    return created
  }
  const renew = async (key: ApiKey, how: string, body: object = {}) => {
    const { primary, secondary } = await show(
      `the operator: ${how}`,
      post<RenewedKey>(0, `/admin/keys/${key.id}/${how}`, operator, body),
    )
    const secret = (primary ?? secondary) as string
    secrets.push(secret)
    return secret
  }

  part('Keys')
  const billing = await create('Billing', 'acme', ['customers.read', 'customers.write'])
  const report = await create('Report', 'acme', ['customers.read'], false)
  const globex = await create('Import', 'globex', ['customers.read', 'customers.write'])

  part('Tenants and workflows')
  await show('acme reads acme', get(0, customersOf('acme'), billing.primary))
  await show('acme writes acme', post(1, customersOf('acme'), billing.primary, { name: 'Joan' }))
  await show('acme reads globex', get(0, customersOf('globex'), billing.primary))
  await show('acme reads an unknown tenant', get(0, customersOf('nobody'), billing.primary))
  await show('globex writes acme', post(1, customersOf('acme'), globex.primary, { name: 'Eve' }))
  await show('a reader writes', post(0, customersOf('acme'), report.primary, { name: 'Eve' }))
  await show('a request without a credential', get(0, customersOf('acme')))
  await show('acme lists keys', get(0, '/admin/keys?tenant=acme', billing.primary))

  part('Tokens')
  const narrow = { scope: 'workflow:customers.read' }
  const { access_token: token } = await show(
    'a token to read',
    post<{ access_token: string }>(0, '/tokens', billing.primary, narrow),
  )
  secrets.push(token)
  await show('it reads acme in the other process', get(1, customersOf('acme'), token))
  await show('it writes', post(1, customersOf('acme'), token, { name: 'Eve' }))
  await show('it reads globex', get(1, customersOf('globex'), token))

  part('Two secrets: renew the idle one, move the callers, renew the other')
  let credential = billing.primary
  let traffic = keepCalling(
    () => servers.map(({ url }) => url),
    customersOf('acme'),
    () => credential,
  )
  await pause(200)
  credential = await renew(billing.key, 'renew/secondary')
  await pause(200)
  const primary = await renew(billing.key, 'renew/primary')
  await pause(200)
  await traffic.stop()
  await show('the old primary', get(0, customersOf('acme'), billing.primary))
  await show(
    'the old primary in the other process',
    soon(401, () => get(1, customersOf('acme'), billing.primary)),
  )
  await show('the token of the old primary', get(0, customersOf('acme'), token))
  await show('the new primary', get(0, customersOf('acme'), primary))

  part('One secret: rotate with a grace period')
  credential = report.primary
  traffic = keepCalling(
    () => servers.map(({ url }) => url),
    customersOf('acme'),
    () => credential,
  )
  await pause(200)
  const next = await renew(report.key, 'rotate', { graceSeconds: 3 })
  const over = Date.now() + 3000
  await show('the old secret, within the grace period', get(1, customersOf('acme'), report.primary))
  await show('rotated again, too early', post(0, `/admin/keys/${report.key.id}/rotate`, operator))
  credential = next
  await pause(over - Date.now() + 50)
  await show('the old secret, after the grace period', get(0, customersOf('acme'), report.primary))
  await show(
    'the old secret, after the grace period, in the other process',
    get(1, customersOf('acme'), report.primary),
  )
  await traffic.stop()

  part('Disabled')
  await show('globex reads', get(1, customersOf('globex'), globex.primary))
  await show('the operator: disable', post(0, `/admin/keys/${globex.key.id}/disable`, operator))
  await show('globex reads', get(0, customersOf('globex'), globex.primary))
  await show(
    'globex reads from the other process',
    soon(401, () => get(1, customersOf('globex'), globex.primary)),
  )

  part('Restarted')
  const { access_token: before } = await show(
    'a token',
    post<{ access_token: string }>(0, '/tokens', primary),
  )
  secrets.push(before)
  await stopAll()
  servers = await startAll()
  await show('the primary from before the restart', get(0, customersOf('acme'), primary))
  await show('the token from before the restart', get(1, customersOf('acme'), before))
  await show('the disabled key', get(0, customersOf('globex'), globex.primary))
  const keys = await show(
    'the keys of acme',
    call<ApiKey[]>(`${servers[0]?.url}/admin/keys?tenant=acme`, { credential: operator }),
  )
  const used = keys.filter(({ primary, secondary }) => primary.lastUsedAt ?? secondary?.lastUsedAt)
  console.log(`      ${used.length} of ${keys.length} keys show their last use`)

  part('Secrets and tokens in plain text')
  await stopAll()
  const { log, data } = await filesOf(database.url)
  search('the output of the processes', printed, secrets, billing.key.id)
  search('the log of PostgreSQL', log, secrets, billing.key.id)
  search('the files of PostgreSQL', data, secrets, billing.key.id)
} finally {
  await stopAll()
  await database.stop()
}
