import { from, type Requirement, type Scope } from 'twinkey'
import { NodeWireRequest } from 'twinkey/http'
import { flare } from 'twinkey/profiles'
import { requireAuth } from 'twinkey/web'
import { expect, it } from 'vitest'
import { createBench } from '../support/bench.ts'
import { errorCodeOf } from '../support/faults.ts'
import { decoded } from '../support/forge.ts'
import { byHeaders, codeOf, type Sent, sent } from '../support/sent.ts'
import { tokenHandler } from '../support/token-handler.ts'

const HELD = { tenants: ['t', 'u'], environments: ['prod'], workflows: ['read'] } as const

async function createScene() {
  const bench = createBench()
  const { key, primary } = await bench.twinkey.keys.create({ name: 'n', scope: HELD })
  const codeFor = async (target: Omit<Sent, 'credential'>, requirement: Requirement = byHeaders) =>
    codeOf(await bench.twinkey.authenticate(sent({ credential: primary, ...target }), requirement))
  const exchange = tokenHandler(bench.twinkey)
  const post = (init: RequestInit, url = 'https://api.example/') =>
    exchange(
      new Request(url, {
        method: 'POST',
        ...init,
        headers: { authorization: `Bearer ${primary}`, ...init.headers },
      }),
    )
  const json = (body: unknown) =>
    post({ body: JSON.stringify(body), headers: { 'content-type': 'application/json' } })
  return { ...bench, key, primary, codeFor, exchange, post, json }
}

it('D1: tenant, environment and workflow must each be covered, byte for byte; empty or unnamed covers nothing', async () => {
  const { twinkey, codeFor } = await createScene()
  const right = { tenant: 't', environment: 'prod', workflow: 'read' }
  expect(await codeFor(right)).toBe('let in')
  for (const tenant of ['T', 't ', 't/', 'tt', 'v'])
    expect(await codeFor({ ...right, tenant })).toBe('tenant_denied')
  expect(await codeFor({ ...right, tenant: '*' })).toBe('request_malformed')
  for (const environment of ['Prod', 'test', 'prod*'])
    expect(await codeFor({ ...right, environment })).toBe('environment_denied')
  for (const workflow of ['READ', 'read.all', 'rea', 'r*'])
    expect(await codeFor({ ...right, workflow })).toBe('workflow_denied')
  for (const axis of ['tenant', 'environment', 'workflow'])
    expect(await codeFor({ ...right, [axis]: undefined })).not.toBe('let in')
  const wrong = [{}, { tenants: ['t'] }, { workflows: '*' }, { tenants: ['t'], workflows: [] }]
  for (const scope of wrong)
    expect(
      await errorCodeOf(twinkey.keys.create({ name: 'n', scope: scope as unknown as Scope })),
    ).toBe('invalid_input')
})

it("D2: a tenant that a caller names can only confirm the key's, and two that differ or repeat are refused", async () => {
  const { twinkey, primary } = await createScene()
  const code = async (
    url: string,
    tenants: string[] = [],
    tenant: Requirement['tenant'] = from.query('tenant'),
  ) => {
    const rawHeaders = [
      'Authorization',
      `Bearer ${primary}`,
      'X-Environment',
      'prod',
      ...tenants.flatMap((each) => ['X-Tenant', each]),
    ]
    return codeOf(
      await twinkey.authenticate(new NodeWireRequest({ url, rawHeaders }), {
        ...byHeaders,
        workflow: 'read',
        tenant,
      }),
    )
  }
  expect(await code('/?tenant=t')).toBe('let in')
  expect(await code('/', ['t'], byHeaders.tenant)).toBe('let in')
  expect(await code('/?tenant=v')).toBe('tenant_denied')
  for (const url of ['/?tenant=t&tenant=t', '/?tenant=t&tenant=v', '/?tenant=v&%74enant=t'])
    expect(await code(url)).toMatch(/^(target_conflict|request_malformed)$/)
  for (const twice of [['t', 't'], ['t', 'v'], ['t, v']])
    expect(await code('/', twice, byHeaders.tenant)).toMatch(
      /^(target_conflict|request_malformed)$/,
    )
  // The credential does not replace a parameter that the route does not have.
  expect(await code('/', [], from.param('tenant'))).not.toBe('let in')
})

it('D3: a name in a scope is a name: no prefix, glob or pattern, and upper and lower case differ', async () => {
  const { twinkey } = await createScene()
  const odd = ['*.read', 'read:*', '^read$', 'read|write', '.*', 'Read']
  const { primary } = await twinkey.keys.create({
    name: 'n',
    scope: { tenants: ['t'], workflows: odd },
  })
  const code = async (workflow: string) =>
    codeOf(
      await twinkey.authenticate(sent({ credential: primary, tenant: 't', workflow }), byHeaders),
    )
  for (const workflow of ['x.read', 'read', 'read:x', 'write', 'READ', 'x'])
    expect(await code(workflow)).toBe('workflow_denied')
  for (const workflow of odd) expect(await code(workflow)).toBe('let in')
  expect(
    await errorCodeOf(
      twinkey.keys.create({ name: 'n', scope: { tenants: ['t', '*'], workflows: '*' } }),
    ),
  ).toBe('invalid_input')
})

