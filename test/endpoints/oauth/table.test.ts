import { oauthEndpoints, resourceMetadataUrl } from 'twinkey/oauth'
import { standard } from 'twinkey/profiles'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { everyHost, type Host, sendTo } from '../../http/hosts.ts'
import { createBench, signingKey } from '../../support/bench.ts'
import { decoded } from '../../support/forge.ts'

const ISSUER = 'https://api.example'
const MCP = 'https://api.example/mcp'
const ELSEWHERE = 'https://other.example/data'
const SCOPE = { tenants: ['t1'], workflows: ['customers.read', 'customers.write'] }
const WHOLE = 'tenant:t1 environment:production workflow:customers.read workflow:customers.write'
const FORM = 'application/x-www-form-urlencoded'
const BASIC = 'Basic realm="api"'

type Fields = Readonly<Record<string, string>>
interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly text: string
  // biome-ignore lint/suspicious/noExplicitAny: any JSON
  readonly json: any
}

const base64 = (text: string) => Buffer.from(text).toString('base64')
const basic = (id: string, secret: string) => ({
  authorization: `Basic ${base64(`${id}:${secret}`)}`,
})
// Some clients encode more than they must.
const encoded = (text: string) =>
  [...text]
    .map((each) => (/\W|_/.test(each) ? `%${each.charCodeAt(0).toString(16)}` : each))
    .join('')

