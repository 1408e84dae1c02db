import { inspect } from 'node:util'
import { createClient } from 'twinkey/client'
import { expect, it } from 'vitest'
import { hostile, json, PRIMARY, redirect, SECONDARY, serve } from '../client/scene.ts'

it('J1: the client sends secrets and tokens by https or on this machine only, and follows no redirect elsewhere with them', async () => {
  const options = { secrets: [PRIMARY], origins: ['https://a.example'] }
  for (const wrong of [
    { ...options, tokenUrl: 'http://a.example/tokens' },
    { ...options, tokenUrl: 'https://a.example/tokens', origins: ['http://a.example'] },
  ])
    expect(() => createClient(wrong)).toThrow(/https/)
  const elsewhere = await serve((response) => json(response, 200, {}))
  const scene = await hostile()
  scene.onExchange = (response) => redirect(response, 307, elsewhere.origin)
  await expect(scene.client.token()).rejects.toMatchObject({ code: 'exchange_malformed' })
  expect(elsewhere.seen).toEqual([])
  scene.onExchange = (response) => scene.grant(response)
  scene.onCall = (response) => redirect(response, 307, elsewhere.origin)
  scene.clock.advance(2000)
  await scene.client.fetch(scene.url('/a'))
  expect(elsewhere.seen.length).toBe(1)
  expect(JSON.stringify(elsewhere.seen)).not.toMatch(/acme_|token-/)
  scene.onCall = (response) => redirect(response, 302, 'http://a.example')
  await expect(scene.client.fetch(scene.url('/a'))).rejects.toMatchObject({
    code: 'redirect_refused',
  })
})

it('J2: the client renews once for all callers, early by expires_in and a jitter, repeats once after 401 and never after 403, and honors Retry-After', async () => {
  const scene = await hostile({ secrets: [PRIMARY] })
  const all = () =>
    Promise.all(
      Array.from({ length: 100 }, async () => (await scene.client.fetch(scene.url('/a'))).status),
    )
  expect(new Set(await all())).toEqual(new Set([200]))
  expect(scene.exchanges().length).toBe(1)
  scene.clock.advance(0.86 * 3_600_000)
  await all()
  await scene.client.flush()
  expect(scene.exchanges().length).toBe(2)
  for (const [status, calls] of [
    [403, 1],
    [401, 2],
  ] as const) {
    const before = scene.at('/b').length
    scene.onCall = (response) => json(response, status, {})
    expect((await scene.client.fetch(scene.url('/b'))).status).toBe(status)
    expect(scene.at('/b').length - before).toBe(calls)
  }
  expect(scene.exchanges().length).toBe(3)
  scene.clock.advance(3_600_000)
  scene.onExchange = (response) => json(response, 503, {}, { 'retry-after': '30' })
  for (const seconds of [0, 29, 2]) {
    scene.clock.advance(seconds * 1000)
    await scene.client.token().catch(() => {})
  }
  expect(scene.exchanges().length).toBe(5)
})

it('J3: the client reads at most 64 KiB of an exchange, and its errors hold no secret', async () => {
  const scene = await hostile({ secrets: [PRIMARY, SECONDARY] })
  scene.onExchange = (response) => response.writeHead(200).end(PRIMARY.repeat(2000))
  const error = await scene.client.token().catch((thrown) => thrown)
  expect([error.code, error.message]).toEqual([
    'exchange_malformed',
    'The token service sent more than 65536 bytes.',
  ])
  scene.clock.advance(2000)
  scene.onExchange = (response) => json(response, 401, { code: PRIMARY })
  const refused = await scene.client.token().catch((thrown) => thrown)
  expect(refused.code).toBe('credential_refused')
  for (const shown of [error, refused].flatMap((each) => [
    inspect(each, { depth: 9 }),
    JSON.stringify(each),
  ]))
    expect(shown).not.toContain('acme_')
})
