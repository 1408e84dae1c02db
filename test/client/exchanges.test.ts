import { describe, expect, it } from 'vitest'
import { createGate, settled } from '../support/gate.ts'
import { hostile, json, PRIMARY, SECONDARY } from './scene.ts'

const hour = 3_600_000

describe('one exchange at a time', () => {
  it('serves 1,000 callers at once', async () => {
    const { client, url, exchanges, at } = await hostile()
    const calls = Array.from({ length: 1000 }, () => client.fetch(url('/a')))
    const statuses = (await Promise.all(calls)).map(({ status }) => status)
    expect(new Set(statuses)).toEqual(new Set([200]))
    expect([exchanges().length, at('/a').length]).toEqual([1, 1000])
  })

  it('serves all clients with the same token URL, secret, scope and resource', async () => {
    const { another, exchanges } = await hostile()
    const clients = Array.from({ length: 20 }, () => another())
    const tokens = await Promise.all(clients.map((client) => client.token()))
    expect(new Set(tokens)).toEqual(new Set(['token-1']))
    expect(exchanges()).toEqual([PRIMARY])
  })

  it('is not shared with another scope, resource, secret, fetch or clock', async () => {
    const { another, exchanges } = await hostile()
    const others = [
      {},
      { scope: 'workflow:a' },
      { resource: 'https://a.example' },
      { secrets: [SECONDARY] },
      { fetch: (...args: Parameters<typeof fetch>) => fetch(...args) },
      { now: () => 0 },
    ]
    const tokens = await Promise.all(others.map((options) => another(options).token()))
    expect(new Set(tokens).size).toBe(others.length)
    expect(exchanges().length).toBe(others.length)
  })

  it('is not shared with a wrong secret of the same key id', async () => {
    const scene = await hostile()
    await scene.client.token()
    const forged = `${PRIMARY.slice(0, 21)}${'x'.repeat(49)}`
    expect(await scene.another({ secrets: [forged] }).token()).toBe('token-2')
    expect(scene.exchanges()).toEqual([PRIMARY, forged])
  })

  it('sends the secret, the scope and the resource, and asks for JSON', async () => {
    const { another, at } = await hostile()
    await another({ scope: 'tenant:t1 workflow:a', resource: 'https://a.example/b' }).token()
    const [{ method, headers, body } = {} as never] = at('/tokens')
    expect(method).toBe('POST')
    expect(headers).toMatchObject({
      authorization: `Bearer ${PRIMARY}`,
      accept: 'application/json',
      'content-type': 'application/x-www-form-urlencoded',
    })
    expect(Object.fromEntries(new URLSearchParams(body))).toEqual({
      scope: 'tenant:t1 workflow:a',
      resource: 'https://a.example/b',
    })
  })

  it('continues when the caller that caused it aborts', async () => {
    const scene = await hostile()
    const gate = createGate()
    scene.onExchange = async (response) => {
      await gate.opened
      scene.grant(response)
    }
    const controller = new AbortController()
    const [first, second] = [
      scene.client.fetch(scene.url('/a'), { signal: controller.signal }),
      scene.client.fetch(scene.url('/a')),
    ]
    await expect.poll(() => scene.exchanges().length).toBe(1)
    controller.abort(new Error('left'))
    await expect(first).rejects.toThrow('left')
    gate.open()
    expect((await second).status).toBe(200)
    expect([scene.exchanges().length, scene.at('/a').length]).toEqual([1, 1])
  })

  it('causes no leak warning when many callers wait with one signal', async () => {
    const { client, url } = await hostile()
    const warnings: Error[] = []
    const note = (warning: Error) => warnings.push(warning)
    process.on('warning', note)
    const { signal } = new AbortController()
    await Promise.all(
      Array.from({ length: 50 }, () =>
        client.axios(async () => ({ status: 200 }))({
          url: url('/a'),
          headers: { concat: () => ({}) },
          signal,
        }),
      ),
    )
    await settled()
    process.off('warning', note)
    expect(warnings).toEqual([])
  })

  it('is not started again by a caller that has aborted', async () => {
    const scene = await hostile()
    const signal = AbortSignal.abort(new Error('left'))
    await expect(scene.client.fetch(scene.url('/a'), { signal })).rejects.toThrow('left')
    expect(scene.at('/a')).toEqual([])
  })

  it('serves all calls whose token is refused at the same moment', async () => {
    const gate = createGate()
    let sent = 0
    const scene = await hostile({
      fetch: async (input, init) => {
        if (String(input).endsWith('/tokens')) return fetch(input, init)
        sent++
        const authorization = new Headers(init?.headers).get('authorization')
        await gate.opened
        return new Response(null, { status: authorization === 'Bearer token-1' ? 401 : 200 })
      },
    })
    await scene.client.token()
    const calls = Array.from({ length: 10 }, () => scene.client.fetch(scene.url('/a')))
    await expect.poll(() => sent).toBe(10)
    gate.open()
    const statuses = (await Promise.all(calls)).map(({ status }) => status)
    expect(new Set(statuses)).toEqual(new Set([200]))
    expect(scene.exchanges().length).toBe(2)
  })
})

