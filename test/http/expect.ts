import type { RawResponse } from '../support/raw-http.ts'

/**
 * What a row expects: status, the headers that Twinkey writes, and the body. A null header must be
 * absent.
 */
export interface Expected {
  readonly status: number
  readonly headers: Readonly<Record<string, string | null>>
  readonly body: unknown
}

type Code =
  | 'credential_missing'
  | 'credential_malformed'
  | 'credential_invalid'
  | 'credential_ambiguous'
  | 'target_missing'
  | 'target_conflict'
  | 'request_malformed'
  | 'tenant_denied'
  | 'environment_denied'
  | 'workflow_denied'
  | 'scope_too_large'
  | 'rate_limited'
  | 'unavailable'

// Written out, not computed: these bytes are what callers depend on.
const REFUSED: Readonly<
  Record<Code, [status: number, title: string, detail: string, error: string | null]>
> = {
  credential_missing: [
    401,
    'Unauthorized',
    'Send an API key or a token with this request, as Authorization: Bearer <key or token> or as X-API-Key: <key>.',
    null,
  ],
  credential_invalid: [401, 'Unauthorized', 'The credential is not valid.', 'invalid_token'],
  credential_malformed: [
    400,
    'Bad Request',
    'The credential could not be read.',
    'invalid_request',
  ],
  credential_ambiguous: [
    400,
    'Bad Request',
    'Send exactly one credential with a request.',
    'invalid_request',
  ],
  target_missing: [
    400,
    'Bad Request',
    'This request does not say which AXIS it is for.',
    'invalid_request',
  ],
  target_conflict: [
    400,
    'Bad Request',
    'The request names more than one AXIS, or one that is not served here.',
    'invalid_request',
  ],
  request_malformed: [400, 'Bad Request', 'The request could not be read.', 'invalid_request'],
  scope_too_large: [
    400,
    'Bad Request',
    'The scope does not fit into a token. Ask for a narrower one.',
    'invalid_request',
  ],
  tenant_denied: [
    403,
    'Forbidden',
    'The credential does not reach this tenant.',
    'insufficient_scope',
  ],
  environment_denied: [
    403,
    'Forbidden',
    'The credential does not reach this environment.',
    'insufficient_scope',
  ],
  workflow_denied: [
    403,
    'Forbidden',
    'The credential does not reach this workflow.',
    'insufficient_scope',
  ],
  rate_limited: [429, 'Too Many Requests', 'Too many requests. Try again later.', null],
  unavailable: [
    503,
    'Service Unavailable',
    'This cannot be decided at the moment. Try again.',
    null,
  ],
}

/** The answer to a request that is refused under the standard profile. */
export function refused(
  code: Code,
  { axis = '', scope = '', retryAfter = null as string | null, detail = '' } = {},
): Expected {
  const [status, title, template, error] = REFUSED[code]
  const sentence = detail || template.replace('AXIS', axis)
  const attributes = ['realm="api"']
  if (error !== null) attributes.push(`error="${error}"`, `error_description="${sentence}"`)
  if (scope !== '') attributes.push(`scope="${scope}"`)
  return {
    status,
    headers: {
      'content-type': 'application/problem+json',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'www-authenticate': status > 403 ? null : `Bearer ${attributes.join(', ')}`,
      'retry-after': retryAfter,
    },
    body: { title, status, detail: sentence, code },
  }
}

/** The answer of a route that accepted a request. */
export function allowed(body: object, { noStore = false } = {}): Expected {
  return {
    status: 200,
    headers: {
      'content-type': 'application/json; charset=utf-8',
      'cache-control': noStore ? 'no-store' : null,
      'www-authenticate': null,
    },
    body,
  }
}

/** The part of a response that an expectation covers, in the form of the expectation. */
export function seen(response: RawResponse, expected: Expected): Expected {
  const headers = Object.fromEntries(
    Object.keys(expected.headers).map((name) => [name, response.headers[name] ?? null]),
  )
  return {
    status: response.status,
    headers,
    body: response.body === '' ? '' : JSON.parse(response.body),
  }
}
