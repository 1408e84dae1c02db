import { afterEach, describe, expect, it, vi } from 'vitest'
import {
  freezeJson,
  inactiveReason,
  type KeyRecord,
  keyEndsAt,
  lastUseOf,
  slotOf,
  stateOf,
  validUntil,
} from '../../../src/core/model/api-key.ts'
import type { Scope } from '../../../src/core/model/scope.ts'
import {
  created,
  disabled,
  enabled,
  firstVersion,
  revoked,
  withoutOwner,
  withoutTenant,
} from '../../../src/core/model/transitions.ts'

const NOW = 1_000_000
const EVERYTHING: Scope = { tenants: '*', environments: '*', workflows: '*' }
const OPERATOR = { actor: null, owner: null, tenants: null }
const DISABLED_BY = { ...OPERATOR, at: NOW }

function secretOf(id: string, expiresAt: number | null = null) {
  return { id, digest: `sha-256:${id}`, hint: 'abcd', createdAt: NOW, expiresAt }
}

function keyWith(more: Partial<KeyRecord> = {}): KeyRecord {
  const attributes = {
    name: 'n',
    owner: 'ada',
    scope: EVERYTHING,
    tokens: true,
    limits: null,
    networks: null,
    expiresAt: null,
    metadata: {},
    primary: secretOf('one'),
    secondary: null,
  }
  return { ...created('k', attributes, NOW), ...more }
}

describe('the validity of a slot', () => {
  const times = [null, NOW + 10, NOW + 20]
  const lives = times.flatMap((key) => times.map((secret) => ({ key, secret })))

  it.each(lives)(
    'ends at the earlier of the expiry of the key ($key) and of the secret ($secret), and not a millisecond before',
    (ends) => {
      const key = keyWith({ expiresAt: ends.key, primary: secretOf('one', ends.secret) })
      const end = Math.min(
        ends.key ?? Number.POSITIVE_INFINITY,
        ends.secret ?? Number.POSITIVE_INFINITY,
      )
      expect(validUntil(key, 'primary')).toBe(end === Number.POSITIVE_INFINITY ? null : end)
      for (const now of [NOW, NOW + 9, NOW + 10, NOW + 11, NOW + 19, NOW + 20, NOW + 21]) {
        const byKey = now >= (ends.key ?? Number.POSITIVE_INFINITY) ? 'key_expired' : undefined
        const bySecret =
          now >= (ends.secret ?? Number.POSITIVE_INFINITY) ? 'secret_expired' : undefined
        expect(inactiveReason(key, 'primary', now)).toBe(byKey ?? bySecret)
      }
    },
  )

  it.each<[string, Partial<KeyRecord>]>([
    ['key_disabled', { disabledBy: DISABLED_BY }],
    ['key_revoked', { revokedAt: NOW }],
    ['key_revoked', { revokedAt: NOW, disabledBy: DISABLED_BY }],
  ])('has ended at any time with the reason %s', (reason, more) => {
    const key = keyWith(more)
    expect([inactiveReason(key, 'primary', 0), validUntil(key, 'primary')]).toEqual([reason, 0])
  })

  it('has never begun if the slot is empty', () => {
    expect([
      inactiveReason(keyWith(), 'secondary', NOW),
      validUntil(keyWith(), 'secondary'),
    ]).toEqual(['secret_replaced', 0])
  })

  it('belongs to the slot that holds the id of the secret, even if the other slot is empty', () => {
    const twins = keyWith({ secondary: secretOf('two') })
    expect(['one', 'two', 'three'].map((id) => slotOf(twins, id))).toEqual([
      'primary',
      'secondary',
      undefined,
    ])
    expect(['one', 'two'].map((id) => slotOf(keyWith(), id))).toEqual(['primary', undefined])
  })
})

