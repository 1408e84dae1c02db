import type { Axis } from './scope.ts'

/** Every code that a refusal can have. The list is closed: a profile has an answer for each. */
export type RefusalCode =
  | 'credential_missing'
  | 'credential_malformed'
  | 'credential_invalid'
  | 'credential_ambiguous'
  | 'target_missing'
  | 'target_conflict'
  | 'request_malformed'
  | 'request_timeout'
  | 'method_not_allowed'
  | 'tenant_denied'
  | 'environment_denied'
  | 'workflow_denied'
  | 'scope_too_large'
  | 'rate_limited'
  | 'unavailable'

/**
 * The answer to a request that is not let in: a frozen value, never an exception. It tells the
 * caller nothing that is not theirs to know.
 */
export interface Refusal {
  readonly code: RefusalCode
  /**
   * One sentence for the caller. It never repeats anything that the caller sent, and never says why
   * a credential is invalid.
   */
  readonly detail: string
  /** The axis that is not covered or not resolved, where it is about one. */
  readonly axis?: Axis
  /** Seconds after which trying again makes sense: with `rate_limited` and `unavailable`. */
  readonly retryAfterSeconds?: number
  /** The methods that are allowed, as the Allow header names them: with `method_not_allowed`. */
  readonly allow?: string
}

/**
 * Why a request was refused, for the operator: it is in the event, never in the answer.
 * The first group all look the same to the caller.
 */
export type RefusalReason =
  | 'kind_not_accepted'
  | 'secret_malformed'
  | 'checksum_wrong'
  | 'prefix_unknown'
  | 'key_unknown'
  | 'secret_wrong'
  | 'key_disabled'
  | 'key_revoked'
  | 'key_expired'
  | 'secret_expired'
  | 'secret_replaced'
  | 'token_malformed'
  | 'token_issuer_unknown'
  | 'token_audience_unknown'
  | 'token_key_unknown'
  | 'token_signature_wrong'
  | 'token_claims_wrong'
  | 'token_expired'
  | 'store_unavailable'
  | 'owner_unavailable'
  | 'pepper_missing'
  | 'signing_key_invalid'
  | 'jwks_unavailable'
  | 'not_covered'
  | 'not_named'
  | 'sources_disagree'
  | 'not_served'
  | 'not_readable'
  | 'parameter_unseen'
  | 'wider_than_key'
  | 'scope_too_large'

const RETRY_AFTER_SECONDS = 2
// More than that is the same to a cache (RFC 9111, section 1.2.2), and larger numbers are written
// with an exponent.
const LONGEST_WAIT_SECONDS = 2_147_483_647
// No JSON has a symbol in it. Registered, so that each copy of the package knows the refusals of
// the others.
const BRAND = Symbol.for('twinkey.refusal')

/** The refusals, one frozen value each. */
export const REFUSALS = Object.freeze({
  credentialMissing: refusal('credential_missing', 'Send an API key or a token with this request.'),
  credentialMalformed: refusal('credential_malformed', 'The credential could not be read.'),
  credentialInvalid: refusal('credential_invalid', 'The credential is not valid.'),
  credentialAmbiguous: refusal(
    'credential_ambiguous',
    'Send exactly one credential with a request.',
  ),
  requestMalformed: refusal('request_malformed', 'The request could not be read.'),
  // The same in code and detail. A profile may say of each what to send instead.
  bodyMalformed: refusal(
    'request_malformed',
    'The request could not be read.',
    {},
    { part: 'body' },
  ),
  scopeMalformed: refusal(
    'request_malformed',
    'The request could not be read.',
    {},
    { part: 'scope' },
  ),
  lifetimeMalformed: refusal(
    'request_malformed',
    'The request could not be read.',
    {},
    { part: 'lifetime' },
  ),
  bodyLate: refusal('request_timeout', 'The request did not arrive in time.'),
  targetRepeated: refusal('target_conflict', 'The request names its target more than once.'),
  scopeTooLarge: refusal(
    'scope_too_large',
    'The scope does not fit into a token. Ask for a narrower one.',
  ),
  unavailable: refusal('unavailable', 'This cannot be decided at the moment. Try again.', {
    retryAfterSeconds: RETRY_AFTER_SECONDS,
  }),
})

const MISSING = perAxis((axis) =>
  refusal('target_missing', `This request does not say which ${axis} it is for.`, { axis }),
)
const CONFLICT = perAxis((axis) =>
  refusal(
    'target_conflict',
    `The request names more than one ${axis}, or one that is not served here.`,
    { axis },
  ),
)
const DENIED = perAxis((axis) =>
  refusal(`${axis}_denied`, `The credential does not reach this ${axis}.`, { axis }),
)

