import type { JWK } from 'jose'
import { type CreateKeyInput, from, type TwinkeyEvent, type WireRequest } from 'twinkey'
import { createVerifier, type VerifierOptions } from 'twinkey/verifier'
import { describe, expect, it } from 'vitest'
import { checkedRequirement } from '../../src/guard/requirement.ts'
import { AUDIENCE, createBench, ISSUER } from '../support/bench.ts'
import { countingLimiter } from '../support/counting-limiter.ts'
import { decoded, forge } from '../support/forge.ts'
import { codeOf, sent } from '../support/sent.ts'

const INSIDE = '192.0.2.7'
const OUTSIDE = '192.0.3.7'
const NETWORKS = ['192.0.2.0/24', '2001:db8::/32']
const LIMITS = [{ requests: 2, perSeconds: 60 }] as const

async function createScene(policies: Partial<CreateKeyInput> = {}, byDefault?: typeof LIMITS) {
  const bench = createBench({
    limiter: countingLimiter(),
    ...(byDefault && { policies: { limits: byDefault } }),
  })
  const { keys, tokens } = bench.twinkey
  const scope = { tenants: ['t'], workflows: ['w'] }
  const { key, primary } = await keys.create({ name: 'n', scope, tokens: true, ...policies })
  const issued = await tokens.issue(primary, {}, { address: INSIDE })
  if (!issued.ok) throw new Error(issued.refusal.code)
  const { header, payload } = decoded(issued.token)
  const set = (await tokens.jwks()) as { keys: JWK[] }
  const events: TwinkeyEvent[] = []
  const verifierWith = (options: Partial<VerifierOptions> = {}) => {
    const verifier = createVerifier({
      jwks: set,
      issuer: ISSUER,
      audience: AUDIENCE,
      now: bench.clock.now,
      onEvent: (event) => events.push(event),
      ...options,
    })
    const requirement = checkedRequirement({ anyTarget: true }, verifier)
    return async (credential: string, more: Partial<WireRequest> = {}) =>
      codeOf(await verifier.authenticate({ ...sent({ credential }), ...more }, requirement))
  }
  return {
    ...bench,
    key,
    primary,
    token: issued.token,
    payload,
    /** The token with other claims, and a valid signature. */
    forged: (claims: object) => forge({ header, payload: { ...payload, ...claims } }),
    set,
    verifierWith,
    reasons: () =>
      events.flatMap((event) => (event.type === 'access.refused' ? [event.reason] : [])),
  }
}

describe('the claims of a token', () => {
  it('have the policies of its key', async () => {
    const { payload } = await createScene({ networks: NETWORKS, limits: LIMITS })
    expect(payload).toMatchObject({ networks: NETWORKS, limits: LIMITS })
  })

  it('have the limits of the deployment for a key without its own', async () => {
    expect((await createScene({}, LIMITS)).payload).toMatchObject({ limits: LIMITS })
    expect((await createScene({ limits: [] }, LIMITS)).payload).not.toHaveProperty('limits')
  })

  it('have no policies for a key without any', async () => {
    const { payload } = await createScene()
    expect(Object.keys(payload)).not.toEqual(expect.arrayContaining(['networks']))
    expect(Object.keys(payload)).not.toEqual(expect.arrayContaining(['limits']))
  })
})

describe('a verifier', () => {
  it('refuses a token with limits, unless they are not enforced there', async () => {
    const { token, verifierWith, reasons } = await createScene({ limits: LIMITS })
    const strict = verifierWith()
    expect([await strict(token), await strict(token)]).toEqual(Array(2).fill('credential_invalid'))
    expect(reasons()).toEqual(['limits_not_enforced', 'limits_not_enforced'])
    const lax = verifierWith({ limits: 'not enforced here' })
    for (let round = 0; round < 4; round++) expect(await lax(token)).toBe('let in')
  })

  it('lets a token in only from the networks that it names', async () => {
    const { token, verifierWith, reasons } = await createScene({ networks: NETWORKS })
    const decide = verifierWith()
    for (const peer of [INSIDE, '::ffff:192.0.2.7', '2001:db8::1'])
      expect([peer, await decide(token, { peer })]).toEqual([peer, 'let in'])
    expect(await decide(token, { peer: OUTSIDE })).toBe('network_denied')
    expect(await decide(token)).toBe('network_denied')
    expect(reasons()).toEqual(['address_outside', 'address_unknown'])
  })

  it('reads the address where clientAddress says', async () => {
    const { token, verifierWith } = await createScene({ networks: NETWORKS })
    const decide = verifierWith({ clientAddress: from.header('x-client') })
    const { header } = sent({ credential: token })
    const by = (address: string): Partial<WireRequest> => ({
      peer: INSIDE,
      header: (name) => (name === 'x-client' ? address : header(name)),
    })
    expect(await decide(token, by(INSIDE))).toBe('let in')
    expect(await decide(token, by(OUTSIDE))).toBe('network_denied')
    expect(await decide(token, { peer: INSIDE })).toBe('network_denied')
  })

  it('refuses a token with networks without a request', async () => {
    const { token, set, clock } = await createScene({ networks: NETWORKS })
    const options = { jwks: set, issuer: ISSUER, audience: AUDIENCE, now: clock.now }
    expect(codeOf(await createVerifier(options).verify(token))).toBe('network_denied')
  })

  it.each([
    ['networks', null],
    ['networks', []],
    ['networks', '192.0.2.0/24'],
    ['networks', {}],
    ['networks', [7]],
    ['networks', [null]],
    ['networks', ['192.0.2.1/24']],
    ['networks', ['192.0.2.0/33']],
    ['networks', ['0.0.0.0/0', 'x']],
    ['networks', Array(65).fill('192.0.2.0/24')],
    ['limits', null],
    ['limits', {}],
    ['limits', '1'],
    ['limits', [{}]],
    ['limits', [{ requests: 0, perSeconds: 60 }]],
    ['limits', [{ requests: 1 }]],
    ['limits', [{ requests: 1, perSeconds: 60, per: 'day' }]],
    ['limits', [{ requests: 1, per: 'year' }]],
    ['limits', [{ requests: 1, perSeconds: 60, more: 1 }]],
    ['limits', [LIMITS[0], LIMITS[0]]],
  ])('and an API refuse a signed token whose claim %s is %j', async (claim, value) => {
    const { forged, verifierWith, reasons, twinkey, events } = await createScene()
    const token = forged({ [claim]: value })
    const decide = verifierWith({ limits: 'not enforced here' })
    expect(await decide(token, { peer: INSIDE })).toBe('credential_invalid')
    expect(reasons()).toEqual(['token_claims_wrong'])
    const request = { ...sent({ credential: token }), peer: INSIDE }
    const decision = await twinkey.authenticate(request, { anyTarget: true })
    expect(codeOf(decision)).toBe('credential_invalid')
    expect(events.at(-1)).toMatchObject({ reason: 'token_claims_wrong' })
  })

  it('refuses a token whose claims were changed without a new signature', async () => {
    const { token, verifierWith } = await createScene({ networks: NETWORKS })
    const [header, payload = '', signature] = token.split('.')
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString())
    const decide = verifierWith()
    for (const change of [{ networks: undefined }, { networks: ['0.0.0.0/0'] }]) {
      const changed = Buffer.from(JSON.stringify({ ...claims, ...change })).toString('base64url')
      const forgery = [header, changed, signature].join('.')
      expect(await decide(forgery, { peer: INSIDE })).toBe('credential_invalid')
    }
  })
})

