import { InvalidTokenError, OAuthError } from '@modelcontextprotocol/sdk/server/auth/errors.js'
import { requireBearerAuth } from '@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js'
import type { OAuthTokenVerifier } from '@modelcontextprotocol/sdk/server/auth/provider.js'
import type { Scope } from 'twinkey'
import { requireAuth } from 'twinkey/express'
import { mcpAuthInfo, mcpPrincipal, mcpTokenVerifier, resourceMetadataUrl } from 'twinkey/oauth'
import { standard } from 'twinkey/profiles'
import { createVerifier } from 'twinkey/verifier'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { AUDIENCE, createBench, ISSUER, signingKey } from '../../support/bench.ts'
import { errorCodeOf } from '../../support/faults.ts'
import { forge } from '../../support/forge.ts'
import { callWhoami, serveMcp, startMcpApp, whoami } from './mcp-host.ts'

const RESOURCE = 'https://api.example/mcp'
const METADATA = resourceMetadataUrl(RESOURCE)
const REQUIRED = ['customers.read', 'invoices.read']
const SCOPE = { tenants: ['t1'], workflows: REQUIRED }
const invalidToken = (message: string) => new InvalidTokenError(message)

// The SDK reads the clock of the machine.
const bench = createBench({
  now: () => Date.now(),
  tokens: { issuer: ISSUER, audience: AUDIENCE, signingKeys: [signingKey] },
  resources: [RESOURCE],
})
const { twinkey, spy } = bench
const options = { resource: RESOURCE, scopes: REQUIRED, invalidToken }
// Assignable to the type of the SDK.
const verifier: OAuthTokenVerifier = mcpTokenVerifier(twinkey, options)

let host: Awaited<ReturnType<typeof startMcpApp>>
beforeAll(async () => {
  host = await startMcpApp((app) => {
    const bearer = requireBearerAuth({
      verifier,
      requiredScopes: REQUIRED,
      resourceMetadataUrl: METADATA,
      expectedResource: new URL(RESOURCE),
    })
    app.post('/sdk', bearer, serveMcp)
    const guard = requireAuth(twinkey, {
      workflow: 'customers.read',
      resource: RESOURCE,
      profile: standard({ resourceMetadata: METADATA }),
    })
    app.post('/twinkey', guard, (req, res) => {
      const auth = mcpAuthInfo(req.principal, { resource: RESOURCE, scopes: REQUIRED })
      return serveMcp(Object.assign(req, { auth }), res)
    })
  })
})
afterAll(() => host.close())

const create = (scope: Partial<Scope> = {}, more = {}) =>
  twinkey.keys.create({ name: 'Assistant', scope: { ...SCOPE, ...scope }, ...more })

async function tokenFor(secret: string, resource = RESOURCE): Promise<string> {
  const issued = await twinkey.tokens.issue(secret, { resource })
  if (!issued.ok) throw new Error(issued.refusal.code)
  return issued.token
}

// Another character than the given one.
const nextOf = (last: string) => (last === 'x' ? 'y' : 'x')

const bearer = (credential: string) => ({ authorization: `Bearer ${credential}` })
const requestInit = (credential: string) => ({ requestInit: { headers: bearer(credential) } })

