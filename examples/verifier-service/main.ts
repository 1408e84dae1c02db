// One service issues tokens, another verifies by public keys: npm run example verifier-service
//
// Starts both services on Fastify, calls them over HTTP, and changes the signing key under traffic.
// The tour controls the clock of both.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { JWK } from 'jose'
import { generateSigningKey } from 'twinkey'
import { call, part, show } from '../call.ts'
import { openFront } from './front.ts'
import { startIssuer } from './issuer.ts'
import { startReports } from './reports.ts'
import { keepReading } from './traffic.ts'

let passed = 0
const now = () => Date.now() + passed
const minutes = (count: number) => {
  passed += count * 60_000
}

const folder = mkdtempSync(join(tmpdir(), 'issuer-'))
const issuerWith = (...signingKeys: JWK[]) => startIssuer(join(folder, 'keys.db'), signingKeys, now)
const [oldKey, newKey] = [await generateSigningKey(), await generateSigningKey('EdDSA')]

let issuer = await issuerWith(oldKey)
const front = await openFront(issuer)
let reports = await startReports(front.url, now)

const production = { 'x-environment': 'production' }
const exchange = (credential: string, body: object = {}) =>
  call<{ access_token: string; code?: string }>(`${front.url}/tokens`, {
    method: 'POST',
    credential,
    body,
  })
const read = (credential: string, tenant = 't1', headers: Record<string, string> = production) =>
  call(`${reports.url}/tenants/${tenant}/reports`, { credential, headers })
const write = (credential: string) =>
  call(`${reports.url}/tenants/t1/reports`, { method: 'POST', credential, headers: production })
const whoami = (credential: string) => call(`${front.url}/whoami`, { credential })

try {
  part('A secret is exchanged for a token, which another service verifies')
  const scope = {
    tenants: ['t1', 't2'],
    environments: ['production'],
    workflows: ['reports.read', 'reports.write'],
  }
  const { key, primary } = await issuer.keys.create({ name: 'Nightly import', scope })
  const { access_token: token } = await show('a token', exchange(primary))
  await show('it reads t1', read(token))
  await show('it writes t1', write(token))
  await show('the secret itself', read(primary))
  await show('no credential', call(`${reports.url}/tenants/t1/reports`))

  part('Outside the scope')
  await show('another tenant', read(token, 't3'))
  await show('another environment', read(token, 't1', { 'x-environment': 'test' }))
  await show('no environment', read(token, 't1', {}))
  const { access_token: narrow } = await show(
    'a narrower token',
    exchange(primary, { scope: 'tenant:t1 workflow:reports.read' }),
  )
  await show('it reads t1', read(narrow))
  await show('it reads t2', read(narrow, 't2'))
  await show('it writes t1', write(narrow))

  part('Tampered with')
  const [head = '', claims = '', signature = ''] = narrow.split('.')
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const wider = encode({ ...JSON.parse(Buffer.from(claims, 'base64url').toString()), tenants: '*' })
  await show('other claims', read([head, wider, signature].join('.'), 't2'))
  await show(
    'another signature',
    read([head, claims, (signature[0] === 'A' ? 'B' : 'A') + signature.slice(1)].join('.')),
  )
  await show('no signature', read([encode({ alg: 'none', typ: 'at+jwt' }), claims, ''].join('.')))

  part('A new signing key, under traffic')
  const traffic = keepReading(
    { exchange: async () => (await exchange(primary)).body.access_token, read },
    now,
  )
  const pass = async (count: number) => {
    for (let i = 0; i < count; i++) {
      minutes(1)
      await traffic.rounds(2)
    }
  }
  const roll = async (...signingKeys: JWK[]) => {
    issuer = await issuerWith(...signingKeys)
    await front.replace(issuer)
    const { keys } = (await call<{ keys: { alg: string }[] }>(`${front.url}/tokens/jwks.json`)).body
    const [head = ''] = (await exchange(primary)).body.access_token.split('.')
    const { alg } = JSON.parse(Buffer.from(head, 'base64url').toString())
    console.log(`  ${keys.map((each) => each.alg).join(' and ')} published, ${alg} signs`)
  }
  const { d: _private, ...oldPublic } = oldKey
  await pass(1)
  await roll(oldKey, newKey)
  // A verifier caches the public keys for five minutes.
  await pass(6)
  await roll(newKey, oldPublic)
  // The last token of the old key expires after an hour, and clocks may differ.
  await pass(61)
  await roll(newKey)
  await pass(6)
  await traffic.stop()

  part('A verifier does not see that the key is revoked')
  const { access_token: lasting } = await show('a token', exchange(primary))
  const { access_token: short } = await show(
    'one of five minutes',
    exchange(primary, { expires_in: 300 }),
  )
  await show('it passes at the issuer', whoami(lasting))
  await issuer.keys.revoke(key.id)
  await show('its secret at the issuer', exchange(primary))
  await show('the token at the issuer', whoami(lasting))
  await show('the token at the reports', read(lasting))
  minutes(5)
  await show('five minutes later, the token of five minutes', read(short))
  await show('five minutes later, the token of an hour', read(lasting))
  minutes(55)
  await show('an hour later', read(lasting))

  part('The issuer is down')
  const other = await issuer.keys.create({ name: 'Another import', scope })
  const { access_token: last } = await show(
    'a token from before the failure',
    exchange(other.primary),
  )
  await show('it reads t1', read(last))
  await front.close()
  minutes(10)
  await show('it reads t1, ten minutes later', read(last))
  await reports.close()
  reports = await startReports(front.url, now)
  await show('it reads t1 at a service that starts during the failure', read(last))
} finally {
  await reports.close()
  await front.close()
  rmSync(folder, { recursive: true })
}
