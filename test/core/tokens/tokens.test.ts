import { createLocalJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose'
import {
  generateSigningKey,
  type Profile,
  type SigningAlgorithm,
  type TokenRequest,
  type Twinkey,
} from 'twinkey'
import { WebWireRequest } from 'twinkey/http'
import { type FlareAccount, flare, standard } from 'twinkey/profiles'
import { describe, expect, it } from 'vitest'
import { CheckedRequirement } from '../../../src/guard/requirement.ts'
import { AUDIENCE, createBench, ISSUER, signingKey } from '../../support/bench.ts'
import { errorCodeOf } from '../../support/faults.ts'
import { decoded } from '../../support/forge.ts'
import { createGate } from '../../support/gate.ts'
import { codeOf, verdict } from '../../support/sent.ts'
import { tokenHandler } from '../../support/token-handler.ts'

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
    it('is accepted here, and verifies elsewhere with nothing but the JWKS', async () => {
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
  it('are exactly these', async () => {
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
      sub: key.id,
      client_id: key.id,
      owner: 'ada',
      secret_id: key.secondary?.id,
      scope: 'tenant:t environment:prod workflow:*',
      tenants: ['t'],
      environments: ['prod'],
      workflows: '*',
    })
  })

  it('have no owner if the key has none', async () => {
    const { twinkey } = createBench()
    const { key, primary } = await twinkey.keys.create({ ...INPUT, owner: null })
    const { payload } = decoded((await issue(twinkey, primary)).token)
    expect([payload['sub'], payload['client_id'], 'owner' in payload]).toEqual([
      key.id,
      key.id,
      false,
    ])
  })

  it('percent-encode names in the scope string, and only there', async () => {
    const { twinkey } = createBench()
    const { primary } = await twinkey.keys.create({
      ...INPUT,
      scope: { tenants: ['a b"\\ü'], workflows: '*' },
    })
    const { payload } = decoded((await issue(twinkey, primary)).token)
    expect(payload).toMatchObject({
      scope: 'tenant:a%20b%22%5C%C3%BC environment:* workflow:*',
      tenants: ['a b"\\ü'],
    })
  })

  it('match the members of the answer', async () => {
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

  it('have a different jti in each token', async () => {
    const { twinkey } = createBench()
    const { primary } = await twinkey.keys.create(INPUT)
    const ids = await Promise.all(
      [0, 1, 2].map(async () => (await issue(twinkey, primary)).tokenId),
    )
    expect(new Set(ids).size).toBe(3)
  })
})

describe('the lifetime of a token', () => {
  it('ends at its exp: the token is accepted one millisecond before, and refused from then on', async () => {
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
  ])('never exceeds the expiry of the key: with %i ms left it is %i s', async (left, seconds) => {
    const { twinkey, clock } = createBench()
    const { primary } = await twinkey.keys.create({ ...INPUT, expiresAt: clock.now() + left })
    expect((await issue(twinkey, primary)).lifetimeSeconds).toBe(seconds)
  })

  it('never exceeds the expiry of the secret that it was issued for', async () => {
    const { twinkey, clock } = createBench()
    const { key, primary } = await twinkey.keys.create({ ...INPUT, secondary: false })
    const { primary: secret } = await twinkey.keys.rotate(key.id, { graceSeconds: 90 })
    clock.advance(500)
    expect((await issue(twinkey, primary)).expiresAt).toBe(clock.now() - 500 + 90_000)
    expect((await issue(twinkey, secret)).lifetimeSeconds).toBe(3600)
  })

  it('must be at least one second, or the secret is refused as expired', async () => {
    const { twinkey, clock } = createBench()
    const { primary } = await twinkey.keys.create({ ...INPUT, expiresAt: clock.now() + 999 })
    expect(codeOf(await twinkey.tokens.issue(primary))).toBe('credential_invalid')
  })

  it.each([1, 60, 3600])('is %i s if requested', async (lifetimeSeconds) => {
    const { twinkey } = createBench()
    const { primary } = await twinkey.keys.create(INPUT)
    expect((await issue(twinkey, primary, { lifetimeSeconds })).lifetimeSeconds).toBe(
      lifetimeSeconds,
    )
  })

  describe('with tokens.maxLifetimeSeconds of 300', () => {
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
    ])('is shortened: a request for %s s gives %s s', async (lifetimeSeconds, lives) => {
      const { twinkey, clock } = createBench({ tokens })
      const { primary } = await twinkey.keys.create(INPUT)
      const issued = await issue(twinkey, primary, { lifetimeSeconds })
      expect(issued).toMatchObject({
        lifetimeSeconds: lives,
        expiresAt: clock.now() + lives * 1000,
      })
      expect(decoded(issued.token).payload).toMatchObject({ exp: clock.now() / 1000 + lives })
    })

    it('is the shortened one in the HTTP answer, and a request for more than an hour is refused', async () => {
      const { twinkey, clock } = createBench({ tokens })
      const { primary } = await twinkey.keys.create({
        ...INPUT,
        scope: { tenants: ['1'], workflows: '*' },
      })
      const post = (profile: Profile | undefined, authorization: string, body = '') =>
        tokenHandler(twinkey, { profile })(
          new Request(`http://localhost${(profile ?? standard()).exchangePath}`, {
            method: 'POST',
            headers: { authorization },
            body,
          }),
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

    it('is not shortened for tokens that were issued for longer', async () => {
      const { twinkey, another, clock } = createBench()
      const { primary } = await twinkey.keys.create(INPUT)
      const { token } = await issue(twinkey, primary)
      clock.advance(3_599_000)
      expect(await verdict(another({ tokens }), token)).toBe('let in')
    })
  })

  it('ends with the secret that it was issued for, and not with the other one', async () => {
    const { twinkey } = createBench()
    const { key, primary, secondary } = await twinkey.keys.create(INPUT)
    const byPrimary = (await issue(twinkey, primary)).token
    const bySecondary = (await issue(twinkey, secondary as string)).token
    await twinkey.keys.renew(key.id, { slots: 'primary' })
    expect([await verdict(twinkey, byPrimary), await verdict(twinkey, bySecondary)]).toEqual([
      'credential_invalid',
      'let in',
    ])
    await twinkey.keys.renew(key.id, { slots: 'secondary' })
    expect(await verdict(twinkey, bySecondary)).toBe('credential_invalid')
  })

  it('follows its secret into the secondary slot, and ends with its grace period', async () => {
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

describe('a token request', () => {
  it('narrows the scope and never widens it', async () => {
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
  ])('with %s is invalid_input, so no restriction is ignored', async (_, request) => {
    const { twinkey } = createBench()
    const { primary } = await twinkey.keys.create(INPUT)
    expect(await errorCodeOf(() => twinkey.tokens.issue(primary, request as TokenRequest))).toBe(
      'invalid_input',
    )
  })

  it('is copied, so changes while the token is signed have no effect', async () => {
    const { twinkey } = createBench()
    const { primary } = await twinkey.keys.create(INPUT)
    for (let turns = 0; turns < 12; turns++) {
      const tenants = ['t']
      const issuing = twinkey.tokens.issue(primary, { scope: { tenants } })
      for (let turn = 0; turn < turns; turn++) await undefined
      tenants[0] = 'victim'
      const issued = await issuing
      // A change before the copy counts.
      if (!issued.ok) expect(issued.refusal.code).toBe('tenant_denied')
      else {
        expect(issued.scope.tenants).toEqual(['t'])
        expect(decodeJwt(issued.token)['tenants']).toEqual(['t'])
      }
    }
  })

  it('may be a function that receives the identity of the secret', async () => {
    const { twinkey } = createBench()
    const { primary } = await twinkey.keys.create(INPUT)
    const issued = await twinkey.tokens.issue(primary, async (holder) => ({
      scope: { tenants: [holder.owner === 'ada' ? 'u' : 't'] },
    }))
    expect(issued).toMatchObject({ ok: true, scope: { tenants: ['u'] } })
  })

  it('gets no token if the secret is revoked while that function runs', async () => {
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

  it('with a token gets no token', async () => {
    const { twinkey } = createBench()
    const { primary } = await twinkey.keys.create(INPUT)
    const { token } = await issue(twinkey, primary)
    expect(codeOf(await twinkey.tokens.issue(token))).toBe('credential_invalid')
    expect(codeOf(await twinkey.keys.verify(token))).toBe('credential_invalid')
    expect(codeOf(await twinkey.tokens.verify(primary))).toBe('credential_invalid')
  })

  it('with a token gets no token, even if the requirement of the endpoint accepts tokens', async () => {
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

  it('for more than fits into 6 KiB is scope_too_large, and a narrower one succeeds', async () => {
    const { twinkey } = createBench()
    const tenants = Array.from({ length: 64 }, (_, i) => `tenant-${i}`.padEnd(128, 'x'))
    const { primary } = await twinkey.keys.create({ ...INPUT, scope: { tenants, workflows: '*' } })
    const refused = await twinkey.tokens.issue(primary)
    expect(codeOf(refused)).toBe('scope_too_large')
    expect(refused).toMatchObject({ refusal: { detail: expect.stringMatching(/narrower/) } })
    const { token } = await issue(twinkey, primary, { scope: { tenants: tenants.slice(0, 8) } })
    expect(token.length).toBeLessThanOrEqual(6144)
    expect(await verdict(twinkey, token)).toBe('let in')
  })
})
