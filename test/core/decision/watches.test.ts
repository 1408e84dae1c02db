import {
  createTwinkey,
  type KeyStore,
  memoryStore,
  type Principal,
  type RefusalReason,
  type Scope,
  type Twinkey,
  type TwinkeyOptions,
} from 'twinkey'
import { createVerifier } from 'twinkey/verifier'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { AUDIENCE, ISSUER, signingKey } from '../../support/bench.ts'

const SCOPE = { tenants: ['t1'], environments: ['production'], workflows: ['read', 'write'] }
const MINUTE = 60_000
const MAX_AGE = 5000
const tokens = { issuer: ISSUER, audience: AUDIENCE, signingKeys: [signingKey] }

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] })
  vi.setSystemTime(Date.UTC(2026, 0, 1))
})
afterEach(() => {
  vi.useRealTimers()
})

/** A store without a feed, whose reads can be held up. */
function holdingStore() {
  const { watch: _, ...store } = memoryStore()
  let held: ((read: () => Promise<unknown>) => Promise<unknown>) | undefined
  const get: KeyStore['get'] = async (id) => {
    const read = () => Promise.resolve(store.get(id))
    return (held === undefined ? read() : held(read)) as ReturnType<KeyStore['get']>
  }
  const hold = (next: typeof held) => {
    held = next
  }
  return { store: { ...store, get } as KeyStore, hold }
}

async function principalOf(
  decider: Pick<Twinkey, 'authenticate'>,
  credential: string,
): Promise<Principal> {
  const request = new Request('https://api.test/', {
    headers: { authorization: `Bearer ${credential}` },
  })
  const decision = await decider.authenticate(request, {
    tenant: 't1',
    environment: 'production',
    workflow: 'read',
  })
  if (!decision.ok) throw new Error(decision.refusal.code)
  return decision.principal
}

/** A verifier, and the principal of a token that it verified. */
async function verified(twinkey: Twinkey, token: string) {
  const jwks = () => twinkey.tokens.jwks()
  const verifier = createVerifier({ jwks, issuer: ISSUER, audience: AUDIENCE })
  const decision = await verifier.verify(token)
  if (!decision.ok) throw new Error(decision.refusal.code)
  return { verifier, principal: decision.principal }
}

/** Two nodes over one store without a feed, a key, and its watch on the first node. */
async function scene(options: TwinkeyOptions = {}, via: 'secret' | 'token' = 'secret') {
  const { watch: _, ...store } = memoryStore()
  const shared = { store: options.store ?? (store as KeyStore), tokens, ...options }
  const [here, there] = [createTwinkey(shared), createTwinkey(shared)]
  const created = await here.keys.create({ name: 'socket', owner: 'ada', scope: SCOPE })
  const issued = await here.tokens.issue(created.primary)
  const token = issued.ok ? issued.token : ''
  const ends: RefusalReason[] = []
  const principal = await principalOf(here, via === 'token' ? token : created.primary)
  const stop = here.watchPrincipal(principal, (reason) => ends.push(reason))
  await vi.advanceTimersByTimeAsync(0)
  return { here, there, id: created.key.id, created, token, principal, ends, stop }
}

type Scene = Awaited<ReturnType<typeof scene>>

