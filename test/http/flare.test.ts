import { generateSigningKey } from 'twinkey'
import { describe, expect, test } from 'vitest'
import { AUDIENCE, createBench, ISSUER, signingKey } from '../support/bench.ts'
import { sendRaw } from '../support/raw-http.ts'
import { auth, get, INVALID, post, TENANT_DENIED } from './flare-answers.ts'
import { createDirectory, createFlareFixture, flareRoutes, tokenOf } from './flare-fixture.ts'
import { flareTable } from './flare-table.ts'
import { hosts } from './hosts.ts'
import { runTable, seen } from './wire-suite.ts'

runTable('the Flare profile', flareTable, createFlareFixture, ({ profile }) => ({
  routes: flareRoutes(profile),
  tokens: { '/tokens': { profile } },
}))

describe.each(Object.entries(hosts))('the Flare profile over time on %s', (_name, start) => {
  async function serve() {
    const directory = createDirectory()
    const bench = createBench({ ownerScope: directory.ownerScope, cache: { maxAgeSeconds: 3600 } })
    const { keys } = bench.twinkey
    const { key, primary } = await keys.create({
      name: 'main',
      owner: 'ada',
      scope: { tenants: '*', workflows: '*' },
    })
    const host = await start(bench.twinkey, {
      routes: flareRoutes(directory.profile),
      tokens: { '/tokens': { profile: directory.profile } },
    })
    const generate = async (body?: string) =>
      seen(await sendRaw(host.port, post('/tokens/generate', body, auth(primary))))
    const use = async (token: string, target = '/firework/v4/events') =>
      seen(await sendRaw(host.port, get(target, auth(`Bearer ${token}`))))
    const token = await tokenOf(bench.twinkey, primary, '1002')
    return { ...bench, ...directory, key, primary, token, generate, use, close: () => host.close() }
  }

  test('Flare: a key reaches what its user reaches now, and a live token shrinks with it', async () => {
    const s = await serve()
    expect((await s.use(s.token)).status).toBe(200)
    expect((await s.generate('{"tenant_id":1002}')).status).toBe(200)
    s.scopes.set('ada', s.reach(['1001']))
    await s.twinkey.invalidateOwner('ada')
    expect(await s.use(s.token, '/tenants/1002/events')).toEqual(TENANT_DENIED)
    expect((await s.use(s.token)).status).not.toBe(200)
    expect(await s.generate('{"tenant_id":1002}')).toEqual(TENANT_DENIED)
    expect((await s.generate()).status).toBe(200)
    await s.close()
  })

  test('Flare: a key reaches a tenant that its user has come to reach, and an old token does not', async () => {
    const s = await serve()
    expect(await s.generate('{"tenant_id":1003}')).toEqual(TENANT_DENIED)
    s.scopes.set('ada', s.reach('*'))
    await s.twinkey.invalidateOwner('ada')
    expect((await s.generate('{"tenant_id":1003}')).status).toBe(200)
    expect(await s.use(s.token, '/tenants/1003/events')).toEqual(TENANT_DENIED)
    await s.close()
  })

  test('Flare: when the account is gone, key and live token are refused', async () => {
    const s = await serve()
    s.accounts.delete('ada')
    s.scopes.delete('ada')
    await s.twinkey.invalidateOwner('ada')
    expect(await s.generate()).toEqual(INVALID)
    expect(await s.use(s.token, '/tokens/test')).toEqual(INVALID)
    expect(await s.use(s.token, '/tenants/1002/events')).toEqual(TENANT_DENIED)
    await s.close()
  })

  test('Flare: a key does not expire by itself', async () => {
    const s = await serve()
    s.clock.advance(10 * 365 * 86_400_000)
    expect((await s.generate()).status).toBe(200)
    await s.close()
  })

  test('Flare: a deleted key takes its live tokens with it', async () => {
    const s = await serve()
    expect((await s.use(s.token)).status).toBe(200)
    await s.twinkey.keys.delete(s.key.id)
    expect(await s.use(s.token)).toEqual(INVALID)
    expect(await s.generate()).toEqual(INVALID)
    await s.close()
  })

  test('Flare: no answer sets a cookie', async () => {
    const s = await serve()
    const host = await start(s.twinkey, {
      routes: [],
      tokens: { '/tokens': { profile: s.profile } },
    })
    const { headers } = await sendRaw(
      host.port,
      post('/tokens/generate', undefined, auth(s.primary)),
    )
    expect(headers['set-cookie']).toBeUndefined()
    await host.close()
    await s.close()
  })

  test('Flare: a token outlives a restart and a change of the signing key', async () => {
    const s = await serve()
    const next = await generateSigningKey()
    const restarted = s.another({
      tokens: { issuer: ISSUER, audience: AUDIENCE, signingKeys: [next, signingKey] },
    })
    const host = await start(restarted, {
      routes: flareRoutes(s.profile),
      tokens: { '/tokens': { profile: s.profile } },
    })
    s.clock.advance(45 * 60_000)
    expect(
      (await sendRaw(host.port, get('/firework/v4/events', auth(`Bearer ${s.token}`)))).status,
    ).toBe(200)
    await host.close()
    await s.close()
  })
})

test('Flare: a key without a number is shown by its id, with the scopes of the vendor', async () => {
  const fixture = await createFlareFixture()
  const host = await hosts['Express 5']?.(fixture.twinkey, {
    routes: [],
    tokens: { '/tokens': { profile: fixture.profile } },
  })
  const { body } = await sendRaw(
    host?.port ?? 0,
    get('/tokens/test', auth(`Bearer ${fixture.tokens.numberless}`)),
  )
  const verified = await fixture.twinkey.keys.verify(fixture.secrets.elsewhere)
  expect(JSON.parse(body)).toEqual({
    api_key_id: verified.ok && verified.key.id,
    organization_id: 3,
    scopes: ['authenticated', 'apikey', 'firework'],
    tenant_id: 1001,
    user_email: 'bob@example.com',
    user_id: 8,
  })
  await host?.close()
})
