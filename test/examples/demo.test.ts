import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { CreatedKey, KeyList } from 'twinkey'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  type Demo,
  type DemoLine,
  FRAMEWORKS,
  startDemo,
  startJsonDemo,
} from '../clients/newman/demo-process.ts'

describe.each(FRAMEWORKS)('the demo with --json on %s', (framework) => {
  let demo: Demo
  let url: string
  let keys: DemoLine['keys']
  let pane: DemoLine['pane']
  let oauth: DemoLine['oauth']

  beforeAll(async () => {
    const started = await startJsonDemo(['--framework', framework])
    demo = started
    ;({ url, keys, pane, oauth } = started)
  })
  afterAll(() => demo?.kill())

  const get = (path: string, headers: Record<string, string> = {}) => fetch(url + path, { headers })
  const bearer = (credential: string) => ({ authorization: `Bearer ${credential}` })

  it('lists existing routes', async () => {
    const routes = (await (await get('/')).json()) as {
      product: string
      method: string
      path: string
    }[]
    expect(new Set(routes.map(({ product }) => product))).toEqual(
      new Set(['standard', 'Boomi Flow', 'Flare', 'Flowgear']),
    )
    for (const { method, path } of routes) {
      const { status } = await fetch(url + path.replace(/:\w+/, 'acme'), { method })
      // Flowgear answers 404 to every refusal, in its own words.
      const refused = path === '/customers/:id/' ? 404 : 401
      expect([method, path, status]).toEqual([
        method,
        path,
        path.endsWith('jwks.json') ? 200 : refused,
      ])
    }
  })

  it('accepts both secrets of the standard key, in either place', async () => {
    const { primary, secondary, tenant } = keys.standard
    for (const headers of [
      bearer(primary),
      bearer(secondary),
      { 'x-api-key': primary },
      { 'x-api-key': secondary },
    ]) {
      const response = await get('/v1/customers/c1', headers)
      expect([response.status, await response.json()]).toEqual([
        200,
        { tenant, id: 'c1', name: 'Ada Lovelace' },
      ])
    }
    const flows = await get(`/v1/tenants/${tenant}/flows`, bearer(primary))
    expect([flows.status, await flows.json()]).toEqual([200, [{ id: 'f1', name: 'Onboarding' }]])
  })

  it('adds a customer', async () => {
    const headers = { ...bearer(keys.standard.primary), 'content-type': 'application/json' }
    const created = await fetch(`${url}/v1/customers`, {
      method: 'POST',
      headers,
      body: '{"name":"Joan Clarke"}',
    })
    expect(created.status).toBe(201)
    const found = await get(created.headers.get('location') ?? '', bearer(keys.standard.secondary))
    expect(await found.json()).toMatchObject({ name: 'Joan Clarke', tenant: 'acme' })
    const broken = await fetch(`${url}/v1/customers`, { method: 'POST', headers, body: '{"name":' })
    expect([broken.status, broken.headers.get('content-type')]).toEqual([
      400,
      expect.stringContaining('application/problem+json'),
    ])
  })

  it('refuses what the sample keys do not cover', async () => {
    const { standard, readOnly, test, disabled } = keys
    const codeOf = async (response: Response) => [
      response.status,
      ((await response.json()) as { code: string }).code,
    ]
    expect(
      await codeOf(
        await get('/v1/customers/c1', { ...bearer(standard.primary), 'x-tenant-id': 'globex' }),
      ),
    ).toEqual([403, 'tenant_denied'])
    expect(await codeOf(await get('/v1/tenants/globex/flows', bearer(standard.primary)))).toEqual([
      403,
      'tenant_denied',
    ])
    expect((await get('/v1/customers/c1', bearer(readOnly.primary))).status).toBe(200)
    expect(await codeOf(await get('/v1/tenants/acme/flows', bearer(readOnly.primary)))).toEqual([
      403,
      'workflow_denied',
    ])
    expect(await codeOf(await get('/v1/customers/c1', bearer(test.primary)))).toEqual([
      403,
      'environment_denied',
    ])
    expect(await codeOf(await get('/v1/customers/c1', bearer(disabled.secondary)))).toEqual([
      401,
      'credential_invalid',
    ])
  })

  it('exchanges a secret for a token whose key it publishes', async () => {
    const exchange = await fetch(`${url}/v1/tokens`, {
      method: 'POST',
      headers: bearer(keys.readOnly.primary),
    })
    const { access_token: token } = (await exchange.json()) as { access_token: string }
    const whoami = await get('/v1/whoami', bearer(token))
    expect(await whoami.json()).toMatchObject({ name: 'readOnly', via: 'token', slot: 'primary' })
    const { kid } = JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString())
    const jwks = (await (await get('/.well-known/jwks.json')).json()) as { keys: { kid: string }[] }
    expect(jwks.keys.map((key) => key.kid)).toEqual([kid])
  })

  it('takes an OAuth client from discovery to revocation', async () => {
    const refused = await fetch(oauth.resourceUrl)
    const challenge = refused.headers.get('www-authenticate') ?? ''
    const described = await fetch(/resource_metadata="([^"]+)"/.exec(challenge)?.[1] ?? '')
    const { resource, authorization_servers: servers } = (await described.json()) as {
      resource: string
      authorization_servers: string[]
    }
    expect([resource, servers]).toEqual([oauth.resourceUrl, [oauth.issuer]])
    const metadata = await fetch(`${servers[0]}/.well-known/oauth-authorization-server`)
    expect(await metadata.json()).toMatchObject({
      issuer: oauth.issuer,
      token_endpoint: oauth.tokenUrl,
      introspection_endpoint: oauth.introspectionUrl,
      revocation_endpoint: oauth.revocationUrl,
    })
    const { clientId, clientSecret } = oauth
    const authorization = `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}`
    const post = (to: string, body: Record<string, string>) =>
      fetch(to, { method: 'POST', headers: { authorization }, body: new URLSearchParams(body) })
    for (const more of [{}, { resource }, { scope: 'customers.read' }]) {
      const issued = await post(oauth.tokenUrl, { grant_type: 'client_credentials', ...more })
      const { access_token: token } = (await issued.json()) as { access_token: string }
      const call = async () => (await fetch(oauth.resourceUrl, { headers: bearer(token) })).status
      const isActive = async () =>
        ((await (await post(oauth.introspectionUrl, { token })).json()) as { active: boolean })
          .active
      expect([await call(), await isActive()]).toEqual([200, true])
      expect((await post(oauth.revocationUrl, { token })).status).toBe(200)
      expect([await call(), await isActive()]).toEqual([401, false])
    }
  })

  describe('the pane', () => {
    type User = keyof DemoLine['pane']['users']
    const as = (user: User) => ({
      cookie: pane.users[user].cookie,
      'x-twinkey': '1',
      'content-type': 'application/json',
    })
    const scope = { tenants: ['acme'], workflows: ['customers.read'] }
    const create = (user: User, more: object = {}) =>
      fetch(`${pane.url}api/keys`, {
        method: 'POST',
        headers: as(user),
        body: JSON.stringify({ name: 'report', scope, ...more }),
      })
    const owners = async (user: User) => {
      const list = await fetch(`${pane.url}api/keys?limit=100`, { headers: as(user) })
      const { keys: listed } = (await list.json()) as KeyList
      return new Set(listed.map(({ owner }) => owner))
    }

    it('leads to the login, and is a page for those who have signed in', async () => {
      const stranger = await fetch(pane.url, { redirect: 'manual' })
      expect([stranger.status, stranger.headers.get('location')]).toEqual([302, '/sign-in'])
      const page = await fetch(pane.url, { headers: { cookie: pane.users.grace.cookie } })
      expect([page.status, page.headers.get('content-type')]).toEqual([
        200,
        'text/html; charset=utf-8',
      ])
      const signedIn = await fetch(`${url}/sign-in/grace`, { redirect: 'manual' })
      expect(signedIn.headers.get('set-cookie')).toContain(pane.users.grace.cookie)
    })

    it('creates a key of the user, whose secrets work', async () => {
      const created = await create('ada')
      expect(created.status).toBe(201)
      const { key, primary, secondary } = (await created.json()) as CreatedKey
      expect(key.owner).toBe('ada')
      for (const secret of [primary, secondary as string])
        expect((await get('/v1/customers/c1', bearer(secret))).status).toBe(200)
      const foreign = await fetch(`${pane.url}api/keys/${key.id}`, { headers: as('grace') })
      const unknown = await fetch(`${pane.url}api/keys/${'x'.repeat(16)}`, { headers: as('grace') })
      expect([foreign.status, await foreign.text()]).toEqual([404, await unknown.text()])
    })

    it('grants no more than the user may, and shows the user nothing of others', async () => {
      const wide = await create('ada', { scope: { tenants: ['globex'], workflows: '*' } })
      expect(wide.status).toBe(403)
      expect(await owners('ada')).toEqual(new Set(['ada']))
      expect(await owners('grace')).toEqual(new Set(['grace']))
      expect([...(await owners('operator'))]).toEqual(
        expect.arrayContaining(['ada', 'grace', null]),
      )
    })
  })

  it('prints exactly one line and exits cleanly on request', async () => {
    expect(await demo.end()).toBe(0)
    expect(demo.lines).toHaveLength(1)
    expect(demo.stderr()).not.toMatch(/error|warn/i)
  })
})