/** What ends a connection, and with which reason. */
const ends: readonly [
  string,
  'secret' | 'token',
  RefusalReason,
  (scene: Scene, on: Twinkey) => unknown,
][] = [
  ['disable', 'secret', 'key_disabled', ({ id }, on) => on.keys.disable(id)],
  ['disable, with a token', 'token', 'key_disabled', ({ id }, on) => on.keys.disable(id)],
  ['revoke', 'secret', 'key_revoked', ({ id }, on) => on.keys.revoke(id)],
  ['delete', 'secret', 'key_unknown', ({ id }, on) => on.keys.delete(id)],
  ['delete, with a token', 'token', 'key_unknown', ({ id }, on) => on.keys.delete(id)],
  ['renew', 'secret', 'secret_replaced', ({ id }, on) => on.keys.renew(id, { slots: 'primary' })],
  [
    'renew, with a token',
    'token',
    'secret_replaced',
    ({ id }, on) => on.keys.renew(id, { slots: 'both' }),
  ],
  ['revocation of the token', 'token', 'token_revoked', ({ token }, on) => on.tokens.revoke(token)],
  [
    'an end of the key',
    'secret',
    'key_expired',
    ({ id }, on) => on.keys.update(id, { expiresAt: Date.now() }),
  ],
  [
    'another tenant',
    'secret',
    'not_covered',
    ({ id }, on) => on.keys.update(id, { scope: { ...SCOPE, tenants: ['t2'] } }),
  ],
  [
    'one workflow less',
    'token',
    'not_covered',
    ({ id }, on) => on.keys.update(id, { scope: { ...SCOPE, workflows: ['read'] } }),
  ],
  [
    'networks',
    'secret',
    'address_outside',
    ({ id }, on) => on.keys.update(id, { networks: ['10.0.0.0/8'] }),
  ],
]

describe('a connection ends', () => {
  test.each(ends)('at once, by %s on this node', async (_name, via, reason, change) => {
    const made = await scene({}, via)
    await change(made, made.here)
    await vi.advanceTimersByTimeAsync(0)
    expect(made.ends).toEqual([reason])
    await vi.advanceTimersByTimeAsync(10 * MINUTE)
    expect(made.ends).toEqual([reason])
  })

  test.each(ends)(
    'within maxAgeSeconds, by %s on another node without a feed',
    async (_name, via, reason, change) => {
      const made = await scene({}, via)
      // The last moment at which the cached record is read for requests.
      await vi.advanceTimersByTimeAsync(MAX_AGE - 100)
      await principalOf(made.here, made.created.primary)
      await change(made, made.there)
      await vi.advanceTimersByTimeAsync(MAX_AGE + 20)
      expect(made.ends).toEqual([reason])
    },
  )

  test.each(ends)(
    'at once, by %s on another node with a feed',
    async (_name, via, reason, change) => {
      const made = await scene({ store: memoryStore() }, via)
      await change(made, made.there)
      await vi.advanceTimersByTimeAsync(0)
      expect(made.ends).toEqual([reason])
    },
  )

  test.each(ends)(
    'at once, if %s came between the decision and the watch',
    async (_name, via, reason, change) => {
      const made = await scene({}, via)
      made.stop()
      await vi.advanceTimersByTimeAsync(1)
      await change(made, made.there)
      const found: RefusalReason[] = []
      made.here.watchPrincipal(made.principal, (each) => found.push(each))
      expect(found).toEqual([])
      await vi.advanceTimersByTimeAsync(0)
      expect(found).toEqual([reason])
    },
  )

  test('when the token expires', async () => {
    const { ends, principal } = await scene({ cache: { maxAgeSeconds: 3600 } }, 'token')
    await vi.advanceTimersByTimeAsync((principal.expiresAt as number) - Date.now() - 1)
    expect(ends).toEqual([])
    await vi.advanceTimersByTimeAsync(20)
    expect(ends).toEqual(['token_expired'])
  })

  test('when the grace of a rotated secret ends, and not when it moves to the other slot', async () => {
    const { here, id, ends } = await scene()
    await here.keys.endSecondary(id)
    await here.keys.rotate(id, { graceSeconds: 600 })
    await vi.advanceTimersByTimeAsync(10 * MINUTE - 100)
    expect(ends).toEqual([])
    await vi.advanceTimersByTimeAsync(120)
    expect(ends).toEqual(['secret_expired'])
  })

  test('when the owner is gone or has a narrower scope', async () => {
    let ownerScope: Scope | undefined = { tenants: '*', environments: '*', workflows: '*' }
    const { here, ends, principal } = await scene({ ownerScope: () => ownerScope })
    ownerScope = { tenants: '*', environments: '*', workflows: ['read'] }
    const again: RefusalReason[] = []
    await here.invalidateOwner('bob')
    await vi.advanceTimersByTimeAsync(0)
    expect(ends).toEqual([])
    await here.invalidateOwner('ada')
    await vi.advanceTimersByTimeAsync(0)
    expect(ends).toEqual(['not_covered'])
    ownerScope = undefined
    here.watchPrincipal(principal, (reason) => again.push(reason))
    await vi.advanceTimersByTimeAsync(0)
    expect(again).toEqual(['not_covered'])
  })
})

