import { from, memoryStore, type Requirement, rateLimited } from 'twinkey'
import { boomiFlow, flare, flowgear } from 'twinkey/profiles'
import { afterEach, describe, expect, test } from 'vitest'
import { type Host, hosts } from '../http/hosts.ts'
import { createBench } from '../support/bench.ts'
import { errorCodeOf } from '../support/faults.ts'
import { boomiPostmanClient } from './boomi-postman-client.ts'
import { flareGoClient } from './flare-go-client.ts'
import { flarePythonClient } from './flare-python-client.ts'
import { flowgearCsharpClient } from './flowgear-csharp-client.ts'
import { flowgearPhpClient } from './flowgear-php-client.ts'

const EVENTS = '/firework/v4/events'
const MINUTE = 60_000
let servers: Host[] = []

afterEach(async () => {
  await Promise.all(servers.map((server) => server.close()))
  servers = []
})

const profile = flare({
  account: () => ({ userId: 7, userEmail: 'ada@example.com', organizationId: 3, tenantId: 1001 }),
})

/** A server of all three conventions with one key. Waiting turns its clock. */
async function serve() {
  const bench = createBench({
    store: memoryStore(),
    environments: ['Production', 'Test'],
    cache: { maxAgeSeconds: 0 },
  })
  const { clock, twinkey } = bench
  const waits: number[] = []
  const limits = { left: 0 }
  const outage = { left: 0 }
  bench.spy.override({
    async get(id) {
      if (outage.left-- > 0) throw new Error('connection lost')
      return bench.spy.inner.get(id)
    },
  })
  const environment = 'Production'
  // It names no tenant itself: the profile or the key does.
  const tenant = Object.assign(() => (limits.left-- > 0 ? rateLimited(1) : undefined), {
    optional: true,
  })
  const flow: Requirement = { profile: boomiFlow(), environment, tenant }
  const server = await hosts['Express 5']?.(twinkey, {
    routes: [
      {
        method: 'GET',
        path: EVENTS,
        requirement: { profile, environment, tenant },
        answer: (principal) => ({ tenant: principal?.tenant }),
      },
      {
        method: 'GET',
        path: '/api/draw/1/flow',
        requirement: flow,
        answer: (principal) => [{ developerName: principal?.name }],
      },
      {
        method: 'GET',
        path: '/customers/:id/',
        requirement: { profile: flowgear(), tenant, workflow: from.routeTemplate() },
      },
      {
        method: 'POST',
        path: '/customers/:id/',
        requirement: { profile: flowgear(), tenant, workflow: from.routeTemplate() },
      },
    ],
    tokens: { '/tokens': { profile } },
  })
  if (server === undefined) return expect.fail('no such host')
  servers.push(server)
  const { key, primary } = await twinkey.keys.create({
    name: 'main',
    scope: { tenants: ['1001', '1002'], environments: ['Production'], workflows: '*' },
  })
  const session = {
    port: server.port,
    now: clock.now,
    wait: async (milliseconds: number) => {
      waits.push(milliseconds / 1000)
      clock.advance(milliseconds)
    },
  }
  return { ...bench, keys: twinkey.keys, key, primary, session, waits, limits, outage }
}

/** The name of the error that a call ends with. */
async function endOf(call: Promise<unknown>): Promise<string> {
  return call.then(
    () => expect.fail('it did not fail'),
    (error: Error) => `${error.name}: ${error.message}`,
  )
}

