import type { KeyLimit } from '../index.ts'
import { didYouMean } from './similar.ts'
import { usageError } from './usage-error.ts'

// Reads values of options. An error names the option and never repeats the value, which may be a
// secret in the wrong place.

const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 }
const WINDOWS = ['second', 'minute', 'hour', 'day', 'month']
const WINDOW_SECONDS: Readonly<Record<string, number>> = { second: 1, minute: 60, hour: 3600 }
// RFC 3339, section 5.6, with an optional time of the day.
const TIME = /^(\d{4})-(\d\d)-(\d\d)(?:T\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d))?$/i

/** Reads a duration like `90d`, `12h`, `30m` or `45s`, in seconds. */
export function durationOf(text: string, flag: string): number {
  const [, count, unit = ''] = /^(\d{1,9})([smhdw])$/.exec(text) ?? []
  if (count === undefined) throw usageError(`${flag} must be a duration like 90d, 12h, 30m or 45s.`)
  return Number(count) * (SECONDS[unit] as number)
}

/**
 * Reads a time in epoch milliseconds: RFC 3339, a date, `now`, or a duration before or after now.
 */
export function timeOf(text: string, flag: string, now: number, direction: 1 | -1): number {
  if (text === 'now') return now
  if (/^\d+[smhdw]$/.test(text)) return now + direction * 1000 * durationOf(text, flag)
  const time = TIME.test(text) && isDay(text) ? Date.parse(text) : Number.NaN
  if (Number.isNaN(time))
    throw usageError(
      `${flag} must be a duration like 90d, 12h or 30m, or a time like 2027-01-31 or 2027-01-31T09:00:00Z.`,
    )
  return time
}

// Date.parse takes 30 February for 2 March.
function isDay(text: string): boolean {
  const day = text.slice(0, 10)
  const date = new Date(`${day}T00:00:00Z`)
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(day)
}

/** Reads a limit like `1000/minute`, `50/10s`, `1000000/month` or `burst=5/1s`. */
export function limitOf(text: string, flag: string): KeyLimit {
  const [, name, requests, each = ''] =
    /^(?:([\w.-]+)=)?(\d+)\/([a-z]+|\d+[smhdw])$/.exec(text) ?? []
  if (requests === undefined || requests.length > 10 || (name?.length ?? 0) > 64)
    throw usageError(`${flag} must be a limit like 1000/minute, 50/10s or 1000000/month.`)
  const named = name === undefined ? {} : { name }
  const count = { ...named, requests: Number(requests) }
  if (each === 'day' || each === 'month') return { ...count, per: each }
  if (/^\d/.test(each)) return { ...count, perSeconds: durationOf(each, flag) }
  const perSeconds = WINDOW_SECONDS[each]
  if (perSeconds === undefined)
    throw usageError(
      `The window of ${flag} must be one of ${WINDOWS.join(', ')}, or a duration like 10s.${didYouMean(each, WINDOWS)}`,
    )
  return { ...count, perSeconds }
}

/** Reads metadata: one JSON object, or entries like `plan=gold`. */
export function metadataOf(texts: readonly string[], flag: string): Record<string, unknown> {
  const [first = ''] = texts
  if (first.startsWith('{')) {
    if (texts.length > 1) throw usageError(`${flag} can be given once if it is a JSON object.`)
    return jsonOf(first, flag)
  }
  const entries = texts.map((text) => {
    const at = text.indexOf('=')
    if (at < 1) throw usageError(`${flag} must be NAME=VALUE or a JSON object.`)
    return [text.slice(0, at), text.slice(at + 1)] as const
  })
  if (new Set(entries.map(([name]) => name)).size < entries.length)
    throw usageError(`${flag} has the same name twice. Give each name once.`)
  return Object.fromEntries(entries)
}

function jsonOf(text: string, flag: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>
  } catch {
    throw usageError(`${flag} is not valid JSON. Quote it for your shell, like '{"plan":"gold"}'.`)
  }
}

/** Reads one of several words. */
export function choiceOf(text: string, flag: string, choices: readonly string[]): string {
  if (!choices.includes(text))
    throw usageError(`${flag} must be one of ${choices.join(', ')}.${didYouMean(text, choices)}`)
  return text
}

/** Reads a whole number. */
export function numberOf(text: string, flag: string): number {
  if (!/^\d{1,16}$/.test(text)) throw usageError(`${flag} must be a whole number.`)
  return Number(text)
}
