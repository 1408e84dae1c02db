import { createHmac } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import express from 'express'
import {
  type CryptoKey,
  decodeJwt,
  decodeProtectedHeader,
  importJWK,
  type JWK,
  type JWTPayload,
  SignJWT,
} from 'jose'
import { atRoot, createTwinkey, generateSigningKey, type Twinkey } from 'twinkey'
import { mount } from 'twinkey/express'
import { memoryLimiter } from 'twinkey/limits'
import { oauthEndpoints } from 'twinkey/oauth'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { blocksOf, blockWith } from '../support/guide.ts'
import { freePort } from '../support/postgres.ts'
import { createProject, type Project } from '../support/project.ts'

const PATH = '/t1/customers'
const SCOPE = { tenants: ['t1'], workflows: ['customers.read'] }

/** An API with the endpoints of OAuth, at an issuer of its own. */
async function startIssuer(signingKey: JWK) {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const other = `${url}/other`
  const twinkey = createTwinkey({
    environments: ['production', 'test'],
    limiter: memoryLimiter(),
    tokens: { issuer: url, audience: url, signingKeys: [signingKey] },
    resources: [other],
  })
  const oauth = oauthEndpoints(twinkey, { url: `${url}/oauth` })
  const app = express()
  app.use(mount(atRoot(oauth)))
  app.use('/oauth', mount(oauth))
  const server = createServer(app)
  await new Promise<void>((listening) => server.listen(port, '127.0.0.1', listening))
  return { url, other, twinkey, server }
}

async function tokenOf(
  twinkey: Twinkey,
  input: Partial<Parameters<Twinkey['keys']['create']>[0]> = {},
  request: Parameters<Twinkey['tokens']['issue']>[1] = {},
) {
  const { primary, key } = await twinkey.keys.create({ name: 'k', scope: SCOPE, ...input })
  const issued = await twinkey.tokens.issue(primary, request, { address: '127.0.0.1' })
  if (!issued.ok) throw new Error(issued.refusal.code)
  return { token: issued.token, key, primary }
}

let signingKey: JWK
let issuer: Awaited<ReturnType<typeof startIssuer>>
let project: Project
const servers: Server[] = []
/** Each token with the status that it gets. */
let cases: Record<string, readonly [status: number, token: string | undefined]>

async function makeCases(): Promise<typeof cases> {
  const { twinkey, other, url } = issuer
  const good = await tokenOf(twinkey)
  const claims = decodeJwt(good.token)
  const privateKey = (await importJWK(signingKey, 'ES256')) as CryptoKey
  const { kid = '' } = decodeProtectedHeader(good.token)
  const forge = (
    changes: JWTPayload,
    header: { typ?: string } = { typ: 'at+jwt' },
    key = privateKey,
  ) =>
    new SignJWT({ ...claims, ...changes })
      .setProtectedHeader({ alg: 'ES256', kid, ...header })
      .sign(key)
  const revoked = await tokenOf(twinkey)
  await twinkey.keys.revoke(revoked.key.id)
  expect((await twinkey.tokens.verify(revoked.token)).ok).toBe(false)
  const now = Math.floor(Date.now() / 1000)
  const stranger = (await importJWK(await generateSigningKey(), 'ES256')) as CryptoKey
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const symmetric = `${encode({ alg: 'HS256', typ: 'at+jwt', kid })}.${encode(claims)}`
  const { d: _private, ...publicKey } = signingKey
  const confused = createHmac('sha256', JSON.stringify(publicKey)).update(symmetric)
  const networks = { networks: ['127.0.0.0/8'], tokens: true }
  const limits = { limits: [{ requests: 1, perSeconds: 60 }], tokens: true }
  return {
    'a valid token': [200, good.token],
    'a token for everything': [
      200,
      (await tokenOf(twinkey, { scope: { tenants: '*', workflows: '*' } })).token,
    ],
    'a token whose key was revoked, until it expires': [200, revoked.token],
    'a token for another tenant': [
      403,
      (await tokenOf(twinkey, { scope: { ...SCOPE, tenants: ['t2'] } })).token,
    ],
    'a token for another workflow': [
      403,
      (await tokenOf(twinkey, { scope: { ...SCOPE, workflows: ['customers'] } })).token,
    ],
    'a token for another environment': [
      403,
      (await tokenOf(twinkey, { scope: { ...SCOPE, environments: ['test'] } })).token,
    ],
    'a token of a key with networks': [403, (await tokenOf(twinkey, networks)).token],
    'a token of a key with limits': [403, (await tokenOf(twinkey, limits)).token],
    'a token for another audience': [401, (await tokenOf(twinkey, {}, { resource: other })).token],
    'a token of another issuer': [401, await forge({ iss: `${url}/` })],
    'an expired token': [401, await forge({ iat: now - 4000, exp: now - 400 })],
    'a JWT of another type': [401, await forge({}, { typ: 'JWT' })],
    'a JWT without a type': [401, await forge({}, {})],
    'a token that another key signed': [401, await forge({}, { typ: 'at+jwt' }, stranger)],
    'a token signed with the public key as a secret': [
      401,
      `${symmetric}.${confused.digest('base64url')}`,
    ],
    'an unsigned token': [401, `${encode({ alg: 'none', typ: 'at+jwt', kid })}.${encode(claims)}.`],
    'an API key': [401, good.primary],
    'no credential': [401, undefined],
  }
}

