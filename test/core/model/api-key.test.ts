import { afterEach, describe, expect, it, vi } from 'vitest'
import {
  created,
  firstVersion,
  freezeJson,
  inactiveReason,
  type KeyRecord,
  revoked,
  slotOf,
  switched,
  validUntil,
  withoutOwner,
  withoutTenant,
} from '../../../src/core/model/api-key.ts'
import type { Scope } from '../../../src/core/model/scope.ts'

const NOW = 1_000_000
const EVERYTHING: Scope = { tenants: '*', environments: '*', workflows: '*' }

function secretOf(id: string, expiresAt: number | null = null) {
  return { id, digest: `sha-256:${id}`, hint: 'abcd', createdAt: NOW, expiresAt }
}

function keyWith(more: Partial<KeyRecord> = {}): KeyRecord {
  const attributes = {
    name: 'n',
    owner: 'ada',
    scope: EVERYTHING,
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
    ['key_disabled', { enabled: false }],
    ['key_revoked', { revokedAt: NOW }],
    ['key_revoked', { revokedAt: NOW, enabled: false }],
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
    expect(switched(key, false, NOW).version - key.version).toBe(step)
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
    expect(() => switched(revoked(keyWith(), NOW), true, NOW)).toThrow(
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
