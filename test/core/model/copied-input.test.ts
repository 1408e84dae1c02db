import { inspect } from 'node:util'
import {
  createTwinkey,
  from,
  type ImportKeyInput,
  memoryStore,
  type Requirement,
  type Scope,
  type TokenRequest,
  type TwinkeyOptions,
  tokenEndpoints,
} from 'twinkey'
import { boomiFlow, standard } from 'twinkey/profiles'
import { createVerifier, type VerifierOptions } from 'twinkey/verifier'
import { describe, expect, it, test } from 'vitest'
import { CheckedRequirement } from '../../../src/guard/requirement.ts'
import { FIRST, HMAC, importBench, input, pepper, SECOND } from '../../clients/imported.ts'
import { AUDIENCE, createBench, ISSUER, signingKey } from '../../support/bench.ts'
import { errorCodeOf } from '../../support/faults.ts'
import { settled } from '../../support/gate.ts'
import { readOnce } from '../../support/read-once.ts'
import { byHeaders, codeOf, sent, verdict } from '../../support/sent.ts'

const KEY_SCOPE: Scope = { tenants: ['t1', 't2'], environments: '*', workflows: '*' }
const tokens = { issuer: ISSUER, audience: AUDIENCE, signingKeys: [signingKey] }
const TURNS = Array.from({ length: 12 }, (_, turn) => turn)

/** Objects that are `narrow` for the first reads, and `wide` afterwards. */
function flippingScopes(
  turn: number,
  narrow: readonly string[] | '*',
  wide: readonly string[] | '*',
): [string, () => Partial<Scope>][] {
  const list = (iterate: () => Iterator<string>) =>
    Object.assign([...narrow], { [Symbol.iterator]: iterate })
  return [
    [
      'a getter',
      () => {
        let reads = 0
        return Object.defineProperty({}, 'tenants', {
          get: () => (reads++ < turn ? narrow : wide),
          enumerable: true,
        })
      },
    ],
    [
      'a Proxy',
      () => {
        let reads = 0
        const target: Partial<Scope> = { tenants: narrow }
        return new Proxy(target, {
          get: (of, name) => (name === 'tenants' && reads++ >= turn ? wide : Reflect.get(of, name)),
        })
      },
    ],
    [
      'a list with an iterator of its own',
      () => {
        let rounds = 0
        return {
          tenants: list(() =>
            (rounds++ < turn ? narrow : wide)[Symbol.iterator](),
          ) as readonly string[],
        }
      },
    ],
    [
      'a list whose names are read from elsewhere',
      () => {
        let reads = 0
        const names: string[] = []
        Object.defineProperty(names, 0, {
          get: () => (reads++ < turn ? narrow : wide)[0],
          enumerable: true,
        })
        return { tenants: names }
      },
    ],
    [
      'a list with checks of its own',
      () => ({
        tenants: Object.assign([...wide], {
          every: () => true,
          includes: () => false,
          some: () => false,
        }),
      }),
    ],
  ]
}

