import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { KeyRecord } from '../../../src/core/model/api-key.ts'
import {
  created,
  type DisablerLimits,
  disabled,
  enabled,
  mayEnable,
  renewed,
  revoked,
  rotated,
  timeAfter,
  withoutOwner,
  withoutSecondary,
  withoutTenant,
} from '../../../src/core/model/transitions.ts'

const NOW = 1_000_000
const secretOf = (id: string, expiresAt: number | null = null) => ({
  id,
  digest: `sha-256:${id}`,
  hint: 'abcd',
  createdAt: NOW,
  expiresAt,
})
const key: KeyRecord = created(
  'k',
  {
    name: 'n',
    owner: 'ada',
    scope: { tenants: ['t', 'u'], environments: '*', workflows: '*' },
    tokens: true,
    limits: null,
    networks: null,
    expiresAt: null,
    metadata: {},
    primary: secretOf('one'),
    secondary: secretOf('two'),
  },
  NOW,
)

const OPERATOR: DisablerLimits = { owner: null, tenants: null }
const ADA: DisablerLimits = { owner: 'ada', tenants: null }
const ADA_IN_T: DisablerLimits = { owner: 'ada', tenants: ['t'] }
const BOB: DisablerLimits = { owner: 'bob', tenants: null }
const IN_T: DisablerLimits = { owner: null, tenants: ['t'] }
const IN_T_AND_U: DisablerLimits = { owner: null, tenants: ['t', 'u'] }
const ALL = [OPERATOR, ADA, ADA_IN_T, BOB, IN_T, IN_T_AND_U]

const by = (limits: DisablerLimits, actor: string | null = null) => ({ actor, ...limits })
const canEnable = (limits: DisablerLimits, of: KeyRecord) =>
  of.disabledBy === null || mayEnable(limits, of.disabledBy)

describe('what a keyring disabled', () => {
  // For each disabler, who may enable the key.
  it.each<[string, DisablerLimits, DisablerLimits[]]>([
    ['without limits', OPERATOR, [OPERATOR]],
    ['of an owner', ADA, [OPERATOR, ADA, ADA_IN_T, IN_T, IN_T_AND_U]],
    ['of an owner in a tenant', ADA_IN_T, [OPERATOR, ADA, ADA_IN_T, IN_T, IN_T_AND_U]],
    ['of another owner', BOB, [OPERATOR, BOB, IN_T, IN_T_AND_U]],
    ['of a tenant', IN_T, [OPERATOR, IN_T, IN_T_AND_U]],
    ['of two tenants', IN_T_AND_U, [OPERATOR, IN_T_AND_U]],
  ])('%s is enabled by those with the right only', (_, disabler, allowed) => {
    expect(ALL.filter((limits) => mayEnable(limits, disabler))).toEqual(allowed)
  })

  it('is never enabled by an owner if an operator or a keyring of tenants disabled it too', () => {
    const owner = fc.constantFrom('ada', 'bob')
    const tenants = fc.option(fc.subarray(['t', 'u', 'v']))
    const narrow: fc.Arbitrary<DisablerLimits> = fc.record({ owner, tenants })
    const wide: fc.Arbitrary<DisablerLimits> = fc.record({ owner: fc.constant(null), tenants })
    const steps = fc.array(fc.oneof(narrow, wide), { maxLength: 6 })
    fc.assert(
      fc.property(steps, wide, steps, narrow, (before, operator, after, limits) => {
        let next = key
        for (const [i, each] of [...before, operator, ...after].entries())
          next = disabled(next, by(each), NOW + i)
        expect(canEnable(limits, next)).toBe(false)
      }),
    )
  })

  it('is enabled only by those who may undo what each of its disablers did, in any order', () => {
    const limits = fc.constantFrom(...ALL)
    fc.assert(
      fc.property(fc.array(limits, { minLength: 1, maxLength: 5 }), limits, (disablers, one) => {
        let next = key
        for (const [i, each] of disablers.entries()) next = disabled(next, by(each), NOW + i)
        if (canEnable(one, next))
          for (const each of disablers) expect(mayEnable(one, each)).toBe(true)
        expect(canEnable(OPERATOR, next)).toBe(true)
      }),
    )
  })

  it('keeps who disabled it first, unless a later disabler takes a right away', () => {
    const first = disabled(key, by(ADA, 'ada'), NOW + 5)
    expect(first.disabledBy).toEqual({ actor: 'ada', owner: 'ada', tenants: null, at: NOW + 5 })
    expect(disabled(first, by(ADA, 'other'), NOW + 6)).toBe(first)
    const second = disabled(first, by(OPERATOR, 'root'), NOW + 7)
    expect(second.disabledBy).toEqual({ actor: 'root', owner: null, tenants: null, at: NOW + 7 })
    expect(disabled(second, by(ADA, 'ada'), NOW + 8)).toBe(second)
  })

  it('is free of its disabler once enabled', () => {
    const off = disabled(key, by(OPERATOR), NOW)
    expect(enabled(off, NOW).disabledBy).toBeNull()
    expect(enabled(key, NOW)).toBe(key)
  })
})

