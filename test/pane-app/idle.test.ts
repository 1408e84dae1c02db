import { describe, expect, it } from 'vitest'
import type { ApiKey, SecretInfo } from '../../src/pane-app/base/model.ts'
import {
  graceLeft,
  hasPair,
  idleTime,
  isInUse,
  renewalOf,
  useOf,
} from '../../src/pane-app/renew/idle.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR
const NOW = 1_800_000_000_000
const IDLE = idleTime(86_400)

/** A secret that was created and last used so long ago. */
function secret(createdAgo: number, usedAgo: number | null, expiresIn?: number): SecretInfo {
  return {
    id: `s${createdAgo}${usedAgo}`,
    hint: 'aB3x',
    createdAt: NOW - createdAgo,
    lastUsedAt: usedAgo === null ? null : NOW - usedAgo,
    expiresAt: expiresIn === undefined ? null : NOW + expiresIn,
  }
}

const keyOf = (primary: SecretInfo, secondary: SecretInfo | null) =>
  ({ primary, secondary }) as ApiKey

describe('idle', () => {
  it('is never shorter than the life of a token and the delay of a last use', () => {
    expect(idleTime(60)).toBe(HOUR + 60_000)
    expect(idleTime(86_400)).toBe(DAY)
  })

  it.each([
    ['used just now', secret(40 * DAY, 0), 'used'],
    ['used a moment less than the idle time ago', secret(40 * DAY, DAY - 1), 'used'],
    ['used exactly the idle time ago', secret(40 * DAY, DAY), 'idle'],
    ['created long ago and never used', secret(40 * DAY, null), 'idle'],
    ['created a moment ago and never used', secret(0, null), 'new'],
    ['created exactly the idle time ago and never used', secret(DAY, null), 'idle'],
    ['in its grace', secret(40 * DAY, 0, HOUR), 'ending'],
    ['at the end of its grace', secret(40 * DAY, 0, 0), 'ended'],
  ])('a secondary secret %s', (_, secondary, use) => {
    expect(useOf(keyOf(secret(40 * DAY, 0), secondary), secondary, NOW, IDLE)).toBe(use)
  })

  it('a primary secret that has an expiry is judged by its use until then', () => {
    const primary = secret(40 * DAY, 0, HOUR)
    expect(useOf(keyOf(primary, null), primary, NOW, IDLE)).toBe('used')
  })

  it('a secret without any use is not in use', () => {
    expect(isInUse(secret(0, null), NOW, IDLE)).toBe(false)
  })
})

describe('a renewal', () => {
  const used = secret(40 * DAY, HOUR)
  const idle = secret(40 * DAY, 3 * DAY)
  const unused = secret(40 * DAY, null)
  const fresh = secret(HOUR, null)
  it.each([
    ['used and idle: renews the idle one', used, idle, [2, 'secondary', undefined]],
    ['idle and used: renews the idle one', idle, used, [2, 'primary', undefined]],
    [
      'both idle: renews the one that is idle for longer',
      idle,
      unused,
      [2, 'secondary', undefined],
    ],
    ['both used: callers must move', used, used, [1, undefined, undefined]],
    ['used and new: callers move to the new one', used, fresh, [1, undefined, 'secondary']],
    ['new and used: callers move to the new one', fresh, used, [1, undefined, 'primary']],
    ['idle and new: renews the idle one', idle, fresh, [2, 'primary', 'secondary']],
    ['both new: renews the secondary', fresh, fresh, [2, 'secondary', undefined]],
  ])('%s', (_, primary, secondary, [step, target, moveTo]) => {
    expect(renewalOf(keyOf(primary, secondary), NOW, IDLE)).toEqual({ step, target, moveTo })
  })

  it('is guided only for two secrets without an end', () => {
    expect(hasPair(keyOf(used, idle))).toBe(true)
    expect(hasPair(keyOf(used, null))).toBe(false)
    expect(hasPair(keyOf(used, secret(DAY, 0, HOUR)))).toBe(false)
  })
})

it.each([
  [9 * HOUR, 15 * HOUR, 0.375],
  [HOUR, 0, 1],
  [0, HOUR, 0],
  [-HOUR, HOUR, 0],
])('a grace that ends in %d ms and began %d ms ago has a share of %d left', (ends, began, left) => {
  const key = keyOf(secret(began, null), secret(40 * DAY, null, ends))
  expect(graceLeft(key, NOW)).toBeCloseTo(left)
})
