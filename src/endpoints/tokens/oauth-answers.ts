import { type Refusal, refusedPart } from '../../core/model/refusal.ts'
import { headersOf, jsonAnswer, STATUSES, type WireAnswer } from '../../http/profile.ts'

/** The error codes of RFC 6749, 7009 and 8707 that are answered. */
export type OAuthErrorCode =
  | 'invalid_request'
  | 'invalid_client'
  | 'invalid_scope'
  | 'invalid_target'
  | 'unauthorized_client'
  | 'unsupported_grant_type'
  | 'unsupported_response_type'
  | 'unsupported_token_type'
  | 'temporarily_unavailable'

/**
 * Creates an error answer of OAuth.
 *
 * @param description For developers: printable ASCII without quotes and backslashes. Never holds
 *   text of the caller.
 * @see RFC 6749, section 5.2
 */
export function oauthError(
  code: OAuthErrorCode,
  description: string,
  {
    status = 400,
    headers = {},
  }: { status?: number; headers?: Readonly<Record<string, string>> } = {},
): WireAnswer {
  return jsonAnswer(status, { error: code, error_description: description }, headers)
}

const PARTS: Readonly<
  Partial<Record<NonNullable<ReturnType<typeof refusedPart>>, readonly [OAuthErrorCode, string]>>
> = {
  body: [
    'invalid_request',
    'The body must be a form of at most 64 KiB, without spaces and repeated parameters.',
  ],
  scope: [
    'invalid_scope',
    'The scope must be names of workflows, or words like tenant:t1, separated by single spaces.',
  ],
  lifetime: ['invalid_request', 'expires_in must be 1 to 3600 seconds.'],
  resource: [
    'invalid_target',
    'The resource must be one of the URIs for which this server issues tokens.',
  ],
  grant_missing: ['invalid_request', 'Send grant_type=client_credentials.'],
  secret_in_url: [
    'invalid_request',
    'Send the client_secret in the header or in the form, never in the URL.',
  ],
  grant: ['unsupported_grant_type', 'The grant_type must be client_credentials.'],
  tokens: ['unauthorized_client', 'This client may not get tokens. Send its secret instead.'],
}

/** The answer to a client that is not authenticated. The same for every reason. */
function invalidClient(headers: Readonly<Record<string, string>>): WireAnswer {
  return oauthError('invalid_client', 'The client is not known, or its secret is not valid.', {
    status: 401,
    headers: { 'www-authenticate': 'Basic realm="api"', ...headers },
  })
}

/**
 * Writes a refusal in the form of OAuth.
 *
 * @see RFC 6749, section 5.2
 */
export function oauthRefusal(refusal: Refusal): WireAnswer {
  const status = STATUSES[refusal.code]
  const headers = headersOf(refusal)
  const part = PARTS[refusedPart(refusal) ?? 'client']
  if (part !== undefined) return oauthError(part[0], part[1], { headers })
  switch (refusal.code) {
    case 'credential_missing':
    case 'credential_malformed':
    case 'credential_invalid':
      return invalidClient(headers)
    case 'tenant_denied':
    case 'environment_denied':
    case 'workflow_denied':
      return oauthError('invalid_scope', 'The client does not have all of this scope.', { headers })
    case 'scope_too_large':
      return oauthError('invalid_scope', refusal.detail, { headers })
    case 'credential_ambiguous':
      return oauthError('invalid_request', 'Authenticate the client in one way only.', { headers })
    case 'network_denied':
    case 'denied':
      return oauthError('unauthorized_client', refusal.detail, { headers })
    case 'rate_limited':
    case 'quota_exceeded':
    case 'unavailable':
      return oauthError('temporarily_unavailable', refusal.detail, { status, headers })
    default:
      return oauthError('invalid_request', refusal.detail, { status, headers })
  }
}
