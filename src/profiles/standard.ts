import type { Credential } from '../core/decision/route-requirement.ts'
import type { TokenRequest } from '../core/management/token-request.ts'
import { secondsProblem } from '../core/model/checks.ts'
import { requireMembers } from '../core/model/options-checks.ts'
import { REFUSALS, type Refusal, type RefusalCode, refusedPart } from '../core/model/refusal.ts'
import { fromScopeString, toScopeString } from '../core/model/scope.ts'
import { MAX_LIFETIME_SECONDS } from '../core/tokens/claims.ts'
import { onlyCredential, readBearer, readWhole } from '../http/credential.ts'
import {
  headersOf,
  jsonAnswer,
  type Profile,
  STATUSES,
  shownCode,
  type WireAnswer,
  type WireBody,
} from '../http/profile.ts'
import type { WireRequest } from '../http/request.ts'
import { requireSecureUrl } from '../http/secure-url.ts'

// For the type about:blank, the title is the status phrase (RFC 9457, section 4.2.1).
const TITLES: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  429: 'Too Many Requests',
  503: 'Service Unavailable',
}

const SECURITY_SCHEMES: Profile['securitySchemes'] = {
  bearer: {
    type: 'http',
    scheme: 'bearer',
    description: 'An API key, or a token that it was exchanged for.',
  },
  apiKey: { type: 'apiKey', in: 'header', name: 'X-API-Key', description: 'An API key.' },
}

/** Options of the standard profile. */
export interface StandardOptions {
  /**
   * The URL of the protected resource metadata. Challenges name it, so that a client finds the
   * server that issues tokens. For a `resource` that `oauthEndpoints` describes, it is
   * `resourceMetadataUrl(resource)` of `twinkey/oauth`. Default: challenges name none.
   *
   * @see RFC 9728, section 5.1
   */
  readonly resourceMetadata?: string | undefined
}

/**
 * Creates the standard profile: `Authorization: Bearer <secret or token>` or `X-API-Key: <secret>`,
 * and refusals as problem+json with a challenge.
 *
 * It ignores schemes other than Bearer, so another guard may handle them. It never reads the query,
 * cookies or bodies.
 *
 * @param options The URL of the metadata for challenges.
 * @returns The profile, which is the default of every guard.
 * @throws TypeError if `resourceMetadata` is not an https URL. On loopback, http is possible too.
 * @see RFC 6750, RFC 9457, RFC 9110 section 11
 */
export function standard(options: StandardOptions = {}): Profile {
  const { resourceMetadata } = requireMembers(
    options,
    ['resourceMetadata'],
    'The options of standard',
  )
  if (resourceMetadata !== undefined)
    requireSecureUrl(resourceMetadata, 'standard: resourceMetadata')
  return {
    name: 'standard',
    exchangePath: '/',
    clientCredentials: true,
    securitySchemes: SECURITY_SCHEMES,
    credential,
    refuse: (refusal, workflow) => refuse(refusal, workflow, resourceMetadata),
    tokenRequest,
    tokenIssued,
    tokenTested,
  }
}

function credential(request: WireRequest): Credential | Refusal {
  return onlyCredential(
    readBearer(request.header('authorization'), 'either'),
    readWhole(request.header('x-api-key'), false),
  )
}

function refuse(
  refusal: Refusal,
  workflow: string | undefined,
  resourceMetadata: string | undefined,
): WireAnswer {
  const { code } = refusal
  const detail = detailOf(refusal)
  const status = STATUSES[code]
  const challenge = challengeOf(code, detail, workflow, resourceMetadata)
  return jsonAnswer(
    status,
    { title: TITLES[status], status, detail, code: shownCode(refusal) },
    {
      'content-type': 'application/problem+json',
      ...(challenge === undefined ? {} : { 'www-authenticate': challenge }),
      ...headersOf(refusal),
    },
  )
}