describe('a token', () => {
  it('is renewed in the background after 70 to 85 % of its life, and the old one is used meanwhile', async () => {
    const scene = await hostile()
    const { client, clock, exchanges } = scene
    await client.token()
    clock.advance(0.69 * hour)
    expect(await client.token()).toBe('token-1')
    await settled()
    expect(exchanges().length).toBe(1)
    const gate = createGate()
    scene.onExchange = async (response) => {
      await gate.opened
      scene.grant(response)
    }
    clock.advance(0.17 * hour)
    expect(await Promise.all([client.token(), client.token()])).toEqual(['token-1', 'token-1'])
    await expect.poll(() => exchanges().length).toBe(2)
    expect(await client.token()).toBe('token-1')
    gate.open()
    await expect.poll(() => client.token()).toBe('token-2')
    expect(exchanges().length).toBe(2)
  })

  it('has one renewal time, which differs from that of other tokens', async () => {
    const { clock, another, exchanges } = await hostile()
    const clients = Array.from({ length: 40 }, (_, i) => another({ scope: `workflow:w${i}` }))
    const ask = () => Promise.all(clients.map((client) => client.token()))
    await ask()
    clock.advance(0.7 * hour)
    const after: number[] = []
    for (let step = 0; step < 15; step++) {
      clock.advance(0.01 * hour)
      await ask()
      await Promise.all(clients.map((client) => client.flush()))
      after.push(exchanges().length)
    }
    expect(exchanges().length).toBe(80)
    expect(new Set(after).size).toBeGreaterThan(5)
  })

  it('lives as long as expires_in says, from the time before the exchange', async () => {
    const scene = await hostile()
    const { client, clock } = scene
    scene.onExchange = (response) => {
      clock.advance(30_000)
      scene.grant(response, 100)
    }
    expect(await client.token()).toBe('token-1')
    // 30 of 100 seconds are over, and the last 5 are not used.
    clock.advance(64_000)
    scene.onExchange = (response) => json(response, 503, {})
    expect(await client.token()).toBe('token-1')
    clock.advance(3000)
    await expect(client.token()).rejects.toMatchObject({ code: 'exchange_unavailable' })
  })

  it('is measured by a clock that is never set back', async () => {
    const { another, exchanges, url } = await hostile({ now: undefined })
    const client = another()
    const { now } = Date
    try {
      await client.fetch(url('/a'))
      Date.now = () => now() + 24 * hour
      await client.fetch(url('/a'))
      Date.now = () => now() - 24 * hour
      await client.fetch(url('/a'))
    } finally {
      Date.now = now
    }
    expect(exchanges().length).toBe(1)
  })

  it('survives a renewal that fails', async () => {
    const scene = await hostile()
    const { client, clock, exchanges, url } = scene
    await client.token()
    clock.advance(0.86 * hour)
    scene.onExchange = (response) => json(response, 503, {})
    expect((await client.fetch(url('/a'))).status).toBe(200)
    await expect.poll(() => exchanges().length).toBe(2)
    await settled()
    expect((await client.fetch(url('/a'))).status).toBe(200)
    expect(exchanges().length).toBe(2)
    scene.onExchange = (response) => scene.grant(response)
    clock.advance(2000)
    await expect.poll(() => client.token()).toBe('token-2')
  })
})

describe('after close', () => {
  it('waiting and later calls fail, and an exchange without callers ends', async () => {
    const scene = await hostile()
    const { client, url } = scene
    let hasEnded = false
    scene.onExchange = (response) =>
      response.on('close', () => {
        hasEnded = true
      })
    const waiting = client.fetch(url('/a'))
    await expect.poll(() => scene.exchanges().length).toBe(1)
    client.close()
    await expect(waiting).rejects.toMatchObject({ code: 'client_closed' })
    await expect.poll(() => hasEnded).toBe(true)
    for (const call of [() => client.token(), () => client.fetch(url('/a'))])
      await expect(call()).rejects.toMatchObject({ code: 'client_closed' })
    client.close()
  })

  it('other clients of the key keep working', async () => {
    const scene = await hostile()
    const gate = createGate()
    scene.onExchange = async (response) => {
      await gate.opened
      scene.grant(response)
    }
    const second = scene.another()
    const [closing, going] = [scene.client.token(), second.token()]
    await expect.poll(() => scene.exchanges().length).toBe(1)
    scene.client.close()
    await expect(closing).rejects.toMatchObject({ code: 'client_closed' })
    gate.open()
    expect(await going).toBe('token-1')
    expect(scene.exchanges().length).toBe(1)
  })

  it('the token is dropped if no other client uses the key', async () => {
    const scene = await hostile()
    await scene.client.token()
    scene.client.close()
    expect(await scene.another().token()).toBe('token-2')
  })
})

describe('on a host that stops after the response', () => {
  it('flush waits for the renewal in the background', async () => {
    const { client, clock, exchanges } = await hostile()
    expect(client.flush()).toBeUndefined()
    await client.token()
    clock.advance(0.86 * hour)
    await client.token()
    await client.flush()
    expect(client.flush()).toBeUndefined()
    expect(exchanges().length).toBe(2)
    expect(await client.token()).toBe('token-2')
  })

  it('flush does not reject', async () => {
    const scene = await hostile()
    scene.onExchange = (response) => json(response, 503, {})
    const call = scene.client.token().catch(({ code }) => code)
    await scene.client.flush()
    expect(await call).toBe('exchange_unavailable')
  })

  it('an exchange that was abandoned with its timer is started again', async () => {
    const scene = await hostile()
    const { setTimeout: timer } = globalThis
    let isAbandoned = true
    const client = scene.another({
      fetch: (input, init) => (isAbandoned ? new Promise(() => {}) : fetch(input, init)),
    })
    globalThis.setTimeout = (() => 0) as never
    try {
      client.token().catch(() => {})
    } finally {
      globalThis.setTimeout = timer
    }
    isAbandoned = false
    scene.clock.advance(20_000)
    expect(await client.token()).toBe('token-1')
  })
})

it('at most 1,000 secrets share their tokens, and clients of others still work', async () => {
  const { another, url } = await hostile()
  const many = Array.from({ length: 1010 }, (_, i) => another({ secrets: [`acme_${i}`] }))
  const [first] = many
  await first?.token()
  expect((await first?.fetch(url('/a')))?.status).toBe(200)
  for (const client of many) client.close()
})
