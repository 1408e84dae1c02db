import { expect, test } from 'vitest'
import { real } from './scene.ts'

const exchangesIn = (seen: readonly string[]) =>
  seen.filter((each) => each === 'POST /tokens').length

test('the first call gets a token, and further calls use it', async () => {
  const { client, origin, seen } = await real()
  const response = await client.fetch(`${origin}/customers`)
  expect([response.status, await response.json()]).toEqual([200, { via: 'token' }])
  expect((await client.fetch(new URL(`${origin}/customers`))).status).toBe(200)
  expect(seen).toEqual(['POST /tokens', 'GET /customers', 'GET /customers'])
})

test('a day of calls gets a new token before each hour is over, and no call fails', async () => {
  const { client, origin, clock, seen } = await real()
  for (let minute = 0; minute < 24 * 60; minute += 5) {
    expect((await client.fetch(`${origin}/customers`)).status).toBe(200)
    await client.flush()
    clock.advance(5 * 60_000)
  }
  // After 42 to 51 minutes.
  expect(exchangesIn(seen)).toBeGreaterThanOrEqual(24)
  expect(exchangesIn(seen)).toBeLessThanOrEqual(33)
})

test('the token has the scope and the resource of the client', async () => {
  const { another, twinkey } = await real()
  const scope = 'tenant:t1 workflow:customers.read'
  const token = await another({ scope, resource: 'https://mcp.example' }).token()
  const verified = await twinkey.tokens.verify(token)
  expect(verified).toMatchObject({
    ok: true,
    audience: 'https://mcp.example',
    scope: { workflows: ['customers.read'] },
  })
})

test('a scope that is too wide is exchange_refused, with the reason of the service', async () => {
  const { another } = await real()
  await expect(another({ scope: 'tenant:t2' }).token()).rejects.toMatchObject({
    code: 'exchange_refused',
    status: 403,
    reason: 'tenant_denied',
  })
})

test('a 403 of the API is returned, and nothing is repeated', async () => {
  const { client, origin, seen } = await real()
  expect((await client.fetch(`${origin}/orders`)).status).toBe(403)
  expect(seen).toEqual(['POST /tokens', 'GET /orders'])
})

test('when a leaked primary secret is renewed, the service uses the secondary secret', async () => {
  const { another, origin, twinkey, keyId, seen } = await real()
  const failovers: object[] = []
  const client = another({ onFailover: (failover) => failovers.push(failover) })
  expect((await client.fetch(`${origin}/customers`)).status).toBe(200)
  await twinkey.keys.renew(keyId, { slots: 'primary' })
  const post = { method: 'POST', body: 'hello' }
  const response = await client.fetch(`${origin}/customers`, post)
  expect([response.status, await response.json()]).toEqual([200, { body: 'hello' }])
  expect(failovers).toEqual([{ from: 'primary', to: 'secondary' }])
  // The 401, the refused exchange, the exchange of the other secret, the repeated call.
  expect(seen.slice(2)).toEqual([
    'POST /customers',
    'POST /tokens',
    'POST /tokens',
    'POST /customers',
  ])
})

test('a rotation without downtime: no call fails while the secret in use and its store are replaced', async () => {
  const { another, origin, twinkey, keyId, secrets, clock } = await real()
  let stored = [...secrets]
  const client = another({ secrets: async () => stored })
  const call = async () => (await client.fetch(`${origin}/customers`)).status
  const statuses = [await call()]
  for (const slot of ['secondary', 'primary', 'secondary'] as const) {
    const renewed = await twinkey.keys.renew(keyId, { slots: slot })
    statuses.push(await call())
    stored =
      slot === 'primary'
        ? [renewed.primary as string, stored[1] as string]
        : [stored[0] as string, renewed.secondary as string]
    clock.advance(3_600_000)
    statuses.push(await call())
  }
  expect(new Set(statuses)).toEqual(new Set([200]))
})

test('calls with a revoked key fail with credential_refused', async () => {
  const { client, origin, twinkey, keyId } = await real()
  await client.fetch(`${origin}/customers`)
  await twinkey.keys.revoke(keyId)
  await expect(client.fetch(`${origin}/customers`)).rejects.toMatchObject({
    code: 'credential_refused',
    status: 401,
    reason: 'credential_invalid',
  })
})

test('calls fail with exchange_unavailable while the store is down, and work again afterwards', async () => {
  const { client, origin, spy, clock } = await real()
  spy.override({ get: () => Promise.reject(new Error('down')) })
  await expect(client.fetch(`${origin}/customers`)).rejects.toMatchObject({
    code: 'exchange_unavailable',
    status: 503,
  })
  spy.override({})
  clock.advance(60_000)
  expect((await client.fetch(`${origin}/customers`)).status).toBe(200)
})