describe('with 500 keys', () => {
  async function crowd() {
    const { store, hold } = holdingStore()
    const here = createTwinkey({ store, tokens })
    const ends: { reason: RefusalReason; at: number }[] = []
    const ids = []
    for (let i = 0; i < 500; i++) {
      const { key, primary } = await here.keys.create({ name: `socket ${i}`, scope: SCOPE })
      ids.push(key.id)
      const principal = await principalOf(here, primary)
      here.watchPrincipal(principal, (reason) => ends.push({ reason, at: Date.now() }))
    }
    await vi.advanceTimersByTimeAsync(MAX_AGE - 1)
    return { here, hold, ends, last: ids.at(-1) as string }
  }

  test('a store that never answers ends all connections after a minute', async () => {
    const { hold, ends } = await crowd()
    hold(() => new Promise(() => {}))
    await vi.advanceTimersByTimeAsync(60_000)
    expect(ends).toEqual([])
    await vi.advanceTimersByTimeAsync(20_000)
    expect(ends).toHaveLength(500)
    expect(new Set(ends.map(({ reason }) => reason))).toEqual(new Set(['store_unavailable']))
  })

  test('a changed key is checked before those whose turn it is', async () => {
    const { here, hold, ends, last } = await crowd()
    const pause = () => new Promise((resolve) => setTimeout(resolve, 100))
    hold((read) => pause().then(read))
    await vi.advanceTimersByTimeAsync(100)
    const began = Date.now()
    here.keys.revoke(last)
    await vi.advanceTimersByTimeAsync(MAX_AGE)
    expect(ends).toEqual([{ reason: 'key_revoked', at: expect.any(Number) }])
    expect((ends[0]?.at ?? 0) - began).toBeLessThanOrEqual(300)
  })
})