describe('the demo', () => {
  it('gives a tour in which no call of the rotations fails, and lines to paste that work', async () => {
    const demo = startDemo([])
    try {
      await demo.lineWith('The server stays up')
      const text = demo.lines.join('\n')
      const counts = [...text.matchAll(/(\d+) calls, (\d+) failed/g)].map(([, calls, failed]) => ({
        calls: Number(calls),
        failed,
      }))
      expect(counts.map(({ failed }) => failed)).toEqual(['0', '0'])
      for (const { calls } of counts) expect(calls).toBeGreaterThan(500)
      expect(text).not.toContain('\u001b[')

      const pasted = demo.lines
        .slice(demo.lines.indexOf('Paste one of these:'))
        .filter((line) => line.trim().startsWith('curl '))
      expect(pasted).toHaveLength(7)
      for (const line of pasted) expect([line, (await callAsCurl(line)).ok]).toEqual([line, true])
      expect(await demo.end('SIGINT')).toBe(0)
    } finally {
      demo.kill()
    }
  })

  it('can be left half way', async () => {
    const demo = startDemo([])
    try {
      await demo.lineWith('A client calls with the primary secret')
      expect(await demo.end()).toBe(0)
      expect(demo.stderr()).not.toMatch(/error|failed/i)
    } finally {
      demo.kill()
    }
  })

  it('does not outlive the npm that started it', async () => {
    const demo = startDemo(['run', '--silent', 'demo', '--', '--json'], {}, 'npm')
    try {
      await demo.lineWith('{')
      // Resolves when every process that holds the output has ended, not only npm.
      await demo.end()
      expect(demo.lines).toHaveLength(1)
    } finally {
      demo.kill()
    }
  })

  it('says what is wrong with its arguments', async () => {
    const cases = [
      [['--jsn'], 'Unknown argument "--jsn"'],
      [['--framework', 'koa'], '--framework must be one of express|fastify|hono, not "koa"'],
      [['--json', '--framework'], '--framework must be one of express|fastify|hono'],
    ] as const
    for (const [args, message] of cases) {
      const demo = startDemo(args)
      expect([args, await demo.ended, demo.lines]).toEqual([args, 2, []])
      expect(demo.stderr()).toContain(message)
    }
  })

  it('says what is wrong with its port', async () => {
    const taken = createServer().listen(0, '127.0.0.1')
    await once(taken, 'listening')
    const { port } = taken.address() as AddressInfo
    const cases = [
      ['http', 'PORT must be a number'],
      ['65536', 'PORT must be a number'],
      [String(port), 'it is in use'],
    ] as const
    for (const [value, message] of cases) {
      const demo = startDemo(['--json'], { PORT: value })
      expect([value, await demo.ended, demo.lines]).toEqual([value, 1, []])
      expect(demo.stderr()).toContain(message)
      expect(demo.stderr()).not.toMatch(/^\s+at /m)
    }
    taken.close()
  })
})