describe.each(['/sdk', '/twinkey'])('an MCP server at %s', (path) => {
  test('serves the client of the SDK with a key and with a token', async () => {
    const { key, primary } = await create({}, { owner: 'u1' })
    const token = await tokenFor(primary)
    for (const [credential, via] of [
      [primary, 'secret'],
      [token, 'token'],
    ] as const) {
      const info = await whoami(host.url + path, requestInit(credential))
      expect(info).toMatchObject({
        clientId: key.id,
        scopes: [
          ...REQUIRED,
          'tenant:t1',
          'environment:*',
          ...REQUIRED.map((w) => `workflow:${w}`),
        ],
        resource: RESOURCE,
        extra: { principal: { keyId: key.id, name: 'Assistant', owner: 'u1', via } },
      })
      expect(info.expiresAt).toSatisfy(Number.isInteger)
    }
  })

  test.each([
    ['a wrong secret', async () => (await create()).primary.replace(/.$/, nextOf)],
    ['a token for another audience', async () => tokenFor((await create()).primary, AUDIENCE)],
    ['a forged token', async () => forge({ payload: { sub: 'x', aud: RESOURCE } })],
    ['a credential with spaces', async () => 'a b'],
    [
      'a revoked key',
      async () => {
        const { key, primary } = await create()
        const token = await tokenFor(primary)
        await twinkey.keys.revoke(key.id)
        return token
      },
    ],
  ])('refuses %s with 401', async (name, credential) => {
    const answer = await callWhoami(host.url + path, bearer(await credential()))
    expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([
      path === '/twinkey' && name.includes('spaces') ? 400 : 401,
      expect.stringMatching(/^Bearer .*error="invalid_(?:token|request)"/),
    ])
  })

  test('does not read a credential in the query', async () => {
    const { primary } = await create()
    const token = await tokenFor(primary)
    for (const credential of [primary, token])
      expect((await callWhoami(`${host.url}${path}?access_token=${credential}`, {})).status).toBe(
        401,
      )
  })

  test('refuses a credential that lacks a workflow with 403 insufficient_scope', async () => {
    const { primary } = await create({ workflows: ['invoices.read'] })
    for (const credential of [primary, await tokenFor(primary)]) {
      const answer = await callWhoami(host.url + path, bearer(credential))
      expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([
        403,
        expect.stringContaining('error="insufficient_scope"'),
      ])
    }
  })

  test('serves a key for all workflows', async () => {
    const { primary } = await create({ workflows: '*' })
    const { scopes } = await whoami(host.url + path, requestInit(primary))
    expect(scopes).toEqual(['tenant:t1', 'environment:*', 'workflow:*', ...REQUIRED])
  })

  test('does not call a credential invalid while the store fails', async () => {
    const { primary } = await create()
    spy.override({ get: () => Promise.reject(new Error('down')) })
    try {
      const answer = await callWhoami(host.url + path, bearer(primary))
      expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([
        path === '/sdk' ? 500 : 503,
        null,
      ])
      expect(await answer.text()).not.toContain('down')
    } finally {
      spy.override({})
    }
  })
})

describe("the SDK's requireBearerAuth with the verifier", () => {
  test('names all required scopes and the metadata in one challenge', async () => {
    const { primary } = await create({ workflows: ['customers.read'] })
    const answer = await callWhoami(`${host.url}/sdk`, bearer(primary))
    expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([
      403,
      `Bearer error="insufficient_scope", error_description="Insufficient scope", scope="${REQUIRED.join(' ')}", resource_metadata="${METADATA}"`,
    ])
  })

  test('names the metadata when a credential is invalid, and repeats nothing of it', async () => {
    const answer = await callWhoami(`${host.url}/sdk`, bearer('tk_leaked'))
    expect(await answer.json()).toEqual({
      error: 'invalid_token',
      error_description: 'The credential is not valid.',
    })
    expect(answer.headers.get('www-authenticate')).toContain(`resource_metadata="${METADATA}"`)
  })
})

