/** Every code of a {@link TwinkeyError}. */
export type ErrorCode =
  | 'invalid_input'
  | 'key_not_found'
  | 'key_revoked'
  | 'version_conflict'
  | 'secondary_live'
  | 'secret_taken'
  | 'name_taken'
  | 'key_limit_reached'
  | 'idempotency_conflict'
  | 'not_grantable'
  | 'not_permitted'
  | 'store_unavailable'
  | 'store_malformed'
  | 'outcome_unknown'
  | 'owner_unavailable'
  | 'signing_key_missing'
  | 'signing_key_invalid'
  | 'jwks_unavailable'
  | 'throttle_unavailable'
  | 'limiter_unavailable'

const BRAND = Symbol.for('twinkey.error')

/**
 * The error of a management call that failed: invalid input, missing key, conflicting change,
 * unavailable store.
 *
 * The message says what to do. No member contains a secret, a token or a digest. Recognise it by
 * {@link isTwinkeyError} and `code`, not by `instanceof`, because two copies of the package may be
 * installed.
 */
export class TwinkeyError extends Error {
  override readonly name = 'TwinkeyError'
  readonly code: ErrorCode

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.code = code
    Object.defineProperty(this, BRAND, { value: true })
  }
}

/**
 * Whether a caught value is a {@link TwinkeyError}, from any copy of the package.
 *
 * @param value Any thrown value.
 * @returns True for a {@link TwinkeyError}, and narrows the type.
 * @example
 * ```ts
 * import { isTwinkeyError, type Twinkey } from 'twinkey'
 *
 * async function rename(twinkey: Twinkey, id: string, name: string): Promise<number> {
 *   try {
 *     await twinkey.keys.update(id, { name })
 *     return 200
 *   } catch (error) {
 *     if (isTwinkeyError(error) && error.code === 'key_not_found') return 404
 *     throw error
 *   }
 * }
 * ```
 */
export function isTwinkeyError(value: unknown): value is TwinkeyError {
  return typeof value === 'object' && value !== null && BRAND in value
}

/**
 * The message of a caught value, to append to another message. Falls back to `code`: an
 * AggregateError of several connection attempts has no message.
 */
export function messageOf(thrown: unknown): string {
  try {
    const { message, code } = thrown as { message?: unknown; code?: unknown }
    return String(message || code || thrown)
  } catch {
    return 'the thrown value cannot be read'
  }
}

/**
 * Calls `read`. If it throws, throws `invalid_input` without the original error, which may contain
 * a secret.
 */
export function readInput<T>(read: () => T, what: string): T {
  try {
    return read()
  } catch {
    throw new TwinkeyError('invalid_input', `${what} cannot be read: one of its members throws.`)
  }
}

/** Throws `invalid_input` if there is a problem. */
export function requireInput(problem: string | undefined, what: string): void {
  if (problem !== undefined) throw new TwinkeyError('invalid_input', `${what} ${problem}.`)
}
