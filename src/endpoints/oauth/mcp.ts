import type { Metadata } from '../../core/model/api-key.ts'
import { TwinkeyError } from '../../core/model/error.ts'
import { requireMembers } from '../../core/model/options-checks.ts'
import type { Principal } from '../../core/model/principal.ts'
import { fromScopeString, narrow, type Scope, toScopeString } from '../../core/model/scope.ts'
import type { Decider } from '../../guard/guard.ts'
import { CheckedRequirement } from '../../guard/requirement.ts'
import type { WireRequest } from '../../http/request.ts'

// The SDK refuses an AuthInfo without an expiry, and most keys have none.
const LAST_SECOND_OF_9999 = 253_402_300_799

/** What an MCP server learns about the caller: the `AuthInfo` of the MCP SDK. */
export interface McpAuthInfo<M extends Metadata = Metadata> {
  /** The credential, if it was given to {@link mcpAuthInfo}. Otherwise empty. */
  token: string
  /** The key id. Bind sessions to it. */
  clientId: string
  /**
   * The scope as words: `customers.read` for a workflow, then `tenant:t1`, `environment:test` and
   * `workflow:customers.read`, and every word of the option `scopes` that the scope covers.
   */
  scopes: string[]
  /**
   * When the credential expires, in seconds since 1970. For a credential without an expiry: the
   * last second of the year 9999.
   */
  expiresAt: number
  /** The URL of the MCP server. */
  resource: URL
  /** The caller, with name, owner, metadata and scope. See {@link mcpPrincipal}. */
  extra: { principal: Principal<M> }
}

/** Options of {@link mcpAuthInfo}. */
export interface McpAuthInfoOptions {
  /** The URL of the MCP server: `tokens.audience` or one of `resources`. */
  readonly resource: string
  /**
   * Words that tools look for in `scopes`. A credential for all workflows names none, so it gets
   * each of these words that its scope covers. Default: none.
   */
  readonly scopes?: readonly string[] | undefined
  /** The credential, if the tools of the server need it. Default: empty. */
  readonly token?: string | undefined
}

/** Options of {@link mcpTokenVerifier}. */
export interface McpTokenVerifierOptions {
  /**
   * The URL of the MCP server: `tokens.audience` or one of `resources`. A token for another
   * audience is refused.
   *
   * @see RFC 8707
   */
  readonly resource: string
  /**
   * The words of `requiredScopes`, and those that tools look for. A credential for all workflows
   * names none, so it gets each of these words that its scope covers. Default: none.
   */
  readonly scopes?: readonly string[] | undefined
  /**
   * Creates the error that the SDK answers with 401: `(message) => new InvalidTokenError(message)`,
   * or with version 2 of the SDK `(message) => new OAuthError(OAuthErrorCode.InvalidToken, message)`.
   */
  readonly invalidToken: (message: string) => Error
}

/** The `OAuthTokenVerifier` of the MCP SDK. */
export interface McpTokenVerifier<M extends Metadata = Metadata> {
  /**
   * Verifies a key or a token.
   *
   * @throws The error of `invalidToken` for an invalid credential and for a key that is limited to
   *   networks. {@link TwinkeyError} `store_unavailable`, which the SDK answers with 500, if it cannot
   *   be decided or the key has used up a limit.
   */
  verifyAccessToken(token: string): Promise<McpAuthInfo<M>>
}

/**
 * Creates the `AuthInfo` of the MCP SDK for the caller of a route that `requireAuth` guards. Put it
 * into `req.auth`, where the transport of the SDK looks for it.
 *
 * @param principal The caller.
 * @throws TypeError if the resource is not an absolute URL without a fragment, or if a word of
 *   `scopes` is not one of an OAuth scope.
 * @example
 * ```ts
 * import type { Request } from 'express'
 * import { mcpAuthInfo } from 'twinkey/oauth'
 *
 * export function authOf(req: Request) {
 *   return mcpAuthInfo(req.principal, { resource: 'https://api.example.com/mcp' })
 * }
 * ```
 */
export function mcpAuthInfo<M extends Metadata>(
  principal: Principal<M>,
  options: McpAuthInfoOptions,
): McpAuthInfo<M> {
  const caller = 'mcpAuthInfo'
  requireMembers(options, ['resource', 'scopes', 'token'], `The options of ${caller}`)
  const { resource, scopes, token = '' } = options
  return authInfoOf(principal, resourceOf(resource, caller), wordsOf(scopes, caller), token)
}

/**
 * Returns the caller of a tool, from the `authInfo` that the SDK passes to the tool.
 *
 * @typeParam M The type of `metadata`, as in `createTwinkey<M>()`. It is not checked.
 * @param authInfo The result of {@link mcpAuthInfo} or of a verifier of {@link mcpTokenVerifier}.
 * @throws TypeError if there is none, because no guard has run for the request.
 * @example
 * ```ts
 * import type { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
 * import { mcpPrincipal } from 'twinkey/oauth'
 *
 * export function addTools(server: McpServer) {
 *   server.registerTool('whoami', { description: 'Names the key' }, ({ authInfo }) => ({
 *     content: [{ type: 'text', text: mcpPrincipal(authInfo).name }],
 *   }))
 * }
 * ```
 */
export function mcpPrincipal<M extends Metadata = Metadata>(
  authInfo: { readonly extra?: Readonly<Record<string, unknown>> | undefined } | undefined,
): Principal<M> {
  const principal = authInfo?.extra?.['principal']
  if (typeof principal !== 'object' || principal === null)
    throw new TypeError(
      'mcpPrincipal: no guard of Twinkey has run for this request. Put the result of mcpAuthInfo into req.auth, or give the result of mcpTokenVerifier to requireBearerAuth.',
    )
  return principal as Principal<M>
}

