import { inspect } from 'node:util'
import { generateSigningKey, type Refused, type TwinkeyEvent, type WarningEvent } from 'twinkey'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { createService, type Service } from '../security/forge-service.ts'
import { AUDIENCE, ISSUER, signingKey } from '../support/bench.ts'
import { claimsFor, decoded, forge } from '../support/forge.ts'
import { createGate } from '../support/gate.ts'
import { freePort } from '../support/postgres.ts'
import { codeOf } from '../support/sent.ts'

const MINUTE = 60_000

let service: Service
beforeEach(async () => {
  service = await createService()
})

describe('when a key is withdrawn from the set', () => {
  const withdrawn = async (): Promise<{ token: string; other: string }> => {
    const next = await generateSigningKey('EdDSA')
    const after = service.bench.another({
      tokens: { issuer: ISSUER, audience: AUDIENCE, signingKeys: [next, signingKey] },
    })
    const [{ token }, { token: other }] = [await service.mint(), await service.mint({ by: after })]
    const both = await after.tokens.jwks()
    service.publish(both)
    for (const each of [token, other]) expect(await service.verdict(each)).toBe('let in')
    service.publish({ keys: both.keys.filter(({ alg }) => alg === 'EdDSA') })
    return { token, other }
  }

  it('its tokens are refused after the next fetch, remembered or not, and tokens of other keys are accepted', async () => {
    const { token, other } = await withdrawn()
    const { token: another } = await service.mint()
    service.bench.clock.advance(5 * MINUTE - 1)
    // The request that starts the fetch does not wait for it.
    expect(await service.verdict(another)).toBe('let in')
    await service.verifier.flush()
    expect([await service.verdict(another), await service.verdict(token)]).toEqual([
      'credential_invalid',
      'credential_invalid',
    ])
    expect([await service.verdict(other), service.asked()]).toEqual(['let in', 2])
  })

  it('its tokens are refused after five minutes, even if only remembered tokens arrive', async () => {
    const { token, other } = await withdrawn()
    service.bench.clock.advance(5 * MINUTE - 1)
    expect(service.decideNow({ credential: token })).toBe('let in')
    // That request started a fetch in the background. When a set expires without a request, the
    // next request waits for a fetch.
    await service.verifier.flush()
    expect([service.asked(), await service.verdict(token), await service.verdict(other)]).toEqual([
      2,
      'credential_invalid',
      'let in',
    ])
    service.publish({ keys: [] })
    service.bench.clock.advance(5 * MINUTE)
    expect(service.decideNow({ credential: other })).toBeUndefined()
    expect([await service.verdict(other), service.asked()]).toEqual(['credential_invalid', 3])
  })

  it('a token under verification meanwhile is not remembered', async () => {
    const { token } = await service.mint()
    const held = createGate()
    const real = crypto.subtle.verify.bind(crypto.subtle)
    let holding = true
    Object.defineProperty(crypto.subtle, 'verify', {
      configurable: true,
      value: async (...args: Parameters<typeof real>) => {
        if (holding) await held.opened
        return real(...args)
      },
    })
    try {
      const verifying = service.verifier.verify(token)
      await expect.poll(service.asked).toBe(1)
      holding = false
      service.publish({ keys: [await generateSigningKey('EdDSA')] })
      service.bench.clock.advance(5 * MINUTE - 1)
      // Another token starts the next fetch.
      const { token: another } = await service.mint()
      expect(await service.verdict(another)).toBe('let in')
      await service.verifier.flush()
      expect(await service.verdict(another)).toBe('credential_invalid')
      held.open()
      await verifying
      expect(await service.verdict(token)).toBe('credential_invalid')
    } finally {
      Reflect.deleteProperty(crypto.subtle, 'verify')
    }
  })
})

describe('the set is fetched', () => {
  it('for an unknown key id, but not for an impossible one', async () => {
    const { token } = await service.mint()
    await service.verdict(token)
    const { header, payload } = decoded(token)
    for (const kid of [
      '../jwks.json',
      'a b',
      'x'.repeat(65),
      '',
      '\u0000',
      1,
      null,
      [header['kid']],
      undefined,
    ]) {
      service.bench.clock.advance(10_000)
      expect(await service.verdict(forge({ header: { ...header, kid }, payload }))).toBe(
        'credential_invalid',
      )
    }
    expect(service.asked()).toBe(1)
    expect(
      await service.verdict(forge({ header: { ...header, kid: 'x'.repeat(64) }, payload })),
    ).toBe('credential_invalid')
    expect(service.asked()).toBe(2)
  })
})

