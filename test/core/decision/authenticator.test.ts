import { type Axis, type Requirement, TwinkeyError, type WireRequest } from 'twinkey'
import { describe, expect, it } from 'vitest'
import { createAuthenticator } from '../../../src/core/decision/authenticator.ts'
import { type Identifier, type Inspected, invalid } from '../../../src/core/decision/identifier.ts'
import { identityForTokenAlone } from '../../../src/core/decision/identity.ts'
import { type RouteRequirement, textOnly } from '../../../src/core/decision/route-requirement.ts'
import { type Steps, wait } from '../../../src/core/decision/steps.ts'
import type { TwinkeyEvent } from '../../../src/core/model/events.ts'
import { createBench } from '../../support/bench.ts'
import { createGate, settled } from '../../support/gate.ts'
import { anyTarget, byHeaders, codeOf, decidedNow, sent, verdict } from '../../support/sent.ts'

const INPUT = { name: 'n', owner: 'ada', scope: { tenants: ['t'], workflows: ['w'] } } as const
const REQUIREMENT: RouteRequirement<string> = {
  reader: { credential: (text) => ({ text, kinds: 'either', inAuthorizationHeader: true }) },
  readers: [],
  names: [],
  required: [],
  acceptsSecret: true,
  acceptsToken: true,
  optional: false,
  anyTarget: true,
}

const SCOPE = { tenants: '*', environments: '*', workflows: '*' } as const
const CLAIMS = {
  tokenId: 'j',
  keyId: 'k',
  secretId: 's',
  owner: null,
  audience: 'a',
  issuedAt: 0,
  expiresAt: 9,
  scope: SCOPE,
}
const INSPECTED: Inspected = { kind: 'secret', text: 'x', keyId: 'k' }

// biome-ignore lint/correctness/useYield: it has nothing to wait for.
function* answering<T>(answer: T): Steps<T> {
  return answer
}

/** An authenticator whose identifier recognises nothing, and the events that it emits. */
function createWith(identifier: Partial<Identifier>) {
  const events: TwinkeyEvent[] = []
  const parts = {
    identifier: {
      recognise: () => undefined,
      inspect: () => INSPECTED,
      identify: () => answering(invalid('secret_wrong')),
      isCurrent: () => true,
      ...identifier,
    },
    owners: undefined,
    limits: { byDefault: undefined, count: () => ({ allowed: true, limits: [] }) },
    usage: { note: () => {}, flush: () => undefined },
    environments: undefined,
    audience: 'a',
    deadlineMilliseconds: 2000,
    now: () => 7,
  }
  const emit = (event: TwinkeyEvent) => void events.push(event)
  return {
    events,
    told: createAuthenticator({ ...parts, emit }),
    silent: createAuthenticator({ ...parts, emit: undefined }),
  }
}

async function createWithKey() {
  const bench = createBench({
    ownerScope: () => ({ tenants: '*', environments: '*', workflows: '*' }),
  })
  const { primary } = await bench.twinkey.keys.create(INPUT)
  const issued = await bench.twinkey.tokens.issue(primary)
  return { ...bench, primary, token: issued.ok ? issued.token : '' }
}

describe('the `accept` of a route', () => {
  it.each<[NonNullable<Requirement['accept']>, [string, string]]>([
    [['secret'], ['let in', 'credential_invalid']],
    [['token'], ['credential_invalid', 'let in']],
    [
      ['secret', 'token'],
      ['let in', 'let in'],
    ],
  ])('admits %j and nothing else, and the event gives the reason', async (accept, expected) => {
    const { twinkey, primary, token, events } = await createWithKey()
    const requirement = { ...anyTarget, accept }
    const codes: string[] = []
    for (const credential of [primary, token]) {
      codes.push(codeOf(await twinkey.authenticate(sent({ credential }), requirement)))
      const refused = events.filter((event) => event.type === 'access.refused')
      if (codes.at(-1) !== 'let in')
        expect(refused.at(-1)).toMatchObject({ reason: 'kind_not_accepted' })
    }
    expect(codes).toEqual(expected)
  })

  it.each([
    ['secret', true, true, 'secret'],
    ['secret', true, false, 'secret'],
    ['secret', false, true, undefined],
    ['token', true, true, 'token'],
    ['token', true, false, undefined],
    ['token', false, true, 'token'],
    ['either', true, true, 'either'],
    ['either', true, false, 'secret'],
    ['either', false, true, 'token'],
  ] as const)(
    'for a place for %s, with secrets accepted: %s and tokens accepted: %s, reads the place as %s',
    async (kinds, acceptsSecret, acceptsToken, expected) => {
      let read: unknown
      const { told, events } = createWith({
        recognise(_, each) {
          read = each
          return undefined
        },
      })
      const reader = {
        credential: (text: string) => ({ text, kinds, inAuthorizationHeader: true }),
      }
      await told.decide('x', { ...REQUIREMENT, reader, acceptsSecret, acceptsToken })
      expect(read).toBe(expected)
      expect(events).toMatchObject([
        { reason: expected === undefined ? 'kind_not_accepted' : 'secret_wrong' },
      ])
    },
  )
})