describe('a connection stays open', () => {
  test('through changes that its caller survives', async () => {
    const { here, there, id, ends } = await scene()
    for (const on of [here, there]) {
      await on.keys.update(id, { name: `by ${on === here}`, metadata: { plan: 'x' } })
      await on.keys.update(id, { scope: { ...SCOPE, tenants: ['t1', 't2'] } })
      await on.keys.update(id, { expiresAt: Date.now() + 10 * MINUTE })
      await on.keys.renew(id, { slots: 'secondary' })
      await vi.advanceTimersByTimeAsync(2 * MAX_AGE)
    }
    await there.keys.update(id, { expiresAt: null })
    await vi.advanceTimersByTimeAsync(60 * MINUTE)
    expect(ends).toEqual([])
  })

  test('through wider networks', async () => {
    const { here, there, id, ends } = await scene({ clientAddress: () => '10.0.0.1' })
    await here.keys.update(id, { networks: ['10.0.0.0/16'] })
    await vi.advanceTimersByTimeAsync(0)
    expect(ends).toEqual(['address_outside'])
    const { created } = await scene()
    expect(created).toBeDefined()
    const other: RefusalReason[] = []
    const { primary } = await here.keys.renew(id, { slots: 'primary' })
    here.watchPrincipal(await principalOf(here, primary as string), (reason) => other.push(reason))
    await there.keys.update(id, { networks: ['10.0.0.0/8', '192.168.0.0/16'] })
    await vi.advanceTimersByTimeAsync(2 * MAX_AGE)
    await there.keys.update(id, { networks: null })
    await vi.advanceTimersByTimeAsync(2 * MAX_AGE)
    expect(other).toEqual([])
    await there.keys.update(id, { networks: ['10.0.0.0/8'] })
    await vi.advanceTimersByTimeAsync(2 * MAX_AGE)
    expect(other).toEqual(['address_outside'])
  })

  test('while the store fails for less than a minute, and ends after it', async () => {
    const store = memoryStore()
    let isDown = false
    const get: KeyStore['get'] = (id) =>
      isDown ? Promise.reject(new Error('down')) : store.get(id)
    const { watch: _, ...rest } = store
    const { ends, here, there, id, principal } = await scene({
      store: { ...rest, get } as KeyStore,
    })
    isDown = true
    await vi.advanceTimersByTimeAsync(50_000)
    expect(ends).toEqual([])
    isDown = false
    await vi.advanceTimersByTimeAsync(2 * MAX_AGE)
    isDown = true
    await vi.advanceTimersByTimeAsync(50_000)
    expect(ends).toEqual([])
    await vi.advanceTimersByTimeAsync(20_000)
    expect(ends).toEqual(['store_unavailable'])
    isDown = false
    await there.keys.disable(id)
    here.watchPrincipal(principal, (reason) => ends.push(reason))
    await vi.advanceTimersByTimeAsync(0)
    expect(ends).toEqual(['store_unavailable', 'key_disabled'])
  })

  test('if one check fails, which is repeated within 5 seconds at any maxAgeSeconds', async () => {
    const { store, hold } = holdingStore()
    const options = { store, tokens, cache: { maxAgeSeconds: 120 } }
    const [here, there] = [createTwinkey(options), createTwinkey(options)]
    const { key, primary } = await here.keys.create({ name: 'socket', scope: SCOPE })
    const ends: RefusalReason[] = []
    here.watchPrincipal(await principalOf(here, primary), (reason) => ends.push(reason))
    await vi.advanceTimersByTimeAsync(119_000)
    hold(() => Promise.reject(new Error('down')))
    await vi.advanceTimersByTimeAsync(2000)
    hold(undefined)
    await there.keys.revoke(key.id)
    expect(ends).toEqual([])
    await vi.advanceTimersByTimeAsync(5000)
    expect(ends).toEqual(['key_revoked'])
  })

  test('while ownerScope fails for less than a minute, and ends after it', async () => {
    let isDown = false
    const all: Scope = { tenants: '*', environments: '*', workflows: '*' }
    const { ends } = await scene({
      ownerScope: () => (isDown ? Promise.reject(new Error('down')) : all),
    })
    isDown = true
    await vi.advanceTimersByTimeAsync(50_000)
    expect(ends).toEqual([])
    await vi.advanceTimersByTimeAsync(20_000)
    expect(ends).toEqual(['owner_unavailable'])
  })
})

