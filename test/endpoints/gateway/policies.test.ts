import { denied, type WireRequest } from 'twinkey'
import { gatewayEndpoints } from 'twinkey/gateway'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Host, hosts, sendTo } from '../../http/hosts.ts'
import { type Bench, createBench } from '../../support/bench.ts'
import { type CountingLimiter, countingLimiter } from '../../support/counting-limiter.ts'
import { PAIRS } from './scene.ts'

const PROXIES = ['nginx', 'forwarded'] as const
const ANY = { anyTarget: true } as const
const ROUTES = {
  'GET /customers': ANY,
  'POST /exports': { ...ANY, cost: 2 },
  'GET /health': { ...ANY, cost: 0 },
  'GET /plans/:plan': {
    ...ANY,
    authorize: (_principal: unknown, { method, url, template }: WireRequest) =>
      `${method} ${url} ${template}` === 'GET /plans/pro?x=1 /plans/:plan'
        ? undefined
        : denied('plan_required', 'Needs the plan Pro.'),
  },
}

describe.each(['Express 5', 'Fastify 5'] as const)('policies of the gateway on %s', (name) => {
  const start = hosts[name]
  let bench: Bench
  let limiter: CountingLimiter
  let host: Host
  let office: string
  let limited: string
  beforeAll(async () => {
    limiter = countingLimiter()
    bench = createBench({ limiter })
    const { twinkey } = bench
    const input = { name: 'n', scope: { tenants: '*', workflows: '*' } } as const
    office = (await twinkey.keys.create({ ...input, networks: ['192.0.2.0/24'] })).primary
    const limits = [{ requests: 3, perSeconds: 60 }]
    limited = (await twinkey.keys.create({ ...input, limits })).primary
    const endpoints = Object.fromEntries(
      PROXIES.map((proxy) => [`/${proxy}`, gatewayEndpoints(twinkey, { proxy, routes: ROUTES })]),
    )
    host = await (start as NonNullable<typeof start>)(twinkey, {
      routes: [],
      tokens: {},
      endpoints,
      trustProxy: true,
    })
  })
  afterAll(() => host.close())
  beforeEach(() => bench.clock.advance(60_000))

  const HEADERS = ['retry-after', 'ratelimit', 'ratelimit-policy', 'x-twinkey-key'] as const

  describe.each(PROXIES)('for %s', (proxy) => {
    const [first, second] = PAIRS[proxy]
    const ask = async (secret: string, route: string, client?: string) => {
      const [method = '', url = ''] = route.split(' ')
      const { status, headers, body } = await sendTo(host, {
        target: `/${proxy}`,
        headers: [
          [first, method],
          [second, url],
          ['x-api-key', secret],
          ...(client === undefined ? [] : [['x-forwarded-for', client] as const]),
        ],
      })
      const shown = proxy === 'nginx' ? headers['x-twinkey-body'] : body
      return {
        status: Number(headers['x-twinkey-status'] ?? status),
        sent: status,
        code: status === 200 ? undefined : JSON.parse(shown ?? '').code,
        headers: HEADERS.map((each) => headers[each]),
      }
    }

    test('the networks of a key are compared with the client of the proxy', async () => {
      expect((await ask(office, 'GET /customers', '192.0.2.7')).status).toBe(200)
      for (const client of ['192.0.3.7', '192.0.2.7, 192.0.3.7', undefined])
        expect(await ask(office, 'GET /customers', client)).toMatchObject({
          status: 403,
          sent: 403,
          code: 'network_denied',
        })
    })

    test('each route has its cost, and every answer has the headers about limits', async () => {
      const seen: unknown[] = []
      for (const route of ['POST /exports', 'POST /exports', 'GET /customers', 'GET /health']) {
        const { status, code, headers } = await ask(limited, route)
        seen.push([route, status, code, headers[1]])
        expect(headers[2]).toBe('"60s";q=3;w=60')
      }
      expect(seen).toEqual([
        ['POST /exports', 200, undefined, '"60s";r=1;t=60'],
        ['POST /exports', 429, 'quota_exceeded', '"60s";r=1;t=60'],
        ['GET /customers', 200, undefined, '"60s";r=0;t=60'],
        ['GET /health', 200, undefined, '"60s";r=0;t=60'],
      ])
      const { sent, headers } = await ask(limited, 'GET /customers')
      // nginx passes on only 401 and 403.
      expect(sent).toBe(proxy === 'nginx' ? 403 : 429)
      expect(headers).toEqual(['60', '"60s";r=0;t=60', '"60s";q=3;w=60', undefined])
    })

    test('a route sees the original request in authorize', async () => {
      expect((await ask(limited, 'GET /plans/pro?x=1')).status).toBe(200)
      const { status, code, headers } = await ask(limited, 'GET /plans/free')
      expect([status, code, headers[1]]).toEqual([403, 'plan_required', '"60s";r=1;t=60'])
    })

    test('a request without a route is not counted', async () => {
      limiter.charges.length = 0
      expect((await ask(limited, 'GET /elsewhere')).status).toBe(404)
      expect(limiter.charges).toEqual([])
    })
  })
})
