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

/** Why no target can be resolved: the refusal for the caller, and the reason for the operator. */
export interface Unresolved {
  readonly refusal: Refusal
  readonly reason: RefusalReason | undefined
}

type Reading = string | Refusal | undefined

/** What the readers of a requirement returned: the value of a single reader, or a list. */
export type Readings = Reading | readonly Reading[]

/**
 * Calls each reader of a requirement once.
 *
 * @param before The readings of another request. If they equal the new ones, they are returned, so
 *   that a caller can compare by `===`.
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

// A reader of the application may return a list, a promise, or an object that converts to another
// name each time. Those are not names.
function readingFrom<R>(read: (request: R) => unknown, request: R): Reading {
  const answer = read(request)
  return answer === undefined || typeof answer === 'string' || isRefusal(answer)
    ? answer
    : REFUSALS.requestMalformed
}

/**
 * Detaches readings from the memory of their request: replaces names by the equal names of the
 * scope, and copies the others.
 */
export function keptReadings(readings: Readings, scope: Scope): Readings {
  if (Array.isArray(readings)) return readings.map((each) => keptReadings(each, scope) as Reading)
  if (typeof readings !== 'string') return readings
  for (const [, member] of AXES) {
    const permitted = scope[member]
    const listed = permitted === '*' ? undefined : permitted[permitted.indexOf(readings)]
    if (listed !== undefined) return listed
  }
  return detachString(readings)
}

/**
 * Resolves the target of a request. All sources that name an axis must agree, and a limited axis
 * must be named. Depends on nothing but its arguments.
 *
 * @param environments The environments that the deployment serves, or undefined if they are not
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
 * The valid names of a request whose target cannot be resolved, for the operator. Of two that
 * differ, the one that the route reads.
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
  permitted: ScopeValue,
  served: readonly string[] | undefined,
): string | undefined | Unresolved {
  const byRoute = checked(namedByRoute)
  const byProfile = checked(namedByProfile)
  if (isRefusal(byRoute)) return unread(byRoute)
  if (isRefusal(byProfile)) return unread(byProfile)
  // The route reads the name from a place where it is missing: no other source may replace it.
  if (byRoute === undefined && required.includes(axis))
    return { refusal: targetMissing(axis), reason: 'not_named' }

  const listed = caseInsensitive?.includes(axis)
    ? [...(served ?? []), ...(permitted === '*' ? [] : permitted), byRoute ?? '']
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
  // Only the tenant is taken from the credential: a test key must not pass a route that does not
  // check the environment.
  if (axis === 'tenant' && permitted !== '*' && permitted.length === 1) return permitted[0]
  // With an empty scope no name would be covered, so the refusal must not ask for one.
  return permitted === '*' || permitted.length === 0
    ? undefined
    : { refusal: targetMissing(axis), reason: 'not_named' }
}

function unread(refusal: Refusal): Unresolved {
  return { refusal, reason: refusalReason(refusal) }
}

function checked(name: Reading): Reading {
  if (name === undefined || isRefusal(name)) return name
  // `*` means everything in a scope, so a request cannot use it as a name.
  return nameProblem(name) === undefined && name !== '*' ? name : REFUSALS.requestMalformed
}

// The first listed name that equals the name without ASCII case.
function spelled(name: string | undefined, listed: readonly string[]): string | undefined {
  if (name === undefined) return undefined
  const lower = asciiLowerCase(name)
  return listed.find((each) => asciiLowerCase(each) === lower) ?? name
}

// Not toLowerCase: the Kelvin sign, for one, lower-cases to an ASCII k.
function asciiLowerCase(text: string): string {
  return text.replace(/[A-Z]/g, (letter) => String.fromCharCode(letter.charCodeAt(0) + 32))
}
