import {
  createTwinkey,
  type Decision,
  type Requirement,
  type TokenRequest,
  type Twinkey,
} from 'twinkey'
import { requireAuth } from 'twinkey/web'
import { describe, expect, it } from 'vitest'
import { refusedPart } from '../../../src/core/model/refusal.ts'
import { CheckedRequirement } from '../../../src/guard/requirement.ts'
import { AUDIENCE, createBench, ISSUER, signingKey } from '../../support/bench.ts'
import { decoded, forge } from '../../support/forge.ts'
import { anyTarget, codeOf, decidedNow, sent } from '../../support/sent.ts'

const MCP = 'https://api.example/mcp'
const REPORTS = 'urn:example:reports'

async function createScene() {
  const bench = createBench({ resources: [MCP, REPORTS] })
  const { key, primary } = await bench.twinkey.keys.create({
    name: 'n',
    scope: { tenants: ['t'], workflows: '*' },
  })
  const issue = async (request?: TokenRequest, by: Twinkey = bench.twinkey) => {
    const issued = await by.tokens.issue(primary, request)
    if (!issued.ok) throw new Error(issued.refusal.code)
    return issued.token
  }
  // One object for each requirement, as a guard has it, so that decisions are remembered.
  const checked = new Map<string, CheckedRequirement>()
  const at = async (credential: string, requirement: Requirement = {}) => {
    const name = JSON.stringify(requirement)
    const route = checked.get(name) ?? new CheckedRequirement({ ...anyTarget, ...requirement })
    checked.set(name, route)
    return codeOf((await bench.twinkey.authenticate(sent({ credential }), route)) as Decision)
  }
  return { ...bench, key, primary, issue, at }
}

const audienceIn = (token: string) => decoded(token).payload['aud']

describe('a requested resource', () => {
  it('is the audience of the token. Without one it is the audience of the options', async () => {
    const { issue } = await createScene()
    expect(audienceIn(await issue({ resource: MCP }))).toBe(MCP)
    expect(audienceIn(await issue({ resource: REPORTS }))).toBe(REPORTS)
    expect(audienceIn(await issue({ resource: AUDIENCE }))).toBe(AUDIENCE)
    expect(audienceIn(await issue({ resource: undefined }))).toBe(AUDIENCE)
    expect(audienceIn(await issue())).toBe(AUDIENCE)
  })

  it.each(['', 'mcp', `${MCP}/`, MCP.toUpperCase(), '*', 'constructor', `${MCP} ${REPORTS}`])(
    'is refused if tokens for it are not issued: %j',
    async (resource) => {
      const { twinkey, primary, events, key } = await createScene()
      for (const request of [{ resource }, async () => ({ resource })]) {
        events.length = 0
        const issued = await twinkey.tokens.issue(primary, request)
        expect(issued).toMatchObject({ ok: false, refusal: { code: 'request_malformed' } })
        expect(issued.ok ? undefined : refusedPart(issued.refusal)).toBe('resource')
        expect(events).toMatchObject([
          {
            type: 'access.refused',
            code: 'request_malformed',
            reason: 'resource_unknown',
            keyId: key.id,
          },
        ])
      }
    },
  )

  it.each([7, null, [MCP], { 0: MCP }, new URL(MCP)])('must be text: %o', async (resource) => {
    const { twinkey, primary } = await createScene()
    await expect(
      twinkey.tokens.issue(primary, { resource } as unknown as TokenRequest),
    ).rejects.toMatchObject({ code: 'invalid_input', message: 'resource must be a string.' })
  })

  it('is unknown if no resources are configured, except the audience', async () => {
    const { twinkey } = createBench()
    const { primary } = await twinkey.keys.create({
      name: 'n',
      scope: { tenants: ['t'], workflows: '*' },
    })
    expect(codeOf(await twinkey.tokens.issue(primary, { resource: MCP }))).toBe('request_malformed')
    expect(codeOf(await twinkey.tokens.issue(primary, { resource: AUDIENCE }))).toBe('let in')
  })

  it('is read once', async () => {
    const { twinkey, primary } = await createScene()
    let reads = 0
    const request = Object.defineProperty({}, 'resource', {
      get: () => (reads++ === 0 ? MCP : REPORTS),
      enumerable: true,
    })
    const issued = await twinkey.tokens.issue(primary, request)
    expect(issued.ok && audienceIn(issued.token)).toBe(MCP)
  })
})

