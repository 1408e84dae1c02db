import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { from } from 'twinkey'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { sendRaw } from '../../support/raw-http.ts'
import { newFolder } from '../../support/sqlite.ts'
import type { Served } from './chain.ts'
import { NAMES, type Name, oursIn, type Recorded, startRecorded } from './recorded.ts'
import { PAIRS, ROUTES, type Scene } from './scene.ts'

describe.each(NAMES)('behind %s', (name) => {
  let recorded: Recorded
  beforeAll(async () => {
    const throttle = { retryAfterSeconds: () => 7, failed: () => {} }
    recorded = await startRecorded(name, {
      ...ROUTES,
      'GET /throttled': { anyTarget: true, throttle },
      'GET /:tenant/:environment/:workflow': {
        tenant: from.param('tenant'),
        workflow: from.param('workflow'),
      },
    })
  })
  afterAll(() => recorded.chain.stop())

  const send = (target: string, ...headers: (readonly [string, string])[]) =>
    sendRaw(recorded.chain.port, { target, headers })
  const servedSince = (count: number) => recorded.chain.served().slice(count)

  test('every refusal reaches the caller: status, problem, challenge and Retry-After', async () => {
    const { good, ownerless } = recorded.scene
    const asked = async (target: string, key?: string) => {
      const answer = await send(target, ...(key === undefined ? [] : [['X-API-Key', key] as const]))
      const { status, headers } = answer
      const body = JSON.parse(answer.body) as { code: string; status: number }
      expect(headers).toMatchObject({
        'content-type': 'application/problem+json',
        'cache-control': 'no-store',
        'x-content-type-options': 'nosniff',
      })
      expect(Object.keys(headers).filter((each) => each.startsWith('x-twinkey'))).toEqual([])
      expect(body.status).toBe(status)
      return [status, body.code, headers['www-authenticate'] ?? headers['retry-after']]
    }
    const challenge = (error: string, detail: string) =>
      expect.stringMatching(
        `^Bearer realm="api", error="${error}", error_description="${detail}"(?:, scope="[^"]*")?$`,
      )
    expect(await asked('/tenants/t1')).toEqual([401, 'credential_missing', 'Bearer realm="api"'])
    expect(await asked('/tenants/t1', 'tk_wrong')).toEqual([
      401,
      'credential_invalid',
      challenge('invalid_token', 'The credential is not valid.'),
    ])
    expect(await asked('/tenants/t3', good)).toEqual([
      403,
      'tenant_denied',
      challenge('insufficient_scope', 'The credential does not reach this tenant.'),
    ])
    expect(await asked('/tenants/../t1', good)).toEqual([
      400,
      'request_malformed',
      challenge('invalid_request', 'The request could not be read.'),
    ])
    expect(await asked('/nothing', good)).toEqual([404, 'not_found', undefined])
    expect(await asked('/throttled', 'tk_wrong')).toEqual([429, 'rate_limited', '7'])
    expect(await asked('/tenants/t1', ownerless)).toEqual([503, 'unavailable', '2'])
    expect(recorded.chain.served()).toEqual([])
  })

  test('the service gets no credential', async () => {
    const { good } = recorded.scene
    const before = recorded.chain.served().length
    expect((await send('/tenants/t1', ['X-API-Key', good])).status).toBe(200)
    expect((await send('/tenants/t1', ['Authorization', `Bearer ${good}`])).status).toBe(200)
    const served = servedSince(before)
    expect(served).toHaveLength(2)
    expect(JSON.stringify(served)).not.toContain(good)
  })

  test('a target in absolute form leads to the same path', async () => {
    const { good } = recorded.scene
    const before = recorded.chain.served().length
    const target = 'http://other.example/tenants/t1'
    expect((await send(target, ['X-API-Key', good])).status).toBe(200)
    expect((await send('http://other.example/tenants/t3', ['X-API-Key', good])).status).toBe(403)
    expect(servedSince(before).map((each) => each.target)).toEqual(['/tenants/t1'])
  })

  test('a client cannot reach the gateway', async () => {
    for (const target of ['/_twinkey', '/auth', '/%5ftwinkey'])
      expect((await send(target, ['X-API-Key', recorded.scene.good])).status).toBe(404)
  })

  test('the longest names fit', async () => {
    const before = recorded.chain.served().length
    const long = '\u20ac'.repeat(128)
    const { primary } = await recorded.scene.twinkey.keys.create({
      name: long,
      owner: long,
      scope: { tenants: [long], workflows: [long] },
    })
    const path = `/${encodeURIComponent(long)}/e/${encodeURIComponent(long)}`
    expect((await send(path, ['X-API-Key', primary])).status).toBe(200)
    const [served] = servedSince(before)
    expect(oursIn(served as Served).filter(([, value]) => value === long)).toHaveLength(4)
  })

  test('headers that are too long for the gateway do not reach the service', async () => {
    const before = recorded.chain.served().length
    const long = ['a', 'b', 'c'].map((each) => [`X-${each}`, each.repeat(6000)] as const)
    const { status } = await send('/tenants/t1', ['X-API-Key', recorded.scene.good], ...long)
    expect([400, 431, 500]).toContain(status)
    expect(servedSince(before)).toEqual([])
  })

  test('the service gets no request while the gateway is down', async () => {
    const before = recorded.chain.served().length
    recorded.chain.stopGateway()
    const { status } = await send('/tenants/t1', ['X-API-Key', recorded.scene.good])
    expect(status).toBe(name === 'nginx' ? 500 : 502)
    expect(servedSince(before)).toEqual([])
  })
})

