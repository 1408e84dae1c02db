import { membersProblem, nameProblem } from './checks.ts'
import { copyList, copyMembers } from './copy.ts'

// How options are checked: each check throws what to do instead, when the process starts.

/**
 * A clock that is checked at each reading, and answers whole milliseconds. With NaN every
 * comparison is false, and nothing would ever expire.
 *
 * @param given The clock of the options, which is read once to check it.
 * @param system The default. Fake clocks and Workers without a request start it at 0.
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

const NO_CLOCK = 'now must answer epoch milliseconds, like Date.now.'

/** The environments that a deployment serves. */
export function environmentsOf(given: unknown): readonly string[] {
  const environments = copyList(given)
  if (!Array.isArray(environments) || environments.length === 0) {
    throw new TypeError(
      'environments must be a list of what this deployment serves, like ["production"]. Leave it out to serve any.',
    )
  }
  for (const environment of environments) {
    requireName(environment, 'environments: each')
    if (environment === '*')
      throw new RangeError('environments cannot hold "*". Leave it out to serve any.')
  }
  return Object.freeze([...new Set<string>(environments)])
}

// `$NAME` is what a configuration holds where a variable was not filled in. Taken literally it
// would be the same for everyone.
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

/** Copies an object that may have these members only. Check and use the copy, not the object. */
export function requireMembers<T>(value: T, known: readonly string[], what: string): T {
  const copy = copyMembers(value, known)
  const problem = membersProblem(copy, known)
  if (problem !== undefined) throw new TypeError(`${what} ${problem}.`)
  return copy as T
}
