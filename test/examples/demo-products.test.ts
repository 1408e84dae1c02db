import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  type Demo,
  type DemoLine,
  FRAMEWORKS,
  startJsonDemo,
} from '../clients/newman/demo-process.ts'

type Sent = Readonly<{
  method?: string
  path: string
  headers?: Readonly<Record<string, string>>
  body?: string
}>

const demos: (Demo & DemoLine)[] = []
// The same on each, so that the same requests can be sent.
const ADOPTED = {
  FLARE_API_KEY: 'fw_1nZ7qX0bV5tL3sW8cR2yK6uJ9',
  FLOW_API_KEY: '+Zk/3mB0sT9xLw2yNf7hJcR5uAeDq8v/',
  FLOWGEAR_KEY:
    '-Qm7ZrT0bXk3VwL9sYc5NfH2gJd8PaE_uK1iM6oR4tBvWxSqDnGhCyFzUjIlOeAp0-1_2a3b4c5d6e7f8g9h0Z',
}

beforeAll(async () => {
  demos.push(
    ...(await Promise.all(
      FRAMEWORKS.map((framework) => startJsonDemo(['--framework', framework], ADOPTED)),
    )),
  )
})
afterAll(() => {
  for (const demo of demos) demo.kill()
})

const send = ({ url }: DemoLine, { method = 'GET', path, headers = {}, body }: Sent) =>
  fetch(url + path, { method, headers, ...(body === undefined ? {} : { body }) })
const bearer = (credential: string) => ({ authorization: `Bearer ${credential}` })

