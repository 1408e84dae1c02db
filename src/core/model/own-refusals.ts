import { type Refusal, refusal } from './refusal.ts'

// Caches treat larger values the same (RFC 9111, section 1.2.2), and JavaScript prints very large
// numbers with an exponent.
const LONGEST_WAIT_SECONDS = 2_147_483_647
const DENIED_CODE = /^[a-z][a-z0-9_]{0,63}$/
// It becomes a quoted string of a challenge (RFC 6750, section 3).
const DENIED_DETAIL = /^[\x20\x21\x23-\x5b\x5d-\x7e]{1,200}$/

/**
 * Makes a `rate_limited` refusal for a reader or a guard of your own. Counts nothing itself.
 *
 * @param retryAfterSeconds The wait in seconds, 0 or more. `Retry-After` is this number rounded up
 *   to whole seconds, at least 1 and at most 2,147,483,647.
 * @returns The refusal `rate_limited`.
 * @throws TypeError if `retryAfterSeconds` is not a number; RangeError if it is NaN, infinite or
 *   negative.
 * @see RFC 9110, section 10.2.3
 */
export function rateLimited(retryAfterSeconds: number): Refusal {
  const problem = 'rateLimited: retryAfterSeconds must be a number of seconds, 0 or more.'
  if (typeof retryAfterSeconds !== 'number') throw new TypeError(problem)
  if (!(retryAfterSeconds >= 0 && retryAfterSeconds < Number.POSITIVE_INFINITY))
    throw new RangeError(problem)
  return refusal('rate_limited', 'Too many requests. Try again later.', {
    retryAfterSeconds: wholeSeconds(retryAfterSeconds),
  })
}

/** The key has used up a limit. */
export function quotaExceeded(retryAfterSeconds: number): Refusal {
  return refusal('quota_exceeded', 'The key has used up its limit of requests. Try again later.', {
    retryAfterSeconds: wholeSeconds(retryAfterSeconds),
  })
}

function wholeSeconds(seconds: number): number {
  return Math.min(Math.max(Math.ceil(seconds), 1), LONGEST_WAIT_SECONDS)
}

/**
 * Makes a `denied` refusal for `authorize` of a route: the credential is valid and reaches the
 * target, but the application does not allow the request. The answer is 403, or 404 with the
 * Flowgear profile.
 *
 * @param code Why, for programs: a lower-case letter, then up to 63 lower-case letters, digits and
 *   `_`. The answer contains it.
 * @param detail What the caller can do, for people: 1 to 200 printable ASCII characters without
 *   quotes and backslashes. The answer contains it, so do not put input of the caller into it.
 * @returns The refusal `denied`.
 * @throws TypeError if the code or the detail is not valid.
 * @see RFC 9110, section 15.5.4
 * @example
 * ```ts
 * import { createTwinkey, denied } from 'twinkey'
 * import { requireAuth } from 'twinkey/express'
 *
 * const guard = requireAuth(createTwinkey(), {
 *   workflow: 'reports.export',
 *   authorize: (principal) =>
 *     principal.metadata['plan'] === 'pro'
 *       ? undefined
 *       : denied('plan_required', 'Exports need the plan Pro.'),
 * })
 * console.log(guard.name)
 * ```
 */
export function denied(code: string, detail: string): Refusal {
  if (typeof code !== 'string' || !DENIED_CODE.test(code))
    throw new TypeError('denied: code must be 1 to 64 lower-case letters, digits and `_`.')
  if (typeof detail !== 'string' || !DENIED_DETAIL.test(detail))
    throw new TypeError(
      'denied: detail must be 1 to 200 printable ASCII characters without quotes and backslashes.',
    )
  return refusal('denied', detail, { deniedCode: code })
}