// The part of a shell and of curl that the demo uses. Not every machine has curl.
function callAsCurl(line: string): Promise<Response> {
  const words = [...line.matchAll(/'([^']*)'|(\S+)/g)].map(
    ([, quoted, plain]) => quoted ?? plain ?? '',
  )
  const headers: [string, string][] = []
  let method = 'GET'
  let body: string | undefined
  let url = ''
  for (let at = 1; at < words.length; at++) {
    const word = words[at] ?? ''
    if (word === '-i') continue
    if (word === '-X') method = words[++at] ?? ''
    else if (word === '-H')
      headers.push((words[++at] ?? '').split(/: (.*)/s, 2) as [string, string])
    else if (word === '-u') {
      const user = Buffer.from(words[++at] ?? '').toString('base64')
      headers.push(['Authorization', `Basic ${user}`])
    } else if (word === '-d') {
      body = words[++at] ?? ''
      method = 'POST'
    } else if (word.startsWith('http')) url = word
    else throw new Error(`unknown word ${word} in ${line}`)
  }
  if (body !== undefined && !headers.some(([name]) => name === 'Content-Type'))
    headers.push(['Content-Type', 'application/x-www-form-urlencoded'])
  return fetch(url, { method, headers, ...(body === undefined ? {} : { body }) })
}
