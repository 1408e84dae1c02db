import {
  createTwinkey,
  type LimitAnswer,
  type Limiter,
  type LimitUse,
  type Requirement,
} from 'twinkey'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { countingLimiter } from '../../support/counting-limiter.ts'
import { sent } from '../../support/sent.ts'
import { createPolicyScene, LIMITS } from './policy-scene.ts'

afterEach(() => void vi.useRealTimers())

describe('a limiter', () => {
  const use = { limit: LIMITS[0], remaining: 1, resetsAt: Date.UTC(2026, 0, 1) }
  const FAILURES: readonly (readonly [string, () => unknown])[] = [
    [
      'throws',
      () => {
        throw new Error('down')
      },
    ],
    ['rejects', () => Promise.reject(new Error('down'))],
    ['rejects with nothing', () => Promise.reject(undefined)],
    ['returns undefined', () => undefined],
    ['returns null', () => null],
    ['returns true', () => true],
    ['returns {}', () => ({})],
    ['returns allowed as text', () => ({ allowed: 'yes', limits: [use] })],
    ['returns no limits', () => ({ allowed: true })],
    ['returns too few limits', () => ({ allowed: true, limits: [] })],
    ['returns too many limits', () => ({ allowed: true, limits: [use, use] })],
    ['returns a limit of null', () => ({ allowed: true, limits: [null] })],
    ['returns NaN', () => ({ allowed: false, limits: [{ ...use, remaining: Number.NaN }] })],
    ['returns a negative rest', () => ({ allowed: false, limits: [{ ...use, remaining: -1 }] })],
    ['returns a rest as text', () => ({ allowed: true, limits: [{ ...use, remaining: '1' }] })],
    ['returns a broken rest', () => ({ allowed: true, limits: [{ ...use, remaining: 0.5 }] })],
    ['returns no end', () => ({ allowed: false, limits: [{ ...use, resetsAt: undefined }] })],
    ['returns a broken end', () => ({ allowed: true, limits: [{ ...use, resetsAt: 1.5 }] })],
    ['returns a negative end', () => ({ allowed: true, limits: [{ ...use, resetsAt: -1 }] })],
    ['returns a date', () => ({ allowed: false, limits: [{ ...use, resetsAt: new Date(0) }] })],
    ['resolves to undefined', async () => undefined],
    ['resolves to {}', async () => ({})],
    [
      'returns a thenable that throws',
      () => ({
        // biome-ignore lint/suspicious/noThenProperty: a thenable is the point
        then: () => {
          throw new Error('down')
        },
      }),
    ],
    // biome-ignore lint/suspicious/noThenProperty: a thenable is the point
    ['returns an object with a then that is no function', () => ({ then: 1, allowed: true })],
  ]

  describe.each(['allow', 'refuse'] as const)(
    'that fails with onLimiterError %s',
    (onLimiterError) => {
      async function sceneOf(consume: () => unknown) {
        const limiter = {
          ...countingLimiter(onLimiterError),
          consume: consume as Limiter['consume'],
        }
        const scene = await createPolicyScene({ limits: LIMITS }, { limiter })
        const warnings = () => scene.events.filter(({ type }) => type.startsWith('warning.'))
        return { ...scene, warnings }
      }
      const expected = onLimiterError === 'allow' ? 'let in' : 'unavailable'

      it.each(FAILURES)('because it %s', async (_name, consume) => {
        const { verdict, warnings, access, authorized } = await sceneOf(consume)
        expect(await verdict()).toBe(expected)
        expect(warnings()).toMatchObject([
          { type: 'warning.limiter_unavailable', error: { code: 'limiter_unavailable' } },
        ])
        expect(authorized).toHaveLength(onLimiterError === 'allow' ? 1 : 0)
        if (onLimiterError === 'refuse')
          expect(access()).toMatchObject([{ code: 'unavailable', reason: 'limiter_unavailable' }])
        else expect(access()).toMatchObject([{ type: 'access.allowed' }])
      })

      it('because it never answers, after the deadline', async () => {
        const { verdict, warnings } = await sceneOf(() => new Promise(() => {}))
        vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
        let outcome: string | undefined
        const deciding = verdict().then((code) => (outcome = code))
        await vi.advanceTimersByTimeAsync(1999)
        expect(outcome).toBeUndefined()
        await vi.advanceTimersByTimeAsync(1)
        await deciding
        expect(outcome).toBe(expected)
        expect(warnings()).toHaveLength(1)
      })
    },
  )

  it('that fails does not refuse a request that costs nothing', async () => {
    for (const consume of [() => Promise.reject(new Error('down')), () => undefined]) {
      const limiter = { ...countingLimiter(), consume: consume as unknown as Limiter['consume'] }
      const { twinkey, request } = await createPolicyScene({ limits: LIMITS }, { limiter })
      const decision = await twinkey.authenticate(request(), { anyTarget: true, cost: 0 })
      expect(decision).toMatchObject({ ok: true, limits: [] })
    }
  })

  it('that answers with a thenable is awaited', async () => {
    const answer: LimitAnswer = { allowed: true, limits: [use] }
    const consume = () => ({
      // biome-ignore lint/suspicious/noThenProperty: a thenable is the point
      then: (done: (value: LimitAnswer) => void) => done(answer),
    })
    const limiter = { ...countingLimiter(), consume: consume as unknown as Limiter['consume'] }
    const { decide } = await createPolicyScene({ limits: LIMITS }, { limiter })
    expect(await decide()).toMatchObject({ ok: true, limits: [{ remaining: 1 }] })
  })

  it('can add a reason to its answer without an effect', async () => {
    const answer = { allowed: true, limits: [{ ...use, name: 'x' }], reason: 'limiter_missing' }
    const limiter = { ...countingLimiter(), consume: () => answer }
    const { decide } = await createPolicyScene({ limits: LIMITS }, { limiter })
    const decision = (await decide()) as { limits: readonly LimitUse[] }
    expect(decision).toMatchObject({ ok: true, limits: [use] })
  })

  it('must not be missing if a stored key has limits: its requests are unavailable, unless they cost nothing', async () => {
    const { spy, primary, clock } = await createPolicyScene()
    const events: { type: string; reason?: string | undefined }[] = []
    const onEvent = (event: (typeof events)[number]) => void events.push(event)
    const other = createTwinkey({ store: spy.store, now: clock.now, onEvent })
    const decide = (requirement: Requirement) =>
      other.authenticate(sent({ credential: primary }), requirement)
    // No count could refuse it.
    expect(await decide({ anyTarget: true, cost: 0 })).toMatchObject({ ok: true, limits: [] })
    expect(events).toMatchObject([{ type: 'access.allowed' }])
    events.length = 0
    expect(await decide({ anyTarget: true })).toMatchObject({
      ok: false,
      refusal: { code: 'unavailable' },
    })
    expect(events).toMatchObject([
      { type: 'warning.limiter_unavailable' },
      { type: 'access.refused', reason: 'limiter_missing' },
    ])
  })
})
