import { generateSigningKey } from 'twinkey'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { CheckedRequirement } from '../../src/guard/requirement.ts'
import { createService, SCOPE, type Service } from '../security/forge-service.ts'
import { AUDIENCE, ISSUER, signingKey } from '../support/bench.ts'
import { decoded, forge } from '../support/forge.ts'
import { anyTarget, byHeaders, codeOf, sent } from '../support/sent.ts'

let service: Service
beforeEach(async () => {
  service = await createService()
})

const whole = { tenant: 't', environment: 'prod', workflow: 'read' }

describe('the principal of a token', () => {
  it('contains only what the token says', async () => {
    const { token, keyId } = await service.mint({ scope: { tenants: ['t'] } })
    const expiresAt = service.bench.clock.now() + 3_600_000
    const scope = { ...SCOPE, tenants: ['t'] }
    const expected = {
      keyId,
      name: keyId,
      username: undefined,
      owner: null,
      metadata: {},
      slot: undefined,
      via: 'token',
      expiresAt,
      scope,
    }
    const decision = await service.verifier.authenticate(
      sent({ credential: token, ...whole }),
      new CheckedRequirement(byHeaders),
    )
    expect(decision).toEqual({ ok: true, principal: { ...expected, ...whole }, noStore: false })
    const nowhere = { tenant: undefined, environment: undefined, workflow: undefined }
    expect(await service.verifier.verify(token)).toEqual({
      ok: true,
      principal: { ...expected, ...nowhere },
      noStore: false,
    })
  })

  it('has the owner that the token names', async () => {
    const { token, keyId } = await service.mint({ owner: 'ada' })
    expect(await service.verifier.verify(token)).toMatchObject({
      principal: { keyId, name: keyId, owner: 'ada' },
    })
  })

  it('has the owner in the subject of a token of the pre-release, which has no claim for it', async () => {
    const { token, keyId } = await service.mint({ owner: 'ada' })
    const { header, payload } = decoded(token)
    const { owner, ...claims } = payload
    const old = forge({ header, payload: { ...claims, sub: owner } })
    expect(await service.verifier.verify(old)).toMatchObject({
      principal: { keyId, name: keyId, owner: 'ada' },
    })
    const unowned = forge({ header, payload: claims })
    expect(await service.verifier.verify(unowned)).toMatchObject({
      principal: { keyId, name: keyId, owner: null },
    })
  })

  it('is frozen, because the next request gets the same object', async () => {
    const { token } = await service.mint()
    for (const _ of ['verified', 'remembered']) {
      const decision = await service.verifier.verify(token)
      if (!decision.ok) throw new Error(decision.refusal.code)
      const { principal } = decision
      expect(
        [decision, principal, principal.scope, principal.scope.tenants, principal.metadata].map(
          Object.isFrozen,
        ),
      ).toEqual(Array(5).fill(true))
    }
  })

  it('causes an event without a slot, and the second request is decided synchronously', async () => {
    const { token, keyId } = await service.mint()
    expect(service.decideNow({ credential: token })).toBeUndefined()
    expect(service.events).toEqual([])
    expect(await service.decide({ credential: token }, anyTarget)).toBe('let in')
    expect(service.decideNow({ credential: token })).toBe('let in')
    const event = {
      type: 'access.allowed',
      at: service.bench.clock.now(),
      keyId,
      slot: undefined,
      via: 'token',
    }
    // Every decision has its event, including the one that was not awaited.
    await vi.waitFor(() => expect(service.events).toHaveLength(3))
    expect(service.events).toEqual(
      [0, 1, 2].map(() => ({
        ...event,
        tenant: undefined,
        environment: undefined,
        workflow: undefined,
      })),
    )
    expect(service.asked()).toBe(1)
  })

  it('is accepted within the clock tolerance, and not beyond', async () => {
    const { token } = await service.mint()
    const ahead = (milliseconds: number, clockToleranceSeconds?: number) =>
      service
        .another({ now: () => service.bench.clock.now() - milliseconds, clockToleranceSeconds })
        .verify(token)
    expect(
      await Promise.all(
        [ahead(30_000), ahead(30_001), ahead(0, 0), ahead(1, 0), ahead(60_000, 60)].map(
          async (each) => codeOf(await each),
        ),
      ),
    ).toEqual(['let in', 'credential_invalid', 'let in', 'credential_invalid', 'let in'])
  })
})