describe('a credential in the query', () => {
  const FILTER = 'request>uri query {\n replace auth-key REDACTED\n }'
  const nginxLog = (format: string, file: string) => (config: string) =>
    `log_format plain '$request_method $uri $status';\n${config}`.replace(
      'listen 8080;',
      `listen 8080; access_log ${file} ${format};`,
    )
  const caddyLog = (format: string, file: string) => (config: string) =>
    config.replace('  route {', `  log {\n output file ${file}\n ${format}\n }\n  route {`)

  test.each([
    ['nginx', 'by default', nginxLog, 'combined', true],
    ['nginx', 'as docs/gateway.md says', nginxLog, 'plain', false],
    ['caddy', 'by default', caddyLog, '', true],
    [
      'caddy',
      'as docs/gateway.md says',
      caddyLog,
      `format filter {\n wrap json\n fields {\n ${FILTER}\n }\n }`,
      false,
    ],
  ] as const)('works behind %s, which logs it %s', async (name, _how, log, format, isLogged) => {
    const folder = newFolder()
    const file = join(folder, 'access.log')
    const { scene, chain } = await startRecorded(name, ROUTES, log(format, file))
    const target = `/flows/1?auth-key=${scene.good}&a=1`
    expect((await sendRaw(chain.port, { target })).status).toBe(200)
    const served = chain.served()
    await chain.stop()
    const text = readFileSync(file, 'utf8')
    rmSync(folder, { recursive: true })
    expect(text).toContain('/flows/1')
    expect(text.includes(scene.good)).toBe(isLogged)
    // The service gets the URL as it is.
    expect(served[0]?.target).toBe(target)
  })
})

describe('a line of a configuration', () => {
  const key = (scene: Scene) => ['X-API-Key', scene.good] as const
  const forged = (named: string) => [named, 'forged'] as const

  /** What the service gets of these headers without the line. */
  async function without(
    name: Name,
    line: string | ((config: string) => string),
    headers: readonly (readonly [string, string])[],
  ) {
    const edit =
      typeof line === 'function'
        ? line
        : (config: string) => {
            expect(config).toContain(line)
            return config.replace(line, '')
          }
    const { scene, chain } = await startRecorded(name, ROUTES, edit)
    const all = [key(scene), ['X-Test', '1'] as const, ...headers]
    const { status } = await sendRaw(chain.port, { target: '/tenants/t1', headers: all })
    const [served] = chain.served()
    await chain.stop()
    return {
      status,
      ours: served === undefined ? [] : oursIn(served).map((each) => each.join('=')),
    }
  }
  const nothing = (config: string) => config

  test('of Caddy removes headers of a client whose names look like those of the gateway', async () => {
    const headers = [
      'X_Twinkey_Owner',
      'X.Twinkey.Owner',
      'x-twinkey_owner',
      'X_TWINKEY-OWNER',
    ].map(forged)
    expect(JSON.stringify(await without('caddy', nothing, headers))).not.toContain('forged')
    const { ours } = await without('caddy', 'request_header -*winkey*', headers)
    expect(ours.filter((each) => each.includes('forged'))).toHaveLength(4)
  })

  test('of Caddy keeps a client from naming headers of the gateway in Connection', async () => {
    const headers = [['Connection', 'X-Twinkey-Tenant']] as const
    expect((await without('caddy', nothing, headers)).ours).toContain('x-twinkey-tenant=t1')
    const { status, ours } = await without('caddy', 'request_header -Connection', headers)
    expect([status, ours.includes('x-twinkey-tenant=t1')]).toEqual([200, false])
  })

  test('of nginx that accepts underscores lets a client forge headers', async () => {
    const headers = [forged('X_Twinkey_Owner')]
    expect(JSON.stringify(await without('nginx', nothing, headers))).not.toContain('forged')
    const accepting = (config: string) =>
      config.replace('listen 8080;', 'listen 8080; underscores_in_headers on;')
    expect((await without('nginx', accepting, headers)).ours).toContain('x_twinkey_owner=forged')
  })

  test('of nginx that rewrites the path gives the service another path', async () => {
    const rewriting = (config: string) =>
      config.replace('proxy_pass http://127.0.0.1:4000;', 'proxy_pass http://127.0.0.1:4000/;')
    const { scene, chain } = await startRecorded('nginx', ROUTES, rewriting)
    const headers = [key(scene), ['X-Test', '1'] as const]
    await sendRaw(chain.port, { target: '/customers/%41?tenant=t1', headers })
    const targets = chain.served().map(({ target }) => target)
    await chain.stop()
    expect(targets).toEqual(['/customers/A?tenant=t1'])
  })

  test('keeps the pair of headers from a client', async () => {
    for (const name of NAMES) {
      const pair = PAIRS[name === 'nginx' ? 'nginx' : 'forwarded']
      const headers = [
        [pair[0], 'PUT'],
        [pair[1], '/tenants/t2'],
      ] as const
      expect((await without(name, nothing, headers)).ours).toContain('x-twinkey-tenant=t1')
    }
    const line = 'proxy_set_header X-Original-URI    $request_uri;'
    const chosen = await without('nginx', line, [['X-Original-URI', '/tenants/t2']])
    expect(chosen.ours).toContain('x-twinkey-tenant=t2')
  })
})
