import type { Axis } from './scope.ts'

/** Every code of a {@link Refusal}. The list is closed: a profile handles every code. */
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
  | 'network_denied'
  | 'denied'
  | 'scope_too_large'
  | 'rate_limited'
  | 'quota_exceeded'
  | 'unavailable'

/**
 * The answer to a request that is not allowed: a frozen value, never an exception. Contains only
 * what the caller may know.
 */
export interface Refusal {
  readonly code: RefusalCode
  /**
   * A message for the caller. Never repeats caller input, and never says why a credential is
   * invalid.
   */
  readonly detail: string
  /** The axis that is not covered or not resolved, if the refusal is about one. */
  readonly axis?: Axis
  /** With `rate_limited`, `quota_exceeded` and `unavailable`: seconds to wait before a retry. */
  readonly retryAfterSeconds?: number
  /** With `denied`: the code of the application. */
  readonly deniedCode?: string
  /** With `method_not_allowed`: the value of the `Allow` header. */
  readonly allow?: string
}

/** Why a request was refused. Operators see it in the event; the response never contains it. */
export type RefusalReason =
  | 'kind_not_accepted'
  | 'tokens_not_permitted'
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
  | 'token_revoked'
  | 'client_id_wrong'
  | 'grant_unsupported'
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
  | 'address_outside'
  | 'address_unknown'
  | 'limits_not_enforced'
  | 'limiter_missing'
  | 'limiter_unavailable'
  | 'wider_than_key'
  | 'resource_unknown'
  | 'scope_too_large'

const RETRY_AFTER_SECONDS = 2
// JSON cannot contain a symbol. A registered symbol is the same in all copies of the package.
const BRAND = Symbol.for('twinkey.refusal')

/** The refusals without parameters. */
export const REFUSALS = Object.freeze({
  credentialMissing: refusal('credential_missing', 'Send an API key or a token with this request.'),
  credentialMalformed: refusal('credential_malformed', 'The credential could not be read.'),
  credentialInvalid: invalidFor(),
  credentialAmbiguous: refusal(
    'credential_ambiguous',
    'Send exactly one credential with a request.',
  ),
  requestMalformed: malformed(),
  // These share code and detail with `requestMalformed`. A profile may say what to send instead.
  bodyMalformed: malformed('body'),
  scopeMalformed: malformed('scope'),
  lifetimeMalformed: malformed('lifetime'),
  grantMissing: malformed('grant_missing'),
  secretInUrl: malformed('secret_in_url'),
  // RFC 8707 calls it `invalid_target`.
  resourceUnknown: malformed(
    'resource',
    'The request names a resource for which no tokens are issued here.',
  ),
  grantUnsupported: malformed('grant', 'The request names a grant that is not supported here.'),
  // These share code and detail with `credentialInvalid`. OAuth has another error for the second one.
  clientMismatch: invalidFor('client'),
  tokensNotPermitted: invalidFor('tokens'),
  bodyLate: refusal('request_timeout', 'The request did not arrive in time.'),
  targetRepeated: refusal('target_conflict', 'The request names its target more than once.'),
  scopeTooLarge: refusal(
    'scope_too_large',
    'The scope does not fit into a token. Ask for a narrower one.',
  ),
  networkDenied: refusal('network_denied', 'The credential is not valid from this network.'),
  unavailable: refusal('unavailable', 'This cannot be decided at the moment. Try again.', {
    retryAfterSeconds: RETRY_AFTER_SECONDS,
  }),
})

function malformed(part?: RefusedPart, detail = 'The request could not be read.'): Refusal {
  return refusal('request_malformed', detail, {}, part && { part })
}

function invalidFor(part?: RefusedPart): Refusal {
  return refusal('credential_invalid', 'The credential is not valid.', {}, part && { part })
}

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

/** Neither the credential nor the request determines the tenant, environment or workflow. */
export function targetMissing(axis: Axis): Refusal {
  return MISSING[axis]
}

/** Two sources name different values for one axis, or the deployment does not serve the value. */
export function targetConflict(axis: Axis): Refusal {
  return CONFLICT[axis]
}

/** What a misplaced guard looked for, and where the guard is. For operators only. */
export interface Unseen {
  readonly parameter: string | undefined
  readonly template: string | undefined
  /** What to do if the framework does not expose the template of the route. */
  readonly advice?: string | undefined
}

/** A part of a token request. */
type RefusedPart =
  | 'body'
  | 'scope'
  | 'lifetime'
  | 'resource'
  | 'grant'
  | 'grant_missing'
  | 'secret_in_url'
  | 'client'
  | 'tokens'

/** The part of a refusal that callers must not see. */
interface Hidden {
  readonly unseen?: Unseen
  /** The part of a token request that is the reason for its refusal. */
  readonly part?: RefusedPart
}

/**
 * A guard cannot read its route parameter or template: a mistake in the application. The caller
 * sees the same refusal as for a malformed request.
 */
export function parameterUnseen(unseen: Unseen): Refusal {
  return refusal('request_malformed', REFUSALS.requestMalformed.detail, {}, { unseen })
}

/** What the guard could not read, if the refusal is {@link parameterUnseen}. */
export function unseenOf(refusal: Refusal): Unseen | undefined {
  return hiddenIn(refusal).unseen
}

/**
 * The part of a token request that is the reason for its refusal. Do not compare refusals by
 * identity instead: another copy of the package has its own values.
 */
export function refusedPart(refusal: Refusal): RefusedPart | undefined {
  return hiddenIn(refusal).part
}

function hiddenIn(refusal: Refusal): Hidden {
  return (refusal as unknown as { [BRAND](): Hidden })[BRAND]()
}

const REASONS = {
  resource: 'resource_unknown',
  grant: 'grant_unsupported',
  client: 'client_id_wrong',
} as const

/** The reason for a refusal that a reader or a profile returned, if the refusal implies one. */
export function refusalReason(refusal: Refusal): RefusalReason | undefined {
  if (unseenOf(refusal) !== undefined) return 'parameter_unseen'
  const part = refusedPart(refusal)
  if (part !== undefined && part in REASONS) return REASONS[part as keyof typeof REASONS]
  if (refusal.code === 'unavailable') return 'owner_unavailable'
  const unreadable: readonly RefusalCode[] = [
    'request_malformed',
    'request_timeout',
    'target_conflict',
  ]
  return unreadable.includes(refusal.code) ? 'not_readable' : undefined
}

/** The effective scope does not cover the target on this axis. */
export function axisDenied(axis: Axis): Refusal {
  return DENIED[axis]
}

/** A token endpoint received a request with an unsupported method. */
export function methodNotAllowed(allow: string): Refusal {
  return refusal('method_not_allowed', 'This endpoint does not have that method.', { allow })
}

/**
 * Whether this package made the value as a refusal. False for an object of the same shape, such as
 * JSON from a caller.
 */
export function isRefusal(value: unknown): value is Refusal {
  return typeof value === 'object' && value !== null && BRAND in value
}

/** Makes a refusal. */
export function refusal(
  code: RefusalCode,
  detail: string,
  more?: Pick<Refusal, 'axis' | 'retryAfterSeconds' | 'deniedCode' | 'allow'>,
  hidden: Hidden = {},
): Refusal {
  // A function, so that printing a refusal does not show the hidden part, which may contain caller
  // input.
  return Object.freeze(
    Object.defineProperty({ code, detail, ...more }, BRAND, { value: () => hidden }),
  )
}

function perAxis(make: (axis: Axis) => Refusal): Readonly<Record<Axis, Refusal>> {
  return { tenant: make('tenant'), environment: make('environment'), workflow: make('workflow') }
}
