import { isTwinkeyError } from 'twinkey'
import { expect } from 'vitest'

/**
 * The code of the error with which a management call rejects. Anything else, or no rejection, fails
 * the test.
 */
export async function errorCodeOf(
  call: Promise<unknown> | (() => Promise<unknown>),
): Promise<string> {
  const error = await (typeof call === 'function' ? call() : call).then(
    () => expect.fail('it did not reject'),
    (reason: unknown) => reason,
  )
  if (!isTwinkeyError(error)) throw error
  return error.code
}
