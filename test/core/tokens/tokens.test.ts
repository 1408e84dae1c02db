import { createLocalJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose'
import {
  generateSigningKey,
  type Profile,
  type SigningAlgorithm,
  type TokenRequest,
  type Twinkey,
  WebWireRequest,
} from 'twinkey'
import { type FlareAccount, flare } from 'twinkey/profiles'
import { webEndpoints } from 'twinkey/web'
import { describe, expect, it } from 'vitest'
import { CheckedRequirement } from '../../../src/guard/requirement.ts'
import { AUDIENCE, createBench, ISSUER, signingKey } from '../../support/bench.ts'
import { errorCodeOf } from '../../support/faults.ts'
import { decoded } from '../../support/forge.ts'
import { createGate } from '../../support/gate.ts'
import { codeOf, verdict } from '../../support/sent.ts'

const INPUT = {
  name: 'n',
  owner: 'ada',
  scope: { tenants: ['t', 'u'], environments: ['prod'], workflows: '*' },
} as const

async function issue(twinkey: Twinkey, secret: string, request?: TokenRequest) {
  const issued = await twinkey.tokens.issue(secret, request)
  if (!issued.ok) throw new Error(`refused: ${issued.refusal.code}`)
  return issued
}

describe.each<SigningAlgorithm>(['ES256', 'EdDSA', 'RS256', 'PS256'])(
  'a token of %s',
  (algorithm) => {
    it('is let in here, and verifies anywhere with nothing but the JWKS', async () => {
      const key = await generateSigningKey(algorithm)
      const bench = createBench({
        tokens: { issuer: ISSUER, audience: AUDIENCE, signingKeys: [key] },
      })
      const { primary } = await bench.twinkey.keys.create(INPUT)
      const { token } = await issue(bench.twinkey, primary)
      expect(await verdict(bench.twinkey, token)).toBe('let in')
      const jwks = await bench.twinkey.tokens.jwks()
      expect(decodeProtectedHeader(token)).toEqual({
        alg: algorithm,
        typ: 'at+jwt',
        kid: jwks.keys[0]?.kid,
      })
      const options = {
        issuer: ISSUER,
        audience: AUDIENCE,
        typ: 'at+jwt',
        algorithms: [algorithm],
        currentDate: new Date(bench.clock.now()),
      }
      await expect(jwtVerify(token, createLocalJWKSet(jwks), options)).resolves.toBeDefined()
    })
  },
)

describe('the claims of a token', () => {
  it('are these and no others', async () => {
    const { twinkey, clock } = createBench()
    const { key, secondary } = await twinkey.keys.create(INPUT)
    clock.advance(789)
    const { token, tokenId } = await issue(twinkey, secondary as string, {
      scope: { tenants: ['t'] },
    })
    const now = Math.floor(clock.now() / 1000)
    expect(decoded(token).payload).toEqual({
      iss: ISSUER,
      aud: AUDIENCE,
      jti: tokenId,
      iat: now,
      exp: now + 3600,
      sub: 'ada',
      client_id: key.id,
      secret_id: key.secondary?.id,
      scope: 'tenant:t environment:prod workflow:*',
      tenants: ['t'],
      environments: ['prod'],
      workflows: '*',
    })
  })

  it('name the key as the subject where it has no owner', async () => {
    const { twinkey } = createBench()
    const { key, primary } = await twinkey.keys.create({ ...INPUT, owner: null })
    expect(decoded((await issue(twinkey, primary)).token).payload['sub']).toBe(key.id)
  })

  it('percent-encode names in the scope string, and only there', async () => {
    const { twinkey } = createBench()
    const { primary } = await twinkey.keys.create({ ...INPUT, scope: { tenants: ['a b"\\ü'] } })
    const { payload } = decoded((await issue(twinkey, primary)).token)
    expect(payload).toMatchObject({
      scope: 'tenant:a%20b%22%5C%C3%BC environment:* workflow:*',
      tenants: ['a b"\\ü'],
    })
  })

  it('are those of the answer', async () => {
    const { twinkey } = createBench()
    const { primary } = await twinkey.keys.create(INPUT)
    const issued = await issue(twinkey, primary, { lifetimeSeconds: 60 })
    const { iat, exp, tenants, environments, workflows, jti } = decoded(issued.token).payload
    expect(issued).toEqual({
      ok: true,
      token: issued.token,
      tokenId: jti,
      scope: { tenants, environments, workflows },
      issuedAt: (iat as number) * 1000,
      expiresAt: (exp as number) * 1000,
      lifetimeSeconds: 60,
    })
    expect(Object.isFrozen(issued)).toBe(true)
  })

  it('differ from token to token in their jti', async () => {
    const { twinkey } = createBench()
    const { primary } = await twinkey.keys.create(INPUT)
    const ids = await Promise.all(
      [0, 1, 2].map(async () => (await issue(twinkey, primary)).tokenId),
    )
    expect(new Set(ids).size).toBe(3)
  })
})

describe('the life of a token', () => {
  it('ends at its exp: it is let in one second and one millisecond before, and refused from then on', async () => {
    const { twinkey, clock } = createBench()
    const { primary } = await twinkey.keys.create(INPUT)
    const { token, expiresAt } = await issue(twinkey, primary)
    clock.advance(expiresAt - 1000 - clock.now())
    expect(await verdict(twinkey, token)).toBe('let in')
    clock.advance(999)
    expect(await verdict(twinkey, token)).toBe('let in')
    clock.advance(1)
    expect(await verdict(twinkey, token)).toBe('credential_invalid')
    clock.advance(1000)
    expect(await verdict(twinkey, token)).toBe('credential_invalid')
  })

  it.each([
    [10_999, 10],
    [10_000, 10],
    [3_600_000, 3600],
    [3_599_999, 3599],
    [99_999_999, 3600],
  ])('never passes the expiry of the key: with %i ms left it has %i s', async (left, seconds) => {
    const { twinkey, clock } = createBench()
    const { primary } = await twinkey.keys.create({ ...INPUT, expiresAt: clock.now() + left })
    expect((await issue(twinkey, primary)).lifetimeSeconds).toBe(seconds)
  })

  it('never passes the expiry of the secret that minted it', async () => {
    const { twinkey, clock } = createBench()
    const { key, primary } = await twinkey.keys.create({ ...INPUT, secondary: false })
    const { secret } = await twinkey.keys.rotate(key.id, { graceSeconds: 90 })
    clock.advance(500)
    expect((await issue(twinkey, primary)).expiresAt).toBe(clock.now() - 500 + 90_000)
    expect((await issue(twinkey, secret)).lifetimeSeconds).toBe(3600)
  })

  it('is not begun where less than a second is left', async () => {
    const { twinkey, clock } = createBench()
    const { primary } = await twinkey.keys.create({ ...INPUT, expiresAt: clock.now() + 999 })
    expect(codeOf(await twinkey.tokens.issue(primary))).toBe('credential_invalid')
  })

  it.each([1, 60, 3600])('is %i s where that is asked for', async (lifetimeSeconds) => {
    const { twinkey } = createBench()
    const { primary } = await twinkey.keys.create(INPUT)
    expect((await issue(twinkey, primary, { lifetimeSeconds })).lifetimeSeconds).toBe(
      lifetimeSeconds,
    )
  })

  describe('where tokens.maxLifetimeSeconds is 300', () => {
    const tokens = {
      issuer: ISSUER,
      audience: AUDIENCE,
      signingKeys: [signingKey],
      maxLifetimeSeconds: 300,
    }

    it.each([
      [undefined, 300],
      [3600, 300],
      [301, 300],
      [300, 300],
      [299, 299],
    ])('is, asked for %s s, cut to %s s', async (lifetimeSeconds, lives) => {
      const { twinkey, clock } = createBench({ tokens })
      const { primary } = await twinkey.keys.create(INPUT)
      const issued = await issue(twinkey, primary, { lifetimeSeconds })
      expect(issued).toMatchObject({
        lifetimeSeconds: lives,
        expiresAt: clock.now() + lives * 1000,
      })
      expect(decoded(issued.token).payload).toMatchObject({ exp: clock.now() / 1000 + lives })
    })

    it('is told as it is by the answer over HTTP, and what is more than an hour is refused as ever', async () => {
      const { twinkey, clock } = createBench({ tokens })
      const { primary } = await twinkey.keys.create({ ...INPUT, scope: { tenants: ['1'] } })
      const post = (profile: Profile | undefined, authorization: string, body = '') =>
        webEndpoints(twinkey, { profile }).exchange(
          new Request('http://localhost/', { method: 'POST', headers: { authorization }, body }),
        )
      for (const [body, lives] of [
        ['', 300],
        ['{"expires_in":3600}', 300],
        ['{"expires_in":60}', 60],
      ] as const)
        expect(await (await post(undefined, `Bearer ${primary}`, body)).json()).toMatchObject({
          expires_in: lives,
        })
      expect((await post(undefined, `Bearer ${primary}`, '{"expires_in":3601}')).status).toBe(400)
      const answer = await (
        await post(flare({ account: () => ({ tenantId: 1 }) as FlareAccount }), primary)
      ).json()
      expect(answer).toMatchObject({ refresh_token_exp: clock.now() / 1000 + 300 })
    })

    it('does not cut those that were issued for longer', async () => {
      const { twinkey, another, clock } = createBench()
      const { primary } = await twinkey.keys.create(INPUT)
      const { token } = await issue(twinkey, primary)
      clock.advance(3_599_000)
      expect(await verdict(another({ tokens }), token)).toBe('let in')
    })
  })

  it('ends with the secret that minted it, and not with that of the other slot', async () => {
    const { twinkey } = createBench()
    const { key, primary, secondary } = await twinkey.keys.create(INPUT)
    const byPrimary = (await issue(twinkey, primary)).token
    const bySecondary = (await issue(twinkey, secondary as string)).token
    await twinkey.keys.regenerate(key.id, 'primary')
    expect([await verdict(twinkey, byPrimary), await verdict(twinkey, bySecondary)]).toEqual([
      'credential_invalid',
      'let in',
    ])
    await twinkey.keys.regenerate(key.id, 'secondary')
    expect(await verdict(twinkey, bySecondary)).toBe('credential_invalid')
  })

  it('follows its secret into the other slot, and ends with its grace', async () => {
    const { twinkey, clock } = createBench()
    const { key, primary } = await twinkey.keys.create({ ...INPUT, secondary: false })
    const { token } = await issue(twinkey, primary)
    await twinkey.keys.rotate(key.id, { graceSeconds: 60 })
    expect(await twinkey.tokens.verify(token)).toMatchObject({ ok: true, slot: 'secondary' })
    clock.advance(59_999)
    expect(await verdict(twinkey, token)).toBe('let in')
    clock.advance(1)
    expect(await verdict(twinkey, token)).toBe('credential_invalid')
  })

  it.each(['disable', 'revoke', 'delete'] as const)('ends with its key: %s', async (change) => {
    const { twinkey } = createBench()
    const { key, primary } = await twinkey.keys.create(INPUT)
    const { token } = await issue(twinkey, primary)
    await twinkey.keys[change](key.id)
    expect(await verdict(twinkey, token)).toBe('credential_invalid')
  })
})

describe('asking for a token', () => {
  it('narrows and never widens', async () => {
    const { twinkey } = createBench()
    const { primary } = await twinkey.keys.create(INPUT)
    expect(
      (await issue(twinkey, primary, { scope: { tenants: ['u'], workflows: ['read'] } })).scope,
    ).toEqual({
      tenants: ['u'],
      environments: ['prod'],
      workflows: ['read'],
    })
    const refused: [TokenRequest, string][] = [
      [{ scope: { tenants: ['t', 'v'] } }, 'tenant_denied'],
      [{ scope: { tenants: '*' } }, 'tenant_denied'],
      [{ scope: { environments: ['test'] } }, 'environment_denied'],
      [{ scope: { tenants: [] } }, 'tenant_denied'],
      [{ scope: { workflows: [] } }, 'workflow_denied'],
    ]
    for (const [request, code] of refused)
      expect(codeOf(await twinkey.tokens.issue(primary, request))).toBe(code)
  })

  it.each<[string, unknown]>([
    ['an unknown member', { scopes: { tenants: ['t'] } }],
    ['an unknown axis', { scope: { tenant: ['t'] } }],
    ['a member "code"', { code: 'credential_invalid', detail: 'x' }],
    ['a scope as text', { scope: 'tenant:t' }],
    ['an axis as text', { scope: { tenants: 't' } }],
    ['an axis of null', { scope: { tenants: null } }],
    ['a star among names', { scope: { tenants: ['t', '*'] } }],
    ['no object', 'tenant:t'],
    ['null', null],
    ['a lifetime of 0', { lifetimeSeconds: 0 }],
    ['a lifetime of 3601', { lifetimeSeconds: 3601 }],
    ['a lifetime of 1.5', { lifetimeSeconds: 1.5 }],
    ['a lifetime as text', { lifetimeSeconds: '60' }],
    ['a lifetime of NaN', { lifetimeSeconds: Number.NaN }],
  ])(
    'with %s is invalid_input, so that nothing that was meant to narrow is dropped',
    async (_, request) => {
      const { twinkey } = createBench()
      const { primary } = await twinkey.keys.create(INPUT)
      expect(await errorCodeOf(() => twinkey.tokens.issue(primary, request as TokenRequest))).toBe(
        'invalid_input',
      )
    },
  )

  it('is for what was asked, whatever is done to that while it is signed', async () => {
    const { twinkey } = createBench()
    const { primary } = await twinkey.keys.create(INPUT)
    for (let turns = 0; turns < 12; turns++) {
      const tenants = ['t']
      const issuing = twinkey.tokens.issue(primary, { scope: { tenants } })
      for (let turn = 0; turn < turns; turn++) await undefined
      tenants[0] = 'victim'
      const issued = await issuing
      // Before it was looked at, it is what it is then.
      if (!issued.ok) expect(issued.refusal.code).toBe('tenant_denied')
      else {
        expect(issued.scope.tenants).toEqual(['t'])
        expect(decodeJwt(issued.token)['tenants']).toEqual(['t'])
      }
    }
  })

  it('can be told once it is known who asks', async () => {
    const { twinkey } = createBench()
    const { primary } = await twinkey.keys.create(INPUT)
    const issued = await twinkey.tokens.issue(primary, async (holder) => ({
      scope: { tenants: [holder.owner === 'ada' ? 'u' : 't'] },
    }))
    expect(issued).toMatchObject({ ok: true, scope: { tenants: ['u'] } })
  })

  it('mints nothing for a secret that is revoked while that is being told', async () => {
    const { twinkey } = createBench()
    const { key, primary } = await twinkey.keys.create(INPUT)
    const [asked, told] = [createGate(), createGate()]
    const issuing = twinkey.tokens.issue(primary, async () => {
      asked.open()
      await told.opened
      return {}
    })
    await asked.opened
    await twinkey.keys.revoke(key.id)
    told.open()
    expect(codeOf(await issuing)).toBe('credential_invalid')
  })

  it('with a token mints nothing: a token never mints a token', async () => {
    const { twinkey } = createBench()
    const { primary } = await twinkey.keys.create(INPUT)
    const { token } = await issue(twinkey, primary)
    expect(codeOf(await twinkey.tokens.issue(token))).toBe('credential_invalid')
    expect(codeOf(await twinkey.keys.verify(token))).toBe('credential_invalid')
    expect(codeOf(await twinkey.tokens.verify(primary))).toBe('credential_invalid')
  })

  it('with a token mints nothing, although the requirement of the endpoint accepts tokens', async () => {
    const { twinkey, events } = createBench()
    const { primary } = await twinkey.keys.create(INPUT)
    const { token } = await issue(twinkey, primary)
    const request = new WebWireRequest(
      new Request('https://api.example/', { headers: { authorization: `Bearer ${token}` } }),
    )
    const exchanged = await twinkey.tokens.exchange(
      request,
      new CheckedRequirement({ anyTarget: true }),
      () => ({}),
    )
    expect(codeOf(exchanged)).toBe('credential_invalid')
    expect(events.at(-1)).toMatchObject({ type: 'access.refused', reason: 'kind_not_accepted' })
  })

  it('for more than fits into 6 KiB is scope_too_large, and less of it is issued', async () => {
    const { twinkey } = createBench()
    const tenants = Array.from({ length: 64 }, (_, i) => `tenant-${i}`.padEnd(128, 'x'))
    const { primary } = await twinkey.keys.create({ ...INPUT, scope: { tenants } })
    const refused = await twinkey.tokens.issue(primary)
    expect(codeOf(refused)).toBe('scope_too_large')
    expect(refused).toMatchObject({ refusal: { detail: expect.stringMatching(/narrower/) } })
    const { token } = await issue(twinkey, primary, { scope: { tenants: tenants.slice(0, 8) } })
    expect(token.length).toBeLessThanOrEqual(6144)
    expect(await verdict(twinkey, token)).toBe('let in')
  })
})