describe('a token at an API with the store', () => {
  it('works from the current networks of its key, not from those in its claims', async () => {
    const { token, forged, twinkey, key } = await createScene({ networks: NETWORKS })
    const decide = async (credential: string, peer: string) =>
      codeOf(await twinkey.authenticate({ ...sent({ credential }), peer }, { anyTarget: true }))
    const wide = forged({ networks: ['0.0.0.0/0'] })
    expect([await decide(token, INSIDE), await decide(wide, OUTSIDE)]).toEqual([
      'let in',
      'network_denied',
    ])
    await twinkey.keys.update(key.id, { networks: ['192.0.3.0/24'] })
    expect([await decide(token, INSIDE), await decide(token, OUTSIDE)]).toEqual([
      'network_denied',
      'let in',
    ])
    await twinkey.keys.update(key.id, { networks: null })
    expect(await decide(token, '203.0.113.1')).toBe('let in')
  })

  it('counts by the current limits of its key', async () => {
    const { token, twinkey, key, clock } = await createScene({ limits: LIMITS })
    const verdicts = async (count: number) => {
      clock.advance(60_000)
      const decide = () => twinkey.authenticate(sent({ credential: token }), { anyTarget: true })
      const codes: string[] = []
      for (let round = 0; round < count; round++) codes.push(codeOf(await decide()))
      return codes
    }
    expect(await verdicts(3)).toEqual(['let in', 'let in', 'quota_exceeded'])
    await twinkey.keys.update(key.id, { limits: [{ requests: 1, perSeconds: 60 }] })
    expect(await verdicts(2)).toEqual(['let in', 'quota_exceeded'])
    await twinkey.keys.update(key.id, { limits: [] })
    expect(await verdicts(3)).toEqual(['let in', 'let in', 'let in'])
  })

  it('is verified without a request only with an address, and is not counted', async () => {
    const { token, primary, twinkey } = await createScene({ networks: NETWORKS, limits: LIMITS })
    const { keys, tokens } = twinkey
    for (let round = 0; round < 4; round++) {
      expect(await tokens.verify(token, { address: INSIDE })).toMatchObject({ ok: true })
      expect(await keys.verify(primary, { address: INSIDE })).toMatchObject({ ok: true })
    }
    expect(codeOf(await tokens.verify(token, { address: OUTSIDE }))).toBe('network_denied')
    expect(codeOf(await tokens.verify(token))).toBe('network_denied')
    expect(codeOf(await keys.verify(primary))).toBe('network_denied')
    expect(await tokens.verify(token, { networks: 'not checked here' })).toMatchObject({
      ok: true,
      key: { networks: NETWORKS, limits: LIMITS },
    })
  })
})

describe('the exchange', () => {
  it('checks the address before and after a slow lookup, and counts once', async () => {
    const { twinkey, primary, key, events, clock } = await createScene({
      networks: NETWORKS,
      limits: LIMITS,
    })
    clock.advance(60_000)
    const { tokens, keys } = twinkey
    const address = INSIDE
    expect(codeOf(await tokens.issue(primary, {}, { address: OUTSIDE }))).toBe('network_denied')
    expect(codeOf(await tokens.issue(primary))).toBe('network_denied')
    const moved = await tokens.issue(
      primary,
      async () => {
        await keys.update(key.id, { networks: ['192.0.3.0/24'] })
        return {}
      },
      { address },
    )
    expect(codeOf(moved)).toBe('network_denied')
    await keys.update(key.id, { networks: NETWORKS })
    events.length = 0
    // The request above was counted, so one is left.
    expect(codeOf(await tokens.issue(primary, () => ({}), { address }))).toBe('let in')
    expect(codeOf(await tokens.issue(primary, () => ({}), { address }))).toBe('quota_exceeded')
    expect(events.map(({ type }) => type)).toEqual(['token.issued', 'access.refused'])
  })
})