describe('while the set is unavailable', () => {
  const down = () => service.publish(undefined)

  it('every token is unavailable, with a time to retry and a warning that contains the reason', async () => {
    down()
    const { token } = await service.mint()
    expect(await service.verifier.verify(token)).toMatchObject({
      ok: false,
      refusal: { code: 'unavailable', retryAfterSeconds: 2 },
    })
    expect(service.events.map(({ type }) => type)).toEqual([
      'warning.jwks_unavailable',
      'access.refused',
    ])
    expect(service.events[0]).toMatchObject({
      error: { code: 'jwks_unavailable', cause: expect.anything() },
    })
    expect(service.reasons()[1]).toBe('jwks_unavailable')
  })

  it('a caller that retries after that time is accepted if the set is available again', async () => {
    const { token } = await service.mint()
    const set = await service.bench.twinkey.tokens.jwks()
    down()
    const { refusal } = (await service.verifier.verify(token)) as Refused
    service.publish(set)
    service.bench.clock.advance(1000 * (refusal.retryAfterSeconds as number))
    expect(await service.verdict(token)).toBe('let in')
  })

  it('the reason is in the event as JSON, and in the direct cause of the error', async () => {
    const { token } = await service.mint()
    const port = await freePort()
    const url = `http://127.0.0.1:${port}/tokens/jwks.json?key=s3cret`
    const fault = `The JWK set could not be loaded from http://127.0.0.1:${port}/tokens/jwks.json: connect ECONNREFUSED 127.0.0.1:${port}`
    for (const jwks of [url, new URL(url), url.replace('?key=s3cret', '')]) {
      await service.another({ jwks }).verify(token)
      const event = service.events.at(-2) as WarningEvent
      expect(JSON.parse(JSON.stringify(event))).toMatchObject({
        type: 'warning.jwks_unavailable',
        message: fault,
      })
      const { message: said, cause } = event.error as Error
      expect([said, (cause as Error).message, (cause as Error).cause]).toEqual([
        fault,
        `connect ECONNREFUSED 127.0.0.1:${port}`,
        undefined,
      ])
      expect(inspect(event, { depth: 9 })).not.toContain('s3cret')
    }
    down()
    await service.verdict(token)
    expect(service.events.at(-2)).toMatchObject({
      message: 'The JWK set could not be loaded from jwks(): nothing is published',
    })
  })

  it('an error of the platform is shown without the query of the URL and without a part of the answer', async () => {
    const { token } = await service.mint()
    const jwks = 'https://issuer.example/jwks.json?key=s3cret'
    const fetched = vi.spyOn(globalThis, 'fetch')
    try {
      for (const [answer, why] of [
        [
          () => Promise.reject(new TypeError(`error sending request for url (${jwks})`)),
          'error sending request for url (https://issuer.example/jwks.json)',
        ],
        [async () => new Response('s3cret'), 'the response is not JSON'],
        [async () => new Response('', { status: 404 }), 'the response has status 404'],
        [async () => new Response('[]'), 'a JWK set must be an object with at most 100 keys'],
      ] as const) {
        fetched.mockImplementation(answer)
        await service.another({ jwks }).verify(token)
        const event = service.events.at(-2) as WarningEvent
        expect(event.message).toBe(
          `The JWK set could not be loaded from https://issuer.example/jwks.json: ${why}`,
        )
        expect(inspect(event, { depth: 9 })).not.toContain('s3cret')
      }
    } finally {
      fetched.mockRestore()
    }
  })

  it('no request waits longer than the deadline (default: two seconds)', async () => {
    const { token } = await service.mint()
    vi.useFakeTimers()
    try {
      const ends = async (deadlineSeconds: number | undefined, milliseconds: number) => {
        let ended = false
        const waiting = service
          .another({ jwks: () => new Promise(() => {}), deadlineSeconds })
          .verify(token)
        waiting.then(() => (ended = true))
        await vi.advanceTimersByTimeAsync(milliseconds - 1)
        expect(ended).toBe(false)
        await vi.advanceTimersByTimeAsync(1)
        expect(codeOf(await waiting)).toBe('unavailable')
      }
      await ends(undefined, 2000)
      await ends(0.5, 500)
      await ends(60, 60_000)
    } finally {
      vi.useRealTimers()
    }
  })

  it('a malformed token is refused as invalid', async () => {
    down()
    const { token } = await service.mint()
    for (const text of ['eyJ.eyJ.AA', `${token}=`, 'tk_x'])
      expect(await service.verdict(text)).toBe('credential_invalid')
    expect(service.asked()).toBe(0)
  })

  it('the last set stays in use for one hour, and then no token is accepted, remembered or not', async () => {
    await service.verifier.verify((await service.mint()).token)
    down()
    service.bench.clock.advance(60 * MINUTE - 1)
    const late = await service.mint()
    expect(await service.verdict(late.token)).toBe('let in')
    service.bench.clock.advance(1)
    expect([
      await service.verdict((await service.mint()).token),
      await service.verdict(late.token),
    ]).toEqual(['unavailable', 'unavailable'])
    expect(service.reasons().slice(-4)).toEqual([
      'warning.jwks_unavailable',
      'jwks_unavailable',
      'warning.jwks_unavailable',
      'jwks_unavailable',
    ])
  })
})

describe('a listener', () => {
  it('affects no decision, and is awaited by flush', async () => {
    const { token } = await service.mint()
    const told = createGate()
    const listeners: ((event: TwinkeyEvent) => unknown)[] = [
      () => {
        throw new Error('no')
      },
      () => Promise.reject(new Error('no')),
      () => told.opened,
    ]
    for (const onEvent of listeners) {
      const listened = service.another({ onEvent })
      expect([codeOf(await listened.verify(token)), codeOf(await listened.verify('x'))]).toEqual([
        'let in',
        'credential_invalid',
      ])
      const pending = listened.flush()
      told.open()
      await pending
      expect(listened.flush()).toBeUndefined()
    }
  })

  it('receives no part of a token', async () => {
    const { token } = await service.mint()
    await service.verifier.verify(token)
    await service.verifier.verify(`${token}=`)
    await service.verifier.verify(
      forge({ header: decoded(token).header, payload: claimsFor('k', 's', 1) }),
    )
    const heard = JSON.stringify(service.events)
    for (const part of token.split('.')) expect(heard).not.toContain(part)
  })

  it('may be omitted', async () => {
    const quiet = service.another({ onEvent: undefined })
    expect(codeOf(await quiet.verify((await service.mint()).token))).toBe('let in')
    expect(quiet.flush()).toBeUndefined()
  })
})