/**
 * Creates an `OAuthTokenVerifier` for `requireBearerAuth` of the MCP SDK. It accepts keys and
 * tokens.
 *
 * Prefer `requireAuth` where you can, and {@link mcpAuthInfo}: it also reads `X-API-Key` and the
 * target of a request, limits guessing, and answers 503 and `Retry-After` while the store fails.
 * The SDK passes only the credential, so the verifier checks no tenant, no environment and no
 * workflow: the SDK compares `requiredScopes`. For the same reason it refuses every key that is
 * limited to networks.
 *
 * @param twinkey A Twinkey or a verifier.
 * @throws TypeError for a wrong option. The message says what to do.
 * @see RFC 6750, RFC 8707
 * @example
 * ```ts
 * import { InvalidTokenError } from '@modelcontextprotocol/sdk/server/auth/errors.js'
 * import { requireBearerAuth } from '@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js'
 * import type { Twinkey } from 'twinkey'
 * import { mcpTokenVerifier, resourceMetadataUrl } from 'twinkey/oauth'
 *
 * const resource = 'https://api.example.com/mcp'
 * const scopes = ['customers.read']
 *
 * export function guard(twinkey: Twinkey) {
 *   return requireBearerAuth({
 *     verifier: mcpTokenVerifier(twinkey, {
 *       resource,
 *       scopes,
 *       invalidToken: (message) => new InvalidTokenError(message),
 *     }),
 *     requiredScopes: scopes,
 *     resourceMetadataUrl: resourceMetadataUrl(resource),
 *   })
 * }
 * ```
 */
export function mcpTokenVerifier<M extends Metadata>(
  twinkey: Decider<M>,
  options: McpTokenVerifierOptions,
): McpTokenVerifier<M> {
  const caller = 'mcpTokenVerifier'
  if (typeof twinkey?.decide !== 'function')
    throw new TypeError(
      `${caller}: the first argument must be what createTwinkey or createVerifier returns.`,
    )
  requireMembers(options, ['resource', 'scopes', 'invalidToken'], `The options of ${caller}`)
  const { resource, invalidToken } = options
  const words = wordsOf(options.scopes, caller)
  const url = resourceOf(resource, caller)
  if (twinkey.audiences?.includes(resource) === false)
    throw new TypeError(
      `${caller}: resource must be tokens.audience or one of resources, as given to createTwinkey. With a verifier, it must be the audience of the verifier.`,
    )
  if (typeof invalidToken !== 'function')
    throw new TypeError(
      `${caller}: invalidToken must be a function that creates the error of the SDK, like (message) => new InvalidTokenError(message).`,
    )
  // Without `clientAddress`, which reads requests of the framework. The SDK passes none.
  const { audiences } = twinkey
  const requirement = new CheckedRequirement({ anyTarget: true, resource }, { audiences })

  return {
    async verifyAccessToken(token) {
      const decision = await twinkey.decide(requestWith(token), requirement)
      if (decision.ok && decision.principal !== undefined)
        return authInfoOf(decision.principal, url, words, token)
      const { code, detail } = (decision as Exclude<typeof decision, { ok: true }>).refusal
      // The SDK knows 401, 403, 400 and 500. It answers 500 for an error that it does not know.
      throw code.startsWith('credential_') || code === 'network_denied'
        ? invalidToken(detail)
        : new TwinkeyError('store_unavailable', detail)
    },
  }
}

function authInfoOf<M extends Metadata>(
  principal: Principal<M>,
  resource: URL,
  words: readonly string[],
  token: string,
): McpAuthInfo<M> {
  const { keyId, scope, expiresAt } = principal
  return {
    token,
    clientId: keyId,
    scopes: scopesOf(scope, words),
    expiresAt: expiresAt === null ? LAST_SECOND_OF_9999 : Math.floor(expiresAt / 1000),
    // A new one for each request: a URL can be changed.
    resource: new URL(resource),
    extra: { principal },
  }
}

// The SDK compares words as text, so each way to write a covered name must be in the list.
function scopesOf(scope: Scope, words: readonly string[]): string[] {
  const canonical = toScopeString(scope)
    .split(' ')
    .filter((word) => word !== '')
  const plain = canonical
    .filter((word) => word.startsWith('workflow:') && !word.includes('*'))
    .map((word) => word.slice('workflow:'.length))
  const covered = words.filter(
    (word) => typeof narrow(scope, fromScopeString(word) as Scope) !== 'string',
  )
  return [...new Set([...plain, ...canonical, ...covered])]
}

function wordsOf(scopes: readonly string[] = [], caller: string): readonly string[] {
  const isWords =
    Array.isArray(scopes) &&
    scopes.every(
      (word) =>
        typeof word === 'string' && !word.includes(' ') && fromScopeString(word) !== undefined,
    )
  if (!isWords)
    throw new TypeError(
      `${caller}: scopes must be a list of words of an OAuth scope, like customers.read or tenant:t1.`,
    )
  return [...scopes]
}

function resourceOf(resource: string, caller: string): URL {
  const url = typeof resource === 'string' && URL.canParse(resource) ? new URL(resource) : undefined
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.hash !== '')
    throw new TypeError(
      `${caller}: resource must be the absolute URL of the MCP server, without a fragment.`,
    )
  return url
}

function requestWith(token: string): WireRequest {
  return {
    method: 'POST',
    url: '/',
    header: (name) => (name === 'authorization' ? `Bearer ${token}` : undefined),
    param: () => undefined,
  }
}