describe('a route accepts a token', () => {
  it('for its resource, and only for that', async () => {
    const { issue, at } = await createScene()
    const tokens = [
      await issue(),
      await issue({ resource: MCP }),
      await issue({ resource: REPORTS }),
    ]
    const found = async (requirement: Requirement) => {
      const codes: string[] = []
      for (const token of tokens) codes.push(await at(token, requirement))
      return codes.map((code) => code === 'let in')
    }
    // Twice: the second time each token is remembered.
    for (const _ of ['verified', 'remembered']) {
      expect(await found({})).toEqual([true, false, false])
      expect(await found({ resource: AUDIENCE })).toEqual([true, false, false])
      expect(await found({ resource: MCP })).toEqual([false, true, false])
      expect(await found({ resource: REPORTS })).toEqual([false, false, true])
      expect(await found({ resource: [MCP, AUDIENCE] })).toEqual([true, true, false])
    }
  })

  it('while an API key is accepted for every resource', async () => {
    const { primary, at } = await createScene()
    for (const resource of [undefined, MCP, REPORTS])
      expect(await at(primary, { resource })).toBe('let in')
  })

  it('without a promise once the token is remembered, and refuses it elsewhere as without memory', async () => {
    const { twinkey, issue, events, key } = await createScene()
    const token = await issue({ resource: MCP })
    const here = new CheckedRequirement({ ...anyTarget, resource: MCP })
    const elsewhere = new CheckedRequirement(anyTarget)
    const request = sent({ credential: token })
    events.length = 0
    const first = (await twinkey.authenticate(request, elsewhere)) as Decision
    expect(codeOf((await twinkey.authenticate(request, here)) as Decision)).toBe('let in')
    expect(codeOf(decidedNow(twinkey, request, here) as Decision)).toBe('let in')
    expect(decidedNow(twinkey, request, elsewhere)).toEqual(first)
    expect(codeOf(decidedNow(twinkey, request, here) as Decision)).toBe('let in')
    expect(codeOf(first)).toBe('credential_invalid')
    const refused = { type: 'access.refused', reason: 'token_audience_unknown', keyId: key.id }
    const allowed = { type: 'access.allowed', keyId: key.id }
    expect(events).toMatchObject([refused, allowed, allowed, refused, allowed])
  })

  it('also if the same requirement accepted another token of the same secret before', async () => {
    const { issue, at } = await createScene()
    const requirement = { resource: MCP }
    expect(await at(await issue({ resource: MCP }), requirement)).toBe('let in')
    expect(await at(await issue(), requirement)).toBe('credential_invalid')
  })

  it('even behind an optional guard: a token for another resource is not anonymous', async () => {
    const { issue, at } = await createScene()
    expect(await at(await issue(), { resource: MCP, optional: true })).toBe('credential_invalid')
  })

  it('for the first known audience of a list: Twinkey issues none', async () => {
    const { issue, at } = await createScene()
    const { header, payload } = decoded(await issue())
    const token = forge({ header, payload: { ...payload, aud: [REPORTS, MCP] } })
    expect([await at(token), await at(token, { resource: MCP })]).toEqual([
      'credential_invalid',
      'let in',
    ])
  })

  it('not after its resource is no longer configured', async () => {
    const { another, issue } = await createScene()
    const token = await issue({ resource: REPORTS })
    const later = another({ resources: [MCP] })
    for (const requirement of [anyTarget, { ...anyTarget, resource: MCP }])
      expect(codeOf(await later.authenticate(sent({ credential: token }), requirement))).toBe(
        'credential_invalid',
      )
    expect(codeOf(await later.tokens.verify(token))).toBe('credential_invalid')
  })
})

describe('tokens.verify', () => {
  it('accepts a token for every audience, and tells which', async () => {
    const { twinkey, issue } = await createScene()
    for (const resource of [AUDIENCE, MCP, REPORTS]) {
      const token = await issue({ resource })
      for (const _ of ['verified', 'remembered']) {
        const verified = await twinkey.tokens.verify(token)
        expect(verified).toMatchObject({ ok: true, audience: resource, slot: 'primary' })
        expect(Object.isFrozen(verified)).toBe(true)
      }
    }
  })

  it('has an audience for tokens only', async () => {
    const { twinkey, primary } = await createScene()
    expect(await twinkey.keys.verify(primary)).not.toHaveProperty('audience')
  })
})

describe('a route that requires a resource that is not configured', () => {
  const PROBLEM =
    'requireAuth: resource must be tokens.audience or one of resources, as given to createTwinkey. With a verifier, it must be the audience of the verifier.'

  it('is a TypeError when the guard is created, and at authenticate and decide', async () => {
    const { twinkey } = await createScene()
    for (const resource of [`${MCP}/`, [MCP, 'https://other.example'], 'https://other.example']) {
      const requirement = { ...anyTarget, resource }
      const problem = new TypeError(PROBLEM)
      expect(() => requireAuth(twinkey, requirement, () => new Response())).toThrow(problem)
      expect(() => twinkey.decide(sent({}), requirement)).toThrow(problem)
      await expect(twinkey.authenticate(sent({}), requirement)).rejects.toThrow(problem)
    }
  })

  it('accepts what is configured, as listed in `audiences`', async () => {
    const { twinkey } = await createScene()
    expect(twinkey.audiences).toEqual([AUDIENCE, MCP, REPORTS])
    expect(Object.isFrozen(twinkey.audiences)).toBe(true)
    expect(createTwinkey().audiences).toEqual(['twinkey'])
    expect(() =>
      requireAuth(twinkey, { resource: twinkey.audiences }, () => new Response()),
    ).not.toThrow()
  })
})

it('the list of resources is copied: a later change has no effect', async () => {
  const resources = [MCP]
  const twinkey = createTwinkey({
    resources,
    tokens: { issuer: ISSUER, audience: AUDIENCE, signingKeys: [signingKey] },
  })
  resources.push(REPORTS)
  const { primary } = await twinkey.keys.create({
    name: 'n',
    scope: { tenants: ['t'], workflows: '*' },
  })
  expect(codeOf(await twinkey.tokens.issue(primary, { resource: REPORTS }))).toBe(
    'request_malformed',
  )
})