describe('the state of a key', () => {
  const ended = secretOf('one', NOW)
  it.each<[string, number | null, Partial<KeyRecord>]>([
    ['active', null, {}],
    ['active', NOW + 1, { expiresAt: NOW + 1 }],
    ['expired', NOW, { expiresAt: NOW }],
    ['expired', NOW, { primary: ended }],
    ['active', null, { primary: ended, secondary: secretOf('two') }],
    ['active', NOW + 1, { primary: ended, secondary: secretOf('two', NOW + 1) }],
    ['expired', NOW, { primary: ended, secondary: secretOf('two', NOW - 1) }],
    ['expired', NOW - 1, { primary: ended, expiresAt: NOW - 1 }],
    ['expired', NOW, { primary: ended, expiresAt: NOW + 1 }],
    ['disabled', NOW, { expiresAt: NOW, disabledBy: DISABLED_BY }],
    ['revoked', NOW, { expiresAt: NOW, disabledBy: DISABLED_BY, revokedAt: 1 }],
  ])('is %s, and both secrets end at %s: %#', (state, endsAt, more) => {
    const key = keyWith(more)
    expect([stateOf(key, NOW), keyEndsAt(key)]).toEqual([state, endsAt])
  })

  it('counts the last use of the secrets in its slots, not of replaced ones', () => {
    const key = keyWith({ secondary: secretOf('two') })
    expect([
      lastUseOf(key),
      lastUseOf({ ...key, lastUsedAt: { one: 3, two: 5, three: 9 } }),
      lastUseOf({ ...key, secondary: null, lastUsedAt: { one: 3, two: 5 } }),
      lastUseOf({ ...key, lastUsedAt: { three: 9 } }),
    ]).toEqual([null, 5, 3, null])
  })
})

describe('a version', () => {
  afterEach(() => vi.restoreAllMocks())

  const randomIs = (word: number) =>
    vi.spyOn(crypto, 'getRandomValues').mockImplementation((array) => {
      ;(array as unknown as Uint32Array).fill(word)
      return array
    })

  it.each([
    [0, 1],
    [0xffffffff, 2 ** 48],
    [0x80000000, 0x80000001],
  ])('is positive from the start, whatever the random number: %i', (drawn, version) => {
    randomIs(drawn)
    expect(firstVersion()).toBe(version)
  })

  it.each([
    [0, 1],
    [0xffffffff, 2 ** 28],
  ])('grows with every change, whatever the random number: %i', (drawn, step) => {
    const key = keyWith()
    randomIs(drawn)
    const next = disabled(key, OPERATOR, NOW)
    expect([next.version - key.version, next.revision]).toEqual([step, next.version])
  })
})

describe('ending a key', () => {
  it('by owner affects only the keys of that owner', () => {
    const key = keyWith()
    expect(withoutOwner(key, 'ada', NOW + 1)).toMatchObject({ revokedAt: NOW + 1 })
    expect(withoutOwner(key, 'bob', NOW + 1)).toBe(key)
  })

  it('by tenant does not affect a key that reaches all tenants', () => {
    const key = keyWith()
    expect([withoutTenant(key, 't', NOW), withoutTenant(key, '*', NOW)]).toEqual([key, key])
  })

  it('twice keeps the time of the first revocation', () => {
    const key = revoked(keyWith({ scope: { ...EVERYTHING, tenants: ['t'] } }), NOW)
    expect([withoutOwner(key, 'ada', NOW + 1), withoutTenant(key, 't', NOW + 1)]).toEqual([
      key,
      key,
    ])
  })

  it('forbids further changes, and the error says so', () => {
    expect(() => enabled(revoked(keyWith(), NOW), NOW)).toThrow(
      'The key is revoked, which is final. Create another key.',
    )
  })
})

describe('metadata', () => {
  it('is copied whole and frozen at every depth', () => {
    const given = { none: null, list: [1, { yes: true }], text: 'a' }
    const frozen = freezeJson(given)
    expect(frozen).toEqual(given)
    expect([frozen, frozen.list, frozen.list[1]].map(Object.isFrozen)).toEqual([true, true, true])
    expect(frozen.list).not.toBe(given.list)
  })
})