describe.each(Object.entries(everyHost))('OAuth on %s', (_name, start) => {
  const bench = createBench({
    environments: ['production'],
    resources: [MCP, ELSEWHERE],
    tokens: { issuer: ISSUER, audience: ISSUER, signingKeys: [signingKey] },
  })
  const { twinkey, spy, clock } = bench
  let failures = 0
  let wait: number | undefined
  let host: Host
  let id = ''
  let secrets: { primary: string; secondary: string | null }
  let other: { id: string; secret: string }
  let server: { id: string; secret: string }

  beforeAll(async () => {
    const created = await twinkey.keys.create({
      name: 'client',
      owner: 'ada',
      scope: SCOPE,
      secondary: true,
    })
    id = created.key.id
    secrets = created
    const second = await twinkey.keys.create({ name: 'other', scope: SCOPE })
    other = { id: second.key.id, secret: second.primary }
    const third = await twinkey.keys.create({ name: 'server', scope: SCOPE })
    server = { id: third.key.id, secret: third.primary }
    const oauth = oauthEndpoints(twinkey, {
      url: `${ISSUER}/oauth`,
      scopesSupported: ['customers.read'],
      introspect: ({ keyId }) => (keyId === server.id ? [MCP] : undefined),
      throttle: {
        retryAfterSeconds: () => wait,
        failed: () => {
          failures++
        },
        peer: () => '192.0.2.1',
      },
    })
    const profile = standard({ resourceMetadata: resourceMetadataUrl(MCP) })
    host = await start(twinkey, {
      routes: [
        {
          method: 'GET',
          path: '/mcp',
          requirement: { workflow: 'customers.read', resource: MCP, profile },
        },
        {
          method: 'GET',
          path: '/deny',
          requirement: { workflow: 'admin', resource: MCP, profile },
        },
      ],
      tokens: { '/tokens': undefined },
      endpoints: { '/oauth': oauth },
    })
  })
  afterAll(async () => {
    await host.close()
    await twinkey.close()
  })

  async function send(
    method: string,
    target: string,
    headers: Fields = {},
    body?: string,
  ): Promise<Answer> {
    const answer = await sendTo(host, {
      method,
      target,
      headers: [
        ...Object.entries(headers),
        ...(body === undefined
          ? []
          : [['Content-Length', String(Buffer.byteLength(body))] as const]),
      ],
      body,
    })
    const isJson = /json/.test(answer.headers['content-type'] ?? '')
    return { ...answer, text: answer.body, json: isJson ? JSON.parse(answer.body) : undefined }
  }
  const post = (path: string, headers: Fields, body: Fields | string) =>
    send(
      'POST',
      path,
      { 'content-type': FORM, ...headers },
      typeof body === 'string' ? body : new URLSearchParams(body).toString(),
    )
  const token = (headers: Fields, body: Fields | string) => post('/oauth/token', headers, body)
  const own = () => basic(id, secrets.primary)
  const grant = (more: Fields = {}) => token(own(), { grant_type: 'client_credentials', ...more })
  const issue = async (more: Fields = {}): Promise<string> => (await grant(more)).json.access_token
  const failed = ({ status, json }: Answer) => [status, json?.error]

  test('1. client_credentials by Basic', async () => {
    const answer = await grant()
    expect(answer.status).toBe(200)
    expect(answer.headers).toMatchObject({
      'content-type': 'application/json',
      'cache-control': 'no-store',
    })
    expect(answer.json).toEqual({
      access_token: expect.any(String),
      token_type: 'Bearer',
      expires_in: 3600,
      scope: WHOLE,
    })
  })

  test('2. Basic is read form-encoded and as it is, for both secrets', async () => {
    for (const secret of [secrets.primary, secrets.secondary as string])
      for (const headers of [basic(id, secret), basic(encoded(id), encoded(secret))])
        expect((await token(headers, 'grant_type=client_credentials')).status).toBe(200)
  })

  test('3. id and secret in the form, at the token endpoint of the standard profile too', async () => {
    const body = { grant_type: 'client_credentials', client_id: id, client_secret: secrets.primary }
    for (const path of ['/oauth/token', '/oauth/token/', '/tokens'])
      expect([path, (await post(path, {}, body)).status]).toEqual([path, 200])
  })

  test('4. a secret in the address, or two ways at once', async () => {
    const { primary: secret } = secrets
    const inQuery = `/oauth/token?client_id=${id}&client_secret=${secret}`
    expect(failed(await post(inQuery, {}, 'grant_type=client_credentials'))).toEqual([
      400,
      'invalid_request',
    ])
    expect(failed(await post(inQuery, own(), 'grant_type=client_credentials'))).toEqual([
      400,
      'invalid_request',
    ])
    const both = { grant_type: 'client_credentials', client_id: id, client_secret: secret }
    for (const more of [own(), { authorization: `Bearer ${secret}` }, { 'x-api-key': secret }])
      expect(failed(await token(more, both))).toEqual([400, 'invalid_request'])
  })

  test('5. Basic and a client_id in the form', async () => {
    expect((await grant({ client_id: id })).status).toBe(200)
    expect(failed(await grant({ client_id: other.id }))).toEqual([400, 'invalid_request'])
  })

  test('6. a client that is not authenticated gets the same bytes for every reason', async () => {
    const disabled = await twinkey.keys.create({ name: 'disabled', scope: SCOPE })
    await twinkey.keys.disable(disabled.key.id)
    const expired = await twinkey.keys.create({
      name: 'expired',
      scope: SCOPE,
      expiresAt: clock.now() + 1000,
    })
    clock.advance(2000)
    const wrong = `${secrets.primary.slice(0, -1)}${secrets.primary.endsWith('x') ? 'y' : 'x'}`
    const callers: Fields[] = [
      basic(id, wrong),
      basic('unknown', 'unknown'),
      basic('unknown', secrets.primary),
      basic(other.id, secrets.primary),
      basic(id, other.secret),
      basic(disabled.key.id, disabled.primary),
      basic(expired.key.id, expired.primary),
      basic(id, 'ü, x'),
      basic(id, ''),
    ]
    const answers = []
    for (const headers of callers) {
      const { status, headers: all, text } = await token(headers, 'grant_type=client_credentials')
      answers.push(JSON.stringify([status, all['www-authenticate'], all['cache-control'], text]))
    }
    const byForm = await token(
      {},
      { grant_type: 'client_credentials', client_id: id, client_secret: wrong },
    )
    answers.push(JSON.stringify([401, byForm.headers['www-authenticate'], 'no-store', byForm.text]))
    expect(new Set(answers).size).toBe(1)
    expect(JSON.parse(answers[0] as string).slice(0, 2)).toEqual([401, BASIC])
    expect(answers[0]).toContain('invalid_client')
  })

  test('6. a malformed Basic, or none', async () => {
    for (const headers of [
      { authorization: 'Basic !!!' },
      { authorization: `Basic ${base64('no colon')}` },
      {},
    ])
      expect(failed(await token(headers, 'grant_type=client_credentials'))).toEqual([
        401,
        'invalid_client',
      ])
  })

  test('7. no grant_type, or a parameter twice', async () => {
    expect(failed(await token(own(), ''))).toEqual([400, 'invalid_request'])
    expect(failed(await token(own(), 'scope=customers.read'))).toEqual([400, 'invalid_request'])
    for (const twice of ['grant_type=client_credentials', 'scope=a', 'unknown=1'])
      expect(failed(await token(own(), `grant_type=client_credentials&${twice}&${twice}`))).toEqual(
        [400, 'invalid_request'],
      )
  })

  test('7. the description says what to send, and the event has the reason', async () => {
    const grantIn = 'grant_type=client_credentials'
    const cases: readonly (readonly [path: string, body: string, RegExp, reason: string])[] = [
      ['/oauth/token', 'scope=customers.read', /^Send grant_type=/, 'not_readable'],
      ['/oauth/token', `${grantIn}&scope=a b`, /spaces/, 'not_readable'],
      ['/oauth/token', 'grant_type=password', /^The grant_type must be/, 'grant_unsupported'],
      ['/oauth/token?client_secret=x', grantIn, /never in the URL/, 'not_readable'],
    ]
    for (const [path, body, sentence, reason] of cases) {
      bench.events.length = 0
      const { status, json } = await post(path, own(), body)
      expect([status, json.error_description]).toEqual([400, expect.stringMatching(sentence)])
      expect(bench.events).toMatchObject([{ type: 'access.refused', reason }])
    }
  })

  test('8. other grants, beside a secret of the native exchange too', async () => {
    for (const headers of [own(), { authorization: `Bearer ${secrets.primary}` }, {}])
      for (const type of ['authorization_code', 'refresh_token', 'password', 'urn:x'])
        for (const path of ['/oauth/token', '/tokens']) {
          const answer = await post(path, headers, { grant_type: type, client_id: id })
          const isMissing = !('authorization' in headers)
          expect(failed(answer)).toEqual(
            isMissing ? [401, 'invalid_client'] : [400, 'unsupported_grant_type'],
          )
        }
  })

  test('9. a key that may not get tokens', async () => {
    const { key, primary } = await twinkey.keys.create({
      name: 'no tokens',
      scope: SCOPE,
      tokens: false,
    })
    const answer = await token(basic(key.id, primary), 'grant_type=client_credentials')
    expect(failed(answer)).toEqual([400, 'unauthorized_client'])
  })

  test.each([
    'a  b',
    'planet:earth',
    'tenant:t2',
    'customers.delete',
    'workflow:*',
    '*',
    'tenant:%E0%A4%A',
    'a"b',
  ])('10. the scope %j', async (scope) => {
    expect(failed(await grant({ scope }))).toEqual([400, 'invalid_scope'])
  })

  test('11. the response repeats the scope of the request', async () => {
    for (const scope of [
      'customers.read',
      'workflow:customers.read tenant:t1',
      'customers.write customers.read',
    ]) {
      const { json } = await grant({ scope })
      expect(json.scope).toBe(scope)
      expect(decoded(json.access_token).payload).toMatchObject({ tenants: ['t1'] })
    }
    const { payload } = decoded(await issue({ scope: 'customers.read' }))
    expect(payload).toMatchObject({ workflows: ['customers.read'], environments: ['production'] })
  })

  test('12. an empty or unknown parameter counts as absent', async () => {
    const { status, json } = await grant({ scope: '', resource: '', audience: 'x', sub: 'x' })
    expect([status, json.scope]).toEqual([200, WHOLE])
  })

  test('13. another method', async () => {
    const answer = await send('GET', '/oauth/token')
    expect([answer.status, answer.headers['allow'], answer.json.error]).toEqual([
      405,
      'POST',
      'invalid_request',
    ])
  })

  test('14. a secret in its grace', async () => {
    const { key, primary } = await twinkey.keys.create({
      name: 'rotated',
      scope: SCOPE,
      secondary: false,
    })
    await twinkey.keys.rotate(key.id, { graceSeconds: 60 })
    const { json } = await token(basic(key.id, primary), 'grant_type=client_credentials')
    expect(json.expires_in).toBeGreaterThan(0)
    expect(json.expires_in).toBeLessThanOrEqual(60)
  })

  test('15. a store that is down, and a peer that has to wait', async () => {
    const fresh = await twinkey.keys.create({ name: 'fresh', scope: SCOPE })
    spy.override({ get: () => Promise.reject(new Error('down')) })
    try {
      const down = await token(basic(fresh.key.id, fresh.primary), 'grant_type=client_credentials')
      expect([down.status, down.json.error, down.headers['retry-after']]).toEqual([
        503,
        'temporarily_unavailable',
        '2',
      ])
    } finally {
      spy.override({})
    }
    wait = 7
    const late = await token(basic('unknown', 'unknown'), 'grant_type=client_credentials')
    wait = undefined
    expect([late.status, late.json.error, late.headers['retry-after']]).toEqual([
      429,
      'temporarily_unavailable',
      '7',
    ])
  })

  test('15. the same wrong secret counts once in ten seconds', async () => {
    const before = failures
    const body = { grant_type: 'client_credentials', client_id: id, client_secret: 'wrong' }
    for (const headers of [basic(id, 'wrong'), basic(id, 'wr%6Fng')])
      await token(headers, 'grant_type=client_credentials')
    await token({}, body)
    expect(failures - before).toBe(1)
    await token({}, { ...body, client_secret: 'wrong2' })
    expect(failures - before).toBe(2)
    clock.advance(11_000)
    await token({}, body)
    expect(failures - before).toBe(3)
  })

  test('16. a resource is the audience', async () => {
    for (const resource of [MCP, ELSEWHERE, ISSUER, `${ISSUER}/`])
      expect(decoded(await issue({ resource })).payload['aud']).toBe(resource.replace(/e\/$/, 'e'))
    expect(decoded(await issue()).payload['aud']).toBe(ISSUER)
  })

  test('17. a resource that is not configured', async () => {
    for (const resource of ['/mcp', `${MCP}#x`, 'https://unknown.example', `${MCP}/`])
      expect(failed(await grant({ resource }))).toEqual([400, 'invalid_target'])
    const two = `grant_type=client_credentials&resource=${MCP}&resource=${MCP}`
    expect(failed(await token(own(), two))).toEqual([400, 'invalid_target'])
  })

  test('18. the token', async () => {
    const { header, payload } = decoded(await issue())
    expect(header['typ']).toBe('at+jwt')
    expect(payload).toMatchObject({ iss: ISSUER, sub: id, client_id: id, owner: 'ada' })
  })

  test('19. a guard without a credential', async () => {
    const { status, headers } = await send('GET', '/mcp')
    expect([status, headers['www-authenticate']]).toEqual([
      401,
      'Bearer realm="api", scope="workflow:customers.read", resource_metadata="https://api.example/.well-known/oauth-protected-resource/mcp"',
    ])
  })

  test('20. a bad, expired or foreign token', async () => {
    const good = await issue({ resource: MCP })
    const guard = (text: string) => send('GET', '/mcp', { authorization: `Bearer ${text}` })
    expect((await guard(good)).status).toBe(200)
    const foreign = await issue()
    for (const text of [`${good.slice(0, -8)}AAAAAAAA`, foreign]) {
      const { status, headers } = await guard(text)
      expect(status).toBe(401)
      expect(headers['www-authenticate']).toMatch(/error="invalid_token".*resource_metadata="https/)
    }
    clock.advance(3_601_000)
    expect((await guard(good)).headers['www-authenticate']).toContain('error="invalid_token"')
  })

  test('21. a token without the scope', async () => {
    const text = await issue({ resource: MCP })
    const { status, headers } = await send('GET', '/deny', { authorization: `Bearer ${text}` })
    expect(status).toBe(403)
    expect(headers['www-authenticate']).toMatch(
      /error="insufficient_scope".*scope="workflow:admin".*resource_metadata="/,
    )
  })

  test('22. a token in the address is not read', async () => {
    const text = await issue({ resource: MCP })
    expect((await send('GET', `/mcp?access_token=${text}`)).status).toBe(401)
  })

  test('23. the metadata of the server', async () => {
    const paths = ['/.well-known/oauth-authorization-server', '/.well-known/openid-configuration']
    for (const path of paths) {
      const { status, headers, json } = await send('GET', path)
      expect([status, headers['access-control-allow-origin']]).toEqual([200, '*'])
      expect(json).toMatchObject({
        issuer: ISSUER,
        token_endpoint: `${ISSUER}/oauth/token`,
        authorization_endpoint: `${ISSUER}/oauth/authorize`,
        response_types_supported: [],
        grant_types_supported: ['client_credentials'],
      })
      // Nothing comes from the request.
      const spoofed = await send('GET', path, {
        host: 'evil.example',
        'x-forwarded-host': 'evil.example',
      })
      expect(spoofed.text).not.toContain('evil')
    }
    const { status, json } = await send('GET', '/oauth/authorize?response_type=code')
    expect([status, json.error]).toEqual([400, 'unsupported_response_type'])
    const jwks = await send('GET', '/oauth/jwks.json')
    expect(jwks.json.keys).toHaveLength(1)
  })

  test('24. the metadata of a resource', async () => {
    for (const [path, resource] of [
      ['/.well-known/oauth-protected-resource', ISSUER],
      ['/.well-known/oauth-protected-resource/mcp', MCP],
    ]) {
      const { json, headers } = await send('GET', path as string)
      expect(headers['access-control-allow-origin']).toBe('*')
      expect(json).toEqual({
        resource,
        authorization_servers: [ISSUER],
        bearer_methods_supported: ['header'],
        scopes_supported: ['customers.read'],
      })
    }
  })

  test('25. other well-known addresses', async () => {
    for (const path of [
      'oauth-protected-resource/data',
      'oauth-authorization-server/a/b',
      'openid-configuration/x',
    ]) {
      const { status, json } = await send('GET', `/.well-known/${path}`)
      expect([path, status, json]).toEqual([path, 404, { error: 'not_found' }])
    }
  })

  const introspect = (text: string, headers: Fields = own()) =>
    post('/oauth/introspect', headers, { token: text })

  test('26. introspection', async () => {
    const text = await issue({ scope: 'customers.read' })
    const { payload } = decoded(text)
    const live = await introspect(text)
    expect([live.status, live.json]).toEqual([
      200,
      {
        active: true,
        scope: 'tenant:t1 environment:production workflow:customers.read',
        tenants: ['t1'],
        environments: ['production'],
        workflows: ['customers.read'],
        client_id: id,
        sub: id,
        owner: 'ada',
        token_type: 'Bearer',
        iss: ISSUER,
        aud: ISSUER,
        iat: payload['iat'],
        exp: payload['exp'],
        jti: payload['jti'],
      },
    ])
    const forMcp = await issue({ resource: MCP })
    const asServer = basic(server.id, server.secret)
    expect((await introspect(forMcp, asServer)).json.active).toBe(true)
    const dead = [
      await introspect(forMcp, basic(other.id, other.secret)),
      await introspect(text, asServer),
      await introspect(`${text.slice(0, -8)}AAAAAAAA`),
      await introspect(secrets.primary),
      await introspect('nonsense'),
    ]
    expect(dead.map(({ status, text: body }) => [status, body])).toEqual(
      dead.map(() => [200, '{"active":false}']),
    )
    expect(failed(await post('/oauth/introspect', own(), {}))).toEqual([400, 'invalid_request'])
  })

  test('27. introspection without authentication', async () => {
    const text = await issue()
    for (const headers of [{}, basic(id, 'wrong'), { authorization: `Bearer ${text}` }]) {
      const { status, json, headers: all } = await introspect(text, headers)
      expect([status, json.error, all['www-authenticate']]).toEqual([401, 'invalid_client', BASIC])
    }
    // A secret in the places of the standard profile authenticates too.
    for (const headers of [
      { authorization: `Bearer ${secrets.primary}` },
      { 'x-api-key': secrets.primary },
    ])
      expect((await introspect(text, headers)).json.active).toBe(true)
  })

  const revoke = (text: string, headers: Fields = own()) =>
    post('/oauth/revoke', headers, { token: text })

  test('28. revocation', async () => {
    const text = await issue({ resource: MCP })
    const sibling = await issue({ resource: MCP })
    const guard = async (each: string) =>
      (await send('GET', '/mcp', { authorization: `Bearer ${each}` })).status
    expect(await guard(text)).toBe(200)
    const version = (await twinkey.keys.get(id))?.version
    for (const each of [text, text, 'nonsense', `${text.slice(0, -8)}AAAAAAAA`]) {
      const { status, text: body } = await revoke(each)
      expect([status, body]).toEqual([200, '{}'])
    }
    expect([await guard(text), await guard(sibling)]).toEqual([401, 200])
    expect((await introspect(text)).text).toBe('{"active":false}')
    expect((await twinkey.keys.get(id))?.version).toBe(version)
    expect(failed(await revoke(text, basic(id, 'wrong')))).toEqual([401, 'invalid_client'])
    expect(failed(await post('/oauth/revoke', own(), {}))).toEqual([400, 'invalid_request'])
  })

  test('29. a token of another client stays valid', async () => {
    const text = await issue()
    expect((await revoke(text, basic(other.id, other.secret))).status).toBe(200)
    expect((await introspect(text)).json.active).toBe(true)
  })

  test('30. a secret cannot be revoked', async () => {
    expect(failed(await revoke(secrets.primary))).toEqual([400, 'unsupported_token_type'])
    expect((await grant()).status).toBe(200)
  })
})