describe.each([
  [
    'Python',
    flarePythonClient,
    'TokenError: Failed to fetch API Token: 401',
    'TokenError: Failed to fetch API Token: 403',
  ],
  [
    'Go',
    flareGoClient,
    'TokenError: unexpected response code: 401',
    'TokenError: unexpected response code: 403',
  ],
] as const)("Flare's %s client", (_language, client, refusedKey, refusedTenant) => {
  test('Flare client: gets a token and uses it, for the default tenant and for another', async () => {
    const { session, primary } = await serve()
    expect(await client(session, primary).get(EVENTS)).toMatchObject({
      status: 200,
      body: '{"tenant":"1001"}',
    })
    expect(await client(session, primary, 1002).get(EVENTS)).toMatchObject({
      status: 200,
      body: '{"tenant":"1002"}',
    })
    expect(
      JSON.parse((await client(session, primary, 1002).get('/tokens/test')).body),
    ).toMatchObject({ tenant_id: 1002 })
  })

  test('Flare client: stops at once at a wrong key and at a tenant out of reach', async () => {
    const { session, primary, waits } = await serve()
    expect(await endOf(client(session, 'fw_wrong').get(EVENTS))).toBe(refusedKey)
    expect(await endOf(client(session, primary, 1003).get(EVENTS))).toBe(refusedTenant)
    expect(waits).toEqual([])
  })

  test('Flare client: waits as long as Retry-After says when it is rate limited', async () => {
    const { session, primary, waits, limits } = await serve()
    limits.left = 3
    expect((await client(session, primary).get(EVENTS)).status).toBe(200)
    expect(waits).toEqual([1, 1, 1])
  })

  test('Flare client: gives up after six attempts', async () => {
    const { session, primary, waits, limits } = await serve()
    limits.left = 100
    expect(await endOf(client(session, primary).get(EVENTS))).toBe(
      'GaveUp: giving up after 6 attempt(s)',
    )
    expect(waits).toEqual([1, 1, 1, 1, 1])
  })

  test('Flare client: gets over an outage of the store, at the exchange and at use', async () => {
    const { session, primary, waits, outage } = await serve()
    const flareClient = client(session, primary)
    outage.left = 1
    expect((await flareClient.get(EVENTS)).status).toBe(200)
    outage.left = 2
    expect((await flareClient.get(EVENTS)).status).toBe(200)
    expect(waits).toEqual([2, 2, 2])
  })

  test('Flare client: its token is good for the 45 minutes for which it keeps it', async () => {
    const { session, primary, clock, events } = await serve()
    const flareClient = client(session, primary)
    await flareClient.get(EVENTS)
    clock.advance(45 * MINUTE)
    expect((await flareClient.get(EVENTS)).status).toBe(200)
    expect(events.filter(({ type }) => type === 'token.issued')).toHaveLength(1)
    clock.advance(1)
    expect((await flareClient.get(EVENTS)).status).toBe(200)
    expect(events.filter(({ type }) => type === 'token.issued')).toHaveLength(2)
  })

  test('Flare client: a token of an hour is refused', async () => {
    const { session, primary, clock } = await serve()
    // A client whose clock stands still keeps its token for too long.
    const flareClient = client({ ...session, now: () => 0 }, primary)
    await flareClient.get(EVENTS)
    clock.advance(60 * MINUTE - 1)
    expect((await flareClient.get(EVENTS)).status).toBe(200)
    clock.advance(1)
    expect((await flareClient.get(EVENTS)).status).toBe(401)
  })

  test('Flare client: hands a 401 to its caller and keeps its token', async () => {
    const { session, primary, keys, key, events, waits } = await serve()
    const flareClient = client(session, primary)
    await flareClient.get(EVENTS)
    await keys.disable(key.id)
    for (let call = 0; call < 2; call++) expect((await flareClient.get(EVENTS)).status).toBe(401)
    await keys.enable(key.id)
    expect((await flareClient.get(EVENTS)).status).toBe(200)
    expect(events.filter(({ type }) => type === 'token.issued')).toHaveLength(1)
    expect(waits).toEqual([])
  })
})

