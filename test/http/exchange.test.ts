import { request } from 'node:http'
import { connect } from 'node:http2'
import type { TokenEndpointOptions } from 'twinkey'
import { boomiFlow, flowgear } from 'twinkey/profiles'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { decoded } from '../support/forge.ts'
import type { RawRequest, RawResponse } from '../support/raw-http.ts'
import { tokenHandler } from '../support/token-handler.ts'
import { refused, seen } from './expect.ts'
import { createFixture, type Fixture, RESOURCE } from './fixture.ts'
import { allHosts, type Host, sendTo } from './hosts.ts'

const AT = 'http://localhost/tokens'
const BODY = 'The body must be a JSON object, or a form without repeated names, of at most 64 KiB.'
const SCOPE =
  'scope must be names of workflows, or words like tenant:t1 or workflow:customers.read, separated by single spaces, without repetition.'
const UNKNOWN = 'resource must be one of the URIs for which this API issues tokens.'
const LIFETIME = 'expires_in must be a whole number of seconds from 1 to 3600.'

type Headers = (readonly [string, string])[]

const json = ['Content-Type', 'application/json'] as const
const form = ['Content-Type', 'application/x-www-form-urlencoded'] as const
const narrow = '{"scope":"workflow:customers.read","expires_in":60}'
const NARROWED = {
  expires_in: 60,
  scope: 'tenant:t1 environment:production workflow:customers.read',
}
const WHOLE = {
  expires_in: 3600,
  scope: 'tenant:t1 environment:production workflow:customers.read workflow:customers.write',
}

