import type { AddressInfo } from 'node:net'
import express from 'express'
import { fastify } from 'fastify'
import { from, type Profile, type Throttle, type WireRequest } from 'twinkey'
import { requireAuth as expressAuth } from 'twinkey/express'
import { requireAuth as fastifyAuth } from 'twinkey/fastify'
import { boomiFlow, flare, flowgear, standard } from 'twinkey/profiles'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { mintId, mintSecret } from '../../src/core/secrets/secret.ts'
import { sendRaw } from '../support/raw-http.ts'
import { createFixture, type Fixture } from './fixture.ts'
import { type Host, hosts } from './hosts.ts'

const WAIT_SECONDS = 20
const MAX_FAILURES = 3
const SAMPLE_TENANT = '918f5a24-290e-4659-9cd6-c8d95aee92c6'

/** Counts like a rate limiter: a peer waits after three failures. */
class Counter implements Throttle<WireRequest> {
  readonly failures = new Map<string, number>()
  asked = 0

  retryAfterSeconds(peer: string): number | undefined {
    this.asked++
    return (this.failures.get(peer) ?? 0) < MAX_FAILURES ? undefined : WAIT_SECONDS
  }

  failed(peer: string): void {
    this.failures.set(peer, (this.failures.get(peer) ?? 0) + 1)
  }
}

class HeaderCounter extends Counter {
  peer(request: WireRequest): unknown {
    return from.header('cf-connecting-ip')(request)
  }
}

const unknown = () => mintSecret('acme', mintId())
const profiles: readonly [string, Profile, string, (secret: string) => [string, string]][] = [
  ['standard', standard(), '/standard', (secret) => ['authorization', `Bearer ${secret}`]],
  ['boomi-flow', boomiFlow(), '/boomi-flow', (secret) => ['x-boomi-flow-api-key', secret]],
  [
    'flare',
    flare({ account: () => undefined }),
    '/flare',
    (secret) => ['authorization', `Bearer ${secret}`],
  ],
  ['flowgear', flowgear(), '/flowgear', (secret) => ['authorization', `Key=${secret}`]],
]

