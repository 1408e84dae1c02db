import type { OwnerScope, Scope } from 'twinkey'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createBench } from '../../support/bench.ts'
import { createGate, settled } from '../../support/gate.ts'
import { anyTarget, byHeaders, codeOf, sent, verdict } from '../../support/sent.ts'

const EVERYTHING: Scope = { tenants: '*', environments: '*', workflows: '*' }
const KEY_SCOPE: Scope = { tenants: ['t', 'u'], environments: '*', workflows: '*' }

async function createWithOwner(
  lookup: OwnerScope,
  options: Parameters<typeof createBench>[0] = {},
) {
  const asked: string[] = []
  const bench = createBench({
    ...options,
    ownerScope: (owner) => {
      asked.push(owner)
      return lookup(owner)
    },
  })
  const created = await bench.twinkey.keys.create({ name: 'n', owner: 'ada', scope: KEY_SCOPE })
  const at = async (credential: string, tenant: string) =>
    codeOf(
      await bench.twinkey.authenticate(
        sent({ credential, tenant, environment: 'e', workflow: 'w' }),
        byHeaders,
      ),
    )
  return { ...bench, ...created, asked, at }
}

describe('the owner scope', () => {
  it('limits a key: the key reaches only what both scopes cover', async () => {
    const { at, primary, twinkey } = await createWithOwner(() => ({
      ...EVERYTHING,
      tenants: ['u', 'v'],
    }))
    expect([await at(primary, 't'), await at(primary, 'u'), await at(primary, 'v')]).toEqual([
      'tenant_denied',
      'let in',
      'tenant_denied',
    ])
    expect(await twinkey.keys.verify(primary)).toMatchObject({ scope: { tenants: ['u'] } })
  })

  it('is empty if the owner no longer exists, whatever the scope of the key', async () => {
    const { twinkey } = await createWithOwner(() => undefined)
    const { primary } = await twinkey.keys.create({ name: 'n', owner: 'ada', scope: EVERYTHING })
    const nothing = { tenants: [], environments: [], workflows: [] }
    expect(await twinkey.keys.verify(primary)).toMatchObject({ ok: true, scope: nothing })
  })

  it('is looked up once per decision, although another request reloads the key during each lookup', async () => {
    // Each lookup takes as long as the maximum age of its result, and a wrong secret for the same
    // key is refused meanwhile.
    const { asked, clock, at, primary, twinkey, key } = await createWithOwner(async () => {
      clock.advance(5000)
      expect(codeOf(await twinkey.keys.verify(wrong))).toBe('credential_invalid')
      return EVERYTHING
    })
    const { secondary: wrong } = await twinkey.keys.renew(key.id, { slots: 'secondary' })
    await twinkey.keys.renew(key.id, { slots: 'secondary' })
    expect(await at(primary, 't')).toBe('let in')
    expect(asked).toEqual(['ada'])
  })

  it('narrows the scope of the principal, and gives its tenant if exactly one is left', async () => {
    const { twinkey, primary } = await createWithOwner(async () => ({
      ...EVERYTHING,
      tenants: ['u', 'v'],
    }))
    const decision = await twinkey.authenticate(sent({ credential: primary }), byHeaders)
    expect(decision).toMatchObject({
      ok: true,
      principal: { tenant: 'u', scope: { tenants: ['u'] } },
    })
  })

  it('applies to a token at each request, and not only when it is issued', async () => {
    let ceiling: Scope = EVERYTHING
    const { twinkey, at, primary } = await createWithOwner(() => ceiling)
    const issued = await twinkey.tokens.issue(primary)
    const token = issued.ok ? issued.token : ''
    expect(await at(token, 't')).toBe('let in')
    ceiling = { ...EVERYTHING, tenants: ['u'] }
    await twinkey.invalidateOwner('ada')
    expect([await at(token, 't'), await at(token, 'u')]).toEqual(['tenant_denied', 'let in'])
    expect(codeOf(await twinkey.tokens.issue(primary, { scope: { tenants: ['t'] } }))).toBe(
      'tenant_denied',
    )
  })

  it('is not looked up for a key without an owner, whose scope it does not limit', async () => {
    const { twinkey, asked } = await createWithOwner(() => undefined)
    const { primary } = await twinkey.keys.create({ name: 'n', scope: KEY_SCOPE })
    expect(await verdict(twinkey, primary)).toBe('let in')
    expect(asked).toEqual([])
  })

  it('is not looked up for a wrong secret or an inactive key', async () => {
    const { twinkey, asked, key, primary } = await createWithOwner(() => EVERYTHING)
    await verdict(twinkey, `${primary.slice(0, -1)}~`)
    await twinkey.keys.disable(key.id)
    await verdict(twinkey, primary)
    expect(asked).toEqual([])
  })
})

describe('an owner who no longer exists', () => {
  it('reaches nothing', async () => {
    const { at, twinkey, primary } = await createWithOwner(() => undefined)
    expect(await at(primary, 't')).toBe('tenant_denied')
    expect(codeOf(await twinkey.tokens.issue(primary))).toBe('tenant_denied')
    const decision = await twinkey.authenticate(sent({ credential: primary }), anyTarget)
    expect(decision).toMatchObject({
      principal: { scope: { tenants: [], environments: [], workflows: [] } },
    })
  })

  it('and is added again is seen after one second', async () => {
    let ceiling: Scope | undefined
    const { at, clock, primary } = await createWithOwner(() => ceiling)
    expect(await at(primary, 't')).toBe('tenant_denied')
    ceiling = EVERYTHING
    clock.advance(999)
    expect(await at(primary, 't')).toBe('tenant_denied')
    clock.advance(1)
    expect(await at(primary, 't')).toBe('let in')
  })
})

