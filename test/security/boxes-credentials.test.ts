import { type Requirement, redactUrl } from 'twinkey'
import { flowgear } from 'twinkey/profiles'
import { requireAuth } from 'twinkey/web'
import { afterAll, afterEach, beforeAll, describe, expect, it, type MockInstance, vi } from 'vitest'
import { sha256 } from '#hash'
import { converse } from '../http/converse.ts'
import { type Field, get, send } from '../http/edge-rows.ts'
import { refused, seen } from '../http/expect.ts'
import { createFixture, type Fixture } from '../http/fixture.ts'
import { type Host, hosts } from '../http/hosts.ts'
import { type Route, standardRoutes } from '../http/routes.ts'
import { nodeRefusesManyHeaders } from '../support/many-headers.ts'
import { type RawResponse, sendRaw } from '../support/raw-http.ts'

// Counted, to check that nothing too long is hashed.
vi.mock('#hash', async (load) => {
  const real = await load<typeof import('#hash')>()
  return { ...real, sha256: vi.fn(real.sha256) }
})

const bearer = (text: string): Field => ['Authorization', `Bearer ${text}`]
const apiKey = (text: string): Field => ['X-API-Key', text]
// RFC 6750, section 3: the scheme, then attributes separated by commas, in characters that may be
// quoted.
const CHALLENGE = /^Bearer [a-z_]+="[ !#-[\]-~]*"(?:, [a-z_]+="[ !#-[\]-~]*")*$/

// The only profile that reads the query, and what its handler sees of it.
const flowgearRoute: Route = {
  method: 'GET',
  path: '/flowgear',
  requirement: { profile: flowgear(), anyTarget: true },
  answer: (principal, url) => ({ name: principal?.name, url }),
}

