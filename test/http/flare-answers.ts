import type { RawRequest } from '../support/raw-http.ts'
import type { FlareFixture } from './flare-fixture.ts'
import { type Answer, type WireRow, written } from './wire-suite.ts'

export type FlareRow = WireRow<FlareFixture>
export type Field = readonly [string, string]

export const row = (
  name: string,
  request: FlareRow['request'],
  expected: Answer,
  more: Pick<FlareRow, 'at'> = {},
): FlareRow => ({
  name: `Flare: ${name}`,
  request,
  expected,
  ...more,
})

export const auth = (value: string): Field => ['Authorization', value]
export const basic = (pair: string): Field => auth(`Basic ${Buffer.from(pair).toString('base64')}`)
export const get = (target: string, ...headers: Field[]): RawRequest => ({ target, headers })
export const post = (
  target: string,
  body: string | undefined,
  ...headers: Field[]
): RawRequest => ({
  method: 'POST',
  target,
  headers:
    body === undefined
      ? headers
      : [...headers, ['Content-Length', String(Buffer.byteLength(body, 'latin1'))]],
  body,
})

const refused = (status: number, code: string, message: string, more: Partial<Answer> = {}) =>
  written(status, `{"error":{"code":"${code}","message":"${message}"}}`, {
    challenge: status === 401 ? 'Bearer realm="api"' : null,
    ...more,
  })

export const MISSING = refused(
  401,
  'CREDENTIAL_MISSING',
  'Send an API key or a token with this request.',
)
export const INVALID = refused(401, 'CREDENTIAL_INVALID', 'The credential is not valid.')
export const MALFORMED = refused(401, 'CREDENTIAL_MALFORMED', 'The credential could not be read.')
export const AMBIGUOUS = refused(
  400,
  'CREDENTIAL_AMBIGUOUS',
  'Send exactly one credential with a request.',
)
export const BODY_MALFORMED = refused(400, 'REQUEST_MALFORMED', 'The request could not be read.')
export const TENANT_DENIED = refused(
  403,
  'TENANT_DENIED',
  'The credential does not reach this tenant.',
)
export const LIMITED = refused(429, 'RATELIMIT_REACHED', 'ratelimit reached', { retryAfter: '10' })
export const UNAVAILABLE = refused(
  503,
  'UNAVAILABLE',
  'This cannot be decided at the moment. Try again.',
  { retryAfter: '2' },
)

// An hour after the clock of the tests starts, 2026-01-01T00:00:00Z, in seconds.
const EXPIRES = 1_767_229_200

/** Status exactly 200 and these two members: what the vendor's clients read. */
export const issued = (tenant: string): Answer =>
  written(200, `{"token":"<token for ${tenant}, 3600 s>","refresh_token_exp":${EXPIRES}}`)