describe.each(Object.entries(allHosts))('the token endpoints on %s', (_name, start) => {
  let f: Fixture
  let host: Host

  beforeAll(async () => {
    f = await createFixture()
    host = await start(f.twinkey, { routes: [], tokens: { '/tokens': undefined } })
  })
  afterAll(async () => {
    await host.close()
    await f.twinkey.close()
  })

  const post = (
    body: string | undefined,
    headers: Headers = [],
    target = '/tokens',
    secret = f.secrets.primary,
  ): Promise<RawResponse> => {
    const length: Headers =
      body === undefined ? [] : [['Content-Length', String(Buffer.byteLength(body))]]
    return sendTo(host, {
      method: 'POST',
      target,
      headers: [['Authorization', `Bearer ${secret}`], ...length, ...headers],
      body,
    })
  }

  const parsers = [
    '/tokens',
    '/parsed/tokens',
    '/form/tokens',
    '/text/tokens',
    '/json-first/tokens',
  ]

  test.each(parsers)('%s: a missing body narrows nothing', async (target) => {
    for (const body of [undefined, '']) {
      const { status, headers, body: answer } = await post(body, [], target)
      expect({ status, type: headers['content-type'], cache: headers['cache-control'] }).toEqual({
        status: 200,
        type: 'application/json',
        cache: 'no-store',
      })
      expect(headers['x-content-type-options']).toBe('nosniff')
      expect(JSON.parse(answer)).toEqual({
        access_token: expect.any(String),
        token_type: 'Bearer',
        ...WHOLE,
      })
    }
  })

  test.each(
    parsers.flatMap((target) =>
      (
        [
          [],
          [json],
          [form],
          [['Content-Type', 'text/plain']],
          [['Content-Type', 'nonsense']],
        ] as Headers[]
      ).map((headers) => [target, headers[0]?.[1] ?? 'no type', headers] as const),
    ),
  )('%s: a narrower JSON body under %s', async (target, _type, headers) => {
    const { status, body } = await post(narrow, headers, target)
    expect({ status, body: JSON.parse(body) }).toEqual({
      status: 200,
      body: { access_token: expect.any(String), token_type: 'Bearer', ...NARROWED },
    })
  })

  test.each(['/tokens', '/form/tokens', '/text/tokens', '/json-first/tokens'])(
    '%s: a form',
    async (target) => {
      const { status, body } = await post(
        'grant_type=client_credentials&scope=workflow%3Acustomers.read&expires_in=60',
        [form],
        target,
      )
      expect({ status, body: JSON.parse(body) }).toEqual({
        status: 200,
        body: {
          access_token: expect.any(String),
          token_type: 'Bearer',
          ...NARROWED,
          // OAuth clients want the scope as they wrote it.
          scope: 'workflow:customers.read',
        },
      })
    },
  )

  test('a chunked body is read', async () => {
    const chunked = `${narrow.length.toString(16)}\r\n${narrow}\r\n0\r\n\r\n`
    const request: RawRequest = {
      method: 'POST',
      target: '/tokens',
      headers: [
        ['Authorization', `Bearer ${f.secrets.primary}`],
        ['Transfer-Encoding', 'chunked'],
      ],
      body: chunked,
    }
    const { status, body } = await sendTo(host, request)
    expect({ status, scope: JSON.parse(body).scope }).toEqual({
      status: 200,
      scope: NARROWED.scope,
    })
  })

  test.each([
    ['not JSON', BODY, '{"scope":'],
    ['a JSON list', BODY, '["scope"]'],
    ['neither JSON nor form', BODY, 'hello'],
    ['a scope that is no string', SCOPE, '{"scope":["workflow:customers.read"]}'],
    ['a scope with an unknown axis', SCOPE, '{"scope":"planet:earth"}'],
    ['a scope with two blanks', SCOPE, '{"scope":"tenant:t1  tenant:t2"}'],
    ['a scope that names something twice', SCOPE, '{"scope":"tenant:t1 tenant:t1"}'],
    ['a scope with bad percent-encoding', SCOPE, '{"scope":"tenant:%E0%A4%A"}'],
    ['a lifetime of 0', LIFETIME, '{"expires_in":0}'],
    ['a lifetime of 3601', LIFETIME, '{"expires_in":3601}'],
    ['a lifetime that is no number', LIFETIME, '{"expires_in":"soon"}'],
    ['a lifetime in a list', LIFETIME, '{"expires_in":[60]}'],
    ['a lifetime in a form', LIFETIME, 'expires_in=7200'],
    ['an unknown resource', UNKNOWN, '{"resource":"https://elsewhere.test"}'],
    ['an unknown resource in a form', UNKNOWN, 'resource=https%3A%2F%2Felsewhere.test'],
    ['a resource with a slash more', UNKNOWN, `{"resource":"${RESOURCE}/"}`],
    ['a resource in a list', UNKNOWN, `{"resource":["${RESOURCE}"]}`],
    ['a resource that is null', UNKNOWN, '{"resource":null}'],
    ['a resource given twice', UNKNOWN, `resource=${RESOURCE}&resource=${RESOURCE}`],
    ['a parameter given twice', BODY, 'expires_in=60&expires_in=61'],
    ['more than 64 KiB', BODY, `{"scope":"${'x'.repeat(70_000)}"}`],
    ['bytes that are no UTF-8', BODY, '\u0080\u00ff{'],
  ])(
    'refuses an unreadable body, and says what is wrong with it: %s',
    async (_name, detail, body) => {
      const expected = refused('request_malformed', { detail })
      const request: RawRequest = {
        method: 'POST',
        target: '/tokens',
        headers: [
          ['Authorization', `Bearer ${f.secrets.primary}`],
          ['Content-Length', String(Buffer.byteLength(body, 'latin1'))],
        ],
        body,
      }
      expect(seen(await sendTo(host, request), expected)).toEqual(expected)
    },
  )

  test.each([
    ['no resource', '{}', 'https://api.test'],
    ['a resource without a value', 'resource=', 'https://api.test'],
    ['the audience', '{"resource":"https://api.test"}', 'https://api.test'],
    ['a resource', `{"resource":"${RESOURCE}"}`, RESOURCE],
    ['a resource in a form', `resource=${encodeURIComponent(RESOURCE)}&expires_in=60`, RESOURCE],
  ])('a token is for the requested resource: %s', async (_name, body, audience) => {
    const { status, body: answer } = await post(body)
    const { access_token: token } = JSON.parse(answer)
    expect([status, decoded(token).payload['aud']]).toEqual([200, audience])
    // The issuer describes a token for every resource.
    const tested = await sendTo(host, {
      target: '/tokens/test',
      headers: [['Authorization', `Bearer ${token}`]],
    })
    expect([tested.status, JSON.parse(tested.body).via]).toEqual([200, 'token'])
  })

  test('answers a body far over the limit without waiting for the rest of it', async () => {
    const status = await new Promise((resolve, reject) => {
      const headers = { authorization: `Bearer ${f.secrets.primary}`, 'content-length': 50_000_000 }
      if (host.http2) {
        const session = connect(`http://127.0.0.1:${host.port}`).on('error', reject)
        const stream = session
          .request({ ':method': 'POST', ':path': '/tokens', ...headers })
          .on('error', () => {})
        stream.on('response', ({ ':status': answered }) => {
          resolve(answered)
          session.destroy()
        })
        stream.write('x'.repeat(200_000))
        return
      }
      const sent = request(
        { port: host.port, method: 'POST', path: '/tokens', headers, agent: false },
        (response) => {
          resolve(response.statusCode)
          sent.destroy()
        },
      )
      sent.on('error', reject)
      sent.write('x'.repeat(200_000))
    })
    expect(status).toBe(400)
  })

  test('refuses a body that was announced and has been consumed', async () => {
    const expected = refused('request_malformed')
    expect(seen(await post(narrow, [json], '/drained/tokens'), expected)).toEqual(expected)
  })

  test.each([
    ['tenant:t2', refused('tenant_denied')],
    ['tenant:*', refused('tenant_denied')],
    ['environment:test', refused('environment_denied')],
    ['workflow:reports.read', refused('workflow_denied')],
    ['workflow:customers.read workflow:reports.read', refused('workflow_denied')],
  ])('refuses to widen: %s', async (scope, expected) => {
    expect(seen(await post(JSON.stringify({ scope })), expected)).toEqual(expected)
  })

  test('refuses what every guard refuses before it reads the body', async () => {
    const rows = [
      ['disabled', refused('credential_invalid')],
      ['replaced', refused('credential_invalid')],
      ['badStore', refused('unavailable', { retryAfter: '2' })],
      ['noTenants', refused('tenant_denied')],
      ['ownedByNobody', refused('tenant_denied')],
    ] as const
    for (const [name, expected] of rows)
      expect(seen(await post(undefined, [], '/tokens', f.secrets[name]), expected)).toEqual(
        expected,
      )
    expect(
      seen(
        await post('{"scope":', [], '/tokens', f.secrets.disabled),
        refused('credential_invalid'),
      ),
    ).toEqual(refused('credential_invalid'))
    const missing = refused('credential_missing')
    expect(seen(await sendTo(host, { method: 'POST', target: '/tokens' }), missing)).toEqual(
      missing,
    )
  })

  test('a token never mints a token', async () => {
    const expected = refused('credential_invalid')
    expect(seen(await post(undefined, [], '/tokens', f.tokens.primary), expected)).toEqual(expected)
  })

  test('a scope that does not fit into a token is refused, and a narrower one fits', async () => {
    const names = Array.from({ length: 64 }, (_, i) => `${i}`.padEnd(100, 'x'))
    const { primary } = await f.twinkey.keys.create({
      name: 'wide',
      scope: { tenants: names, workflows: '*' },
    })
    const expected = refused('scope_too_large')
    expect(seen(await post(undefined, [], '/tokens', primary), expected)).toEqual(expected)
    expect(
      (await post(JSON.stringify({ scope: `tenant:${names[3]}` }), [], '/tokens', primary)).status,
    ).toBe(200)
  })

  test('other methods are not allowed', async () => {
    const { status, headers } = await sendTo(host, {
      target: '/tokens',
      headers: [['Authorization', `Bearer ${f.secrets.primary}`]],
    })
    expect({ status, allow: headers['allow'], sniff: headers['x-content-type-options'] }).toEqual({
      status: 405,
      allow: 'POST',
      sniff: 'nosniff',
    })
  })

  test('says who a credential belongs to, without a target', async () => {
    for (const text of [f.secrets.primary, f.tokens.primary]) {
      const { status, headers, body } = await sendTo(host, {
        target: '/tokens/test',
        headers: [['Authorization', `Bearer ${text}`]],
      })
      expect(headers['x-content-type-options']).toBe('nosniff')
      expect({ status, body: JSON.parse(body) }).toEqual({
        status: 200,
        body: {
          key_id: expect.any(String),
          name: 'main',
          owner: 'alice',
          slot: 'primary',
          via: text === f.secrets.primary ? 'secret' : 'token',
          scope: WHOLE.scope,
          tenants: ['t1'],
          environments: ['production'],
          workflows: ['customers.read', 'customers.write'],
        },
      })
    }
    const expected = refused('credential_invalid')
    expect(
      seen(
        await sendTo(host, { target: '/tokens/test', headers: [['Authorization', 'Bearer x']] }),
        expected,
      ),
    ).toEqual(expected)
  })

  test('publishes public keys only', async () => {
    const { status, headers, body } = await sendTo(host, { target: '/tokens/jwks.json' })
    expect({
      status,
      cache: headers['cache-control'],
      sniff: headers['x-content-type-options'],
    }).toEqual({
      status: 200,
      cache: 'public, max-age=300',
      sniff: 'nosniff',
    })
    const [key] = JSON.parse(body).keys
    expect(Object.keys(key).sort()).toEqual(['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y'])
  })
})

// The members are those of the standard profile, and the sentences too.
test.each([boomiFlow, flowgear])(
  'the exchange under another profile answers in its own words: %o',
  async (profile) => {
    const f = await createFixture()
    const answers = async (options: TokenEndpointOptions) => {
      const exchange = tokenHandler(f.twinkey, options, '/tokens')
      const headers = {
        authorization: `Bearer ${f.secrets.primary}`,
        'x-boomi-flow-api-key': f.secrets.primary,
      }
      const bodies = ['{"scope":', '{"scope":7}', '{"expires_in":0}']
      const unknown = '{"resource":"https://elsewhere.test"}'
      return Promise.all(
        [...bodies, unknown].map(async (body) =>
          (await exchange(new Request(AT, { method: 'POST', headers, body }))).json(),
        ),
      )
    }
    const answer =
      profile === flowgear
        ? { Message: 'Not Found' }
        : { code: 'request_malformed', message: 'The request could not be read.' }
    const message = 'The request names a resource for which no tokens are issued here.'
    const unknown = profile === flowgear ? answer : { ...answer, message }
    expect(await answers({ profile: profile() })).toEqual([answer, answer, answer, unknown])
  },
)