/**
 * The credential does not say, and the request must: which tenant, environment or workflow it is
 * for.
 */
export function targetMissing(axis: Axis): Refusal {
  return MISSING[axis]
}

/** Two places name different things on one axis, or the deployment does not serve what is named. */
export function targetConflict(axis: Axis): Refusal {
  return CONFLICT[axis]
}

/**
 * What a guard that stands in the wrong place looked for, and where it stands. For the operator
 * only.
 */
export interface Unseen {
  readonly parameter: string | undefined
  readonly template: string | undefined
  /** What to do, where the framework does not tell the template of the route. */
  readonly advice?: string | undefined
}

/** What a refusal carries beside what a caller may learn. */
interface Hidden {
  readonly unseen?: Unseen
  /** The part of a token request that cannot be read. */
  readonly part?: 'body' | 'scope' | 'lifetime'
}

/**
 * A guard cannot see what it is to read of the route: the same to the caller as any other, but no
 * fault of the caller's.
 */
export function parameterUnseen(unseen: Unseen): Refusal {
  return refusal('request_malformed', REFUSALS.requestMalformed.detail, {}, { unseen })
}

/** What a guard could not see, where it is that for which this refuses. */
export function unseenOf(refusal: Refusal): Unseen | undefined {
  return hiddenIn(refusal).unseen
}

/**
 * Which part of a token request this refuses. By what it holds, not by which value it is: another
 * copy of the package has values of its own.
 */
export function refusedPart(refusal: Refusal): Hidden['part'] {
  return hiddenIn(refusal).part
}

function hiddenIn(refusal: Refusal): Hidden {
  return (refusal as unknown as { [BRAND](): Hidden })[BRAND]()
}

/** Why a reader or a profile has refused, where that can be told by what it answers. */
export function refusalReason(refusal: Refusal): RefusalReason | undefined {
  if (unseenOf(refusal) !== undefined) return 'parameter_unseen'
  if (refusal.code === 'unavailable') return 'owner_unavailable'
  const unreadable: readonly RefusalCode[] = [
    'request_malformed',
    'request_timeout',
    'target_conflict',
  ]
  return unreadable.includes(refusal.code) ? 'not_readable' : undefined
}

/** The effective scope does not cover the target on this axis. */
export function denied(axis: Axis): Refusal {
  return DENIED[axis]
}

/**
 * A refusal for a caller that has to wait, for a reader or a guard of your own that counts.
 *
 * @param retryAfterSeconds How long, in seconds: 0 or more. Rounded up to whole seconds, at least 1
 *   and at most 2,147,483,647, it becomes the Retry-After of the answer.
 * @returns The refusal `rate_limited`.
 * @throws TypeError where that is no number, RangeError where it is NaN, infinite or negative.
 * @see RFC 9110, section 10.2.3
 */
export function rateLimited(retryAfterSeconds: number): Refusal {
  const problem = 'rateLimited: retryAfterSeconds must be a number of seconds, 0 or more.'
  if (typeof retryAfterSeconds !== 'number') throw new TypeError(problem)
  if (!(retryAfterSeconds >= 0 && retryAfterSeconds < Number.POSITIVE_INFINITY))
    throw new RangeError(problem)
  const seconds = Math.min(Math.max(Math.ceil(retryAfterSeconds), 1), LONGEST_WAIT_SECONDS)
  return refusal('rate_limited', 'Too many requests. Try again later.', {
    retryAfterSeconds: seconds,
  })
}

/** A token endpoint was called by another method than its own. */
export function methodNotAllowed(allow: string): Refusal {
  return refusal('method_not_allowed', 'This endpoint does not have that method.', { allow })
}

/**
 * Whether a value is a refusal that was made here. An object that only looks like one, as a
 * caller's JSON may, is none.
 */
export function isRefusal(value: unknown): value is Refusal {
  return typeof value === 'object' && value !== null && BRAND in value
}

function refusal(
  code: RefusalCode,
  detail: string,
  more?: Pick<Refusal, 'axis' | 'retryAfterSeconds' | 'allow'>,
  hidden: Hidden = {},
): Refusal {
  // Behind a call, so that nothing that prints a refusal shows it: Express has in its template what
  // a router was called with.
  return Object.freeze(
    Object.defineProperty({ code, detail, ...more }, BRAND, { value: () => hidden }),
  )
}

function perAxis(make: (axis: Axis) => Refusal): Readonly<Record<Axis, Refusal>> {
  return { tenant: make('tenant'), environment: make('environment'), workflow: make('workflow') }
}
