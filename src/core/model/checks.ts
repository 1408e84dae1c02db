// Limits and formats of caller input. Each function returns the problem as the end of a sentence,
// or undefined. The caller throws a TypeError at construction or `invalid_input` at run time.

// Of a key, an owner, a tenant, an environment or a workflow, in UTF-16 code units.
const MAX_NAME_LENGTH = 128
/** The longest secret, issued or imported, in characters. */
export const MAX_SECRET_LENGTH = 256
/** The longest token, in characters. */
export const MAX_TOKEN_LENGTH = 8192

const MAX_HINT_LENGTH = 4
const MAX_MEMBER_SHOWN = 20
const MAX_METADATA_LENGTH = 4096
/** The maximum number of levels of metadata. */
export const MAX_METADATA_DEPTH = 5
// The largest time that a Date can hold (ECMA-262, section 21.4.1.1).
const MAX_TIME = 8.64e15

// Control characters and lone surrogates. Different lone surrogates have the same UTF-8 bytes, and
// therefore the same digest.
const UNSAFE_TEXT = /[\p{Cc}\p{Cs}]/u

/** Why `value` is not a valid name, or undefined. */
export function nameProblem(value: unknown): string | undefined {
  if (
    typeof value === 'string' &&
    value.length > 0 &&
    value.length <= MAX_NAME_LENGTH &&
    !UNSAFE_TEXT.test(value)
  )
    return undefined
  return `must be a string of 1 to ${MAX_NAME_LENGTH} characters, well-formed Unicode without control characters`
}

/** Why `value` is not a valid hint of a secret, or undefined. */
export function hintProblem(value: unknown): string | undefined {
  if (typeof value === 'string' && value.length <= MAX_HINT_LENGTH && !UNSAFE_TEXT.test(value))
    return undefined
  return 'must be a string of at most four characters, well-formed Unicode without control characters'
}

/** Why `value` is not a valid time in epoch milliseconds, or undefined. */
export function timeProblem(value: unknown): string | undefined {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value > 0 && value <= MAX_TIME)
    return undefined
  return 'must be a valid Date or a positive whole number of epoch milliseconds, or null for never'
}

/**
 * Returns a `Date` as epoch milliseconds, and any other value unchanged. Accepts a `Date` of another
 * realm, and reads it once.
 *
 * @returns `NaN` if the `Date` cannot be read, which {@link timeProblem} rejects.
 */
export function timeOf<T>(value: T): number | Exclude<T, Date> {
  try {
    // Not by instanceof, which is false for a Date of another realm.
    return Object.prototype.toString.call(value) === '[object Date]'
      ? (value as Date).getTime()
      : (value as Exclude<T, Date>)
  } catch {
    return Number.NaN
  }
}

/** Why `value` is not a whole number of seconds within the limits, or undefined. */
export function secondsProblem(value: unknown, min: number, max: number): string | undefined {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= min && value <= max)
    return undefined
  return `must be a whole number of seconds from ${min} to ${max}`
}

/** Why `value` is not a plain JSON object of at most 4 KiB and five levels, or undefined. */
export function metadataProblem(value: unknown): string | undefined {
  if (!isPlainObject(value) || !isJson(value, MAX_METADATA_DEPTH)) {
    return `must be a plain object of JSON values, at most ${MAX_METADATA_DEPTH} levels deep, well-formed Unicode without control characters`
  }
  // Depth and types are checked, so this neither throws nor overflows the stack.
  if (new TextEncoder().encode(JSON.stringify(value)).length > MAX_METADATA_LENGTH)
    return 'must be at most 4 KiB as JSON'
  return undefined
}

/** Whether `value` is an object literal or from JSON.parse: not a class instance, not an array. */
export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  // Not by identity with Object.prototype: in a VM context, structuredClone and JSON.parse may
  // return objects of another realm.
  return prototype === null || Object.getPrototypeOf(prototype) === null
}

/**
 * Why `value` is not an object with only these members, or undefined. A misspelt member must not
 * silently skip a check.
 */
export function membersProblem(value: unknown, known: readonly string[]): string | undefined {
  if (!isPlainObject(value)) return `must be an object, with any of ${known.join(', ')}`
  const extra = Object.keys(value).find((name) => !known.includes(name))
  if (extra === undefined) return undefined
  // A name longer than any known member may be a secret in the wrong place.
  const shown = extra.length > MAX_MEMBER_SHOWN ? `${extra.slice(0, 8)}…` : extra
  return `cannot have ${JSON.stringify(shown)}, only ${known.join(', ')}`
}

function isJson(value: unknown, depth: number): boolean {
  if (value === null || typeof value === 'boolean') return true
  if (typeof value === 'number') return Number.isFinite(value)
  if (typeof value === 'string') return !UNSAFE_TEXT.test(value)
  if (depth === 0) return false
  if (Array.isArray(value)) return value.every((item) => isJson(item, depth - 1))
  if (!isPlainObject(value)) return false
  // Copying this member by assignment would change the prototype of the copy.
  return Object.entries(value).every(
    ([name, item]) => name !== '__proto__' && !UNSAFE_TEXT.test(name) && isJson(item, depth - 1),
  )
}