describe("Flowgear's samples", () => {
  const CUSTOMER = '/customers/1/'
  const RESULT = {
    name: 'site',
    slot: 'primary',
    via: 'secret',
    tenant: null,
    environment: 'Production',
    workflow: `GET ${CUSTOMER.replace('1', ':id')}`,
  }
  const NOT_FOUND = '{"Message":"Not Found"}'
  const LIMITED = 'Too many requests. Try again later.'
  const DOWN = 'This cannot be decided at the moment. Try again.'

  async function samples() {
    const server = await serve()
    const scope = { tenants: '*', workflows: ['GET /customers/:id/'] } as const
    const { primary } = await server.keys.create({ name: 'site', scope })
    const { port } = server.session
    return {
      ...server,
      php: flowgearPhpClient(port, primary),
      csharp: flowgearCsharpClient(port, primary),
      port,
    }
  }

  test('Flowgear client: PHP and C# read a result', async () => {
    const { php, csharp } = await samples()
    expect(await php.invoke(CUSTOMER)).toEqual(RESULT)
    expect(await csharp.invoke(CUSTOMER)).toEqual(RESULT)
  })

  test('Flowgear client: PHP and C# show the message of a refusal', async () => {
    const { php, port } = await samples()
    expect(await endOf(php.invoke(CUSTOMER, { a: 1 }))).toBe(`InvokeError: 404 ${NOT_FOUND}`)
    expect(await endOf(flowgearPhpClient(port, 'wrong').invoke(CUSTOMER))).toBe(
      `InvokeError: 404 ${NOT_FOUND}`,
    )
    expect(await endOf(flowgearCsharpClient(port, 'wrong').invoke(CUSTOMER))).toBe(
      'InvokeError: Not Found',
    )
  })

  test('Flowgear client: PHP and C# show the message of a rate limit and of an outage, and work again afterwards', async () => {
    const { php, csharp, limits, outage } = await samples()
    limits.left = 2
    expect(await endOf(php.invoke(CUSTOMER))).toBe(`InvokeError: 429 {"Message":"${LIMITED}"}`)
    expect(await endOf(csharp.invoke(CUSTOMER))).toBe(`InvokeError: ${LIMITED}`)
    outage.left = 2
    expect(await endOf(php.invoke(CUSTOMER))).toBe(`InvokeError: 503 {"Message":"${DOWN}"}`)
    expect(await endOf(csharp.invoke(CUSTOMER))).toBe(`InvokeError: ${DOWN}`)
    expect(await php.invoke(CUSTOMER)).toEqual(RESULT)
    expect(await csharp.invoke(CUSTOMER)).toEqual(RESULT)
  })
})

describe('Postman against Boomi Flow', () => {
  const FLOWS = '/api/draw/1/flow'

  test('Boomi Flow client: the flows of a tenant, with headers in any case', async () => {
    const { session, primary } = await serve()
    for (const names of [
      ['x-boomi-flow-api-key', 'manywhotenant'],
      ['X-Boomi-Flow-Api-Key', 'ManyWhoTenant'],
    ] as const) {
      const postman = boomiPostmanClient(session.port, { [names[0]]: primary, [names[1]]: '1002' })
      expect(await postman.get(FLOWS)).toMatchObject({
        status: 200,
        body: '[{"developerName":"main"}]',
      })
    }
  })

  test('Boomi Flow client: fails without headers, with a wrong key and for another tenant', async () => {
    const { session, primary } = await serve()
    const statusWith = async (typed: Record<string, string>) =>
      (await boomiPostmanClient(session.port, typed).get(FLOWS)).status
    expect(await statusWith({})).toBe(401)
    expect(await statusWith({ 'x-boomi-flow-api-key': 'wrong', manywhotenant: '1002' })).toBe(401)
    expect(await statusWith({ 'x-boomi-flow-api-key': primary, manywhotenant: '1003' })).toBe(403)
  })

  test('Boomi Flow client: is told when to come back from a rate limit and an outage', async () => {
    const { session, primary, limits, outage } = await serve()
    const postman = boomiPostmanClient(session.port, {
      'x-boomi-flow-api-key': primary,
      manywhotenant: '1001',
    })
    limits.left = 1
    expect(await postman.get(FLOWS)).toMatchObject({ status: 429, headers: { 'retry-after': '1' } })
    outage.left = 1
    expect(await postman.get(FLOWS)).toMatchObject({ status: 503, headers: { 'retry-after': '2' } })
    expect((await postman.get(FLOWS)).status).toBe(200)
  })

  test('Boomi Flow client: a deleted key fails from then on', async () => {
    const { session, primary, keys, key } = await serve()
    const postman = boomiPostmanClient(session.port, {
      'x-boomi-flow-api-key': primary,
      manywhotenant: '1001',
    })
    expect((await postman.get(FLOWS)).status).toBe(200)
    await keys.delete(key.id)
    expect((await postman.get(FLOWS)).status).toBe(401)
    expect(await errorCodeOf(keys.enable(key.id))).toBe('key_not_found')
  })
})
