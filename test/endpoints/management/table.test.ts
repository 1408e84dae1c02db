import type { KeyStore } from 'twinkey'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { OPERATIONS } from '../../../src/core/model/operations.ts'
import { openApiDocument } from '../../../src/endpoints/management/openapi.ts'
import { ROUTES } from '../../../src/endpoints/management/routes.ts'
import { everyHost, type Host } from '../../http/hosts.ts'
import { createManagement, documentErrors, keyOf, over, SCOPE, type Send } from './scene.ts'

const UNKNOWN = 'u'.repeat(16)
const SECRET = `acme_${'a'.repeat(65)}`
const NEW = { name: 'new', scope: SCOPE }

/** Requests that are refused for what they are. `ID` stands for a key of Ada. */
const REFUSED: readonly (readonly [
  name: string,
  request: Parameters<Send>[0],
  status: number,
  code: string,
])[] = [
  ...['cross-site', 'same-site', 'same-origin, cross-site', 'x'].map(
    (site) =>
      [
        `a request with Sec-Fetch-Site: ${site}`,
        { path: '/keys', headers: { 'sec-fetch-site': site } },
        403,
        'forged_request',
      ] as const,
  ),
  ...['https://other.example', 'null', 'http://localhost:81', 'http://localhost.', 'localhost'].map(
    (origin) =>
      [
        `a request with Origin: ${origin}`,
        { path: '/keys', headers: { origin } },
        403,
        'forged_request',
      ] as const,
  ),
  [
    'a request without any sign',
    { path: '/keys', headers: { 'x-twinkey': undefined } },
    403,
    'forged_request',
  ],
  [
    'a change without X-Twinkey from the same origin',
    {
      method: 'POST',
      path: '/keys/ID/revoke',
      body: {},
      headers: { 'x-twinkey': undefined, 'sec-fetch-site': 'same-origin' },
    },
    403,
    'forged_request',
  ],
  ...[
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    undefined,
  ].map(
    (type) =>
      [
        `a change as ${type}`,
        { method: 'POST', path: '/keys/ID/revoke', body: '{}', headers: { 'content-type': type } },
        415,
        'unsupported_media_type',
      ] as const,
  ),
  [
    'a deletion without a type',
    { method: 'DELETE', path: '/keys/ID', headers: { 'content-type': undefined } },
    415,
    'unsupported_media_type',
  ],
  [
    'a form of another site',
    {
      method: 'POST',
      path: '/keys/ID/revoke',
      body: '{}',
      headers: { 'content-type': 'text/plain', 'x-twinkey': undefined },
    },
    403,
    'forged_request',
  ],
  [
    'a page over http, if the host is https',
    { path: '/keys', headers: { origin: 'http://localhost', 'x-forwarded-proto': 'https' } },
    403,
    'forged_request',
  ],
  ['nobody', { path: '/keys', user: undefined }, 404, 'not_found'],
  ['an ended session', { path: '/session', user: 'ended' }, 401, 'session_expired'],
  ...[
    { owner: 'ada' },
    { actor: 'ada' },
    { id: UNKNOWN },
    { primary: SECRET },
    { digest: 'x' },
    { expectedVersion: 1 },
    { expiresAt: 'soon' },
    { expiresAt: '2099-02-30T00:00:00Z' },
    { scope: {} },
    { scope: { ...SCOPE, tenants: [] } },
    { secondary: 'yes' },
    { name: '' },
  ].map(
    (member) =>
      [
        `a body with ${JSON.stringify(member)}`,
        { method: 'POST', path: '/keys', body: { ...NEW, ...member } },
        400,
        'invalid_input',
      ] as const,
  ),
  ...[
    '[]',
    '1',
    '"x"',
    'null',
    '{',
    'name=x',
    '{"name":"x"',
    '{"__proto__":{"name":"x"}}',
    'x'.repeat(70_000),
  ].map(
    (body) =>
      [
        `the body ${body.slice(0, 30)}`,
        { method: 'PATCH', path: '/keys/ID', body },
        400,
        'invalid_input',
      ] as const,
  ),
  ...[
    'limit=0',
    'limit=101',
    'limit=x',
    'limit=1&limit=2',
    'x=1',
    'pepper=a',
    'state=odd',
    'cursor=x',
    'name=%zz',
    'expiresBefore=soon',
    '__proto__=1',
  ].map(
    (query) => [`the query ${query}`, { path: `/keys?${query}` }, 400, 'invalid_input'] as const,
  ),
  ['a secret in the query', { path: `/keys?name=${SECRET}` }, 400, 'secret_not_accepted'],
  [
    'a query with a change',
    { method: 'POST', path: '/keys/ID/disable?now=1', body: {} },
    400,
    'invalid_input',
  ],
  ...['x', '1', 'W/"1"', '"1", "2"', '""'].map(
    (tag) =>
      [
        `If-Match: ${tag}`,
        { method: 'POST', path: '/keys/ID/disable', headers: { 'if-match': tag } },
        400,
        'invalid_input',
      ] as const,
  ),
  [
    'an old version',
    { method: 'PATCH', path: '/keys/ID', body: { name: 'x' }, headers: { 'if-match': '"1"' } },
    412,
    'version_conflict',
  ],
  [
    'a scope beyond what is grantable',
    { method: 'POST', path: '/keys', body: { ...NEW, scope: { ...SCOPE, workflows: '*' } } },
    403,
    'not_grantable',
  ],
  [
    'a scope whose default is beyond it',
    {
      method: 'POST',
      path: '/keys',
      body: { ...NEW, scope: { tenants: ['acme'], workflows: ['read'] } },
    },
    403,
    'not_grantable',
  ],
  [
    'an operation without its right',
    { method: 'POST', path: '/keys', user: 'reader', body: NEW },
    403,
    'not_permitted',
  ],
  [
    'a rotation that would end a live secret',
    { method: 'POST', path: '/keys/ID/rotate', body: {} },
    409,
    'secondary_live',
  ],
  [
    'an empty idempotency key',
    { method: 'POST', path: '/keys', body: NEW, headers: { 'idempotency-key': 'é' } },
    400,
    'invalid_input',
  ],
]