describe('a token never exceeds what was checked', () => {
  it.each(TURNS)('even if the requested scope changes after %i reads', async (turn) => {
    const { twinkey } = createBench()
    const { primary } = await twinkey.keys.create({ name: 'n', scope: KEY_SCOPE })
    for (const [how, scope] of [
      ...flippingScopes(turn, ['t1'], '*'),
      ...flippingScopes(turn, ['t1'], ['t3']),
    ]) {
      const asked = scope()
      for (const request of [{ scope: asked }, async () => ({ scope: asked })]) {
        const issued = await twinkey.tokens
          .issue(primary, request)
          .catch((error: { code: string }) => error)
        // A list that contains a star is not a valid scope.
        if (!('ok' in issued))
          expect([how, issued.code]).toEqual([expect.stringMatching('list'), 'invalid_input'])
        else if (!issued.ok) expect(codeOf(issued)).toBe('tenant_denied')
        else {
          expect([how, issued.scope.tenants]).toEqual([how, ['t1']])
          const verified = await twinkey.tokens.verify(issued.token)
          expect(verified).toMatchObject({ ok: true, scope: { tenants: ['t1'] } })
        }
      }
    }
  })

  it('even if the requested lifetime changes while it is read', async () => {
    for (const turn of TURNS) {
      const { twinkey } = createBench()
      const { primary } = await twinkey.keys.create({ name: 'n', scope: KEY_SCOPE })
      let reads = 0
      const request = Object.defineProperty({}, 'lifetimeSeconds', {
        get: () => (reads++ < turn ? 60 : 86_400),
        enumerable: true,
      })
      const issued = await twinkey.tokens.issue(primary, request).catch((error: unknown) => error)
      if (turn === 0) expect(issued).toMatchObject({ code: 'invalid_input' })
      else expect(issued).toMatchObject({ ok: true, lifetimeSeconds: 60 })
    }
  })

  it('and a request that throws while it is read is invalid_input, without the message of the error', async () => {
    const { twinkey } = createBench()
    const { primary } = await twinkey.keys.create({ name: 'n', scope: KEY_SCOPE })
    const throwing = (name: string) =>
      Object.defineProperty({}, name, {
        get: () => {
          throw new Error(`not with ${primary}`)
        },
        enumerable: true,
      })
    for (const request of [
      throwing('scope'),
      throwing('lifetimeSeconds'),
      throwing('resource'),
      { scope: throwing('tenants') },
      { scope: { tenants: throwing('0') } },
    ]) {
      const error = await twinkey.tokens
        .issue(primary, request as TokenRequest)
        .catch((reason: unknown) => reason)
      expect(error).toMatchObject({ name: 'TwinkeyError', code: 'invalid_input' })
      expect(inspect(error, { showHidden: true })).not.toContain(primary)
    }
  })
})

describe('the owner scope', () => {
  it.each(TURNS)(
    'is the checked answer, even if the answer changes after %i reads',
    async (turn) => {
      for (const [how, axes] of [
        ...flippingScopes(turn, ['t1'], '*'),
        ...flippingScopes(turn, ['t1'], ['t2']),
      ]) {
        // Copied as descriptors, because the getters are what this tests.
        const answer = Object.defineProperties(
          axes(),
          Object.getOwnPropertyDescriptors({ environments: '*', workflows: '*' }),
        ) as Scope
        const { twinkey } = createBench({ ownerScope: () => answer })
        const { primary } = await twinkey.keys.create({ name: 'n', owner: 'ada', scope: KEY_SCOPE })
        const verified = await twinkey.keys.verify(primary)
        const reached = verified.ok ? verified.scope.tenants : verified.refusal.code
        // The scope in force is one that was checked: narrow or wide, and never one checked as the
        // other.
        const first =
          turn === 0 || how.endsWith('of its own')
            ? [['t1'], ['t1', 't2'], ['t2'], 'unavailable']
            : [['t1']]
        expect(first).toContainEqual(reached)
        for (const tenant of ['t1', 't2', 't3']) {
          const code = codeOf(
            await twinkey.authenticate(
              sent({ credential: primary, tenant, environment: 'e', workflow: 'w' }),
              byHeaders,
            ),
          )
          const isReached = Array.isArray(reached) && reached.includes(tenant)
          expect([tenant, code]).toEqual([
            tenant,
            isReached ? 'let in' : reached === 'unavailable' ? reached : 'tenant_denied',
          ])
        }
      }
    },
  )

  it('is unavailable if the answer throws while it is read, as if the lookup had thrown', async () => {
    const answer = Object.defineProperty({ environments: '*', workflows: '*' }, 'tenants', {
      get: () => {
        throw new Error('gone')
      },
      enumerable: true,
    })
    const { twinkey, events } = createBench({ ownerScope: () => answer as unknown as Scope })
    const { primary } = await twinkey.keys.create({ name: 'n', owner: 'ada', scope: KEY_SCOPE })
    expect(await verdict(twinkey, primary)).toBe('unavailable')
    expect(events.at(-2)).toMatchObject({
      type: 'warning.owner_unavailable',
      error: { code: 'owner_unavailable' },
    })
  })
})

