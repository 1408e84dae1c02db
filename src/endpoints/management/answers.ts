import type { ErrorCode, TwinkeyError } from '../../core/model/error.ts'
import { jsonAnswer, type WireAnswer } from '../../http/profile.ts'

const RETRY_AFTER_SECONDS = 2

/** Every code of an answer that is not a success. */
export type ManagementCode =
  | ErrorCode
  | 'not_found'
  | 'session_expired'
  | 'forged_request'
  | 'unsupported_media_type'
  | 'secret_not_accepted'

/** The status of each code that the management API answers with. */
export const STATUSES = {
  invalid_input: 400,
  secret_not_accepted: 400,
  session_expired: 401,
  forged_request: 403,
  not_permitted: 403,
  not_grantable: 403,
  key_limit_reached: 403,
  not_found: 404,
  key_not_found: 404,
  key_revoked: 409,
  secondary_live: 409,
  name_taken: 409,
  version_conflict: 409,
  idempotency_conflict: 409,
  unsupported_media_type: 415,
  limiter_unavailable: 503,
  store_unavailable: 503,
  store_malformed: 503,
  outcome_unknown: 503,
} as const satisfies Partial<Record<ManagementCode, number>>

type AnsweredCode = keyof typeof STATUSES

const TITLES: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  409: 'Conflict',
  412: 'Precondition Failed',
  415: 'Unsupported Media Type',
  503: 'Service Unavailable',
}

// What the store or the limiter said is for operators. They get it in an event.
const UNAVAILABLE = 'The keys cannot be read or changed at the moment. Try again.'
const HIDDEN: Readonly<Partial<Record<AnsweredCode, string>>> = {
  limiter_unavailable: 'The usage cannot be read at the moment. Try again.',
  store_unavailable: UNAVAILABLE,
  store_malformed: UNAVAILABLE,
  outcome_unknown:
    'The change may or may not have been made. Read the key again before you repeat it.',
}

/**
 * Creates the answer for a code.
 *
 * @param more Further members of the problem.
 * @see RFC 9457
 */
export function problem(
  code: AnsweredCode,
  detail: string,
  { status = STATUSES[code], ...more }: { status?: number; login?: string | undefined } = {},
): WireAnswer {
  return jsonAnswer(
    status,
    { type: 'about:blank', title: TITLES[status], status, detail, code, ...more },
    {
      'content-type': 'application/problem+json',
      ...(status === 503 && { 'retry-after': String(RETRY_AFTER_SECONDS) }),
    },
  )
}

/** The answer for an error of a keyring. Undefined for an error that no caller can cause. */
export function errorAnswer(error: TwinkeyError, hasVersion: boolean): WireAnswer | undefined {
  if (!isAnswered(error.code)) return undefined
  const isFailed = error.code === 'version_conflict' && hasVersion
  return problem(error.code, HIDDEN[error.code] ?? error.message, isFailed ? { status: 412 } : {})
}

/** Whether an error is about the store, not about the request. */
export function isStoreFailure({ code }: TwinkeyError): boolean {
  return isAnswered(code) && HIDDEN[code] !== undefined && code !== 'limiter_unavailable'
}

function isAnswered(code: ErrorCode): code is ErrorCode & AnsweredCode {
  return Object.hasOwn(STATUSES, code)
}
