import type { Failover } from 'twinkey/client'
import { describe, expect, it } from 'vitest'
import { type Answer, type Hostile, hostile, json, PRIMARY, real, SECONDARY } from './scene.ts'

/** Lets the service refuse some secrets. */
function refuse(scene: Hostile, ...secrets: string[]): void {
  scene.onExchange = (response, { headers }) => {
    const secret = String(headers.authorization).slice('Bearer '.length)
    if (secrets.includes(secret)) json(response, 401, { code: 'credential_invalid' })
    else scene.grant(response)
  }
}

describe('a refused secret', () => {
  it.each<[string, Answer]>([
    ['with 401', (response) => json(response, 401, {})],
    ['with invalid_client', (response) => json(response, 400, { error: 'invalid_client' })],
  ])('%s is replaced by the other one, once', async (_how, answer) => {
    const failovers: Failover[] = []
    const scene = await hostile({ onFailover: (failover) => failovers.push(failover) })
    scene.onExchange = (response, seen) =>
      seen.headers.authorization === `Bearer ${PRIMARY}`
        ? answer(response, seen)
        : scene.grant(response)
    const calls = Array.from({ length: 100 }, () => scene.client.fetch(scene.url('/a')))
    expect(new Set((await Promise.all(calls)).map(({ status }) => status))).toEqual(new Set([200]))
    expect(scene.exchanges()).toEqual([PRIMARY, SECONDARY])
    expect(failovers).toEqual([{ from: 'primary', to: 'secondary' }])
  })

  it('is not replaced after a 5xx, even one with invalid_client', async () => {
    const scene = await hostile()
    scene.onExchange = (response) => json(response, 503, { error: 'invalid_client' })
    await expect(scene.client.token()).rejects.toMatchObject({ code: 'exchange_unavailable' })
    expect(scene.exchanges()).toEqual([PRIMARY])
  })

  it('is not tried again as long as the other one works', async () => {
    const scene = await hostile()
    refuse(scene, PRIMARY)
    for (let hour = 0; hour < 3; hour++) {
      expect((await scene.client.fetch(scene.url('/a'))).status).toBe(200)
      scene.clock.advance(3_600_000)
    }
    expect(scene.exchanges()).toEqual([PRIMARY, SECONDARY, SECONDARY, SECONDARY])
  })

  it('is replaced in both directions', async () => {
    const failovers: Failover[] = []
    const scene = await hostile({ onFailover: (failover) => failovers.push(failover) })
    refuse(scene, PRIMARY)
    await scene.client.token()
    refuse(scene, SECONDARY)
    scene.clock.advance(3_600_000)
    await scene.client.token()
    expect(scene.exchanges()).toEqual([PRIMARY, SECONDARY, SECONDARY, PRIMARY])
    expect(failovers.map(({ to }) => to)).toEqual(['secondary', 'primary'])
  })

  it('ends calls if the other one is refused too, and both are tried again two seconds later', async () => {
    const scene = await hostile()
    refuse(scene, PRIMARY, SECONDARY)
    const ask = () => scene.client.token().catch(({ code }) => code)
    for (let i = 0; i < 10; i++) expect(await ask()).toBe('credential_refused')
    expect(scene.exchanges()).toEqual([PRIMARY, SECONDARY])
    refuse(scene)
    scene.clock.advance(2000)
    expect(await ask()).toBe('token-1')
    expect(scene.exchanges()).toEqual([PRIMARY, SECONDARY, PRIMARY])
  })

  it('ends calls if there is no other one', async () => {
    const scene = await hostile({ secrets: [PRIMARY] })
    refuse(scene, PRIMARY)
    await expect(scene.client.token()).rejects.toMatchObject({ code: 'credential_refused' })
    expect(scene.exchanges()).toEqual([PRIMARY])
  })

  it.each<[string, (failover: Failover) => unknown]>([
    [
      'throws',
      () => {
        throw new Error('broken')
      },
    ],
    [
      'rejects',
      async () => {
        throw new Error('broken')
      },
    ],
  ])('is replaced even if onFailover %s', async (_how, onFailover) => {
    const scene = await hostile({ onFailover })
    refuse(scene, PRIMARY)
    expect(await scene.client.token()).toBe('token-1')
  })
})

it.each([403, 404, 408, 429, 500, 502, 503, 504])(
  'an exchange that answers %i says nothing about the secret, so the other one is not tried',
  async (status) => {
    const failovers: Failover[] = []
    const scene = await hostile({ onFailover: (failover) => failovers.push(failover) })
    scene.onExchange = (response) => json(response, status, { code: 'unavailable' })
    await scene.client.token().catch(() => {})
    scene.clock.advance(61_000)
    await scene.client.token().catch(() => {})
    expect(scene.exchanges()).toEqual([PRIMARY, PRIMARY])
    expect(failovers).toEqual([])
  },
)

it('a 401 of the API alone says nothing about the secret either', async () => {
  const failovers: Failover[] = []
  const scene = await hostile({ onFailover: (failover) => failovers.push(failover) })
  scene.onCall = (response) => json(response, 401, {})
  await scene.client.fetch(scene.url('/a'))
  expect(scene.exchanges()).toEqual([PRIMARY, PRIMARY])
  expect(failovers).toEqual([])
})