/** Every route of a key. */
const OF_KEY: readonly (readonly [method: string, path: string, body: object | undefined])[] = [
  ['GET', '', undefined],
  ['PATCH', '', { name: 'x' }],
  ['DELETE', '', undefined],
  ['POST', '/enable', {}],
  ['POST', '/disable', {}],
  ['POST', '/revoke', {}],
  ['POST', '/rotate', { replace: 'secondary' }],
  ['POST', '/renew', { slots: 'both' }],
  ['DELETE', '/secrets/secondary', undefined],
  ['GET', '/history', undefined],
  ['GET', '/usage', undefined],
]

describe.each(Object.entries(everyHost))('the management API on %s', (_name, start) => {
  const scene = createManagement()
  const { twinkey, spy, clock, events } = scene
  let host: Host
  let send: Send

  beforeAll(async () => {
    host = await start(twinkey, { routes: [], tokens: {}, endpoints: { '/api': scene.endpoints } })
    send = over(host, '/api')
  })
  afterAll(async () => {
    await host.close()
    await twinkey.close()
  })
  const ada = (request: Parameters<Send>[0]) => send({ user: 'ada', ...request })

  test('a key goes through its whole life', async () => {
    const created = await ada({ method: 'POST', path: '/keys', body: NEW })
    const { key, primary, secondary } = created.json
    expect([created.status, created.headers['cache-control'], key.owner]).toEqual([
      201,
      'no-store',
      'ada',
    ])
    for (const secret of [primary, secondary])
      expect(await twinkey.keys.verify(secret)).toMatchObject({ ok: true })
    const path = `/keys/${key.id}`
    const read = await ada({ path })
    expect([read.status, read.headers['etag'], read.json.id]).toEqual([
      200,
      `"${key.version}"`,
      key.id,
    ])
    const renamed = await ada({
      method: 'PATCH',
      path,
      body: { name: 'other', expiresAt: '2100-01-01T00:00:00Z' },
      headers: { 'if-match': `"${key.version}"` },
    })
    expect([renamed.status, renamed.json.name, renamed.json.expiresAt]).toEqual([
      200,
      'other',
      Date.UTC(2100, 0),
    ])
    expect(renamed.headers['etag']).not.toBe(read.headers['etag'])
    const renewed = await ada({
      method: 'POST',
      path: `${path}/renew`,
      body: { slots: 'secondary' },
    })
    expect([renewed.status, renewed.json.primary]).toEqual([200, null])
    expect(await twinkey.keys.verify(secondary)).toMatchObject({ ok: false })
    expect(await twinkey.keys.verify(renewed.json.secondary)).toMatchObject({ ok: true })
    const rotated = await ada({
      method: 'POST',
      path: `${path}/rotate`,
      body: { replace: 'secondary', graceSeconds: 60 },
    })
    expect([rotated.status, rotated.json.secondary]).toEqual([200, null])
    expect(
      (await ada({ method: 'DELETE', path: `${path}/secrets/secondary` })).json.secondary,
    ).toBeNull()
    for (const [change, state] of [
      ['disable', 'disabled'],
      ['enable', 'active'],
      ['revoke', 'revoked'],
    ] as const) {
      const changed = await ada({
        method: 'POST',
        path: `${path}/${change}`,
        headers: { 'if-match': '*' },
      })
      expect([changed.status, changed.json.state]).toEqual([200, state])
    }
    expect((await ada({ method: 'POST', path: `${path}/enable` })).json.code).toBe('key_revoked')
    const history = await ada({ path: `${path}/history?limit=100` })
    expect(history.json.entries.map(({ type }: { type: string }) => type)).toEqual([
      'key.revoked',
      'key.enabled',
      'key.disabled',
      'key.secondary_ended',
      'key.rotated',
      'key.renewed',
      'key.updated',
      'key.created',
    ])
    const gone = await ada({ method: 'DELETE', path })
    expect([gone.status, gone.text]).toEqual([204, ''])
    expect((await ada({ path })).status).toBe(404)
    expect((await ada({ path: `${path}/history` })).json.entries[0].type).toBe('key.deleted')
  })

  test('lists keys page by page, and tells the caller who it is', async () => {
    for (let i = 0; i < 3; i++) await keyOf(scene, 'lister')
    const first = await send({ user: 'lister', path: '/keys?limit=2' })
    const second = await send({
      user: 'lister',
      path: `/keys?limit=2&cursor=${first.json.nextCursor}`,
    })
    expect([first.json.keys.length, second.json.keys.length, second.json.nextCursor]).toEqual([
      2,
      1,
      undefined,
    ])
    expect(
      (await send({ user: 'ada', path: `/keys?limit=2&cursor=${first.json.nextCursor}` })).status,
    ).toBe(400)
    const none = await send({ user: 'lister', path: '/keys?owner=ada' })
    expect(none.json.keys).toEqual([])
    const future = new Date(clock.now() + 1000).toISOString()
    expect(
      (await send({ user: 'lister', path: `/keys?unusedSince=${future}` })).json.keys.length,
    ).toBe(3)
    expect((await send({ user: 'lister', path: '/session' })).json).toMatchObject({
      actor: 'lister',
      owner: 'lister',
      environments: ['test', 'production'],
      policy: {},
      now: clock.now(),
    })
    expect((await send({ user: 'operator', path: '/history?limit=1' })).json.entries.length).toBe(1)
    expect((await send({ user: 'operator', path: '/openapi.json' })).json.openapi).toBe('3.1.0')
  })

  test.each(REFUSED)('refuses %s', async (_row, request, status, code) => {
    const { key } = await keyOf(scene, 'ada')
    const before = await spy.inner.get(key.id)
    const answer = await ada({ ...request, path: request.path.replace('ID', key.id) })
    expect([answer.status, answer.json.code]).toEqual([status, code])
    expect(answer.headers['cache-control']).toBe('no-store')
    expect(await spy.inner.get(key.id)).toEqual(before)
    if (code === 'session_expired') expect(answer.json.login).toBe('/login')
  })

  test.each(OF_KEY)(
    '%s %s of a key of somebody else is that of an unknown key',
    async (method, path, body) => {
      const { key } = await keyOf(scene, 'ada')
      const before = await spy.inner.get(key.id)
      const of = (id: string) => send({ user: 'grace', method, path: `/keys/${id}${path}`, body })
      const [foreign, unknown] = [await of(key.id), await of(UNKNOWN)]
      const { date: _, ...headers } = foreign.headers
      expect([foreign.status, foreign.text]).toEqual([404, unknown.text])
      expect(headers).toEqual({ ...unknown.headers, date: undefined })
      expect(await spy.inner.get(key.id)).toEqual(before)
    },
  )

  test('a request of the page itself is let in', async () => {
    for (const headers of [
      { 'sec-fetch-site': 'same-origin' },
      { 'sec-fetch-site': 'none' },
      { origin: 'http://localhost', 'x-twinkey': undefined },
      { origin: 'https://localhost:443', host: 'localhost', 'x-twinkey': undefined },
    ])
      expect([headers, (await ada({ path: '/keys', headers })).status]).toEqual([
        headers,
        headers.origin === 'https://localhost:443' ? 403 : 200,
      ])
  })

  test('a store that fails is 503, and only operators learn why', async () => {
    const { key } = await keyOf(scene, 'ada')
    const down = async () => Promise.reject(new Error('password of db.internal is wrong'))
    events.length = 0
    spy.override({ get: down, list: down, put: down } as Partial<KeyStore>)
    try {
      for (const request of [
        { path: '/keys' },
        { path: `/keys/${key.id}` },
        { method: 'POST', path: '/keys', body: NEW },
        { method: 'POST', path: `/keys/${key.id}/disable`, body: {} },
      ]) {
        const { status, headers, text, json } = await ada(request)
        expect([status, headers['retry-after']]).toEqual([503, '2'])
        expect(['store_unavailable', 'outcome_unknown']).toContain(json.code)
        expect(text).not.toContain('db.internal')
      }
    } finally {
      spy.override({})
    }
    expect(events).toContainEqual(expect.objectContaining({ type: 'warning.store_unavailable' }))
  })

  test('an entry of the history says where the change came from', async () => {
    const { json } = await ada({
      method: 'POST',
      path: '/keys',
      body: NEW,
      headers: { 'user-agent': 'curl/8', 'x-request-id': 'r-1' },
    })
    const { entries } = await twinkey.keys.history({ keyId: json.key.id })
    expect(entries[0]?.source).toMatchObject({ userAgent: 'curl/8', requestId: expect.any(String) })
    if (!_name.startsWith('web')) expect(entries[0]?.source?.address).toMatch(/127\.0\.0\.1$/)
  })
})

test('the document is one of OpenAPI 3.1', async () => {
  expect(await documentErrors()).toEqual([])
})

test('the document has every route, and every operation but those of the application alone', () => {
  const { paths } = openApiDocument() as { paths: Record<string, Record<string, unknown>> }
  const written = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path.replace('{id}', ':id')}`),
  )
  const { endpoints } = createManagement()
  expect(written.sort()).toEqual(
    endpoints.routes.map(({ method, path }) => `${method} ${path}`).sort(),
  )
  const missing = Object.keys(OPERATIONS).filter(
    (name) => !ROUTES.some(({ operation }) => operation === name),
  )
  // `createOnce` stands for `create` too.
  expect(missing).toEqual(['create', 'import', 'revokeAll'])
})