it('a token of an issuer whose clock is ahead is remembered like any other token', async () => {
  const { token } = await service.mint()
  service.bench.clock.advance(-30_000)
  expect([await service.verdict(token), service.decideNow({ credential: token })]).toEqual([
    'let in',
    'let in',
  ])
})

describe('a request with a token is limited', () => {
  it.each<[string, Partial<typeof whole>]>([
    ['tenant_denied', { tenant: 'v' }],
    ['tenant_denied', { tenant: 'T' }],
    ['environment_denied', { environment: 'stage' }],
    ['workflow_denied', { workflow: 'delete' }],
    ['workflow_denied', { workflow: 'read*' }],
  ])('to the scope of the token: %s with %j', async (code, other) => {
    const { token } = await service.mint()
    for (const _ of ['verified', 'remembered']) {
      expect(await service.decide({ credential: token, ...whole })).toBe('let in')
      expect(await service.decide({ credential: token, ...whole, ...other })).toBe(code)
    }
  })

  it.each(['tenant', 'environment', 'workflow'] as const)(
    'to targets that name every axis on which the token is limited: %s',
    async (axis) => {
      const { token } = await service.mint()
      expect(await service.decide({ credential: token, ...whole, [axis]: undefined })).toBe(
        'target_missing',
      )
    },
  )

  it('to the served environments, and a single one is the default', async () => {
    const { token } = await service.mint()
    const serving = service.another({ environments: ['prod'] })
    const { environment: _environment, ...rest } = whole
    expect(await service.decide({ credential: token, ...rest }, byHeaders, serving)).toBe('let in')
    expect(
      await service.decide(
        { credential: token, ...whole, environment: 'test' },
        byHeaders,
        serving,
      ),
    ).toBe('target_conflict')
  })

  it('to the kinds that the route accepts', async () => {
    const { token } = await service.mint()
    expect(await service.decide({ credential: token }, { ...anyTarget, accept: ['secret'] })).toBe(
      'credential_invalid',
    )
    expect(await service.decide({ credential: token }, { ...anyTarget, accept: ['token'] })).toBe(
      'let in',
    )
  })

  it('to its own route, if a decision for another route is cached', async () => {
    const { token } = await service.mint()
    const [may, may_not] = [
      { tenant: 't', environment: 'prod', workflow: 'read' },
      { tenant: 't', environment: 'prod', workflow: 'delete' },
    ]
    for (const [requirement, code] of [
      [may, 'let in'],
      [may_not, 'workflow_denied'],
      [may, 'let in'],
      [may_not, 'workflow_denied'],
    ] as const) {
      expect(await service.decide({ credential: token }, requirement)).toBe(code)
      expect(service.decideNow({ credential: token }, requirement)).toBe(code)
    }
  })
})