describe('a change', () => {
  const changes: [string, (of: KeyRecord, now: number) => KeyRecord][] = [
    ['renewed', (of, now) => renewed(of, { primary: secretOf('three') }, now)],
    [
      'rotated',
      (of, now) => rotated(of, secretOf('three'), { graceSeconds: 5, replace: 'secondary' }, now),
    ],
    ['withoutSecondary', withoutSecondary],
    ['disabled', (of, now) => disabled(of, by(OPERATOR), now)],
    ['enabled', (of, now) => enabled(disabled(of, by(OPERATOR), NOW - 1), now)],
    ['revoked', revoked],
    ['withoutOwner', (of, now) => withoutOwner(of, 'ada', now)],
    ['withoutTenant', (of, now) => withoutTenant(of, 't', now)],
  ]

  it.each(changes)(
    'has a later time than the last one, whatever the clock says: %s',
    (_, change) => {
      for (const now of [0, NOW - 1, NOW, NOW + 1, NOW + 10]) {
        const next = change(key, now)
        expect(next.updatedAt).toBeGreaterThan(key.updatedAt)
        expect(next.updatedAt).toBeGreaterThanOrEqual(now)
        expect(next.version).toBeGreaterThan(key.version)
        expect(next.revision).toBe(next.version)
      }
    },
  )

  it.each(changes.filter(([name]) => !/revoked|without[OT]/.test(name)))(
    'of a revoked key is an error: %s',
    (_, change) => {
      expect(() => change(revoked(key, NOW), NOW)).toThrow('The key is revoked, which is final.')
    },
  )

  it('takes the time of the clock, unless that is not later', () => {
    expect([NOW - 1, NOW, NOW + 1, NOW + 2].map((now) => timeAfter(key, now))).toEqual([
      NOW + 1,
      NOW + 1,
      NOW + 1,
      NOW + 2,
    ])
  })

  it('of one slot leaves the other as it is', () => {
    const next = renewed(key, { secondary: secretOf('three') }, NOW)
    expect([next.primary, next.secondary?.id]).toEqual([key.primary, 'three'])
    const both = renewed(key, { primary: secretOf('3'), secondary: secretOf('4') }, NOW)
    expect([both.primary.id, both.secondary?.id]).toEqual(['3', '4'])
    expect(withoutSecondary(withoutSecondary(key, NOW), NOW).secondary).toBeNull()
  })

  it('that ends no secondary writes nothing', () => {
    const single = withoutSecondary(key, NOW)
    expect(withoutSecondary(single, NOW)).toBe(single)
  })
})

describe('a rotation', () => {
  const replace = { graceSeconds: 60, replace: 'secondary' } as const
  const keep = { graceSeconds: 60, replace: undefined }

  it('never ends an active secondary that was not named, and says what to do', () => {
    expect(() => rotated(key, secretOf('3'), keep, NOW)).toThrow('It has no expiry: renew')
    const ending = { ...key, secondary: secretOf('two', NOW + 1) }
    expect(() => rotated(ending, secretOf('3'), keep, NOW)).toThrow('Wait until it expires')
    expect(rotated(ending, secretOf('3'), keep, NOW + 1).secondary?.id).toBe('one')
    expect(rotated(key, secretOf('3'), replace, NOW).secondary?.id).toBe('one')
  })

  it('keeps the old secret for the grace, and never beyond its own end', () => {
    const endOf = (of: KeyRecord, graceSeconds: number) =>
      rotated(of, secretOf('3'), { ...replace, graceSeconds }, NOW).secondary?.expiresAt
    expect(endOf(key, 60)).toBe(NOW + 60_000)
    expect(endOf({ ...key, primary: secretOf('one', NOW + 5) }, 60)).toBe(NOW + 5)
    expect(endOf(key, 0)).toBeUndefined()
  })
})
