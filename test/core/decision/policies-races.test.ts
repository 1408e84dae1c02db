import type { LimitCharge, Limiter } from 'twinkey'
import { describe, expect, it } from 'vitest'
import { checkedRequirement } from '../../../src/guard/requirement.ts'
import { FIRST, importBench, input } from '../../clients/imported.ts'
import { countingLimiter } from '../../support/counting-limiter.ts'
import { createGate, settled } from '../../support/gate.ts'
import { anyTarget, sent } from '../../support/sent.ts'
import { createPolicyScene, LIMITS, NETWORKS } from './policy-scene.ts'

/** A limiter that answers by hand. */
function slowLimiter() {
  const inner = countingLimiter()
  let gate = createGate()
  return {
    charges: inner.charges,
    open() {
      gate.open()
      gate = createGate()
    },
    limiter: {
      ...inner,
      async consume(charge: LimitCharge) {
        const answer = inner.consume(charge)
        await gate.opened
        return answer
      },
    } satisfies Limiter,
  }
}

describe('while a policy is awaited', () => {
  type Scene = Awaited<ReturnType<typeof createPolicyScene>>
  const endings: readonly (readonly [string, (scene: Scene) => unknown, string])[] = [
    ['disabled', ({ twinkey, key }) => twinkey.keys.disable(key.id), 'credential_invalid'],
    ['revoked', ({ twinkey, key }) => twinkey.keys.revoke(key.id), 'credential_invalid'],
    [
      'deleted',
      async ({ twinkey, key }) => {
        await twinkey.keys.revoke(key.id)
        await twinkey.keys.delete(key.id)
      },
      'credential_invalid',
    ],
    [
      'renewed',
      ({ twinkey, key }) => twinkey.keys.renew(key.id, { slots: 'primary' }),
      'credential_invalid',
    ],
    [
      'expired',
      async ({ twinkey, key, clock }) => {
        await twinkey.keys.update(key.id, { expiresAt: clock.now() + 1000 })
        clock.advance(1000)
      },
      'credential_invalid',
    ],
    [
      'narrowed',
      ({ twinkey, key }) => twinkey.keys.update(key.id, { scope: { tenants: ['t2'] } }),
      'tenant_denied',
    ],
    [
      'moved',
      ({ twinkey, key }) => twinkey.keys.update(key.id, { networks: ['203.0.113.0/24'] }),
      'network_denied',
    ],
    ['renamed', ({ twinkey, key }) => twinkey.keys.update(key.id, { name: 'm' }), 'let in'],
    ['not changed', () => undefined, 'let in'],
  ]

  describe.each(endings)('a key that is %s', (name, end, code) => {
    it('is decided anew after a slow limiter, and counted once', async () => {
      const { limiter, charges, open } = slowLimiter()
      const scene = await createPolicyScene({ limits: LIMITS, networks: NETWORKS }, { limiter })
      const deciding = scene.verdict()
      await settled()
      await end(scene)
      open()
      expect(await deciding).toBe(code)
      expect(charges).toHaveLength(1)
      expect(scene.authorized).toHaveLength(code === 'let in' ? 1 : 0)
      expect(scene.access()).toHaveLength(1)
    })

    it('is decided anew after a slow authorize, which is asked again for a new principal', async () => {
      const scene = await createPolicyScene({ limits: LIMITS, networks: NETWORKS })
      const gate = createGate()
      scene.answers(() => gate.opened.then(() => undefined))
      const deciding = scene.verdict()
      await settled()
      await end(scene)
      gate.open()
      expect(await deciding).toBe(code)
      expect(scene.limiter.charges).toHaveLength(1)
      const names = scene.authorized.map((principal) => principal.name)
      expect(names).toEqual(name === 'renamed' ? ['n', 'm'] : ['n'])
      expect(scene.access()).toHaveLength(1)
    })
  })

  it('a key that gets its first limits meanwhile is counted once', async () => {
    const scene = await createPolicyScene({})
    const gate = createGate()
    scene.answers(() => gate.opened.then(() => undefined))
    const deciding = scene.decide()
    await settled()
    await scene.twinkey.keys.update(scene.key.id, { limits: [...LIMITS] })
    gate.open()
    expect(await deciding).toMatchObject({ ok: true, limits: [{ remaining: 1 }] })
    expect(scene.limiter.charges).toHaveLength(1)
  })

  it('a secret that is imported for another key is counted for that key too', async () => {
    const { limiter, charges, open } = slowLimiter()
    const { twinkey } = importBench({ limiter })
    const limited = input({ limits: [...LIMITS] })
    const { id } = await twinkey.keys.import(limited)
    await twinkey.keys.verify(FIRST)
    const deciding = twinkey.decide(sent({ credential: FIRST }), checkedRequirement(anyTarget))
    await settled()
    await twinkey.keys.revoke(id)
    await twinkey.keys.delete(id)
    const other = await twinkey.keys.import({ ...limited, name: 'other' })
    open()
    await settled()
    open()
    expect(await deciding).toMatchObject({ ok: true, principal: { name: 'other' } })
    expect(charges.map(({ keyId }) => keyId)).toEqual([id, other.id])
  })

  it.each([
    ['no other decision has read the new scope', false],
    ['another decision has read the new scope', true],
  ])('an owner whose scope shrinks is decided anew, if %s', async (_when, hasOther) => {
    let tenants = ['t']
    const ownerScope = () => ({ tenants, environments: '*' as const, workflows: '*' as const })
    const { limiter, charges, open } = slowLimiter()
    const scene = await createPolicyScene({ limits: LIMITS }, { limiter, ownerScope })
    const deciding = scene.verdict()
    await settled()
    tenants = ['t2']
    await scene.twinkey.invalidateOwner('ada')
    if (hasOther) expect(await scene.verdict()).toBe('tenant_denied')
    open()
    expect(await deciding).toBe('tenant_denied')
    expect(charges).toHaveLength(1)
  })

  it('a decision with an old owner scope is made anew if another decision has read a newer one', async () => {
    let tenants = ['t']
    const ownerScope = () => ({ tenants, environments: '*' as const, workflows: '*' as const })
    const { limiter, open } = slowLimiter()
    const scene = await createPolicyScene({ limits: LIMITS }, { limiter, ownerScope })
    const first = scene.verdict()
    await settled()
    open()
    expect(await first).toBe('let in')
    // So the key is newer than the scope of its owner.
    scene.clock.advance(3000)
    await scene.twinkey.keys.update(scene.key.id, { name: 'newer' })
    const deciding = scene.verdict()
    await settled()
    scene.clock.advance(3000)
    tenants = ['t2']
    expect(await scene.verdict()).toBe('tenant_denied')
    open()
    expect(await deciding).toBe('tenant_denied')
  })

  it('a key that changes during every wait is refused after 50 turns, and counted once', async () => {
    const scene = await createPolicyScene()
    let name = 0
    scene.answers(async () => {
      await scene.twinkey.keys.update(scene.key.id, { name: `n${name++}` })
      return undefined
    })
    expect(await scene.verdict()).toBe('unavailable')
    expect([scene.authorized.length, scene.limiter.charges.length]).toEqual([50, 1])
    expect(scene.access()).toHaveLength(1)
  })
})