describe.each(FRAMEWORKS.map((name, index) => [name, index] as const))(
  'the products of the demo on %s',
  (_name, index) => {
    const demo = () => demos[index] as Demo & DemoLine
    const answerTo = async <B = unknown>(sent: Sent): Promise<[number, B]> => {
      const response = await send(demo(), sent)
      return [response.status, (await response.json()) as B]
    }

    it('Boomi Flow: lists flows, the tenant and the keys of the user', async () => {
      const { secret, tenant } = demo().keys.boomiFlow
      const headers = { 'x-boomi-flow-api-key': secret, manywhotenant: tenant }
      const [status, flows] = await answerTo<{ id: { id: string } }[]>({
        path: '/api/draw/1/flow',
        headers,
      })
      expect([status, flows]).toEqual([
        200,
        [expect.objectContaining({ developerName: 'Leave request' }), expect.anything()],
      ])
      expect(flows[0]?.id.id).toEqual(expect.any(String))
      expect(await answerTo({ path: '/api/admin/1/tenant', headers })).toEqual([
        200,
        expect.objectContaining({ id: tenant }),
      ])
      const key = {
        name: 'API Key',
        apiKey: null,
        createdAt: expect.stringMatching(/^\d{4}-.*Z$/),
        tenantId: tenant,
      }
      expect(await answerTo({ path: '/api/admin/1/users/me/keys', headers })).toEqual([200, [key]])
    })

    it('Boomi Flow: refuses another tenant', async () => {
      const headers = {
        'x-boomi-flow-api-key': demo().keys.boomiFlow.secret,
        manywhotenant: 'acme',
      }
      for (const path of ['/api/draw/1/flow', '/api/admin/1/tenant', '/api/admin/1/users/me/keys'])
        expect((await send(demo(), { path, headers })).status).toBe(403)
    })

    it('Flare: issues tokens for the tenants of the user, and accepts only tokens', async () => {
      const { secret, tenants } = demo().keys.flare
      expect(tenants).toEqual([4001, 4002])
      const exchange = {
        method: 'POST',
        path: '/tokens/generate',
        headers: { authorization: secret },
      }
      for (const [tenant, more] of [
        [4001, {}],
        [4002, { body: '{"tenant_id":4002}' }],
      ] as const) {
        const [status, { token }] = await answerTo<{ token: string }>({ ...exchange, ...more })
        expect(status).toBe(200)
        expect(await answerTo({ path: '/tokens/test', headers: bearer(token) })).toEqual([
          200,
          expect.objectContaining({ tenant_id: tenant }),
        ])
        const [, { items }] = await answerTo<{ items: unknown[] }>({
          path: '/leaksdb/v2/sources',
          headers: bearer(token),
        })
        expect(items).toHaveLength(tenant === 4001 ? 2 : 1)
      }
      expect((await send(demo(), { ...exchange, body: '{"tenant_id":4003}' })).status).toBe(403)
      for (const headers of [bearer(secret), { authorization: secret }])
        expect((await send(demo(), { path: '/leaksdb/v2/sources', headers })).status).toBe(401)
    })

    it('Flowgear: accepts both keys, each for its environment and its workflows', async () => {
      const { primary, secondary, test } = demo().keys.flowgear
      const path = '/customers/123/'
      const production = {
        id: '123',
        name: 'Katherine Johnson',
        environment: 'Production',
        username: 'Key: crm',
      }
      for (const headers of [
        { authorization: `Key=${primary}` },
        bearer(primary),
        { authorization: `key=${secondary}` },
      ])
        expect(await answerTo({ path, headers })).toEqual([200, production])
      expect(await answerTo({ path: `${path}?auth-key=${primary}` })).toEqual([200, production])
      const inTest = {
        id: '123',
        name: 'Test customer',
        environment: 'Test',
        username: 'Key: crm-test',
      }
      expect(await answerTo({ path: `${path}?_profile=test&auth-key=${test}` })).toEqual([
        200,
        inTest,
      ])
      for (const query of [
        `auth-key=${test}`,
        `auth-key=${primary}&_profile=Test`,
        'auth-key=nonsense',
        `auth-key=${primary}&_profile=Staging`,
      ])
        expect(await answerTo({ path: `${path}?${query}` })).toEqual([
          404,
          { Message: 'Not Found' },
        ])
      expect(
        (await send(demo(), { path: '/v1/customers/c1', headers: bearer(primary) })).status,
      ).toBe(403)
    })

    it('Flowgear: accepts a body, also with the key in the query', async () => {
      const { primary } = demo().keys.flowgear
      const posted = {
        method: 'POST',
        path: `/customers/456/?auth-key=${primary}`,
        headers: { 'content-type': 'application/json' },
      }
      const saved = {
        id: '456',
        name: 'Mary Jackson',
        environment: 'Production',
        username: 'Key: crm',
      }
      expect(await answerTo({ ...posted, body: '{"name":"Mary Jackson"}' })).toEqual([200, saved])
      expect(
        await answerTo({ path: '/customers/456/', headers: { authorization: `Key=${primary}` } }),
      ).toEqual([200, saved])
      expect(await answerTo({ ...posted, body: '{"name":' })).toEqual([
        400,
        { Message: 'Send a JSON object.' },
      ])
    })

    it("Flowgear: accepts any JSON object, as the vendor's own samples send it, and returns it", async () => {
      const { primary } = demo().keys.flowgear
      const posted = {
        method: 'POST',
        path: '/customers/457/',
        headers: { authorization: `Key=${primary}` },
      }
      const sent = { input1: 'hello', numericvalue: 42 }
      const from = { environment: 'Production', username: 'Key: crm' }
      expect(await answerTo({ ...posted, body: JSON.stringify(sent) })).toEqual([
        200,
        { ...sent, id: '457', name: '457', ...from },
      ])
      expect(await answerTo({ ...posted, body: '{"name":"Mary Jackson"}' })).toEqual([
        200,
        { id: '457', name: 'Mary Jackson', ...from },
      ])
      expect(await answerTo({ ...posted, body: '{}' })).toEqual([
        200,
        { id: '457', name: 'Mary Jackson', ...from },
      ])
      for (const body of ['[]', '"text"', '7', 'null', '', 'a=1']) {
        expect(await answerTo({ ...posted, body })).toEqual([
          400,
          { Message: 'Send a JSON object.' },
        ])
      }
    })
  },
)

