import type { Format } from '../base/format.ts'
import type { ApiKey, KeyLimit } from '../base/model.ts'
import type { Text, TextKey } from '../base/text.ts'

/** The largest number of limits of a key. */
export const MAX_LIMITS = 8

const NAMED = {
  '1s': 'per_second',
  '60s': 'per_minute',
  '3600s': 'per_hour',
  day: 'per_day',
  month: 'per_month',
} as const satisfies Readonly<Record<string, TextKey>>

/** The windows that the page offers, shortest first. */
export const WINDOWS: readonly string[] = Object.keys(NAMED)

/** The window of a limit as text: seconds like `60s`, `day` or `month`. */
export function windowOf({ perSeconds, per }: KeyLimit): string {
  return per ?? `${perSeconds}s`
}

/** The members of a limit that describe its window. */
export function windowMembers(window: string): Pick<KeyLimit, 'per' | 'perSeconds'> {
  if (window === 'day' || window === 'month') return { per: window }
  return { perSeconds: Number.parseInt(window, 10) }
}

/** A window in words: "a minute". */
export function windowText(window: string, { t }: Pick<Text, 't'>, format: Format): string {
  const named = (NAMED as Readonly<Record<string, TextKey>>)[window]
  if (named !== undefined) return t(named)
  return t('per_other', { time: format.duration(Number.parseInt(window, 10)) })
}

/** A limit in words: "1,000 requests a minute". */
export function limitText(
  limit: KeyLimit,
  text: Pick<Text, 't' | 'count'>,
  format: Format,
): string {
  const { requests } = limit
  return text.t('limit', {
    requests: text.count('requests', requests, { count: format.number(requests) }),
    window: windowText(windowOf(limit), text, format),
  })
}

/** Whether a key has limits or networks of its own. */
export function isLimited({ limits, networks }: Pick<ApiKey, 'limits' | 'networks'>): boolean {
  return (limits !== null && limits.length > 0) || networks !== null
}