describe('an optional guard', () => {
  const withHeaders = (headers: Record<string, string>): WireRequest => ({
    method: 'GET',
    url: '/',
    header: (name) => headers[name],
    param: () => undefined,
  })

  it('lets a request without a credential pass, but not one with an unreadable credential', async () => {
    const { twinkey, primary } = await createWithKey()
    const ask = async (headers: Record<string, string>) =>
      codeOf(await twinkey.authenticate(withHeaders(headers), { ...anyTarget, optional: true }))
    expect(await ask({})).toBe('let in')
    expect(await ask({ authorization: 'Bearer' })).toBe('credential_malformed')
    expect(await ask({ authorization: `Bearer ${primary}`, 'x-api-key': primary })).toBe(
      'credential_ambiguous',
    )
  })
})

describe('an optional guard that accepts one kind only', () => {
  const FOREIGN = 'sk_live_0123456789abcdef'

  it.each(['secret', 'token'] as const)(
    'ignores a credential of another system, in Authorization and in X-API-Key: %s',
    async (kind) => {
      const { twinkey, primary } = await createWithKey()
      const ask = async (name: string, value: string) => {
        const request = new Request('https://api.example/', { headers: { [name]: value } })
        return codeOf(
          await twinkey.authenticate(request, { ...anyTarget, optional: true, accept: [kind] }),
        )
      }
      expect([
        await ask('authorization', `Bearer ${FOREIGN}`),
        await ask('x-api-key', FOREIGN),
      ]).toEqual(['let in', 'let in'])
      const own = kind === 'secret' ? 'let in' : 'credential_invalid'
      expect([
        await ask('authorization', `Bearer ${primary}`),
        await ask('x-api-key', primary),
      ]).toEqual([own, own])
    },
  )
})

describe('a decision', () => {
  it('on an anonymous request has no principal, and lets shared caches store the response', async () => {
    const { twinkey } = await createWithKey()
    const decision = await twinkey.authenticate(sent({}), { ...anyTarget, optional: true })
    expect(decision).toEqual({ ok: true, principal: undefined, noStore: false })
  })

  it('on a key whose owner is gone has a principal with an empty scope', async () => {
    const { twinkey } = createBench({ ownerScope: () => undefined })
    const { primary } = await twinkey.keys.create(INPUT)
    const nothing = { tenants: [], environments: [], workflows: [] }
    expect(await twinkey.authenticate(sent({ credential: primary }), anyTarget)).toMatchObject({
      principal: { scope: nothing },
    })
  })

  it('on a key without an owner asks for none, whether the key is cached or loaded', async () => {
    const asked: string[] = []
    const bench = createBench({ ownerScope: (owner) => void asked.push(owner) })
    const { primary } = await bench.twinkey.keys.create({ ...INPUT, owner: null })
    for (const twinkey of [bench.twinkey, bench.twinkey, bench.another()])
      expect(codeOf(await twinkey.authenticate(sent({ credential: primary }), anyTarget))).toBe(
        'let in',
      )
    expect(asked).toEqual([])
  })

  it.each([
    ['before the expiry of its key', -1, 'let in'],
    ['at the expiry of its key', 0, 'credential_invalid'],
    ['after the expiry of its key', 1, 'credential_invalid'],
  ])('whose owner scope arrives %s (%i ms): %s', async (_when, late, expected) => {
    const { opened, open } = createGate()
    const { twinkey, clock } = createBench({
      ownerScope: async () => {
        await opened
        return { tenants: '*', environments: '*', workflows: '*' }
      },
    })
    const { primary } = await twinkey.keys.create({ ...INPUT, expiresAt: clock.now() + 1000 })
    const decision = twinkey.authenticate(sent({ credential: primary }), anyTarget)
    await settled()
    clock.advance(1000 + late)
    open()
    expect(codeOf(await decision)).toBe(expected)
  })
})