beforeAll(async () => {
  signingKey = await generateSigningKey()
  issuer = await startIssuer(signingKey)
  servers.push(issuer.server)
  cases = await makeCases()
  project = createProject('tokens-elsewhere', [
    '@hono/node-server',
    '@types/express',
    '@types/node',
    'express',
    'express-oauth2-jwt-bearer',
    'hono',
    'jose',
    'tsx',
    'typescript',
  ])
  project.write({
    'claims.ts': blockWith('tokens-elsewhere', 'export function allows'),
    'jose.ts': blockWith('tokens-elsewhere', "from 'jose'"),
    'hono.ts': blockWith('tokens-elsewhere', "from 'hono/jwk'"),
    'express.ts': blockWith('tokens-elsewhere', "from 'express-oauth2-jwt-bearer'"),
    // The function of the guide, behind HTTP so that it gets the same requests.
    'jose-server.ts': `
import { createServer } from 'node:http'
import { authenticate } from './jose.js'
createServer(async (request, response) => {
  const tenant = request.url?.split('/')[1] ?? ''
  const token = request.headers.authorization?.replace('Bearer ', '') ?? ''
  const target = { tenant, environment: 'production', workflow: 'customers.read' }
  const status = await authenticate(token, target).then(
    () => 200,
    (error: Error) => (error.message === 'The token does not allow this request.' ? 403 : 401),
  )
  response.writeHead(status).end()
}).listen(Number(process.env['PORT']), () => console.log('Listening'))
`,
    'tsconfig.json': JSON.stringify({
      compilerOptions: {
        strict: true,
        exactOptionalPropertyTypes: true,
        noUncheckedIndexedAccess: true,
        noPropertyAccessFromIndexSignature: true,
        noEmit: true,
        skipLibCheck: true,
        target: 'es2023',
        module: 'nodenext',
        types: ['node'],
      },
    }),
  })
})
afterAll(async () => {
  await project?.remove()
  for (const server of servers) {
    server.closeAllConnections()
    server.close()
  }
})

test('every program of the guide is used, and compiles', () => {
  expect(blocksOf('tokens-elsewhere', 'ts')).toHaveLength(4)
  expect(project.run('tsc', [])).toBe('')
})

test.each(['jose-server', 'hono', 'express'])(
  'the program %s accepts only what the guide says',
  async (name) => {
    const port = await freePort()
    const env = { PORT: String(port), ISSUER: issuer.url }
    await project.start('tsx', [`${name}.ts`], /Listening/, env)
    const expected: Record<string, number> = {}
    const answered: Record<string, number> = {}
    for (const [title, [status, token]] of Object.entries(cases)) {
      const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
      const response = await fetch(`http://127.0.0.1:${port}${PATH}`, { headers })
      expected[title] = status
      answered[title] = response.status
    }
    expect(answered).toEqual(expected)
  },
)

test('the check of claims refuses claims that are missing or of another form', async () => {
  const { allows } = await import(pathToFileURL(join(project.folder, 'claims.ts')).href)
  const target = { tenant: 't1', environment: 'production', workflow: 'w' }
  const full = { tenants: ['t1'], environments: '*', workflows: ['w'] }
  expect(allows(full, target)).toBe(true)
  for (const claims of [
    undefined,
    {},
    { ...full, tenants: 't1' },
    { ...full, tenants: undefined },
    { ...full, workflows: ['*'] },
    { ...full, workflows: 'w*' },
    { ...full, networks: [] },
    { ...full, limits: null },
  ])
    expect(allows(claims, target), JSON.stringify(claims)).toBe(false)
})

describe('what the documents of AWS API Gateway require of HTTP APIs', () => {
  test('is in the discovery document and in the tokens, with a signing key for RS256', async () => {
    const { url, twinkey, server } = await startIssuer(await generateSigningKey('RS256'))
    servers.push(server)
    const response = await fetch(`${url}/.well-known/openid-configuration`)
    const discovery = (await response.json()) as { issuer: string; jwks_uri: string }
    expect(discovery.issuer).toBe(url)
    const { keys } = (await (await fetch(discovery.jwks_uri)).json()) as { keys: JWK[] }
    const { token, key } = await tokenOf(twinkey)
    const header = decodeProtectedHeader(token)
    expect(header.alg).toBe('RS256')
    expect(keys.find(({ kid }) => kid === header.kid)).toMatchObject({ kty: 'RSA', alg: 'RS256' })
    const { iss, aud, exp = 0, iat = 0, client_id, scope } = decodeJwt(token)
    expect([iss, aud, client_id]).toEqual([url, url, key.id])
    const now = Date.now() / 1000
    expect(iat).toBeLessThanOrEqual(now)
    expect(exp).toBeGreaterThan(now)
    // The guide says to configure these two words for a route.
    expect(String(scope).split(' ')).toContain('workflow:customers.read')
    const all = await tokenOf(twinkey, { scope: { tenants: '*', workflows: '*' } })
    expect(String(decodeJwt(all.token)['scope']).split(' ')).toContain('workflow:*')
  })
})