describe('each member of an object from the application is read once:', () => {
  it('the options of createTwinkey', async () => {
    const options: TwinkeyOptions = {
      store: memoryStore(),
      prefixes: ['acme', 'old'],
      environments: ['production'],
      pepper,
      importedSecrets: [HMAC],
      tokens: { ...tokens, clockToleranceSeconds: 1, maxLifetimeSeconds: 60 },
      ownerScope: () => readOnce(KEY_SCOPE),
      cache: { maxKeys: 10, maxAgeSeconds: 1 },
      deadlineSeconds: 1,
      onEvent: () => {},
      now: () => 1_800_000_000_000,
    }
    const twinkey = createTwinkey(
      readOnce({ ...options, store: Object.create(options.store as object) }),
    )
    const { primary } = await twinkey.keys.create({
      name: 'n',
      owner: 'ada',
      scope: { tenants: ['t1'], workflows: '*' },
    })
    const issued = await twinkey.tokens.issue(primary)
    expect(issued).toMatchObject({ ok: true, lifetimeSeconds: 60 })
    expect(await twinkey.tokens.verify(issued.ok ? issued.token : '')).toMatchObject({
      ok: true,
      scope: { tenants: ['t1'] },
    })
  })

  it('the options of createVerifier, and a key set that it is given or fetches', async () => {
    const { twinkey } = createBench()
    const { primary } = await twinkey.keys.create({ name: 'n', scope: KEY_SCOPE })
    const issued = await twinkey.tokens.issue(primary)
    const set = await twinkey.tokens.jwks()
    const publicKey = { ...set.keys[0], key_ops: ['verify'], x5c: ['a'] }
    for (const jwks of [{ keys: [publicKey] }, async () => readOnce({ keys: [publicKey] })]) {
      const options = {
        jwks,
        issuer: ISSUER,
        audience: AUDIENCE,
        environments: ['e'],
        clockToleranceSeconds: 60,
        deadlineSeconds: 1,
      }
      const now = () => (issued.ok ? issued.issuedAt : 0)
      const verifier = createVerifier(readOnce({ ...options, now } as VerifierOptions))
      expect(codeOf(await verifier.verify(issued.ok ? issued.token : ''))).toBe('let in')
    }
  })

  it('a requirement, and the options of the token endpoints', async () => {
    const { twinkey } = createBench()
    const { primary } = await twinkey.keys.create({ name: 'n', scope: KEY_SCOPE })
    const throttle = { retryAfterSeconds: () => undefined, failed: () => {}, peer: () => 'peer' }
    const requirement: Requirement = {
      ...byHeaders,
      accept: ['secret'],
      profile: standard(),
      optional: false,
      throttle: Object.create(throttle),
    }
    const checked = new CheckedRequirement(
      readOnce({ ...requirement, profile: Object.create(standard()) }),
    )
    expect([checked.acceptsSecret, checked.acceptsToken]).toEqual([true, false])
    const request = sent({ credential: primary, tenant: 't1', environment: 'e', workflow: 'w' })
    expect(codeOf(await twinkey.authenticate(request, checked))).toBe('let in')
    tokenEndpoints(twinkey, readOnce({ profile: Object.create(standard()) }))
    tokenEndpoints(twinkey, readOnce({ throttle: Object.create(throttle) }))
  })

  it('the input of management calls', async () => {
    const { twinkey, events } = createBench()
    const { keys } = twinkey
    const metadata = { a: { b: [1, 'c'] } }
    const { key, primary } = await keys.create(
      readOnce({
        name: 'n',
        owner: 'ada',
        scope: KEY_SCOPE,
        expiresAt: null,
        metadata,
        secondary: false,
        actor: 'ada',
      }),
    )
    expect(key).toMatchObject({ scope: KEY_SCOPE, metadata, secondary: null })
    const change = {
      name: 'm',
      scope: { workflows: ['w'] },
      metadata: { more: [metadata] },
      expiresAt: null,
      actor: 'bob',
    }
    expect(await keys.update(key.id, readOnce(change))).toMatchObject({
      name: 'm',
      scope: { workflows: ['w'] },
      metadata: change.metadata,
    })
    expect(
      (
        await keys.list(
          readOnce({ tenant: 't1', owner: 'ada', state: 'active', pepper: null, limit: 1 }),
        )
      ).keys,
    ).toHaveLength(1)
    const request = { scope: { tenants: ['t1'] }, lifetimeSeconds: 60 }
    expect(await twinkey.tokens.issue(primary, readOnce(request))).toMatchObject({
      ok: true,
      scope: { tenants: ['t1'] },
    })
    expect(await twinkey.tokens.issue(primary, async () => readOnce(request))).toMatchObject({
      ok: true,
      scope: { tenants: ['t1'] },
    })
    await keys.disable(key.id, readOnce({ actor: 'c' }))
    await keys.enable(key.id, readOnce({ actor: 'd' }))
    await keys.rotate(key.id, readOnce({ graceSeconds: 0, replace: 'secondary', actor: 'e' }))
    await keys.renew(key.id, readOnce({ slots: 'primary', actor: 'f' }))
    await keys.revokeAll(readOnce({ owner: 'ada', actor: 'g' }))
    await keys.delete(key.id, readOnce({ actor: 'h' }))
    expect(events.flatMap((event) => ('actor' in event ? [event.actor] : [])).join()).toBe(
      'ada,bob,c,d,e,f,g,h',
    )
  })

  it('the input of an import', async () => {
    const { twinkey } = importBench()
    const digest = {
      digest: 'ab'.repeat(32),
      encoding: 'hex',
      algorithm: 'sha-256',
      entropyBits: 190,
      hint: '9f3a',
      expiresAt: null,
    } as const
    const given = input({
      primary: { secret: FIRST, entropyBits: 190, expiresAt: null },
      secondary: digest,
      metadata: { a: [1] },
      actor: 'ada',
    })
    expect(await twinkey.keys.import(readOnce(given))).toMatchObject({
      scope: { tenants: ['t'] },
      secondary: { hint: '9f3a' },
    })
  })
})