describe('the event of a refusal', () => {
  it('names the axis that the key does not cover', async () => {
    const { twinkey, primary, events } = await createWithKey()
    const decision = await twinkey.authenticate(
      sent({ credential: primary, tenant: 't', environment: 'e', workflow: 'other' }),
      byHeaders,
    )
    const axis: Axis = 'workflow'
    expect(decision).toMatchObject({ ok: false, refusal: { code: 'workflow_denied', axis } })
    expect(events.at(-1)).toMatchObject({
      type: 'access.refused',
      code: 'workflow_denied',
      reason: 'not_covered',
      axis,
    })
  })
})

describe('a synchronous decision', () => {
  it('is not possible while the owner must be looked up, and is possible afterwards', async () => {
    const { twinkey, primary } = await createWithKey()
    const request = sent({ credential: primary })
    await verdict(twinkey, primary)
    expect(decidedNow(twinkey, request, anyTarget)).toMatchObject({ ok: true })
    await twinkey.invalidateOwner('ada')
    expect(decidedNow(twinkey, request, anyTarget)).toBeUndefined()
    await verdict(twinkey, primary)
    expect(decidedNow(twinkey, request, anyTarget)).toMatchObject({ ok: true })
  })
})

describe('a lookup for a decision', () => {
  it('is repeated 50 times if its result is always forgotten, and then the decision is unavailable', async () => {
    let asked = 0
    const { told, events } = createWith({
      identify() {
        asked++
        return answering(identityForTokenAlone(CLAIMS))
      },
      isCurrent: () => false,
    })
    expect(await told.decide('x', REQUIREMENT)).toMatchObject({
      ok: false,
      refusal: { code: 'unavailable' },
    })
    expect(asked).toBe(50)
    expect(events).toMatchObject([
      {
        type: 'warning.store_unavailable',
        at: 7,
        message: 'A request could not be decided. Look at the error.',
        error: {
          code: 'store_unavailable',
          message: 'The data for a decision was invalidated repeatedly while it was loaded.',
        },
      },
      { type: 'access.refused', code: 'unavailable', reason: 'store_unavailable' },
    ])
  })

  it.each([
    ['store_unavailable', 'warning.store_unavailable', 'store_unavailable', 'unavailable'],
    ['owner_unavailable', 'warning.owner_unavailable', 'owner_unavailable', 'unavailable'],
    [
      'signing_key_invalid',
      'warning.signing_key_invalid',
      'signing_key_invalid',
      'credential_invalid',
    ],
    ['jwks_unavailable', 'warning.jwks_unavailable', 'jwks_unavailable', 'unavailable'],
  ] as const)(
    'that fails with %s is a refusal, and the event %s reports it',
    async (code, type, reason, refused) => {
      const error = new TwinkeyError(code, 'down')
      // An error thrown by other code may contain a secret, so the message of the event does not
      // repeat it.
      const own = code === 'signing_key_invalid' || code === 'jwks_unavailable'
      const failing = createWith({
        *identify() {
          return yield* wait(Promise.reject(error))
        },
      })
      expect(await failing.told.decide('x', REQUIREMENT)).toMatchObject({
        ok: false,
        refusal: { code: refused },
      })
      expect(failing.events).toMatchObject([
        {
          type,
          message: own ? 'down' : 'A request could not be decided. Look at the error.',
          error,
        },
        { type: 'access.refused', reason },
      ])
      expect(await failing.silent.decide('x', REQUIREMENT)).toMatchObject({
        ok: false,
        refusal: { code: refused },
      })
    },
  )

  it('by the application is a refusal if the owner is unavailable, and rethrows any other error', async () => {
    const { told, events } = createWith({})
    const failing = (error: unknown) => told.ask(() => Promise.reject(error))
    expect(await told.ask(() => 5)).toBe(5)
    expect(await failing(new TwinkeyError('owner_unavailable', 'down'))).toMatchObject({
      code: 'unavailable',
    })
    expect(events).toMatchObject([{ type: 'warning.owner_unavailable' }])
    for (const error of [
      new TwinkeyError('store_unavailable', 'down'),
      { code: 'owner_unavailable' },
      new Error('bug'),
    ])
      expect(await failing(error).catch((thrown: unknown) => thrown)).toBe(error)
  })
})

describe('the text of a credential', () => {
  it('is never taken from anything but a string', async () => {
    const read: string[] = []
    const { told } = createWith({
      inspect({ text }) {
        read.push(text)
        return invalid('token_malformed')
      },
    })
    const { identify } = told.caller({ text: ['x'] as unknown as string }, textOnly('token'))
    expect(await identify()).toMatchObject({ reason: 'token_malformed' })
    expect(new Set(read)).toEqual(new Set(['']))
  })
})
