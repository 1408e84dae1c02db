import { type GatewayProxy, gatewayEndpoints } from 'twinkey/gateway'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { everyHost, type Host, sendTo } from '../../http/hosts.ts'
import { ROWS } from './rows.ts'
import { createScene, NARROW, PAIRS, ROUTES, type Scene } from './scene.ts'

const MOUNTS = { nginx: '/nginx', forwarded: '/forwarded' } as const
const PROXIES = ['nginx', 'forwarded'] as const
const NAMES = ['key', 'name', 'tenant', 'environment', 'workflow', 'owner']

describe.each(Object.entries(everyHost))('the gateway on %s', (_host, start) => {
  let scene: Scene
  let host: Host
  beforeAll(async () => {
    scene = await createScene()
    const endpoints = Object.fromEntries(
      PROXIES.map((proxy) => [
        MOUNTS[proxy],
        gatewayEndpoints(scene.twinkey, { proxy, routes: ROUTES }),
      ]),
    )
    host = await start(scene.twinkey, { routes: [], tokens: {}, endpoints })
  })
  afterAll(async () => {
    await host.close()
    await scene.twinkey.close()
  })

  const ask = async (
    proxy: GatewayProxy,
    headers: readonly (readonly [string, string])[],
    method = 'GET',
    below = '',
  ) => {
    const target = `${MOUNTS[proxy]}${below}`
    const answer = await sendTo(host, { method, target, headers })
    const shown = proxy === 'nginx' ? answer.headers['x-twinkey-body'] : answer.body
    const realStatus = proxy === 'nginx' ? answer.headers['x-twinkey-status'] : undefined
    return {
      ...answer,
      realStatus: Number(realStatus ?? answer.status),
      code:
        answer.status === 200 ? undefined : (JSON.parse(shown ?? '{}') as { code?: string }).code,
    }
  }
  const pairOf = (proxy: GatewayProxy, method: string, uri: string) => {
    const [first, second] = PAIRS[proxy]
    return [
      [first, method],
      [second, uri],
    ] as const
  }
  const said = (headers: Readonly<Record<string, string>>) =>
    Object.fromEntries(
      NAMES.map((name) => [name, decodeURIComponent(headers[`x-twinkey-${name}`] ?? 'absent')]),
    )

  describe.each(PROXIES)('for %s', (proxy) => {
    test.each(ROWS)('%s', async (_name, request, expected) => {
      const { method = 'GET', uri, key = 'good', headers = [] } = request
      const credential = key === 'none' ? [] : [['X-API-Key', scene[key]] as const]
      const answer = await ask(proxy, [...pairOf(proxy, method, uri), ...credential, ...headers])
      if (!('workflow' in expected)) {
        const [status, code] = expected
        const allowed = proxy === 'nginx' ? (status === 401 ? 401 : 403) : status
        expect([answer.status, answer.realStatus, answer.code]).toEqual([allowed, status, code])
        expect(NAMES.filter((name) => `x-twinkey-${name}` in answer.headers)).toEqual([])
        return
      }
      expect([answer.status, answer.body]).toEqual([200, ''])
      expect(said(answer.headers)).toMatchObject(expected)
    })

    test('describes the caller in percent-encoded headers', async () => {
      const { headers } = await ask(proxy, [
        ...pairOf(proxy, 'GET', '/customers?tenant=t1'),
        ['X-API-Key', scene.narrow],
      ])
      expect(said(headers)).toEqual({
        ...NARROW,
        key: scene.narrowId,
        tenant: 't1',
        environment: 'Production',
        workflow: 'customers.read',
      })
      expect(headers['x-twinkey-owner']).toBe('ada%2Fl%C3%A4ng')
      expect(headers['cache-control']).toBe('no-store')
    })

    test('sends every header, empty, for an anonymous request', async () => {
      const { headers } = await ask(proxy, pairOf(proxy, 'GET', '/'))
      expect(said(headers)).toEqual(Object.fromEntries(NAMES.map((name) => [name, ''])))
    })

    test('refuses as the guard does', async () => {
      const missing = await ask(proxy, pairOf(proxy, 'GET', '/customers?tenant=t1'))
      expect(missing.headers['www-authenticate']).toBe('Bearer realm="api"')
      const down = await ask(proxy, [
        ...pairOf(proxy, 'GET', '/customers?tenant=t1'),
        ['X-API-Key', scene.ownerless],
      ])
      expect(down.headers).toMatchObject({
        'retry-after': '2',
        'content-type': 'application/problem+json',
        'cache-control': 'no-store',
      })
      const other = await ask(proxy, [
        ...pairOf(proxy, 'GET', '/flows/1'),
        ['X-API-Key', 'tk_wrong'],
      ])
      expect([other.realStatus, other.body]).toEqual([404, '{"Message":"Not Found"}'])
    })

    test('reads a credential in the query, if the profile does', async () => {
      const { status, headers } = await ask(
        proxy,
        pairOf(proxy, 'GET', `/flows/1?auth-key=${scene.good}`),
      )
      expect([status, said(headers)['workflow']]).toEqual([200, 'flows.read'])
      const twice = `/flows/1?auth-key=${scene.good}&auth-key=${scene.good}`
      expect((await ask(proxy, pairOf(proxy, 'GET', twice))).realStatus).toBe(404)
    })

    test('does not read a credential or a target from its own URL', async () => {
      const below = `/flows/1?auth-key=${scene.good}&tenant=t1`
      const inUrl = await ask(proxy, pairOf(proxy, 'GET', '/flows/1'), 'GET', below)
      expect(inUrl.realStatus).toBe(404)
      const key = [['X-API-Key', scene.good]] as const
      const target = await ask(proxy, [...pairOf(proxy, 'GET', '/customers'), ...key], 'GET', below)
      expect([target.realStatus, target.code]).toEqual([400, 'target_missing'])
    })

    test('refuses a pair that is missing, in part or whole, or repeated', async () => {
      const key = [['X-API-Key', scene.good]] as const
      const [method, uri] = pairOf(proxy, 'GET', '/customers?tenant=t1')
      expect((await ask(proxy, [method, uri, ...key])).status).toBe(200)
      const empty = ['', '/'].map((value) => [uri[0], value] as const)
      for (const pair of [
        [],
        [method],
        [uri],
        [method, method, uri],
        [method, [method[0], 'PUT'] as const, uri],
        [method, uri, uri],
        ...empty.flatMap((each) => [
          [method, uri, each],
          [method, each, uri],
        ]),
      ]) {
        const { realStatus, code } = await ask(proxy, [...pair, ...key])
        expect([realStatus, code, pair]).toEqual([400, 'request_malformed', pair])
      }
    })

    test('refuses a request with a header of the other pair, even an empty one', async () => {
      const headers = [
        ...pairOf(proxy, 'GET', '/customers?tenant=t1'),
        ['X-API-Key', scene.good] as const,
      ]
      const other = proxy === 'nginx' ? 'forwarded' : 'nginx'
      for (const value of ['', 'GET', '/', '/customers?tenant=t1'])
        for (const name of PAIRS[other]) {
          const { realStatus, code } = await ask(proxy, [...headers, [name, value]])
          expect([name, value, realStatus, code]).toEqual([name, value, 400, 'request_malformed'])
        }
    })

    test('does not read headers whose names only look like those of the pair', async () => {
      const alike = pairOf(proxy, 'GET', '/customers?tenant=t1').map(
        ([name, value]) => [name.replaceAll('-', '_'), value] as const,
      )
      const key = ['X-API-Key', scene.good] as const
      expect((await ask(proxy, [...alike, key])).realStatus).toBe(400)
      const real = pairOf(proxy, 'GET', '/tenants/t2')
      const { headers } = await ask(proxy, [...alike, ...real, key])
      expect(said(headers)['tenant']).toBe('t2')
    })

    test('answers the same for each method and path that a proxy asks with', async () => {
      const headers = [
        ...pairOf(proxy, 'PUT', '/customers/7?tenant=t1'),
        ['X-API-Key', scene.good] as const,
      ]
      for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])
        for (const below of ['', '/', '/customers/7?tenant=t2', '/a//b;c?d#e']) {
          const answer = await ask(proxy, headers, method, below)
          expect([method, below, answer.status]).toEqual([method, below, 200])
          expect(said(answer.headers)).toMatchObject({ workflow: 'customers.write', tenant: 't1' })
        }
    })
  })
})