describe('a change of the input during a call has no effect', () => {
  it('on create, even if it retries with another id', async () => {
    const { twinkey, spy, events } = createBench()
    const given = {
      name: 'n',
      scope: { tenants: ['t1'], workflows: '*' as const },
      metadata: { a: [1] },
      actor: 'ada',
    }
    let puts = 0
    spy.override({
      put: async (next, expectedVersion, entry) => {
        given.name = 'changed'
        given.actor = 'a secret in the wrong place'
        given.scope.tenants[0] = 't2'
        given.metadata.a[0] = 2
        return ++puts === 1 ? 'conflict' : spy.inner.put(next, expectedVersion, entry)
      },
    })
    const { key } = await twinkey.keys.create(given)
    expect(await twinkey.keys.get(key.id)).toMatchObject({
      name: 'n',
      scope: { tenants: ['t1'] },
      metadata: { a: [1] },
    })
    expect(events).toMatchObject([{ type: 'key.created', name: 'n', actor: 'ada' }])
  })

  it('on update and on revokeAll', async () => {
    const { twinkey, spy, events } = createBench()
    const { key } = await twinkey.keys.create({
      name: 'n',
      owner: 'ada',
      scope: { tenants: ['t1'], workflows: '*' },
    })
    const change = { name: 'm', scope: { tenants: ['t2'] }, metadata: { a: [1] }, actor: 'ada' }
    const ends = { owner: 'ada', actor: 'bob' }
    spy.override({
      get: async (id) => {
        Object.assign(change, { name: 'changed', actor: 'other' })
        change.scope.tenants[0] = 't3'
        change.metadata.a[0] = 2
        return spy.inner.get(id)
      },
      list: async (query) => {
        ends.actor = 'other'
        return spy.inner.list(query)
      },
    })
    expect(await twinkey.keys.update(key.id, change)).toMatchObject({
      name: 'm',
      scope: { tenants: ['t2'] },
      metadata: { a: [1] },
    })
    await twinkey.keys.revokeAll(ends)
    expect(events.slice(1)).toMatchObject([{ actor: 'ada' }, { type: 'key.revoked', actor: 'bob' }])
  })

  it('on a signing key: removing its private part after construction does not stop it from signing', async () => {
    const given = { ...signingKey }
    const { twinkey } = createBench({ tokens: { ...tokens, signingKeys: [given] } })
    for (const member of Object.keys(given)) Reflect.deleteProperty(given, member)
    const { primary } = await twinkey.keys.create({ name: 'n', scope: KEY_SCOPE })
    expect(codeOf(await twinkey.tokens.issue(primary))).toBe('let in')
  })

  it('on the key set of a verifier: changing it after construction does not change the verifier', async () => {
    const { twinkey } = createBench()
    const { primary } = await twinkey.keys.create({ name: 'n', scope: KEY_SCOPE })
    const issued = await twinkey.tokens.issue(primary)
    const jwks = await twinkey.tokens.jwks()
    const now = () => (issued.ok ? issued.issuedAt : 0)
    const verifier = createVerifier({ jwks, issuer: ISSUER, audience: AUDIENCE, now })
    for (const key of jwks.keys)
      for (const member of Object.keys(key)) Reflect.deleteProperty(key, member)
    jwks.keys.length = 0
    expect(codeOf(await verifier.verify(issued.ok ? issued.token : ''))).toBe('let in')
  })
})

