import { detachString } from '../cache/detach-string.ts'
import { nameProblem } from '../model/checks.ts'
import {
  isRefusal,
  REFUSALS,
  type Refusal,
  type RefusalReason,
  refusalReason,
  targetConflict,
  targetMissing,
} from '../model/refusal.ts'
import {
  AXES,
  type Axis,
  covers,
  type Scope,
  type ScopeValue,
  type Target,
} from '../model/scope.ts'
import type { RouteRequirement } from './route-requirement.ts'

/** Why a target cannot be told, for the caller and for the operator. */
export interface Unresolved {
  readonly refusal: Refusal
  readonly reason: RefusalReason | undefined
}

type Reading = string | Refusal | undefined

/**
 * What the readers of a requirement have read: of one reader what it has read, of more of them a
 * list.
 */
export type Readings = Reading | readonly Reading[]

/**
 * Reads what a requirement reads, once and before anything is concluded from it.
 *
 * @param before What was read for another request. Where the same is read now, the answer equals it
 *   by `===`.
 */
export function readTarget<R>(
  request: R,
  { readers }: RouteRequirement<R>,
  before: Readings,
): Readings {
  const first = readers[0] && readingFrom(readers[0], request)
  if (readers.length < 2) return first
  const readings = readers.map((read, i) => (i === 0 ? first : readingFrom(read, request)))
  return Array.isArray(before) && readings.every((each, i) => each === before[i])
    ? before
    : readings
}

// A reader of the application may answer a list, a promise, or an object that becomes another name
// at each read. Those are no names.
function readingFrom<R>(read: (request: R) => unknown, request: R): Reading {
  const answer = read(request)
  return answer === undefined || typeof answer === 'string' || isRefusal(answer)
    ? answer
    : REFUSALS.requestMalformed
}

/**
 * The same readings, kept apart from the request: names that the scope lists are those of the list,
 * others are copies.
 */
export function keptReadings(readings: Readings, scope: Scope): Readings {
  if (Array.isArray(readings)) return readings.map((each) => keptReadings(each, scope) as Reading)
  if (typeof readings !== 'string') return readings
  for (const [, member] of AXES) {
    const reach = scope[member]
    const listed = reach === '*' ? undefined : reach[reach.indexOf(readings)]
    if (listed !== undefined) return listed
  }
  return detachString(readings)
}

/**
 * What a request is aimed at: everything that names an axis must agree, and a limited axis must be
 * named. It depends on nothing but its arguments.
 *
 * @param environments The environments that the deployment serves, or undefined where that is not
 *   configured.
 */
export function resolveTarget(
  readings: Readings,
  requirement: RouteRequirement<never>,
  scope: Scope,
  environments: readonly string[] | undefined,
): Target | Unresolved {
  const target: { [axis in Axis]: string | undefined } = {
    tenant: undefined,
    environment: undefined,
    workflow: undefined,
  }
  for (const [i, [axis, member]] of AXES.entries()) {
    const [byRoute, byProfile] = [
      readingOf(readings, requirement.names[2 * i]),
      readingOf(readings, requirement.names[2 * i + 1]),
    ]
    const resolved = resolveAxis(
      axis,
      byRoute,
      byProfile,
      requirement,
      scope[member],
      axis === 'environment' ? environments : undefined,
    )
    if (typeof resolved === 'object') return resolved
    target[axis] = resolved
  }
  return target
}

/**
 * What a request names, where that is a name; of two that differ, the one that the route reads. For
 * the operator, where no target can be told.
 */
export function namedTarget(readings: Readings, { names }: RouteRequirement<never>): Target {
  const named = (place: number): string | undefined => {
    const name = checked(readingOf(readings, names[place]))
    return isRefusal(name) ? undefined : name
  }
  return {
    tenant: named(0) ?? named(1),
    environment: named(2) ?? named(3),
    workflow: named(4) ?? named(5),
  }
}

/** The first axis on which a scope does not cover a target, or undefined. */
export function firstUncovered(scope: Scope, target: Target): Axis | undefined {
  for (const [axis, member] of AXES) {
    const name = target[axis]
    if (name === undefined ? scope[member] !== '*' : !covers(scope[member], name)) return axis
  }
  return undefined
}

function readingOf(readings: Readings, name: string | number | undefined): Reading {
  if (typeof name !== 'number') return name
  return Array.isArray(readings) ? readings[name] : (readings as Reading)
}

function resolveAxis(
  axis: Axis,
  namedByRoute: Reading,
  namedByProfile: Reading,
  { reader: { caseInsensitive }, required }: RouteRequirement<never>,
  reach: ScopeValue,
  served: readonly string[] | undefined,
): string | undefined | Unresolved {
  const byRoute = checked(namedByRoute)
  const byProfile = checked(namedByProfile)
  if (isRefusal(byRoute)) return unread(byRoute)
  if (isRefusal(byProfile)) return unread(byProfile)
  // The route says where the name stands, and it is not there: nothing else may take its place.
  if (byRoute === undefined && required.includes(axis))
    return { refusal: targetMissing(axis), reason: 'not_named' }

  const listed = caseInsensitive?.includes(axis)
    ? [...(served ?? []), ...(reach === '*' ? [] : reach), byRoute ?? '']
    : undefined
  const first = listed ? spelled(byRoute, listed) : byRoute
  const second = listed ? spelled(byProfile, listed) : byProfile
  if (first !== undefined && second !== undefined && first !== second)
    return { refusal: targetConflict(axis), reason: 'sources_disagree' }

  const name = first ?? second
  if (name !== undefined)
    return served === undefined || served.includes(name)
      ? name
      : { refusal: targetConflict(axis), reason: 'not_served' }
  if (served?.length === 1) return served[0]
  // Only the tenant is taken from the credential: a test key must not pass where nobody asked which
  // environment this is.
  if (axis === 'tenant' && reach !== '*' && reach.length === 1) return reach[0]
  // Where nothing is reached at all, naming something would not help: that is not covered, whatever
  // it is.
  return reach === '*' || reach.length === 0
    ? undefined
    : { refusal: targetMissing(axis), reason: 'not_named' }
}

function unread(refusal: Refusal): Unresolved {
  return { refusal, reason: refusalReason(refusal) }
}

function checked(name: Reading): Reading {
  if (name === undefined || isRefusal(name)) return name
  // A star stands for everything in a scope, and is no name that a request could be for.
  return nameProblem(name) === undefined && name !== '*' ? name : REFUSALS.requestMalformed
}

// The spelling of the first listed name that is the same but for ASCII case.
function spelled(name: string | undefined, listed: readonly string[]): string | undefined {
  if (name === undefined) return undefined
  const lower = asciiLowerCase(name)
  return listed.find((each) => asciiLowerCase(each) === lower) ?? name
}

// Not toLowerCase: the Kelvin sign, for one, lower-cases to an ASCII k.
function asciiLowerCase(text: string): string {
  return text.replace(/[A-Z]/g, (letter) => String.fromCharCode(letter.charCodeAt(0) + 32))
}