describe('secrets from a function', () => {
  const RENEWED = `acme_${'N'.repeat(65)}`

  it('are loaded once, at the first exchange', async () => {
    let loads = 0
    const scene = await hostile({
      secrets: async () => {
        loads++
        return [`${PRIMARY}\n`, undefined]
      },
    })
    expect(loads).toBe(0)
    await Promise.all(Array.from({ length: 100 }, () => scene.client.token()))
    scene.clock.advance(3_600_000)
    await scene.client.token()
    expect([loads, scene.exchanges()]).toEqual([1, [PRIMARY, PRIMARY]])
  })

  it('are loaded again when one is refused, and a renewed secret is used in place of the other one', async () => {
    const failovers: Failover[] = []
    let stored = [PRIMARY, SECONDARY]
    const scene = await hostile({
      secrets: () => stored,
      onFailover: (failover) => failovers.push(failover),
    })
    await scene.client.token()
    stored = [RENEWED, SECONDARY]
    refuse(scene, PRIMARY)
    scene.clock.advance(3_600_000)
    await scene.client.token()
    expect(scene.exchanges()).toEqual([PRIMARY, PRIMARY, RENEWED])
    expect(failovers).toEqual([])
  })

  it('that have not changed: the other secret is used', async () => {
    let loads = 0
    const scene = await hostile({
      secrets: () => {
        loads++
        return [PRIMARY, SECONDARY]
      },
    })
    await scene.client.token()
    refuse(scene, PRIMARY)
    scene.clock.advance(3_600_000)
    await scene.client.token()
    expect([loads, scene.exchanges()]).toEqual([2, [PRIMARY, PRIMARY, SECONDARY]])
  })

  it('stay as they are if they cannot be loaded again', async () => {
    let broken = false
    const scene = await hostile({
      secrets: async () => {
        if (broken) throw new Error('the secret manager is down')
        return [PRIMARY, SECONDARY]
      },
    })
    await scene.client.token()
    broken = true
    refuse(scene, PRIMARY)
    scene.clock.advance(3_600_000)
    expect(await scene.client.token()).toBe('token-2')
  })

  it('without the secondary one that is in use: the primary secret is used', async () => {
    let stored = [PRIMARY, SECONDARY]
    const scene = await hostile({ secrets: () => stored })
    refuse(scene, PRIMARY)
    await scene.client.token()
    stored = [RENEWED]
    refuse(scene, PRIMARY, SECONDARY)
    scene.clock.advance(3_600_000)
    expect(await scene.client.token()).toBe('token-2')
    expect(scene.exchanges().at(-1)).toBe(RENEWED)
  })

  it('that differ at each load are tried at most three times', async () => {
    let loads = 0
    const scene = await hostile({
      secrets: () => [`acme_a${++loads}`, `acme_b${loads}`],
    })
    await scene.client.token()
    scene.onExchange = (response) => json(response, 401, {})
    scene.clock.advance(3_600_000)
    await expect(scene.client.token()).rejects.toMatchObject({ code: 'credential_refused' })
    expect(scene.exchanges()).toEqual(['acme_a1', 'acme_a1', 'acme_a2', 'acme_b2'])
  })

  it.each<[string, () => never, RegExp]>([
    [
      'throws',
      () => {
        throw Object.assign(new Error(`open /run/${PRIMARY}`), { code: 'ENOENT' })
      },
      /ENOENT/,
    ],
    [
      'rejects',
      () => Promise.reject(new SyntaxError(`Unexpected token in ${PRIMARY}`)) as never,
      /one or two secrets/,
    ],
    ['returns nothing', () => undefined as never, /one or two secrets/],
    ['returns an empty list', () => [] as never, /one or two secrets/],
    ['returns an empty text', () => [''] as never, /one or two secrets/],
    ['returns three', () => ['a', 'b', 'c'] as never, /one or two secrets/],
  ])(
    'of a function that %s are secrets_unavailable, for two seconds',
    async (_how, secrets, message) => {
      let loads = 0
      const scene = await hostile({
        secrets: () => {
          loads++
          return secrets()
        },
      })
      for (let i = 0; i < 5; i++) {
        const error = await scene.client.token().catch((thrown) => thrown)
        expect([error.code, error.message]).toEqual([
          'secrets_unavailable',
          expect.stringMatching(message),
        ])
        expect(JSON.stringify([error, error.stack])).not.toContain(PRIMARY)
      }
      scene.clock.advance(2000)
      await scene.client.token().catch(() => {})
      expect([loads, scene.seen]).toEqual([2, []])
    },
  )

  it('of a function that never returns are secrets_unavailable after the deadline', async () => {
    const scene = await hostile({ secrets: () => new Promise(() => {}), deadlineSeconds: 0.05 })
    await expect(scene.client.token()).rejects.toMatchObject({ code: 'secrets_unavailable' })
  })
})

it('if both secrets are no longer valid, calls are refused and old tokens are not sent repeatedly', async () => {
  const failovers: Failover[] = []
  const scene = await real()
  const client = scene.another({ onFailover: (failover) => failovers.push(failover) })
  const call = async () => (await client.fetch(`${scene.origin}/customers`)).status
  expect(await call()).toBe(200)
  await scene.twinkey.keys.renew(scene.keyId, { slots: 'primary' })
  expect(await call()).toBe(200)
  await scene.twinkey.keys.renew(scene.keyId, { slots: 'secondary' })
  for (let i = 0; i < 5; i++) {
    scene.clock.advance(1200)
    await expect(call()).rejects.toMatchObject({ code: 'credential_refused' })
  }
  expect(failovers).toEqual([{ from: 'primary', to: 'secondary' }])
})

it('if both secrets become invalid at the same time, every call is refused', async () => {
  const { twinkey, keyId, client, clock, origin } = await real()
  expect((await client.fetch(`${origin}/customers`)).status).toBe(200)
  await twinkey.keys.renew(keyId, { slots: 'both' })
  for (let i = 0; i < 5; i++) {
    clock.advance(1200)
    await expect(client.fetch(`${origin}/customers`)).rejects.toMatchObject({
      code: 'credential_refused',
    })
  }
})