describe('watchPrincipal', () => {
  test('calls nothing after its watch was ended, or Twinkey closed', async () => {
    const { here, id, ends, stop, principal } = await scene()
    here.watchPrincipal(principal, (reason) => ends.push(reason))
    stop()
    stop()
    await here.keys.disable(id)
    await vi.advanceTimersByTimeAsync(0)
    expect(ends).toEqual(['key_disabled'])
    await here.keys.enable(id)
    const other = await principalOf(
      here,
      (await here.keys.renew(id, { slots: 'primary' })).primary as string,
    )
    here.watchPrincipal(other, (reason) => ends.push(reason))
    await vi.advanceTimersByTimeAsync(0)
    await here.close()
    await vi.advanceTimersByTimeAsync(60 * MINUTE)
    expect(ends).toEqual(['key_disabled'])
    expect(vi.getTimerCount()).toBe(0)
  })

  test('leaves no timer behind when the last watch ends', async () => {
    const { stop } = await scene()
    expect(vi.getTimerCount()).toBe(1)
    stop()
    expect(vi.getTimerCount()).toBe(0)
  })

  test('reads each key once in an interval, for any number of connections', async () => {
    const store = memoryStore()
    const reads: string[] = []
    const { watch: _, ...rest } = store
    const get: KeyStore['get'] = (id) => {
      reads.push(id)
      return store.get(id)
    }
    const { here, principal, ends } = await scene({ store: { ...rest, get } as KeyStore })
    for (let i = 0; i < 500; i++) here.watchPrincipal(principal, (reason) => ends.push(reason))
    await vi.advanceTimersByTimeAsync(0)
    reads.length = 0
    await vi.advanceTimersByTimeAsync(10 * MAX_AGE)
    expect(reads.length).toBe(10)
    await here.keys.revoke(principal.keyId)
    await vi.advanceTimersByTimeAsync(0)
    expect(ends).toEqual(Array(501).fill('key_revoked'))
  })

  test('reads at most once a second if nothing is cached', async () => {
    const store = memoryStore()
    let reads = 0
    const { watch: _, ...rest } = store
    const get: KeyStore['get'] = (id) => {
      reads++
      return store.get(id)
    }
    await scene({ store: { ...rest, get } as KeyStore, cache: { maxAgeSeconds: 0 } })
    reads = 0
    await vi.advanceTimersByTimeAsync(10_000)
    expect(reads).toBe(10)
  })

  test('counts an open connection as use of its secret', async () => {
    const { here, id } = await scene()
    await vi.advanceTimersByTimeAsync(60 * MINUTE)
    await here.flush()
    const { lastUsedAt } = (await here.keys.get(id))?.primary ?? {}
    expect(Date.now() - (lastUsedAt as number)).toBeLessThan(2 * MINUTE)
  })

  test('reports an onEnd that fails, without its message, and at most once a minute', async () => {
    const { here, id, principal } = await scene()
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    here.watchPrincipal(principal, () => {
      throw new TypeError('tk_secret')
    })
    here.watchPrincipal(principal, () => Promise.reject(new RangeError('tk_secret')))
    await here.keys.revoke(id)
    await vi.advanceTimersByTimeAsync(MINUTE)
    here.watchPrincipal(principal, () => {
      throw new SyntaxError('tk_secret')
    })
    await vi.advanceTimersByTimeAsync(0)
    const messages = warned.mock.calls.map(([message]) => String(message))
    warned.mockRestore()
    expect(messages).toEqual([
      expect.stringContaining('(TypeError)'),
      expect.stringMatching(/\(SyntaxError\).* 1 more failed since/),
    ])
    expect(messages.join()).not.toContain('tk_secret')
  })

  test.each([undefined, null, 'id', 7, {}, Object.freeze({ keyId: 'k' })])(
    'throws for what is no principal: %j',
    async (wrong) => {
      const { here, principal } = await scene()
      expect(() => here.watchPrincipal(wrong as never, () => {})).toThrow(/not a copy/)
      expect(() => here.watchPrincipal({ ...principal }, () => {})).toThrow(/not a copy/)
      expect(() => here.watchPrincipal(principal, undefined as never)).toThrow(/must be a function/)
    },
  )

  test('keeps the principal a plain frozen object that shows nothing more', async () => {
    const { principal } = await scene()
    expect(Object.getPrototypeOf(principal)).toBe(Object.prototype)
    expect(Object.isFrozen(principal)).toBe(true)
    expect(Reflect.ownKeys(principal)).toEqual(Object.keys(principal))
    const { inspect } = await import('node:util')
    expect(inspect(principal, { showHidden: true, depth: 9 })).not.toContain('digest')
  })

  test('of a Twinkey watches the principal of a verifier, and sees the key end', async () => {
    const { here, id, token } = await scene({}, 'token')
    const { principal } = await verified(here, token)
    const found: RefusalReason[] = []
    here.watchPrincipal(principal, (reason) => found.push(reason))
    await vi.advanceTimersByTimeAsync(2 * MAX_AGE)
    expect(found).toEqual([])
    await here.keys.disable(id)
    await vi.advanceTimersByTimeAsync(0)
    expect(found).toEqual(['key_disabled'])
  })

  test('of a verifier ends when the token expires, and not before', async () => {
    const { here, there, id, token, ends } = await scene({}, 'token')
    const { verifier, principal } = await verified(here, token)
    const found: RefusalReason[] = []
    const stop = verifier.watchPrincipal(principal, () => found.push('not_covered'))
    verifier.watchPrincipal(principal, (reason) => found.push(reason))
    stop()
    await there.keys.revoke(id)
    await vi.advanceTimersByTimeAsync(60 * MINUTE - 1)
    expect([found, ends]).toEqual([[], ['key_revoked']])
    await vi.advanceTimersByTimeAsync(20)
    expect(found).toEqual(['token_expired'])
  })
})
