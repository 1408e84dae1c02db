import type { LimitUse, Principal } from 'twinkey'
import { describe, expect, it } from 'vitest'
import { checkedRequirement } from '../../../src/guard/requirement.ts'
import { createGate, settled } from '../../support/gate.ts'
import { codeOf, decidedNow, sent } from '../../support/sent.ts'
import { createPolicyScene, INSIDE, LIMITS, NETWORKS, PLAN } from './policy-scene.ts'

describe('the policies of a request', () => {
  it('are asked in the order networks, limits, route', async () => {
    const { verdict, asked } = await createPolicyScene({ limits: LIMITS, networks: NETWORKS })
    expect(await verdict()).toBe('let in')
    expect(asked).toEqual(['address', 'limits', 'authorize'])
  })

  it('are not asked if the scope does not cover the target', async () => {
    const { verdict, asked } = await createPolicyScene({ limits: LIMITS, networks: NETWORKS })
    expect(await verdict(INSIDE, 't2')).toBe('tenant_denied')
    expect(asked).toEqual([])
  })

  it.each([
    ['outside its networks', '192.0.3.7', 'address_outside', '192.0.3.7'],
    ['with a zone that is text of the caller', 'fe80::1%no zone', 'address_outside', 'fe80::1'],
    ['without an address', '', 'address_unknown', undefined],
    ['with an address that cannot be read', 'localhost', 'address_unknown', undefined],
  ])('count nothing for a client %s', async (_name, peer, reason, address) => {
    const scene = await createPolicyScene({ limits: LIMITS, networks: NETWORKS })
    expect(await scene.verdict(peer)).toBe('network_denied')
    expect(scene.asked).toEqual(['address'])
    expect(scene.access()).toMatchObject([
      { type: 'access.refused', code: 'network_denied', reason, tenant: 't', keyId: scene.key.id },
    ])
    expect((scene.access()[0] as { address?: string }).address).toBe(address)
  })

  it('count a request that the route then refuses, with one event', async () => {
    const scene = await createPolicyScene()
    scene.answers(() => PLAN)
    const decision = await scene.decide()
    expect(decision).toMatchObject({ ok: false, refusal: PLAN, limits: [{ remaining: 1 }] })
    expect(scene.limiter.charges).toHaveLength(1)
    expect(scene.access()).toMatchObject([
      { type: 'access.refused', code: 'denied', deniedCode: 'plan_required' },
    ])
  })

  it('put the code of a refused token request into its event', async () => {
    const { twinkey, primary, access } = await createPolicyScene({ limits: [] })
    expect(codeOf(await twinkey.tokens.issue(primary, () => PLAN))).toBe('denied')
    expect(access()).toMatchObject([{ code: 'denied', deniedCode: 'plan_required' }])
  })

  it('do not ask the route once a limit is used up', async () => {
    const scene = await createPolicyScene()
    expect([await scene.verdict(), await scene.verdict(), await scene.verdict()]).toEqual([
      'let in',
      'let in',
      'quota_exceeded',
    ])
    expect(scene.authorized).toHaveLength(2)
    expect(scene.access().map(({ type }) => type)).toEqual([
      'access.allowed',
      'access.allowed',
      'access.refused',
    ])
  })

  it('run before the event that the request is allowed', async () => {
    const scene = await createPolicyScene()
    const gate = createGate()
    scene.answers(() => gate.opened.then(() => undefined))
    const deciding = scene.decide()
    await settled()
    expect(scene.access()).toEqual([])
    gate.open()
    expect((await deciding).ok).toBe(true)
    expect(scene.access().map(({ type }) => type)).toEqual(['access.allowed'])
  })

  it.each([
    ['a network', 'network_denied', '203.0.113.1'],
    ['the route', 'denied', INSIDE],
  ])('do not change that the secret was used, if %s refuses it', async (_, code, peer) => {
    const scene = await createPolicyScene({ limits: LIMITS, networks: NETWORKS })
    if (code === 'denied') scene.answers(() => PLAN)
    scene.clock.advance(120_000)
    const before = scene.clock.now()
    expect(await scene.verdict(peer)).toBe(code)
    await scene.twinkey.flush()
    const { primary } = (await scene.twinkey.keys.get(scene.key.id)) ?? {}
    expect(primary?.lastUsedAt).toBe(before)
  })

  it('record the use of a secret whose every request exceeds a limit', async () => {
    const scene = await createPolicyScene()
    await scene.verdict()
    await scene.verdict()
    scene.clock.advance(59_999)
    await scene.twinkey.flush()
    // A second secret of the same key shares its limits, and has not been used yet.
    const { secondary } = await scene.twinkey.keys.renew(scene.key.id, { slots: 'secondary' })
    const request = { ...sent({ credential: secondary as string, tenant: 't' }), peer: INSIDE }
    const decision = await scene.twinkey.decide(request, scene.requirement)
    expect(codeOf(decision)).toBe('quota_exceeded')
    await scene.twinkey.flush()
    const key = await scene.twinkey.keys.get(scene.key.id)
    expect(key?.secondary?.lastUsedAt).toBe(scene.clock.now())
  })

  it('do not apply to anonymous requests', async () => {
    const scene = await createPolicyScene()
    const requirement = { anyTarget: true, optional: true, authorize: () => PLAN } as const
    expect(codeOf(await scene.twinkey.authenticate(sent({}), requirement))).toBe('let in')
  })
})

