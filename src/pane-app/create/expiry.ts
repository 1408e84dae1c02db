import type { Policy } from '../base/model.ts'

const DAY_SECONDS = 86_400
const OFFERED_DAYS = [7, 30, 90, 365]
const RECOMMENDED_DAYS = 90

/** When a key ends: after a number of seconds, on a day (`YYYY-MM-DD`), never, or as it is now. */
export type Expiry =
  | { readonly kind: 'after'; readonly seconds: number }
  | { readonly kind: 'on'; readonly day: string }
  | { readonly kind: 'never' }
  | { readonly kind: 'keep' }

/** The lifetimes that the page offers, in seconds, shortest first. */
export function lifetimes({ maxExpiresInSeconds: max, defaultExpiresInSeconds }: Policy): number[] {
  const offered = new Set(OFFERED_DAYS.map((days) => days * DAY_SECONDS))
  if (defaultExpiresInSeconds !== undefined) offered.add(defaultExpiresInSeconds)
  if (max !== undefined) offered.add(max)
  return [...offered].filter((each) => max === undefined || each <= max).sort((a, b) => a - b)
}

/** The lifetime that is chosen at first. */
export function recommended(policy: Policy): Expiry {
  const seconds = policy.defaultExpiresInSeconds ?? RECOMMENDED_DAYS * DAY_SECONDS
  return { kind: 'after', seconds: Math.min(seconds, policy.maxExpiresInSeconds ?? seconds) }
}

/** The local day of a time, as a date field writes it. */
export function dayOf(at: number): string {
  const date = new Date(at)
  const two = (part: number) => String(part).padStart(2, '0')
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`
}

/**
 * The time at which a key ends, in epoch milliseconds; null for never; undefined if the day is
 * missing, in the past or after the maximum. A day ends at midnight, local time.
 */
export function expiryTime(
  expiry: Expiry,
  now: number,
  { maxExpiresInSeconds }: Policy,
): number | null | undefined {
  if (expiry.kind === 'after') return now + expiry.seconds * 1000
  if (expiry.kind !== 'on') return null
  const end = Date.parse(`${expiry.day}T23:59:59`)
  if (Number.isNaN(end) || end <= now) return undefined
  const latest = now + (maxExpiresInSeconds ?? Number.POSITIVE_INFINITY) * 1000
  if (Date.parse(`${expiry.day}T00:00:00`) > latest) return undefined
  return Math.min(end, latest)
}