describe('verifyAccessToken', () => {
  test('throws the error of the SDK only for a credential that is not valid', async () => {
    await expect(verifier.verifyAccessToken('nothing')).rejects.toBeInstanceOf(InvalidTokenError)
    await expect(verifier.verifyAccessToken('')).rejects.toBeInstanceOf(InvalidTokenError)
    const { primary } = await create()
    spy.override({ get: () => new Promise(() => {}) })
    try {
      const other = bench.another({ deadlineSeconds: 0.01 })
      const failing = mcpTokenVerifier(other, options)
      expect(await errorCodeOf(() => failing.verifyAccessToken(primary))).toBe('store_unavailable')
      await expect(failing.verifyAccessToken(primary)).rejects.not.toBeInstanceOf(OAuthError)
    } finally {
      spy.override({})
    }
  })

  test('counts as a use of the secret, and returns the secret because the SDK asks for it', async () => {
    const { key, primary } = await create()
    expect((await verifier.verifyAccessToken(primary)).token).toBe(primary)
    await twinkey.flush()
    expect((await twinkey.keys.get(key.id))?.lastUsedAt).toEqual(expect.any(Number))
  })

  test('returns the expiry of the credential in seconds, and the year 9999 if it has none', async () => {
    const expiresAt = Date.now() + 90_500
    const { primary } = await create({}, { expiresAt })
    expect((await verifier.verifyAccessToken(primary)).expiresAt).toBe(Math.floor(expiresAt / 1000))
    const { primary: endless } = await create()
    const end = (await verifier.verifyAccessToken(endless)).expiresAt ?? 0
    expect(new Date(end * 1000).toISOString()).toBe('9999-12-31T23:59:59.000Z')
  })

  test('works with the public keys alone, for tokens', async () => {
    const { primary } = await create()
    const token = await tokenFor(primary)
    const alone = mcpTokenVerifier(
      createVerifier({ jwks: await twinkey.tokens.jwks(), issuer: ISSUER, audience: RESOURCE }),
      options,
    )
    expect((await alone.verifyAccessToken(token)).scopes).toContain('customers.read')
    await expect(alone.verifyAccessToken(primary)).rejects.toBeInstanceOf(InvalidTokenError)
  })

  test('lists a required word only if the scope covers it, in the words of the server', async () => {
    const words = ['tenant:t1', 'tenant:t2']
    const check = mcpTokenVerifier(twinkey, {
      ...options,
      scopes: [...words, 'workflow:GET%20%2Fa'],
    })
    const { primary } = await create({ workflows: ['GET /a'] })
    expect((await check.verifyAccessToken(primary)).scopes).toEqual([
      'GET%20%2Fa',
      'tenant:t1',
      'environment:*',
      'workflow:GET%20%2Fa',
    ])
    const { primary: wide } = await create({ tenants: '*', workflows: '*' })
    expect((await check.verifyAccessToken(wide)).scopes).toEqual([
      'tenant:*',
      'environment:*',
      'workflow:*',
      ...words,
      'workflow:GET%20%2Fa',
    ])
  })

  test('does not list a workflow that is named like a tenant as that tenant', async () => {
    const { primary } = await create({ workflows: ['tenant:t2', '*x'] })
    expect((await verifier.verifyAccessToken(primary)).scopes).toEqual([
      'tenant%3At2',
      'tenant:t1',
      'environment:*',
      'workflow:tenant%3At2',
      'workflow:*x',
    ])
  })
})

test('requireAuth names the workflow and the metadata in one challenge, without an error if no credential was sent', async () => {
  const { primary } = await create({ workflows: ['invoices.read'] })
  const [none, lacking] = await Promise.all(
    [{}, bearer(primary)].map(async (headers) => {
      const answer = await callWhoami(`${host.url}/twinkey`, headers)
      return answer.headers.get('www-authenticate')
    }),
  )
  const known = `scope="workflow:customers.read", resource_metadata="${METADATA}"`
  expect(none).toBe(`Bearer realm="api", ${known}`)
  expect(lacking).toBe(
    `Bearer realm="api", error="insufficient_scope", error_description="The credential does not reach this workflow.", ${known}`,
  )
})

test('a handler gets no credential unless mcpAuthInfo gets it', async () => {
  const { primary } = await create()
  expect((await whoami(`${host.url}/twinkey`, requestInit(primary))).token).toBe('')
})

test('a tool gets the principal, and an error if no guard has run', async () => {
  const { key, primary } = await create()
  const info = await verifier.verifyAccessToken(primary)
  expect(mcpPrincipal(info)).toMatchObject({ keyId: key.id, via: 'secret', metadata: {} })
  for (const without of [undefined, {}, { extra: {} }, { extra: { principal: 'p' } }])
    expect(() => mcpPrincipal(without)).toThrow(/no guard of Twinkey has run/)
})

describe('wrong options', () => {
  test.each([
    ['a resource that is not known', { resource: 'https://other.example/' }, 'tokens.audience'],
    ['a resource that is no URL', { resource: 'mcp' }, 'absolute URL'],
    ['a resource with a fragment', { resource: `${RESOURCE}#a` }, 'fragment'],
    ['no function for the error', { invalidToken: undefined }, 'InvalidTokenError'],
    ['two words in one', { scopes: ['a b'] }, 'list of words'],
    ['a word with an axis that does not exist', { scopes: ['customer:read'] }, 'list of words'],
    ['a misspelt option', { scope: ['a'] }, 'scope'],
  ])('%s', (_name, wrong, words) => {
    const create = () => mcpTokenVerifier(twinkey, { ...options, ...(wrong as object) })
    expect(create).toThrow(TypeError)
    expect(create).toThrow(words)
  })

  test('something other than a Twinkey', () => {
    expect(() => mcpTokenVerifier({} as never, options)).toThrow(/createTwinkey or createVerifier/)
  })
})