describe('a decision with policies', () => {
  it('returns no promise if nothing must be awaited', async () => {
    const scene = await createPolicyScene({ limits: LIMITS, networks: NETWORKS })
    const seen = [0, 1, 2].map(() => decidedNow(scene.twinkey, scene.request(), scene.requirement))
    expect(seen).toMatchObject([
      { ok: true, limits: [{ remaining: 1 }] },
      { ok: true, limits: [{ remaining: 0 }] },
      { ok: false, limits: [{ remaining: 0 }] },
    ])
    scene.answers(async () => undefined)
    scene.clock.advance(60_000)
    expect(decidedNow(scene.twinkey, scene.request(), scene.requirement)).toBeUndefined()
  })

  it('keeps one frozen principal, and returns what is left beside it', async () => {
    const scene = await createPolicyScene()
    const [first, second] = [await scene.decide(), await scene.decide()] as {
      principal: Principal
      limits: readonly LimitUse[]
    }[]
    expect(first?.principal).toBe(second?.principal)
    expect(Object.isFrozen(first?.principal)).toBe(true)
    expect(Object.keys(first?.principal ?? {})).not.toContain('limits')
    expect([first?.limits[0]?.remaining, second?.limits[0]?.remaining]).toEqual([1, 0])
  })

  it('is remembered as a whole if no policy applies', async () => {
    const { twinkey, primary } = await createPolicyScene({})
    const requirement = checkedRequirement({ tenant: 't', workflow: 'w' }, twinkey)
    const request = sent({ credential: primary })
    const first = decidedNow(twinkey, request, requirement)
    expect(first?.ok).toBe(true)
    expect(decidedNow(twinkey, request, requirement)).toBe(first)
    expect(first).not.toHaveProperty('limits')
  })

  it('ignores the limits of the deployment if those of the key are an empty list', async () => {
    const policies = { limits: LIMITS }
    const none = await createPolicyScene({ limits: [] }, { policies })
    for (let round = 0; round < 3; round++) expect(await none.verdict()).toBe('let in')
    expect(none.asked).not.toContain('limits')
    const own = await createPolicyScene({}, { policies })
    expect([await own.verdict(), await own.verdict(), await own.verdict()]).toEqual([
      'let in',
      'let in',
      'quota_exceeded',
    ])
  })

  it('throws or rejects with the error of authorize, without an event', async () => {
    const scene = await createPolicyScene()
    scene.answers(() => {
      throw new Error('down')
    })
    expect(() => scene.decide()).toThrow('down')
    await expect(scene.twinkey.authenticate(scene.request(), scene.requirement)).rejects.toThrow(
      'down',
    )
    scene.clock.advance(60_000)
    scene.answers(() => Promise.reject(new Error('down')))
    await expect(scene.decide()).rejects.toThrow('down')
    expect(scene.access()).toEqual([])
  })
})