describe('the verifier refuses', () => {
  it('an API key, whatever it looks like, without a fetch of the set', async () => {
    const { primary, secondary } = await service.bench.twinkey.keys.create({
      name: 'n',
      scope: SCOPE,
    })
    for (const credential of [primary, String(secondary), 'tk_x', 'x'.repeat(40), 'eyJ', 'x.y.z']) {
      expect(await service.decide({ credential }, anyTarget)).toBe('credential_invalid')
      expect(service.decideNow({ credential })).toBe('credential_invalid')
      expect(await service.verdict(credential)).toBe('credential_invalid')
    }
    expect(new Set(service.reasons())).toEqual(new Set(['kind_not_accepted']))
    expect(service.asked()).toBe(0)
  })

  it('a request without a credential, or with an unreadable one', async () => {
    expect(await service.decide({})).toBe('credential_missing')
    expect(await service.decide({ credential: 'a b' })).toBe('credential_malformed')
    expect(await service.decide({ credential: 'a, Bearer b' })).toBe('credential_ambiguous')
  })

  it('a token of another issuer or for another audience', async () => {
    const other = (tokens: { issuer: string; audience: string }) =>
      service.bench.another({ tokens: { ...tokens, signingKeys: [signingKey] } })
    const { token: issuer } = await service.mint({
      by: other({ issuer: 'https://other.example', audience: AUDIENCE }),
    })
    const { token: audience } = await service.mint({
      by: other({ issuer: ISSUER, audience: 'https://other.example' }),
    })
    service.events.length = 0
    expect([await service.verdict(issuer), await service.verdict(audience)]).toEqual([
      'credential_invalid',
      'credential_invalid',
    ])
    expect(service.reasons()).toEqual(['token_issuer_unknown', 'token_audience_unknown'])
  })

  it('an expired token, to the millisecond, remembered or not', async () => {
    const { token } = await service.mint()
    service.bench.clock.advance(3_600_000 - 1)
    expect(await service.verdict(token)).toBe('let in')
    service.bench.clock.advance(1)
    expect([
      await service.verdict(token),
      await service.decide({ credential: token }, anyTarget),
    ]).toEqual(['credential_invalid', 'credential_invalid'])
    expect(codeOf(await service.another().verify(token))).toBe('credential_invalid')
    expect(service.reasons()).toEqual([
      'access.allowed',
      'token_expired',
      'token_expired',
      'token_expired',
    ])
  })

  it('a token that expires while the keys are fetched', async () => {
    const { token } = await service.mint({ lifetimeSeconds: 1 })
    const jwks = await service.bench.twinkey.tokens.jwks()
    const late = service.another({
      jwks: async () => {
        service.bench.clock.advance(1000)
        return jwks
      },
    })
    expect(codeOf(await late.verify(token))).toBe('credential_invalid')
    expect(service.reasons()).toEqual(['token_expired'])
  })

  it('a remembered token if the clock goes back before the token was issued', async () => {
    const { token } = await service.mint()
    expect(await service.verdict(token)).toBe('let in')
    service.bench.clock.advance(-31_000)
    expect(await service.verdict(token)).toBe('credential_invalid')
  })

  it('another spelling of a remembered token', async () => {
    const { token } = await service.mint()
    await service.verifier.verify(token)
    for (const text of [`${token}=`, `${token}A`, token.slice(0, -1), token.toUpperCase()]) {
      expect(await service.verdict(text)).toBe('credential_invalid')
    }
  })

  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['null', null],
    ['a number', 1],
    ['an object', {}],
    ['a symbol', Symbol('token')],
    ['an object that cannot become text', JSON.parse('{"toString":1,"valueOf":1}')],
    ['an object without a prototype', Object.create(null)],
    ['lists in lists', JSON.parse(`${'['.repeat(100_000)}${']'.repeat(100_000)}`)],
  ])('a value that is not text, without an exception: %s', async (_name, token) => {
    expect(await service.verdict(token as string)).toBe('credential_invalid')
  })

  it('a token in a list', async () => {
    const { token } = await service.mint()
    expect(await service.verdict([token] as unknown as string)).toBe('credential_invalid')
  })
})

describe('an optional guard', () => {
  const optional = { ...anyTarget, optional: true } as const

  it('ignores a request without a credential and a token of another issuer, but refuses an invalid token of this issuer', async () => {
    const { token } = await service.mint()
    const { payload } = decoded(token)
    const importedSecrets = forge({
      header: decoded(token).header,
      payload: { ...payload, iss: 'https://other.example' },
      key: await generateSigningKey(),
    })
    const forged = forge({
      header: decoded(token).header,
      payload,
      key: await generateSigningKey(),
    })
    const passed = async (credential: string | undefined) => {
      const decision = await service.verifier.authenticate(
        sent({ credential }),
        new CheckedRequirement(optional),
      )
      return decision.ok ? (decision.principal?.via ?? 'nobody') : decision.refusal.code
    }
    expect([
      await passed(undefined),
      await passed(importedSecrets),
      await passed(forged),
      await passed(token),
    ]).toEqual(['nobody', 'nobody', 'credential_invalid', 'token'])
  })
})
