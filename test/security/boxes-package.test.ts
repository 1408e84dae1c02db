import { readFileSync } from 'node:fs'
import { inspect } from 'node:util'
import {
  hasValidChecksum,
  rateLimited,
  secretPattern,
  type Throttle,
  type WireRequest,
} from 'twinkey'
import { NodeWireRequest } from 'twinkey/http'
import { boomiFlow, flare, flowgear, standard } from 'twinkey/profiles'
import { expect, it } from 'vitest'
import { mintId, mintSecret } from '../../src/core/secrets/secret.ts'
import {
  createLeaks,
  createSigner,
  headersOf,
  matchOf,
  startKeyServer,
} from '../endpoints/leaks/scene.ts'
import { createBench } from '../support/bench.ts'
import { errorCodeOf } from '../support/faults.ts'
import { anyTarget, byHeaders, codeOf, sent } from '../support/sent.ts'

const INPUT = { name: 'n', owner: 'ada', scope: { tenants: ['t'], workflows: '*' } } as const
const read = (path: string) => readFileSync(path, 'utf8')

it('K1: no event, decision, key, error or instance shows a secret, a token or a digest, however it is printed', async () => {
  const bench = createBench()
  const { twinkey, events, spy } = bench
  const { key, primary, secondary } = await twinkey.keys.create(INPUT)
  const issued = await twinkey.tokens.issue(primary)
  const token = issued.ok ? issued.token : ''
  const shown: unknown[] = [twinkey, events, key, await twinkey.keys.list()]
  for (const credential of [primary, secondary as string, token, `${primary.slice(0, -1)}!`]) {
    shown.push(
      await twinkey.authenticate(sent({ credential, tenant: 'v' }), byHeaders),
      await twinkey.authenticate(sent({ credential }), anyTarget),
    )
    shown.push(
      await twinkey.keys
        .create({ ...INPUT, name: `${credential}\0` })
        .catch((error: unknown) => error),
    )
    spy.override({ get: () => Promise.reject(new Error('down')) })
    bench.clock.advance(10_000)
    shown.push(await twinkey.authenticate(sent({ credential }), anyTarget))
    spy.override({})
  }
  const record = JSON.stringify(await spy.inner.get(key.id))
  const digest = /sha-256:([\w-]{43})/.exec(record)?.[1] as string
  const text = shown
    .map(
      (each) =>
        `${inspect(each, { depth: null, showHidden: true })} ${JSON.stringify(each)} ${each}`,
    )
    .join()
  // From the middle of each, which contains no id, prefix or hint.
  for (const part of [
    primary.slice(20, -7),
    secondary?.slice(20, -7) as string,
    token.slice(-60),
    digest,
  ]) {
    expect(part.length).toBeGreaterThan(30)
    expect(text).not.toContain(part)
  }
})

it('K2: each accepted request, refusal and change is reported with key, tenant, time and reason, as values and not as lines', async () => {
  const { twinkey, events, clock } = createBench()
  const actor = 'eve'
  const { key, primary } = await twinkey.keys.create({ ...INPUT, actor })
  const at = clock.now()
  const ask = (credential: string, tenant: string) =>
    twinkey.authenticate(sent({ credential, tenant, environment: 'e', workflow: 'w' }), byHeaders)
  await ask(primary, 't')
  await ask(primary, 'v')
  await ask(mintSecret('tk', key.id), 't')
  await twinkey.keys.rotate(key.id, { replace: 'secondary' })
  await twinkey.keys.revoke(key.id)
  await ask(primary, 't')
  const keyId = key.id
  expect(events).toMatchObject([
    { type: 'key.created', at, keyId, actor, owner: 'ada' },
    { type: 'access.allowed', at, keyId, tenant: 't' },
    { type: 'access.refused', at, keyId, code: 'tenant_denied', axis: 'tenant', tenant: 'v' },
    { type: 'access.refused', at, code: 'credential_invalid', reason: 'secret_wrong' },
    // The clock stands still, and the changes of a key have different times.
    { type: 'key.rotated', at: at + 1, keyId },
    { type: 'key.revoked', at: at + 2, keyId },
    { type: 'access.refused', at, keyId, code: 'credential_invalid', reason: 'key_revoked' },
  ])
  // No value can start a line of its own in a log of events.
  for (const odd of [{ actor: 'eve\nadmin' }, { name: 'n\r\nx' }, { owner: '\u001b[2J' }])
    expect(await errorCodeOf(twinkey.keys.create({ ...INPUT, ...odd }))).toBe('invalid_input')
})