describe.each(Object.entries(hosts))('a throttle on %s', (name, start) => {
  // These hosts do not expose the address of the peer.
  const told = !/(?:web|Hono 4) on Bun/.test(name)
  let fixture: Fixture
  let host: Host
  const counters = new Map<string, Counter>()
  const counter = (of: string): Counter => {
    const found =
      counters.get(of) ?? (told && of !== '/by-header' ? new Counter() : new HeaderCounter())
    counters.set(of, found)
    return found
  }
  const send = (target: string, headers: readonly (readonly [string, string])[], method?: string) =>
    sendRaw(host.port, {
      target,
      headers: told ? headers : [['cf-connecting-ip', '127.0.0.1'], ...headers],
      ...(method && { method }),
    })

  beforeAll(async () => {
    counters.clear()
    fixture = await createFixture()
    host = await start(fixture.twinkey, {
      routes: [
        ...profiles.map(([, profile, path]) => ({
          method: 'GET' as const,
          path,
          requirement: { profile, anyTarget: true, throttle: counter(path) },
        })),
        {
          method: 'GET',
          path: '/by-header',
          requirement: { anyTarget: true, throttle: counter('/by-header') },
        },
      ],
      tokens: { '/tokens': { throttle: counter('/tokens') } },
    })
  })
  afterAll(() => host?.close())

  test.each(profiles)(
    'answers 429 with Retry-After in the profile %s, with no store call',
    async (_, __, path, field) => {
      const tenant = ['manywhotenant', SAMPLE_TENANT] as const
      for (let i = 0; i < MAX_FAILURES; i++)
        expect((await send(path, [field(unknown()), tenant])).status).toBeOneOf([401, 404])
      const before = fixture.spy.calls.get
      const answer = await send(path, [field(unknown()), tenant])
      expect([
        answer.status,
        answer.headers['retry-after'],
        answer.headers['cache-control'],
      ]).toEqual([429, '20', 'no-store'])
      expect(fixture.spy.calls.get).toBe(before)
      expect([...counter(path).failures]).toEqual([['127.0.0.1', MAX_FAILURES]])
    },
  )

  test('counts failures of the exchange and of the token test, and never throttles a key in use', async () => {
    const { secrets, tokens, clock } = fixture
    const bearer = (credential: string) => [['authorization', `Bearer ${credential}`]] as const
    const known = [bearer(secrets.allTenants), bearer(tokens.primary)] as const
    for (const headers of known) expect((await send('/tokens/test', headers)).status).toBe(200)
    const exchanged = () =>
      send('/tokens', [['authorization', `Bearer ${unknown()}`]], 'POST').then(
        ({ status }) => status,
      )
    expect([
      await exchanged(),
      await exchanged(),
      (await send('/tokens/test', bearer(unknown()))).status,
    ]).toEqual([401, 401, 401])
    expect([await exchanged(), (await send('/tokens/test', bearer(unknown()))).status]).toEqual([
      429, 429,
    ])
    const { asked } = counter('/tokens')
    for (let round = 0; round < 2; round++) {
      for (const headers of known) expect((await send('/tokens/test', headers)).status).toBe(200)
      expect((await send('/tokens', bearer(secrets.allTenants), 'POST')).status).toBe(200)
      // Longer than the cache keeps a record.
      clock.advance(3_601_000 / 2)
    }
    expect(counter('/tokens').asked).toBe(asked)
    expect((await send('/tokens', bearer(secrets.primary.replace(/.$/, '!')), 'POST')).status).toBe(
      429,
    )
  })

  test('ignores X-Forwarded-For by default, and reads a header that is configured', async () => {
    const ask = (path: string, name: string, peer: string) =>
      send(path, [
        [name, peer],
        ['x-api-key', unknown()],
      ])
    if (told) expect((await ask('/standard', 'x-forwarded-for', '203.0.113.9')).status).toBe(429)
    for (let i = 0; i < MAX_FAILURES; i++)
      expect((await sendByHeader('203.0.113.1')).status).toBe(401)
    expect((await sendByHeader('203.0.113.1')).status).toBe(429)
    expect((await sendByHeader('203.0.113.2')).status).toBe(401)
    // A repeated header is not an address, so the peer is unknown.
    expect((await sendByHeader('203.0.113.1, 203.0.113.2')).status).toBe(401)
    expect([...counter('/by-header').failures.keys()]).toEqual(['203.0.113.1', '203.0.113.2'])
  })

  function sendByHeader(peer: string) {
    const headers = [
      ['cf-connecting-ip', peer],
      ['x-api-key', unknown()],
    ] as const
    return sendRaw(host.port, { target: '/by-header', headers })
  }
})

describe('behind a proxy that the framework trusts, the peer is the one that the proxy names', () => {
  const forwarded = {
    target: '/',
    headers: [
      ['x-forwarded-for', '203.0.113.9'],
      ['x-api-key', 'acme_typo'],
    ],
  } as const

  test('on Express', async () => {
    const { twinkey } = await createFixture()
    const counter = new Counter()
    const app = express().set('trust proxy', 'loopback')
    app.get(
      '/',
      expressAuth(twinkey, { anyTarget: true, throttle: counter }),
      (_req, res) => void res.end(),
    )
    const server = app.listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    await sendRaw((server.address() as AddressInfo).port, forwarded)
    server.close()
    expect([...counter.failures]).toEqual([['203.0.113.9', 1]])
  })

  test('on Fastify', async () => {
    const { twinkey } = await createFixture()
    const counter = new Counter()
    const app = fastify({ trustProxy: 'loopback' })
    app.get(
      '/',
      { onRequest: fastifyAuth(twinkey, { anyTarget: true, throttle: counter }) },
      async () => '',
    )
    await app.listen({ port: 0, host: '127.0.0.1' })
    await sendRaw((app.server.address() as AddressInfo).port, forwarded)
    await app.close()
    expect([...counter.failures]).toEqual([['203.0.113.9', 1]])
  })
})