it('D4: an existing tenant and an unknown one get the same answer, byte for byte', async () => {
  const { twinkey, primary } = await createScene()
  await twinkey.keys.create({ name: 'other', scope: { tenants: ['other'], workflows: '*' } })
  const guarded = requireAuth(
    twinkey,
    { ...byHeaders, workflow: 'read', environment: 'prod' },
    () => new Response('in'),
  )
  const answer = async (tenant: string) => {
    const response = await guarded(
      new Request('https://api.example/', {
        headers: { authorization: `Bearer ${primary}`, 'x-tenant': tenant },
      }),
    )
    return [response.status, [...response.headers], await response.text()]
  }
  expect(await answer('other')).toEqual(await answer('nosuch'))
  expect((await answer('other'))[0]).toBe(403)
  // A key of another tenant also looks like one that never existed.
  const ids = await Promise.all([
    twinkey.keys.list({ tenant: 'nosuch' }),
    twinkey.keys.get('nosuchkey0000000'),
  ])
  expect(ids).toEqual([{ keys: [], next: undefined }, undefined])
})

it('E1: the exchange is POST only, never cached, with a bounded body, and refuses a tenant that it cannot read', async () => {
  const { twinkey, exchange, post, primary } = await createScene()
  for (const method of ['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS']) {
    const response = await exchange(
      new Request('https://api.example/', {
        method,
        headers: { authorization: `Bearer ${primary}` },
      }),
    )
    expect([
      response.status,
      response.headers.get('allow'),
      response.headers.get('cache-control'),
    ]).toEqual([405, 'POST', 'no-store'])
  }
  for (const init of [
    {},
    { body: 'x'.repeat(100_000) },
    { body: '{' },
    { headers: { authorization: 'Bearer tk_x' } },
  ]) {
    const response = await post(init)
    expect([response.ok, response.headers.get('cache-control')]).toEqual([
      Object.keys(init).length === 0,
      'no-store',
    ])
  }
  // Valid except for its length, so that nothing else stops it.
  const padded = (bytes: number) => ({ body: JSON.stringify({ unknown: 'x'.repeat(bytes - 14) }) })
  expect([(await post(padded(65_536))).status, (await post(padded(65_537))).status]).toEqual([
    200, 400,
  ])
  const numbered = await twinkey.keys.create({
    name: 'n',
    scope: { tenants: ['1'], workflows: '*' },
  })
  const profile = flare({
    account: () => ({ userId: 1, userEmail: 'ada@example.org', organizationId: 1, tenantId: 1 }),
  })
  // Like an SDK of Flare: the key alone, and a body without a Content-Type.
  const generate = (body: string) =>
    tokenHandler(twinkey, { profile })(
      new Request('https://api.example/generate', {
        method: 'POST',
        body: Buffer.from(body),
        headers: { authorization: numbered.primary },
      }),
    )
  for (const body of ['', '{"tenant_id":1}']) expect((await generate(body)).status).toBe(200)
  for (const body of [
    '{"tenant_id":"x"}',
    '{"tenant_id":1.5}',
    '{"tenant_id":null}',
    '{"tenant_id"',
    '{"tenant_id":2}',
  ])
    expect((await generate(body)).ok, body).toBe(false)
})

it('E3: a parameter appears once, an unknown one is ignored, an empty one counts as omitted, and a wrong one has its error', async () => {
  const { post, json } = await createScene()
  const form = (body: string) =>
    post({ body, headers: { 'content-type': 'application/x-www-form-urlencoded' } })
  expect((await form('scope=tenant:t&scope=tenant:u')).status).toBe(400)
  expect((await form('expires_in=60&expires_in=60')).status).toBe(400)
  for (const body of ['scope=', 'unknown=1', 'grant_type=client_credentials', ''])
    expect((await form(body)).status, body).toBe(200)
  for (const body of [
    'scope=planet:earth',
    'scope=%00',
    'expires_in=0',
    'expires_in=3601',
    'expires_in=-1',
  ])
    expect((await form(body)).status, body).toBe(400)
  expect(await (await json({ scope: 7 })).json()).toMatchObject({
    status: 400,
    code: 'request_malformed',
  })
})

it('E4: a token request can only narrow, and no parameter sets a claim', async () => {
  const { json, key, clock } = await createScene()
  for (const scope of ['tenant:v', 'workflow:write', 'tenant:*'])
    expect((await json({ scope })).status).toBe(403)
  const now = clock.now() / 1000
  const greedy = {
    exp: now + 1e6,
    sub: 'mallory',
    owner: 'mallory',
    iss: 'x',
    aud: 'x',
    audience: 'x',
    jti: 'x',
    tenants: '*',
    tenant: 'v',
  }
  const answer = (await (await json({ scope: 'tenant:u', ...greedy })).json()) as {
    access_token: string
    scope: string
  }
  const { payload } = decoded(answer.access_token)
  expect(payload).toMatchObject({
    sub: key.id,
    client_id: key.id,
    tenants: ['u'],
    workflows: ['read'],
    exp: now + 3600,
  })
  expect(payload).toMatchObject({
    iss: 'https://api.example',
    aud: 'https://audience.example',
    jti: expect.stringMatching(/^\w{16}$/),
  })
  expect(payload).not.toHaveProperty('owner')
  expect(answer.scope).toContain('tenant:u')
  expect(answer.scope).not.toContain('tenant:t')
  // `client_id` makes the request one of OAuth, which needs a grant.
  expect((await json({ client_id: 'x' })).status).toBe(400)
})

it('E6: there is no refresh token, neither to get nor to send', async () => {
  const { json, exchange } = await createScene()
  const answer = (await (await json({})).json()) as Record<string, unknown>
  expect(Object.keys(answer).sort()).toEqual(['access_token', 'expires_in', 'scope', 'token_type'])
  const body = new URLSearchParams({
    grant_type: 'refresh_token',
    refresh_token: String(answer['access_token']),
  })
  expect(
    (await exchange(new Request('https://api.example/', { method: 'POST', body }))).status,
  ).toBe(401)
})