describe('options that change after they were checked', () => {
  /** An object whose member is `first` at the first read, and `then` afterwards. */
  const flip = <T extends object>(of: T, name: keyof T, first: unknown, then: unknown): T => {
    let reads = 0
    return Object.defineProperty({ ...of }, name, {
      get: () => (reads++ === 0 ? first : then),
      enumerable: true,
    })
  }

  it('keep their first value: accepted kinds, lengths of imported secrets, maximum lifetimes', async () => {
    const accept = Object.defineProperty(['secret'], 0, {
      get: flipping('secret', 'token'),
      enumerable: true,
      configurable: true,
    })
    const checked = new CheckedRequirement({ accept: accept as ['secret'] })
    expect([checked.acceptsSecret, checked.acceptsToken]).toEqual([true, false])

    const importedSecrets = [
      flip({ algorithm: 'sha-256', minLength: 64, maxLength: 64 } as const, 'minLength', 64, 1),
    ]
    const { twinkey } = importBench({ importedSecrets })
    expect(await errorCodeOf(twinkey.keys.import(input()))).toBe('invalid_input')

    const cut = createBench({
      tokens: flip({ ...tokens, maxLifetimeSeconds: 60 }, 'maxLifetimeSeconds', 60, 86_400),
    })
    const { primary } = await cut.twinkey.keys.create({ name: 'n', scope: KEY_SCOPE })
    expect(await cut.twinkey.tokens.issue(primary)).toMatchObject({ lifetimeSeconds: 60 })
  })

  it('keep their first value: environments, and the bytes of a pepper', async () => {
    const environments = Object.assign(['production'], {
      [Symbol.iterator]: flipping(['production'].values(), ['*'].values()),
    })
    const { twinkey } = createBench({ environments })
    expect(
      (await twinkey.keys.create({ name: 'n', scope: { tenants: ['t'], workflows: '*' } })).key
        .scope.environments,
    ).toEqual(['production'])
    class Long extends Uint8Array {
      override get length() {
        return 64
      }
    }
    expect(() => createTwinkey({ pepper: { current: 'a', keys: { a: new Long(4) } } })).toThrow(
      /at least 32 bytes/,
    )
    const current = { toString: () => 'a' } as unknown as string
    expect(() => createTwinkey({ pepper: { current, keys: { a: new Uint8Array(32) } } })).toThrow(
      /current must be the name of one of the keys/,
    )
  })

  it('keep their first value: an imported digest', async () => {
    const { twinkey } = importBench()
    const digest = {
      digest: 'ab'.repeat(32),
      encoding: 'hex',
      algorithm: 'sha-256',
      entropyBits: 190,
    } as const
    const primary = flip(digest, 'entropyBits', 190, 1) as ImportKeyInput['primary']
    const secondary = flip(
      { secret: SECOND, entropyBits: 190 },
      'secret',
      SECOND,
      'short',
    ) as ImportKeyInput['primary']
    await twinkey.keys.import(input({ primary, secondary }))
    expect(await verdict(twinkey, SECOND)).toBe('let in')
  })

  function flipping<T>(first: T, then: T): () => T {
    let reads = 0
    return () => (reads++ === 0 ? first : then)
  }
})