// The detail tells the caller what to change. It also appears in challenges, so it is ASCII without
// quotes (RFC 6750, section 3).
function detailOf(refusal: Refusal): string {
  if (refusal.code === 'credential_missing')
    return 'Send an API key or a token with this request, as Authorization: Bearer <key or token> or as X-API-Key: <key>.'
  if (refusal.code === 'request_timeout')
    return 'The body of a token request must arrive within 10 seconds.'
  switch (refusedPart(refusal)) {
    case 'body':
      return 'The body must be a JSON object, or a form without repeated names, of at most 64 KiB.'
    case 'scope':
      return 'scope must be names of workflows, or words like tenant:t1 or workflow:customers.read, separated by single spaces, without repetition.'
    case 'lifetime':
      return `expires_in ${secondsProblem(undefined, 1, MAX_LIFETIME_SECONDS)}.`
    case 'grant':
      return 'grant_type must be client_credentials, or be left out.'
    case 'resource':
      return 'resource must be one of the URIs for which this API issues tokens.'
    default:
      return refusal.detail
  }
}

const CHALLENGES: Readonly<Record<number, string>> = {
  400: 'invalid_request',
  401: 'invalid_token',
  403: 'insufficient_scope',
}

// RFC 6750, section 3: no error attribute without a credential. The quoted text never comes from
// the caller. `scope` is what an OAuth client asks for next. It names the workflow alone, because a
// token is not narrowed on an axis that was not asked for.
function challengeOf(
  code: RefusalCode,
  detail: string,
  workflow: string | undefined,
  resourceMetadata: string | undefined,
): string | undefined {
  const status = STATUSES[code]
  const error = CHALLENGES[status]
  // A wider scope would not help.
  if (error === undefined || code === 'network_denied' || code === 'denied') return undefined
  const isMissing = code === 'credential_missing'
  const attributes = ['realm="api"']
  if (!isMissing) attributes.push(`error="${error}"`, `error_description="${detail}"`)
  const isForOAuth = resourceMetadata !== undefined && (isMissing || status === 403)
  if (workflow !== undefined && (isForOAuth || code === 'workflow_denied'))
    attributes.push(
      `scope="${toScopeString({ tenants: [], environments: [], workflows: [workflow] })}"`,
    )
  if (resourceMetadata !== undefined) attributes.push(`resource_metadata="${resourceMetadata}"`)
  return `Bearer ${attributes.join(', ')}`
}

function tokenRequest(body: WireBody): TokenRequest | Refusal {
  const { scope = '', expires_in: seconds, resource = '' } = body ?? {}
  const asked = scope === '' ? {} : typeof scope === 'string' ? fromScopeString(scope) : undefined
  if (asked === undefined) return REFUSALS.scopeMalformed
  if (typeof resource !== 'string') return REFUSALS.resourceUnknown
  // Forms have only text.
  const lifetimeSeconds =
    typeof seconds === 'string' && /^[0-9]{1,4}$/.test(seconds) ? Number(seconds) : seconds
  if (lifetimeSeconds !== undefined && !isLifetime(lifetimeSeconds))
    return REFUSALS.lifetimeMalformed
  return {
    scope: asked,
    ...(lifetimeSeconds === undefined ? {} : { lifetimeSeconds }),
    // A parameter without a value counts as omitted (RFC 6749, section 3.2).
    ...(resource === '' ? {} : { resource }),
  }
}

function isLifetime(value: unknown): value is number {
  return secondsProblem(value, 1, MAX_LIFETIME_SECONDS) === undefined
}

// RFC 6749, section 5.1.
function tokenIssued({
  token,
  scope,
  lifetimeSeconds,
}: Parameters<Profile['tokenIssued']>[0]): WireAnswer {
  return jsonAnswer(200, {
    access_token: token,
    token_type: 'Bearer',
    expires_in: lifetimeSeconds,
    scope: toScopeString(scope),
  })
}

function tokenTested({
  keyId,
  name,
  owner,
  slot,
  via,
  scope,
}: Parameters<Profile['tokenTested']>[0]): WireAnswer {
  return jsonAnswer(200, {
    key_id: keyId,
    name,
    owner,
    slot,
    via,
    scope: toScopeString(scope),
    ...scope,
  })
}
