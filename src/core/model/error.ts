/** Every code that an error can have. */
export type ErrorCode =
  | 'invalid_input'
  | 'key_not_found'
  | 'key_revoked'
  | 'version_conflict'
  | 'secondary_live'
  | 'secret_taken'
  | 'store_unavailable'
  | 'store_malformed'
  | 'outcome_unknown'
  | 'owner_unavailable'
  | 'signing_key_missing'
  | 'signing_key_invalid'
  | 'jwks_unavailable'
  | 'throttle_unavailable'

const BRAND = Symbol.for('twinkey.error')

/**
 * Something that a management call could not do: the input is wrong, the key is not there, another
 * change came first, the store is down.
 *
 * The message says what to do. Neither it nor any other member holds a secret, a token or a digest.
 * Tell one by {@link isTwinkeyError} and its `code`, not by `instanceof`: two copies of the package
 * may be installed.
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
 * Whether a caught value is a {@link TwinkeyError}, from whichever copy of the package.
 *
 * @param value Anything that was thrown.
 * @returns Whether it is one, with its type.
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
 * What a caught value says went wrong, for the end of a message. Errors of several addresses at
 * once have a code and no message.
 */
export function messageOf(thrown: unknown): string {
  try {
    const { message, code } = thrown as { message?: unknown; code?: unknown }
    return String(message || code || thrown)
  } catch {
    return 'it threw nothing that can be read'
  }
}

/**
 * Reads an input. If that throws, the error is `invalid_input`; it does not repeat the error, which
 * may hold a secret.
 */
export function readInput<T>(read: () => T, what: string): T {
  try {
    return read()
  } catch {
    throw new TwinkeyError('invalid_input', `${what} cannot be read: one of its members throws.`)
  }
}

/** An error for input that is wrong, unless there is no problem. */
export function requireInput(problem: string | undefined, what: string): void {
  if (problem !== undefined) throw new TwinkeyError('invalid_input', `${what} ${problem}.`)
}
