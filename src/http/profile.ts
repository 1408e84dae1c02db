import type { Credential, RequestReader } from '../core/decision/route-requirement.ts'
import type { TokenRequest } from '../core/management/token-request.ts'
import type { IssuedToken } from '../core/management/token-signing.ts'
import type { Metadata } from '../core/model/api-key.ts'
import type { Principal } from '../core/model/principal.ts'
import type { Refusal, RefusalCode } from '../core/model/refusal.ts'
import type { WireRequest } from './request.ts'

/** An HTTP answer, independent of a framework. Header names are lower-case. */
export interface WireAnswer {
  readonly status: number
  /** A list of values is written as a header of its own each, as `Set-Cookie` needs it. */
  readonly headers: Readonly<Record<string, string | readonly string[]>>
  readonly body: string
}

/** The members of the JSON object or form of a token request. Undefined for an empty body. */
export type WireBody = Readonly<Record<string, unknown>> | undefined

/**
 * How a client authenticates, as a Security Scheme Object of an OpenAPI document.
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
 * A wire convention: where a request carries its credential and its target, and how answers look. A
 * profile reads and writes. It decides nothing. One Twinkey can serve several profiles.
 */
export interface Profile extends RequestReader<WireRequest> {
  readonly name: string
  /** Query parameters that hold a credential. They are removed from the URL before handlers run. */
  readonly secretQuery?: readonly string[]
  /**
   * The path of the token exchange below the mount point: `/`, or segments of letters, digits, `-`,
   * `.`, `_` and `~`, without a slash at the end.
   */
  readonly exchangePath: string
  /** Reads the credential of a token exchange. Default: `credential`. */
  exchangeCredential?(request: WireRequest): Credential | Refusal
  /**
   * Whether OAuth clients get tokens at the exchange by the grant `client_credentials`, in the form
   * of OAuth. Default: false.
   *
   * @see RFC 6749, section 4.4
   */
  readonly clientCredentials?: boolean | undefined
  /** How a client authenticates, for an OpenAPI document. */
  readonly securitySchemes: Readonly<Record<string, SecurityScheme>>
  /**
   * The alternatives for a request, each the names of the `securitySchemes` that go together, for
   * an OpenAPI document. Default: each scheme by itself.
   */
  readonly security?: readonly (readonly string[])[] | undefined
  /** The alternatives for the token exchange. Default: `security`. */
  readonly exchangeSecurity?: readonly (readonly string[])[] | undefined
  /**
   * The header in which a client sends a secret, with `{secret}` in its value. The pane shows it in
   * a command. Default: that of the first of the `securitySchemes` with a header.
   */
  readonly secretHeader?: { readonly name: string; readonly value: string } | undefined
  /** Writes a refusal. `workflow` is the workflow of the route if it is fixed. */
  refuse(refusal: Refusal, workflow?: string): WireAnswer
  /** Reads the requested scope and lifetime from a token request with a valid credential. */
  tokenRequest(
    body: WireBody,
    principal: Principal<Metadata>,
  ): TokenRequest | Refusal | Promise<TokenRequest | Refusal>
  /** Writes an issued token. */
  tokenIssued(issued: IssuedToken): WireAnswer
  /** Writes the answer to "who am I". */
  tokenTested(principal: Principal<Metadata>): WireAnswer | Refusal | Promise<WireAnswer | Refusal>
}

/**
 * Returns the `securitySchemes` of a profile, to put under `components` of an OpenAPI document.
 *
 * @param profile The profile of the routes that the document describes.
 * @returns A new object: schemes by name.
 * @see OpenAPI 3.1, section 4.8.7
 * @example
 * ```ts
 * import { securitySchemes, standard } from 'twinkey/profiles'
 *
 * const document = {
 *   openapi: '3.1.0',
 *   components: { securitySchemes: securitySchemes(standard()) },
 *   security: [{ bearer: [] }, { apiKey: [] }],
 * }
 * console.log(JSON.stringify(document))
 * ```
 */
export function securitySchemes(profile: Profile): Record<string, SecurityScheme> {
  return structuredClone(profile.securitySchemes)
}

/** The default status of each refusal. */
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
  network_denied: 403,
  denied: 403,
  rate_limited: 429,
  quota_exceeded: 429,
  unavailable: 503,
}

/** Creates a JSON answer that no cache stores. */
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

// Browsers then trust the Content-Type of the answer (Fetch standard, section 3.6).
const NO_SNIFFING = { 'x-content-type-options': 'nosniff' }

/** Adds `X-Content-Type-Options: nosniff` to an answer, unless the profile has set the header. */
export function withoutSniffing(answer: WireAnswer): WireAnswer {
  return 'x-content-type-options' in answer.headers
    ? answer
    : { ...answer, headers: { ...NO_SNIFFING, ...answer.headers } }
}

/** The code that an answer shows: that of the application for `denied`, otherwise that of the refusal. */
export function shownCode({ code, deniedCode }: Refusal): string {
  return deniedCode ?? code
}

/** Returns the headers that a refusal has in every profile: Retry-After and Allow. */
export function headersOf({ retryAfterSeconds, allow }: Refusal): Readonly<Record<string, string>> {
  return {
    ...(retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) }),
    ...(allow === undefined ? {} : { allow }),
  }
}
