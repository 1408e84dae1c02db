import { expect, it } from 'vitest'
import { dayOf, expiryTime, lifetimes, recommended } from '../../src/pane-app/create/expiry.ts'

const DAY = 86_400
const NOW = new Date(2026, 10, 29, 12).getTime()

it('without a policy, the page offers four lifetimes and recommends 90 days', () => {
  expect(lifetimes({})).toEqual([7 * DAY, 30 * DAY, 90 * DAY, 365 * DAY])
  expect(recommended({})).toEqual({ kind: 'after', seconds: 90 * DAY })
})

it('a policy adds its own lifetimes and removes longer ones', () => {
  const policy = { defaultExpiresInSeconds: 14 * DAY, maxExpiresInSeconds: 60 * DAY }
  expect(lifetimes(policy)).toEqual([7 * DAY, 14 * DAY, 30 * DAY, 60 * DAY])
  expect(recommended(policy)).toEqual({ kind: 'after', seconds: 14 * DAY })
  expect(recommended({ maxExpiresInSeconds: DAY })).toEqual({ kind: 'after', seconds: DAY })
})

it('a lifetime counts from now, and never is null', () => {
  expect(expiryTime({ kind: 'after', seconds: 7 * DAY }, NOW, {})).toBe(NOW + 7 * DAY * 1000)
  expect(expiryTime({ kind: 'never' }, NOW, {})).toBeNull()
})

it('a chosen day counts to its end, but not beyond the maximum', () => {
  const tomorrow = { kind: 'on', day: '2026-11-30' } as const
  expect(expiryTime(tomorrow, NOW, {})).toBe(new Date(2026, 10, 30, 23, 59, 59).getTime())
  expect(expiryTime(tomorrow, NOW, { maxExpiresInSeconds: DAY })).toBe(NOW + DAY * 1000)
})

it.each(['', '2026-11-28', '2026-12-01', 'x'])('the day %j is refused', (day) => {
  expect(expiryTime({ kind: 'on', day }, NOW, { maxExpiresInSeconds: DAY })).toBeUndefined()
})

it('a day is written as a date field needs it', () => {
  expect(dayOf(new Date(2027, 0, 5, 1).getTime())).toBe('2027-01-05')
})
