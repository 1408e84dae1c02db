import type { KeyLimit } from './api-key.ts'
import { isPlainObject, membersProblem } from './checks.ts'
import { copyList, copyMembers } from './copy.ts'

const MEMBERS = ['name', 'requests', 'perSeconds', 'per']
const MAX_LIMITS = 8
/** The largest number of requests of a limit. */
export const MAX_REQUESTS = 1_000_000_000
const MAX_WINDOW_SECONDS = 31_536_000
// It becomes a string of a structured field (RFC 9651, section 3.3.3).
const NAME = /^[A-Za-z0-9_.-]{1,64}$/
const DAY_MILLISECONDS = 86_400_000
// The average length.
const MONTH_MILLISECONDS = 30.436875 * DAY_MILLISECONDS

/** Copies a list of limits of the caller. Any other value stays as it is. */
export function copyLimits(value: unknown): unknown {
  const list = copyList(value, MAX_LIMITS + 1)
  return Array.isArray(list) ? list.map((each) => copyMembers(each, MEMBERS)) : list
}

/** Why a list of limits is not valid, or undefined. An empty list is valid: it means no limit. */
export function limitsProblem(limits: unknown): string | undefined {
  if (!Array.isArray(limits) || limits.length > MAX_LIMITS)
    return `must be a list of at most ${MAX_LIMITS} limits, like [{ requests: 1000, perSeconds: 60 }]`
  for (const limit of limits) {
    const problem = limitProblem(limit)
    if (problem !== undefined) return problem
  }
  for (const of of [windowName, limitName])
    if (new Set(limits.map(of)).size !== limits.length)
      return 'must not have two limits with the same window or the same name'
  return undefined
}

function limitProblem(limit: unknown): string | undefined {
  if (!isPlainObject(limit)) return 'must have objects like { requests: 1000, perSeconds: 60 }'
  const unknown = membersProblem(limit, MEMBERS)
  if (unknown !== undefined) return unknown
  const { name, requests, perSeconds, per } = limit
  if (!isCount(requests, MAX_REQUESTS))
    return `must have requests, a whole number from 1 to ${MAX_REQUESTS}`
  if ((perSeconds === undefined) === (per === undefined))
    return "must have either perSeconds, or per: 'day' or 'month'"
  if (perSeconds !== undefined && !isCount(perSeconds, MAX_WINDOW_SECONDS))
    return `must have perSeconds as a whole number from 1 to ${MAX_WINDOW_SECONDS}`
  if (per !== undefined && per !== 'day' && per !== 'month')
    return "must have per as 'day' or 'month'"
  return name === undefined || (typeof name === 'string' && NAME.test(name))
    ? undefined
    : 'must have a name of 1 to 64 letters, digits, `-`, `_` and `.`, or none'
}

function isCount(value: unknown, max: number): boolean {
  return typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= max
}

/** The window of a limit as text: `60s`, `day` or `month`. */
export function windowName({ perSeconds, per }: KeyLimit): string {
  return per ?? `${perSeconds}s`
}

/** The name of a limit in headers: its own, otherwise that of its window. */
export function limitName(limit: KeyLimit): string {
  return limit.name ?? windowName(limit)
}

/** A deeply frozen copy of valid limits. */
export function freezeLimits(limits: readonly KeyLimit[]): readonly KeyLimit[] {
  return Object.freeze(
    limits.map(({ name, requests, perSeconds, per }) =>
      Object.freeze({
        ...(name === undefined ? {} : { name }),
        requests,
        ...(per === undefined ? { perSeconds } : { per }),
      }),
    ),
  )
}

/**
 * The window of a limit that begins at a time, in epoch milliseconds. A calendar day or month (UTC)
 * includes the time. Any other window begins with it.
 */
export function windowAt(
  { perSeconds, per }: KeyLimit,
  at: number,
): { readonly startsAt: number; readonly endsAt: number } {
  if (per === undefined) return { startsAt: at, endsAt: at + Number(perSeconds) * 1000 }
  if (per === 'day') {
    const startsAt = Math.floor(at / DAY_MILLISECONDS) * DAY_MILLISECONDS
    return { startsAt, endsAt: startsAt + DAY_MILLISECONDS }
  }
  // Months since January 1970.
  let month = Math.floor(at / MONTH_MILLISECONDS)
  while (Date.UTC(1970, month + 1) <= at) month++
  while (Date.UTC(1970, month) > at) month--
  return { startsAt: Date.UTC(1970, month), endsAt: Date.UTC(1970, month + 1) }
}