describe('the demo answers the same, byte for byte, on each framework', () => {
  const { FLARE_API_KEY, FLOW_API_KEY, FLOWGEAR_KEY } = ADOPTED
  const flow = { 'x-boomi-flow-api-key': FLOW_API_KEY }
  const key = { authorization: `Key=${FLOWGEAR_KEY}` }
  const raw = { authorization: FLARE_API_KEY }
  const asJson = { 'content-type': 'application/json' }
  const standard = (keys: DemoLine['keys'], more: object = {}) => ({
    ...bearer(keys.standard.primary),
    ...more,
  })
  const cases: [string, (keys: DemoLine['keys']) => Sent][] = [
    ['the list of routes', () => ({ path: '/' })],
    ['a customer', (keys) => ({ path: '/v1/customers/c1', headers: standard(keys) })],
    [
      'HEAD of a customer',
      (keys) => ({ method: 'HEAD', path: '/v1/customers/c1', headers: standard(keys) }),
    ],
    [
      'X-API-Key',
      (keys) => ({ path: '/v1/customers/c1', headers: { 'x-api-key': keys.standard.secondary } }),
    ],
    ['no customer', (keys) => ({ path: '/v1/customers/c9', headers: standard(keys) })],
    [
      'a customer to be added',
      (keys) => ({
        method: 'POST',
        path: '/v1/customers',
        headers: standard(keys, asJson),
        body: '{"name":"X"}',
      }),
    ],
    ['no body', (keys) => ({ method: 'POST', path: '/v1/customers', headers: standard(keys) })],
    [
      'a broken body',
      (keys) => ({
        method: 'POST',
        path: '/v1/customers',
        headers: standard(keys, asJson),
        body: '{',
      }),
    ],
    [
      'a body too large',
      (keys) => ({
        method: 'POST',
        path: '/v1/customers',
        headers: standard(keys),
        body: 'x'.repeat(100_001),
      }),
    ],
    ['who am I', (keys) => ({ path: '/v1/whoami', headers: standard(keys) })],
    ['no credential', () => ({ path: '/v1/customers/c1' })],
    ['another tenant', (keys) => ({ path: '/v1/tenants/globex/flows', headers: standard(keys) })],
    ['a token', (keys) => ({ method: 'POST', path: '/v1/tokens', headers: standard(keys) })],
    ['a token test', (keys) => ({ path: '/v1/tokens/test', headers: standard(keys) })],
    ['a token by GET', (keys) => ({ path: '/v1/tokens', headers: standard(keys) })],
    ['no such path', () => ({ path: '/nowhere' })],
    [
      'a path that ends in a slash',
      (keys) => ({ path: '/v1/customers/c1/', headers: standard(keys) }),
    ],
    ['the flows of Boomi Flow', () => ({ path: '/api/draw/1/flow', headers: flow })],
    ['its flows without a key', () => ({ path: '/api/draw/1/flow' })],
    [
      'its flows of another tenant',
      () => ({ path: '/api/draw/1/flow', headers: { ...flow, manywhotenant: 'x' } }),
    ],
    ['its tenant', () => ({ path: '/api/admin/1/tenant', headers: flow })],
    ['its keys', () => ({ path: '/api/admin/1/users/me/keys', headers: flow })],
    ['the exchange of Flare', () => ({ method: 'POST', path: '/tokens/generate', headers: raw })],
    [
      'its exchange of a tenant',
      () => ({
        method: 'POST',
        path: '/tokens/generate',
        headers: raw,
        body: '{"tenant_id":4002}',
      }),
    ],
    [
      'its exchange of another tenant',
      () => ({ method: 'POST', path: '/tokens/generate', headers: raw, body: '{"tenant_id":1}' }),
    ],
    [
      'its exchange of nonsense',
      () => ({ method: 'POST', path: '/tokens/generate', headers: raw, body: 'nonsense' }),
    ],
    ['its exchange without a key', () => ({ method: 'POST', path: '/tokens/generate' })],
    ['its sources without a token', () => ({ path: '/leaksdb/v2/sources', headers: raw })],
    ['a customer of Flowgear', () => ({ path: '/customers/123/', headers: key })],
    [
      'its customer by a key in the query',
      () => ({ path: `/customers/123/?auth-key=${FLOWGEAR_KEY}` }),
    ],
    ['its customer without a key', () => ({ path: '/customers/123/' })],
    ['its customer without the slash', () => ({ path: '/customers/123', headers: key })],
    ['no customer of Flowgear', () => ({ path: '/customers/999/', headers: key })],
    [
      'a body for Flowgear',
      () => ({ method: 'POST', path: '/customers/7/', headers: key, body: '{"name":"X"}' }),
    ],
  ]

  it.each(cases)('%s', async (_name, sentWith) => {
    const [express, fastify, hono] = await Promise.all(
      demos.map(async (demo) => shown(await send(demo, sentWith(demo.keys)))),
    )
    expect(fastify).toEqual(express)
    expect(hono).toEqual(express)
  })
})

// Without the values that differ between any two processes, and the headers of the connection.
async function shown(response: Response) {
  const headers = Object.fromEntries(
    [...response.headers].filter(([name]) => !['date', 'connection', 'keep-alive'].includes(name)),
  )
  const body = (await response.text())
    .replace(/eyJ[\w.-]+/g, '<token>')
    .replace(/"(keyId|key_id|createdAt)":"[^"]+"/g, '"$1":"<other>"')
    .replace(/"refresh_token_exp":\d+/, '"refresh_token_exp":0')
  return { status: response.status, headers, body }
}
