import { membersProblem, secondsProblem } from '../model/checks.ts'
import { copyMembers } from '../model/copy.ts'
import { readInput, requireInput } from '../model/error.ts'
import { copyScope, SCOPE_MEMBERS, type ScopeInput, scopeValueProblem } from '../model/scope.ts'
import { MAX_LIFETIME_SECONDS } from '../tokens/claims.ts'

/** Scope, lifetime and resource to request for a token. */
export interface TokenRequest {
  /**
   * The axes to narrow. Default for each axis: the value of the key. A scope wider than the key's
   * is refused.
   */
  readonly scope?: ScopeInput | undefined
  /**
   * Range: 1 to 3600 seconds. Default: 3600. Shortened to `tokens.maxLifetimeSeconds`, and to the
   * expiry of the key and of the secret.
   */
  readonly lifetimeSeconds?: number | undefined
  /**
   * The `aud` of the token: `tokens.audience` or one of `resources`, compared character by
   * character. Default: `tokens.audience`. Any other is refused as `request_malformed`.
   *
   * @see RFC 8707, section 2
   */
  readonly resource?: string | undefined
}

const REQUEST_MEMBERS = ['scope', 'lifetimeSeconds', 'resource']

/**
 * Checks a token request. Copies it first: the caller may change it during signing, and a getter may
 * return another value at each read.
 */
export function readTokenRequest(request: TokenRequest): {
  scope: ScopeInput
  lifetimeSeconds: number
  resource: string | undefined
} {
  const copy = readInput(
    () => copyMembers(request, REQUEST_MEMBERS),
    'The token request',
  ) as TokenRequest
  requireInput(membersProblem(copy, REQUEST_MEMBERS), 'The token request')
  const { scope: asked = {}, lifetimeSeconds = MAX_LIFETIME_SECONDS, resource } = copy
  const scope = readInput(() => copyScope(asked), 'scope') as ScopeInput
  // A misspelt axis would leave the token wider than intended.
  requireInput(membersProblem(scope, SCOPE_MEMBERS), 'scope')
  for (const member of SCOPE_MEMBERS)
    requireInput(scope[member] === undefined ? undefined : scopeValueProblem(scope[member]), member)
  requireInput(secondsProblem(lifetimeSeconds, 1, MAX_LIFETIME_SECONDS), 'lifetimeSeconds')
  const isResource = resource === undefined || typeof resource === 'string'
  requireInput(isResource ? undefined : 'must be a string', 'resource')
  return { scope, lifetimeSeconds, resource }
}