describe.each(Object.entries(hosts))('credentials on %s', (_name, start) => {
  let f: Fixture
  let host: Host
  let spies: MockInstance[] = []

  beforeAll(async () => {
    f = await createFixture()
    host = await start(f.twinkey, {
      routes: [...standardRoutes, flowgearRoute],
      tokens: { '/tokens': undefined },
    })
  })
  afterAll(async () => {
    await host.close()
    await f.twinkey.close()
  })
  afterEach(() => {
    for (const spy of spies) spy.mockRestore()
    spies = []
  })

  const ask = (target: string, ...headers: Field[]): Promise<RawResponse> =>
    sendRaw(host.port, { target, headers })
  const customers = (...headers: Field[]) => ask('/customers/1', ...headers)
  const callerOf = ({ status, body }: RawResponse) =>
    status === 200 ? JSON.parse(body).name : `${status} ${JSON.parse(body).code}`

  it('B1: two fields, two places or a list get 400 invalid_request, equal or not, in the same bytes on every host', async () => {
    const { primary, secondary } = f.secrets
    const expected = refused('credential_ambiguous')
    const rows: Field[][] = [
      [bearer(primary), bearer(primary)],
      [bearer(primary), bearer(secondary)],
      [bearer('x'), bearer(primary)],
      [['authorization', 'Basic eDp5'], bearer(primary)],
      [['Authorization', `Bearer ${primary}, Bearer ${primary}`]],
      [apiKey(primary), ['x-api-key', primary]],
      [apiKey(`${primary}, ${primary}`)],
      [bearer(primary), apiKey(primary)],
    ]
    for (const headers of rows)
      expect(seen(await customers(...headers), expected), JSON.stringify(headers)).toEqual(expected)
    expect(expected.headers['www-authenticate']).toContain('error="invalid_request"')
  })

  it('B1: the one exception is a client of Flowgear that sends the same secret in header and query', async () => {
    const { primary, secondary } = f.secrets
    expect(callerOf(await ask(`/flowgear?auth-key=${primary}`, bearer(primary)))).toBe('main')
    for (const other of [secondary, 'x', '', `${primary}&auth-key=${primary}`])
      expect((await ask(`/flowgear?auth-key=${other}`, bearer(primary))).status, other).toBe(404)
    expect((await ask(`/flowgear?auth-key=${primary}&auth-key=${primary}`)).status).toBe(404)
  })

  it('B1: a secret after the 2,000th header, where Node stops reading, counts for nobody', async () => {
    const others = Array.from({ length: 2100 }, (): Field => ['a', '1'])
    const answers = [
      await customers(...others, bearer(f.secrets.primary)),
      await customers(bearer(f.secrets.primary), ...others, bearer(f.secrets.allTenants)),
    ]
    // A later Node refuses this many headers itself.
    if (await nodeRefusesManyHeaders())
      expect(answers.map(({ status }) => status)).toEqual([431, 431])
    else expect(answers.map(callerOf)).toEqual(['401 credential_missing', 'main'])
  })

  it('B2: the scheme is case-insensitive, spaces and a token68 follow, and no other scheme is read', async () => {
    const { primary } = f.secrets
    const answers: [string, string][] = [
      [`bEARER ${primary}`, 'main'],
      [`Bearer   ${primary}`, 'main'],
      [`Bearer\t${primary}`, '401 credential_missing'],
      [`Bearer:${primary}`, '401 credential_missing'],
      [`Foo ${f.tokens.primary}`, '401 credential_missing'],
      [`Bearers ${primary}`, '401 credential_missing'],
      ['Bearer', '400 credential_malformed'],
      [`Bearer ${primary} x`, '400 credential_malformed'],
      [`Bearer "${primary}"`, '400 credential_malformed'],
      [`Bearer ${primary}\u00a0`, '400 credential_malformed'],
      [`Bearer =${primary}`, '400 credential_malformed'],
      // A token68 that was never issued.
      [`Bearer ${primary}=`, '401 credential_invalid'],
    ]
    for (const [field, caller] of answers)
      expect([field, callerOf(await customers(['Authorization', field]))]).toEqual([field, caller])
  })

  it('B3: statuses and challenges follow RFC 6750, have no error without a credential, and repeat nothing that was sent', async () => {
    const rows = [
      [await customers(), refused('credential_missing')],
      [await customers(['Authorization', 'Basic eDp5']), refused('credential_missing')],
      [await customers(bearer('sent twice')), refused('credential_malformed')],
      [await customers(bearer('made-up')), refused('credential_invalid')],
      [await customers(bearer(f.secrets.disabled)), refused('credential_invalid')],
      [await customers(bearer(f.secrets.revoked)), refused('credential_invalid')],
      [await customers(bearer(f.tokens.ofReplaced)), refused('credential_invalid')],
      [
        await ask('/reports', bearer(f.secrets.primary)),
        refused('workflow_denied', { scope: 'workflow:reports.read' }),
      ],
      [await ask('/tenants/t%22%5C', bearer(f.secrets.primary)), refused('tenant_denied')],
    ] as const
    for (const [answer, expected] of rows) {
      expect(seen(answer, expected)).toEqual(expected)
      expect(answer.headers['www-authenticate']).toMatch(CHALLENGE)
      expect(answer.body + answer.headers['www-authenticate']).not.toMatch(/made-up|sent twice|%22/)
    }
    expect(refused('credential_missing').headers['www-authenticate']).toBe('Bearer realm="api"')
  })

  it('B4: the query is not read, whatever its names', async () => {
    for (const name of [
      'access_token',
      'auth-key',
      'api_key',
      'key',
      'token',
      'authorization',
      'x-api-key',
    ]) {
      for (const text of [f.secrets.primary, f.tokens.primary])
        expect(callerOf(await ask(`/customers/1?${name}=${text}`))).toBe('401 credential_missing')
    }
  })

  it('B4: a profile that reads the query reads only secrets; the answer is not stored, and neither handler nor log sees them', async () => {
    const { primary } = f.secrets
    expect((await ask(`/flowgear?auth-key=${f.tokens.primary}`)).status).toBe(404)
    const answer = await ask(`/flowgear?Auth-Key=x&auth%2Dkey=${primary}&a=1`)
    expect([answer.headers['cache-control'], JSON.parse(answer.body)]).toEqual([
      'no-store',
      { name: 'main', url: '/flowgear?a=1' },
    ])
    expect(redactUrl(`/flowgear?auth%2Dkey=${primary}&a=1`, ['auth-key'])).toBe(
      '/flowgear?auth%2Dkey=[redacted]&a=1',
    )
  })

  it('B5: cookies, Proxy-Authorization, trailers and bodies are no credentials', async () => {
    const { primary } = f.secrets
    expect(
      callerOf(await customers(['Cookie', `token=${primary}; Authorization=Bearer ${primary}`])),
    ).toBe('401 credential_missing')
    expect(callerOf(await customers(['Proxy-Authorization', `Bearer ${primary}`]))).toBe(
      '401 credential_missing',
    )
    const body = `access_token=${primary}`
    const length: Field = ['Content-Length', String(body.length)]
    const form: Field = ['Content-Type', 'application/x-www-form-urlencoded']
    for (const target of ['/customers/1', '/tokens'])
      expect(
        (await sendRaw(host.port, { method: 'POST', target, headers: [form, length], body }))
          .status,
      ).toBe(401)
    const chunked = send(
      'POST',
      '/customers/1',
      ['Transfer-Encoding', 'chunked'],
      ['Trailer', 'Authorization'],
    )
    const [trailed] = await converse(host.port, [
      { bytes: `${chunked}1\r\nx\r\n0\r\nAuthorization: Bearer ${primary}\r\n\r\n` },
    ])
    expect(trailed?.status).toBe(401)
  })

  it('B6: a credential that is too long is refused by its length: nothing is hashed, parsed, verified or looked up', async () => {
    spies = [vi.spyOn(crypto.subtle, 'verify'), vi.spyOn(f.spy.store, 'get')]
    const hashed = vi.mocked(sha256).mock.calls
    const before = [hashed.length, f.spy.calls.get]
    const filled = (length: number) => f.secrets.primary.padEnd(length, 'x')
    for (const headers of [
      [apiKey(filled(257))],
      [bearer(filled(257))],
      [bearer(f.tokens.primary.padEnd(8193, 'x'))],
      [bearer('x'.repeat(12_000))],
    ])
      expect(callerOf(await customers(...headers))).toBe('401 credential_invalid')
    // The longer field: valid except for its length, so that nothing else stops it.
    const [header, , signature] = f.tokens.primary.split('.')
    for (const text of [`${header}.${'A'.repeat(8192)}.${signature}`, filled(257)])
      expect([
        await f.twinkey.tokens.verify(text),
        await f.twinkey.keys.verify(text),
      ]).toMatchObject([{ ok: false }, { ok: false }])
    expect([hashed.length, f.spy.calls.get, ...spies.map(({ mock }) => mock.calls.length)]).toEqual(
      [...before, 0, 0],
    )
  })

  it('B7: no header of the client creates or changes a principal', async () => {
    const forged: Field[] = [
      'X-Consumer-Username',
      'X-Consumer-Id',
      'X-User-Id',
      'X-User',
      'X-Auth-Key',
      'X-Auth-User',
      'X-Forwarded-User',
      'Remote-User',
    ].flatMap(
      (name) =>
        [
          [name, 'all tenants'],
          [name.replaceAll('-', '_'), 'all tenants'],
        ] as Field[],
    )
    expect(callerOf(await customers(...forged))).toBe('401 credential_missing')
    const plain = await customers(bearer(f.secrets.primary))
    expect((await customers(bearer(f.secrets.primary), ...forged)).body).toBe(plain.body)
    expect(JSON.parse(plain.body)).toMatchObject({ name: 'main', tenant: 't1' })
  })

  it('B8: the guard belongs to its route: no spelling of a path reaches the handler without a credential', async () => {
    const spellings = [
      '/customers/1',
      '/customers/1/',
      '//customers/1',
      '/CUSTOMERS/1',
      '/%63ustomers/1',
      '/open/../customers/1',
      '/./customers/1',
    ]
    const more = [
      '/customers%2F1',
      '/customers/1?x=/open',
      '/customers/1#/open',
      '/customers/1;x',
      '/customers/1/.',
      '/customers/1%00',
      '/customers//1',
    ]
    const absolute = [
      'http://localhost/customers/1',
      'http://elsewhere.test/customers/1',
      'http://main:secret@localhost/customers/1',
    ]
    for (const target of [...spellings, ...more, ...absolute]) {
      const [answer] = await converse(host.port, [{ bytes: get(target) }])
      expect([target, answer?.status]).toEqual([target, expect.toBeOneOf([400, 401, 404])])
    }
    // The same paths are served with a key, so it was the guard that refused.
    expect((await ask('http://elsewhere.test/customers/1', bearer(f.secrets.primary))).status).toBe(
      200,
    )
    // A guard also cannot be given a path that it skips.
    expect(() =>
      requireAuth(f.twinkey, { exclude: ['/health'] } as Requirement, () => new Response('')),
    ).toThrow(TypeError)
  })
})