describe('the result of an owner lookup', () => {
  it('is cached for each owner for as long as keys are cached', async () => {
    const { at, clock, asked, primary } = await createWithOwner(() => EVERYTHING, {
      cache: { maxAgeSeconds: 3 },
    })
    await at(primary, 't')
    clock.advance(2999)
    await at(primary, 't')
    expect(asked).toEqual(['ada'])
    clock.advance(1)
    await at(primary, 't')
    expect(asked).toEqual(['ada', 'ada'])
  })

  it('is shared by all concurrent requests', async () => {
    const gate = createGate()
    const { twinkey, asked, primary } = await createWithOwner(() =>
      gate.opened.then(() => EVERYTHING),
    )
    const waiting = Array.from({ length: 1000 }, () => twinkey.keys.verify(primary))
    await settled()
    gate.open()
    expect((await Promise.all(waiting)).every(({ ok }) => ok)).toBe(true)
    expect(asked).toEqual(['ada'])
  })

  it('is dropped when invalidateOwner resolves, for that owner only', async () => {
    const { twinkey, asked, primary } = await createWithOwner(() => EVERYTHING)
    const other = await twinkey.keys.create({ name: 'n', owner: 'bob', scope: KEY_SCOPE })
    const both = async () => [
      await verdict(twinkey, primary),
      await verdict(twinkey, other.primary),
    ]
    await both()
    await twinkey.invalidateOwner('ada')
    await both()
    expect(asked).toEqual(['ada', 'bob', 'ada'])
  })

  it('is discarded if invalidateOwner resolves during the lookup', async () => {
    let ceiling: Scope = EVERYTHING
    const gates = [createGate()]
    const { at, twinkey, primary, asked } = await createWithOwner(async () => {
      const answer = ceiling
      await gates[0]?.opened
      return answer
    })
    const waiting = at(primary, 't')
    await settled()
    expect(asked).toEqual(['ada'])
    ceiling = { ...EVERYTHING, tenants: [] }
    await twinkey.invalidateOwner('ada')
    gates[0]?.open()
    expect(await waiting).toBe('tenant_denied')
    expect(await at(primary, 't')).toBe('tenant_denied')
  })

  it('is copied, so later changes by the application have no effect', async () => {
    const tenants = ['u']
    const { at, primary } = await createWithOwner(() => ({ ...EVERYTHING, tenants }))
    expect(await at(primary, 't')).toBe('tenant_denied')
    tenants.push('t')
    expect(await at(primary, 't')).toBe('tenant_denied')
  })

  it('does not let in a key that is revoked during the lookup', async () => {
    const gate = createGate()
    const { twinkey, key, primary } = await createWithOwner(() =>
      gate.opened.then(() => EVERYTHING),
    )
    const waiting = verdict(twinkey, primary)
    await settled()
    await twinkey.keys.revoke(key.id)
    gate.open()
    expect(await waiting).toBe('credential_invalid')
  })
})

describe('a failed owner lookup is refused as unavailable and is not cached:', () => {
  it.each<[string, () => unknown]>([
    ['it rejects', () => Promise.reject(new Error('directory is down'))],
    [
      'it throws',
      () => {
        throw new Error('directory is down')
      },
    ],
    ['it answers true', () => true],
    ['it answers a star', () => '*'],
    ['it answers a scope with an axis missing', () => ({ tenants: '*', environments: '*' })],
    ['it answers a scope with an unknown axis', () => ({ ...EVERYTHING, regions: '*' })],
    ['it answers a scope with a text', () => ({ ...EVERYTHING, tenants: 't' })],
    ['it answers a scope with a star among names', () => ({ ...EVERYTHING, tenants: ['*'] })],
  ])('%s', async (_, answer) => {
    let broken = true
    const { twinkey, events, at, primary } = await createWithOwner(() =>
      broken ? (answer() as Scope) : EVERYTHING,
    )
    expect(await at(primary, 't')).toBe('unavailable')
    expect(events.slice(-2)).toMatchObject([
      { type: 'warning.owner_unavailable', error: { code: 'owner_unavailable' } },
      { type: 'access.refused', code: 'unavailable', reason: 'owner_unavailable' },
    ])
    expect([
      codeOf(await twinkey.keys.verify(primary)),
      codeOf(await twinkey.tokens.issue(primary)),
    ]).toEqual(['unavailable', 'unavailable'])
    broken = false
    expect(await at(primary, 't')).toBe('let in')
  })

  describe('it hangs', () => {
    beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }))
    afterEach(() => void vi.useRealTimers())

    it('past the deadline', async () => {
      const { at, primary } = await createWithOwner(() => new Promise(() => {}))
      const waiting = at(primary, 't')
      await vi.advanceTimersByTimeAsync(2000)
      expect(await waiting).toBe('unavailable')
    })
  })
})
