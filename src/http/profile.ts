import type { Credential, RequestReader } from '../core/decision/route-requirement.ts'
import type { IssuedToken, TokenRequest } from '../core/management/token-issuer.ts'
import type { Metadata } from '../core/model/api-key.ts'
import type { Principal } from '../core/model/principal.ts'
import type { Refusal, RefusalCode } from '../core/model/refusal.ts'
import type { WireRequest } from './request.ts'

/** An HTTP answer, for whichever framework to write. Header names are lower-case. */
export interface WireAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/**
 * The body of a token request: the members of its JSON object or form, or undefined where it was
 * empty.
 */
export type WireBody = Readonly<Record<string, unknown>> | undefined

/**
 * How a client proves who it is, in the words of an OpenAPI document: a Security Scheme Object.
 *
 * @see OpenAPI 3.1, section 4.8.27
 */
export type SecurityScheme =
  | {
      readonly type: 'http'
      readonly scheme: 'bearer'
      readonly bearerFormat?: string
      readonly description: string
    }
  | {
      readonly type: 'apiKey'
      readonly in: 'header' | 'query'
      readonly name: string
      readonly description: string
    }

/**
 * A wire convention: where a credential and a target stand in a request, and how answers look. A
 * profile reads and writes; it decides nothing. One Twinkey can serve several, on different routes.
 */
export interface Profile extends RequestReader<WireRequest> {
  readonly name: string
  /**
   * Names in the query that hold a credential. They are taken out of the URL before a handler sees
   * it.
   */
  readonly secretQuery?: readonly string[]
  /** Where the token exchange stands below the mount point. */
  readonly exchangePath: '/' | '/generate'
  /** The credential at the token exchange, where it stands elsewhere than on other routes. */
  exchangeCredential?(request: WireRequest): Credential | Refusal
  /** How a client authenticates, for an OpenAPI document. */
  readonly securitySchemes: Readonly<Record<string, SecurityScheme>>
  /** How a refusal looks. `workflow` is what the route demands, where that is fixed. */
  refuse(refusal: Refusal, workflow?: string): WireAnswer
  /** What a token request asks for, once it is known who asks. */
  tokenRequest(
    body: WireBody,
    holder: Principal<Metadata>,
  ): TokenRequest | Refusal | Promise<TokenRequest | Refusal>
  /** How an issued token looks. */
  tokenIssued(issued: IssuedToken): WireAnswer
  /** How the answer to "who am I" looks. */
  tokenTested(principal: Principal<Metadata>): WireAnswer | Refusal | Promise<WireAnswer | Refusal>
}

/**
 * The `securitySchemes` of a profile, to put under `components` of an OpenAPI document.
 *
 * @param profile The profile of the routes that the document describes.
 * @returns A new object, name by name.
 * @see OpenAPI 3.1, section 4.8.7
 * @example
 * ```ts
 * import { securitySchemes, standard } from 'twinkey/profiles'
 *
 * const document = { openapi: '3.1.0', components: { securitySchemes: securitySchemes(standard()) }, security: [{ bearer: [] }, { apiKey: [] }] }
 * console.log(JSON.stringify(document))
 * ```
 */
export function securitySchemes(profile: Profile): Record<string, SecurityScheme> {
  return structuredClone(profile.securitySchemes)
}

/** The status of each refusal, where a profile has no other. */
export const STATUSES: Readonly<Record<RefusalCode, number>> = {
  credential_missing: 401,
  credential_invalid: 401,
  credential_malformed: 400,
  credential_ambiguous: 400,
  target_missing: 400,
  target_conflict: 400,
  request_malformed: 400,
  request_timeout: 408,
  method_not_allowed: 405,
  scope_too_large: 400,
  tenant_denied: 403,
  environment_denied: 403,
  workflow_denied: 403,
  rate_limited: 429,
  unavailable: 503,
}

/** A JSON answer that no cache keeps. */
export function jsonAnswer(
  status: number,
  body: unknown,
  headers?: Readonly<Record<string, string>>,
): WireAnswer {
  return {
    status,
    headers: {
      'content-type': 'application/json',
      'cache-control': 'no-store',
      ...NO_SNIFFING,
      ...headers,
    },
    body: JSON.stringify(body),
  }
}

// Browsers take an answer for the type that it says, and for no other (Fetch standard, section
// 3.6).
const NO_SNIFFING = { 'x-content-type-options': 'nosniff' }

/**
 * Adds `X-Content-Type-Options: nosniff` to the answer of a profile that has not said it itself.
 */
export function withoutSniffing(answer: WireAnswer): WireAnswer {
  return 'x-content-type-options' in answer.headers
    ? answer
    : { ...answer, headers: { ...NO_SNIFFING, ...answer.headers } }
}

/**
 * What a refusal says in headers, whatever the profile: when to try again, and which methods there
 * are.
 */
export function headersOf({ retryAfterSeconds, allow }: Refusal): Readonly<Record<string, string>> {
  return {
    ...(retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) }),
    ...(allow === undefined ? {} : { allow }),
  }
}