it('K3: a peer that guesses has to wait, with Retry-After, and a key in use does not, from any peer', async () => {
  const failures = new Map<string, number>()
  const throttle: Throttle<WireRequest> = {
    retryAfterSeconds: (peer) => ((failures.get(peer) ?? 0) < 3 ? undefined : 60),
    failed: (peer) => failures.set(peer, (failures.get(peer) ?? 0) + 1),
  }
  const { twinkey, clock } = createBench()
  const { primary } = await twinkey.keys.create(INPUT)
  // The peer is the other end of the socket: its headers do not change that.
  const ask = (credential: string, peer: string) => {
    const rawHeaders = [
      'Authorization',
      `Bearer ${credential}`,
      'X-Forwarded-For',
      `192.0.2.${failures.size}`,
      'Forwarded',
      `for=${credential}`,
    ]
    return twinkey.authenticate(
      new NodeWireRequest({ rawHeaders, socket: { remoteAddress: peer } }),
      { ...anyTarget, throttle },
    )
  }
  const guess = async (peer: string) => ask(mintSecret('tk', mintId()), peer)
  expect(codeOf(await ask(primary, 'guesser'))).toBe('let in')
  for (let i = 0; i < 3; i++) expect(codeOf(await guess('guesser'))).toBe('credential_invalid')
  expect(await guess('guesser')).toMatchObject({
    ok: false,
    refusal: { code: 'rate_limited', retryAfterSeconds: 60 },
  })
  expect(codeOf(await ask(primary, 'guesser'))).toBe('let in')
  // Nor does it wait after a pause longer than the cache keeps a record.
  clock.advance(3_600_000)
  expect(codeOf(await ask(primary, 'guesser'))).toBe('let in')
  expect(codeOf(await guess('another'))).toBe('credential_invalid')
})

it('K3: every profile answers it with 429 and Retry-After, which no cache keeps', () => {
  for (const profile of [
    standard(),
    boomiFlow(),
    flare({ account: () => undefined }),
    flowgear(),
  ]) {
    const { status, headers } = profile.refuse(rateLimited(60))
    expect([status, headers['retry-after'], headers['cache-control']], profile.name).toEqual([
      429,
      '60',
      'no-store',
    ])
  }
})

it('L1: two dependencies, of which a fix can be installed without a release here, optional drivers and frameworks, and nothing runs at install', () => {
  const manifest = JSON.parse(read('package.json')) as Record<string, Record<string, unknown>>
  expect(Object.keys(manifest['dependencies'] ?? {}).sort()).toEqual(['@noble/hashes', 'jose'])
  for (const version of Object.values(manifest['dependencies'] ?? {}))
    expect(version).toMatch(/^\^\d+\.\d+\.\d+$/)
  for (const peer of Object.keys(manifest['peerDependencies'] ?? {}))
    expect(manifest['peerDependenciesMeta']?.[peer], peer).toEqual({ optional: true })
  const hooks = [
    'preinstall',
    'install',
    'postinstall',
    'prepare',
    'preprepare',
    'postprepare',
    'prepublish',
  ]
  expect(Object.keys(manifest['scripts'] ?? {}).filter((name) => hooks.includes(name))).toEqual([])
  const lock = JSON.parse(read('package-lock.json')) as {
    packages: Record<string, { integrity?: string; hasInstallScript?: true }>
  }
  for (const name of ['jose', '@noble/hashes']) {
    const locked = lock.packages[`node_modules/${name}`]
    expect([locked?.integrity?.startsWith('sha512-'), locked?.hasInstallScript]).toEqual([
      true,
      undefined,
    ])
  }
  const release = read('.github/workflows/release.yml')
  for (const step of ['--provenance', 'npm sbom', '--ignore-scripts'])
    expect(release).toContain(step)
  expect(read('SECURITY.md')).toContain('Reporting a problem')
})

it('L3: a report of a leak ends a key only if its exact bytes are signed', async () => {
  const { twinkey } = createBench()
  const signer = createSigner()
  const server = await startKeyServer(signer.listed)
  const { post } = createLeaks(twinkey, server, signer)
  const { key, primary } = await twinkey.keys.create(INPUT)
  const body = JSON.stringify([matchOf(primary)])
  const stateAfter = async (headers: Record<string, string>) => {
    await post(body, headers)
    return (await twinkey.keys.get(key.id))?.state
  }
  expect(await stateAfter({})).toBe('active')
  expect(await stateAfter(headersOf(createSigner(signer.id), body))).toBe('active')
  expect(await stateAfter(headersOf(signer, `${body} `))).toBe('active')
  expect(await stateAfter(headersOf(signer, body))).toBe('disabled')
  await server.close()
})

it('L3: a scanner has an expression and a checksum, finds secrets in text with them, and ignores look-alikes', async () => {
  const { primary } = await createBench({ prefixes: ['acme'] }).twinkey.keys.create(INPUT)
  const pattern = secretPattern('acme')
  for (const text of [
    `KEY=${primary}`,
    `{"key":"${primary}"}`,
    `curl -H "Authorization: Bearer ${primary}"\n`,
    `/?auth-key=${primary}&a=1`,
  ]) {
    const found = pattern.exec(text)?.[0] ?? ''
    expect([found, hasValidChecksum(found)]).toEqual([primary, true])
  }
  const madeUp = `acme_${'x'.repeat(65)}`
  expect([pattern.test(madeUp), hasValidChecksum(madeUp)]).toEqual([true, false])
  for (const text of [
    `x${primary}`,
    `${primary}x`,
    primary.replace('acme', 'acne'),
    primary.slice(0, -1),
  ])
    expect(pattern.test(text)).toBe(false)
})
