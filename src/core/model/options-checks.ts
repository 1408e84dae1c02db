import { membersProblem, nameProblem } from './checks.ts'
import { copyList, copyMembers } from './copy.ts'
import type { Limiter } from './limiter.ts'

// Checks of options at construction. Each error says what to do instead.

/**
 * Wraps a clock: checks each reading and rounds it down to whole milliseconds. With NaN every
 * comparison would be false and nothing would expire.
 *
 * @param given The clock of the options. It is read once here and must not return 0.
 * @param system The default clock. It may start at 0: under fake timers, and on Workers outside a
 *   request.
 */
export function clockOf(given: (() => number) | undefined, system: () => number): () => number {
  const now = given ?? system
  const clock = () => {
    const time = now()
    if (typeof time !== 'number' || !(time >= 0) || time > Number.MAX_SAFE_INTEGER)
      throw new TypeError(NO_CLOCK)
    return Math.floor(time)
  }
  if (given !== undefined && clock() === 0) throw new TypeError(NO_CLOCK)
  return clock
}

const NO_CLOCK = 'now must return epoch milliseconds, like Date.now.'

/** Checks and copies the `environments` option, without duplicates. */
export function environmentsOf(given: unknown): readonly string[] {
  const environments = copyList(given)
  if (!Array.isArray(environments) || environments.length === 0) {
    throw new TypeError(
      'environments must be a list of the environments that this deployment serves, like ["production"]. Leave it out to serve any.',
    )
  }
  for (const environment of environments) {
    requireName(environment, 'environments: each')
    if (environment === '*')
      throw new RangeError('environments cannot contain "*". Leave it out to serve any.')
  }
  return Object.freeze([...new Set<string>(environments)])
}

// Absolute URIs (RFC 3986, section 4.3), which have no fragment.
const ABSOLUTE_URI = /^[a-z][a-z0-9+.-]*:(?:[a-z0-9\-._~!$&'()*+,;=:@/?[\]]|%[0-9a-f]{2})+$/i

/**
 * Checks and copies the `resources` option.
 *
 * @param audience The audience that the resources are further to.
 * @see RFC 8707, section 2
 */
export function resourcesOf(given: unknown, audience: string): readonly string[] {
  const resources = copyList(given)
  if (!Array.isArray(resources))
    throw new TypeError('resources must be a list of URIs, like ["https://api.example.com/mcp"].')
  for (const resource of resources) {
    requireName(resource, 'resources: each')
    if (!ABSOLUTE_URI.test(resource) || !URL.canParse(resource))
      throw new TypeError(
        'resources: each must be an absolute URI without a fragment, like https://api.example.com/mcp.',
      )
    if (resource === audience)
      throw new TypeError(
        'resources cannot contain tokens.audience, which tokens are for by default. Leave it out.',
      )
  }
  if (new Set(resources).size !== resources.length)
    throw new TypeError('resources has the same URI twice.')
  return Object.freeze(resources)
}

/** Checks a limiter. */
export function limiterOf(limiter: Limiter): Limiter {
  const of: unknown = limiter
  if (
    typeof of !== 'object' ||
    of === null ||
    typeof limiter.consume !== 'function' ||
    typeof limiter.read !== 'function'
  )
    throw new TypeError('limiter must be a limiter, like memoryLimiter() of twinkey/limits.')
  if (limiter.onLimiterError !== 'allow' && limiter.onLimiterError !== 'refuse')
    throw new TypeError("limiter.onLimiterError must be 'allow' or 'refuse'.")
  return limiter
}

/** Checks a name. Also rejects `$NAME`, an unsubstituted variable of a configuration file. */
export function requireName(value: unknown, what: string): void {
  const problem = nameProblem(value)
  if (problem !== undefined) throw new TypeError(`${what} ${problem}.`)
  if ((value as string).startsWith('$'))
    throw new TypeError(
      `${what} looks like a variable that was not filled in. Give the value itself.`,
    )
}

export function requireNumber(
  given: unknown,
  fallback: number | undefined,
  min: number,
  max: number,
  what: string,
  isKind: typeof Number.isInteger | typeof Number.isFinite,
): number {
  const value = given === undefined ? fallback : given
  if (typeof value !== 'number' || !isKind(value))
    throw new TypeError(`${what} must be a ${isKind === Number.isInteger ? 'whole ' : ''}number.`)
  if (value < min || value > max) throw new RangeError(`${what} must be from ${min} to ${max}.`)
  return value
}

/** Copies an object that may have only these members. Check and use the copy, not the original. */
export function requireMembers<T>(value: T, known: readonly string[], what: string): T {
  const copy = copyMembers(value, known)
  const problem = membersProblem(copy, known)
  if (problem !== undefined) throw new TypeError(`${what} ${problem}.`)
  return copy as T
}