describe('metadata', () => {
  const create = (metadata: unknown) =>
    createBench().twinkey.keys.create({
      name: 'n',
      scope: { tenants: ['t'], workflows: '*' },
      metadata: metadata as never,
    })

  it('is measured by its own content, and not by its toJSON', async () => {
    const large = Object.defineProperty({ text: 'x'.repeat(5000) }, 'toJSON', {
      value: () => ({}),
      enumerable: false,
    })
    await expect(create(large)).rejects.toMatchObject({ code: 'invalid_input' })
  })

  it.each<[string, () => unknown]>([
    [
      'refers to one list many times, level by level',
      () => [1, 2, 3, 4].reduce<unknown>((inner) => new Array(1000).fill(inner), 1),
    ],
    ['has a list with nothing in it but its length', () => new Array(1e9)],
    ['has holes', () => Object.assign([1], { 2: 2 })],
  ])('is refused quickly if it %s', async (_what, make) => {
    await expect(create({ a: make() })).rejects.toMatchObject({ code: 'invalid_input' })
  })
})

describe('a reader that does not return a name', () => {
  const ring: unknown[] = []
  ring.push(ring)
  let turn = 0

  it.each<[string, unknown]>([
    ['a list in a ring', ring],
    ['an object that becomes a name', { toString: () => 't1' }],
    ['a text in an object', Object('t1')],
    [
      'a list that is another name each time',
      Object.defineProperty([], 0, { get: () => `t${(turn++ % 2) + 1}`, enumerable: true }),
    ],
    ['a promise', Promise.resolve('t1')],
    ['a number', 1],
    ['null', null],
  ])('makes the request malformed: %s', async (_what, answer) => {
    const { twinkey } = createBench()
    const { primary } = await twinkey.keys.create({ name: 'n', scope: KEY_SCOPE })
    const reader = () => answer as string
    for (const route of [
      { tenant: reader, environment: 'e', workflow: 'w' },
      { tenant: reader, environment: from.header('x-environment'), workflow: 'w' },
    ]) {
      const checked = new CheckedRequirement(route)
      for (let round = 0; round < 3; round++)
        expect(
          codeOf(
            await twinkey.authenticate(sent({ credential: primary, environment: 'e' }), checked),
          ),
        ).toBe('request_malformed')
    }
  })

  it('is not allowed in a profile, where a target member must be a function', () => {
    for (const tenant of ['t1', 0, null]) {
      const profile = { ...boomiFlow(), target: { tenant: tenant as never } }
      expect(() => new CheckedRequirement({ profile })).toThrow(
        /profile\.target\.tenant must be a function/,
      )
    }
  })
})

describe('an invalid id or owner is invalid_input, not a TypeError:', () => {
  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['a symbol', Symbol('id')],
    ['an object without a text', Object.create(null)],
    ['a list', ['id']],
    ['a number', 7],
  ])('%s', async (_what, value) => {
    const { twinkey } = createBench()
    const id = value as string
    for (const call of [
      () => twinkey.keys.get(id),
      () => twinkey.keys.update(id, {}),
      () => twinkey.keys.renew(id, { slots: 'primary' }),
      () => twinkey.keys.rotate(id),
      () => twinkey.keys.revoke(id),
      () => twinkey.keys.delete(id),
      () => twinkey.invalidateOwner(id),
    ])
      expect(await errorCodeOf(call)).toBe('invalid_input')
    await settled()
  })
})

test('an unknown axis is refused even if its value is undefined, as in a token request', async () => {
  const { twinkey } = createBench()
  const misspelt = { tenants: ['t'], workflow: undefined } as never
  expect(await errorCodeOf(twinkey.keys.create({ name: 'n', scope: misspelt }))).toBe(
    'invalid_input',
  )
  const { key } = await twinkey.keys.create({
    name: 'n',
    scope: { tenants: ['t'], workflows: '*' },
  })
  expect(await errorCodeOf(twinkey.keys.update(key.id, { scope: misspelt }))).toBe('invalid_input')
})
