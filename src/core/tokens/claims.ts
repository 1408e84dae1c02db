import { isId, type KeyLimit } from '../model/api-key.ts'
import { nameProblem } from '../model/checks.ts'
import { freezeLimits, limitsProblem } from '../model/key-limit.ts'
import { canonicalNetworks, networksProblem } from '../model/network.ts'
import type { RefusalReason } from '../model/refusal.ts'
import { freezeScope, type Scope, scopeValueProblem } from '../model/scope.ts'

/** Maximum token lifetime, in seconds. */
export const MAX_LIFETIME_SECONDS = 3600
// RFC 6749, section 3.3.
const SCOPE_STRING = /^[!#-[\]-~]+(?: [!#-[\]-~]+)*$/

/** The claims of a verified token. */
export interface TokenClaims {
  readonly tokenId: string
  readonly keyId: string
  /** Id of the secret that the token was issued for. The token is valid only as long as it is. */
  readonly secretId: string
  /** The owner of the key when the token was issued; null for none. */
  readonly owner: string | null
  /** The audience that the token is for: the one of the rules, or one of their resources. */
  readonly audience: string
  /** Epoch milliseconds. */
  readonly issuedAt: number
  /** Epoch milliseconds. */
  readonly expiresAt: number
  /** The scope of the token, as issued. The scope of the key may be narrower by now. */
  readonly scope: Scope
  /** The networks of the key when the token was issued. The token works only from these. */
  readonly networks?: readonly string[]
  /** The limits of the key when the token was issued. Left out for a key without limits. */
  readonly limits?: readonly KeyLimit[]
}

/** What the claims of a token are checked against. */
export interface ClaimRules {
  readonly issuer: string
  /** The audience of tokens that were requested for no resource. */
  readonly audience: string
  /** Further audiences (RFC 8707). Default: none. */
  readonly resources?: readonly string[]
  readonly clockToleranceSeconds: number
}

/** Checks the claims of a token whose signature is valid. Returns them, or why they are not. */
export function readClaims(
  payload: Record<string, unknown> | undefined,
  rules: ClaimRules,
  now: number,
): TokenClaims | RefusalReason {
  if (payload === undefined) return 'token_claims_wrong'
  const { iss, client_id, secret_id, jti, scope, tenants, environments, workflows } = payload
  const { networks, limits } = payload
  if (iss !== rules.issuer) return 'token_issuer_unknown'
  const audience = readAudience(payload, rules)
  if (audience === undefined) return 'token_audience_unknown'
  const owner = readOwner(payload)
  if (
    owner === undefined ||
    !isId(client_id) ||
    !isId(secret_id) ||
    !isId(jti) ||
    !isScopeString(scope)
  )
    return 'token_claims_wrong'
  const times = readTimes(payload, now / 1000 + rules.clockToleranceSeconds)
  if (times === undefined) return 'token_claims_wrong'
  if ([tenants, environments, workflows].some((reach) => scopeValueProblem(reach) !== undefined))
    return 'token_claims_wrong'
  if (networks !== undefined && networksProblem(networks) !== undefined) return 'token_claims_wrong'
  if (limits !== undefined && limitsProblem(limits) !== undefined) return 'token_claims_wrong'
  if (now >= times.expiresAt) return 'token_expired'
  return Object.freeze({
    tokenId: jti,
    keyId: client_id,
    secretId: secret_id,
    owner,
    audience,
    ...times,
    scope: freezeScope({ tenants, environments, workflows } as Scope),
    ...(networks === undefined ? {} : { networks: canonicalNetworks(networks as string[]) }),
    ...(limits === undefined ? {} : { limits: freezeLimits(limits as KeyLimit[]) }),
  })
}

// A token that names several known audiences is for the first of them: the audience, then the
// resources. Twinkey issues tokens for exactly one.
function readAudience(
  { aud }: Record<string, unknown>,
  { audience, resources = [] }: ClaimRules,
): string | undefined {
  const named: unknown = typeof aud === 'string' ? [aud] : aud
  if (!Array.isArray(named) || named.some((each) => typeof each !== 'string')) return undefined
  return [audience, ...resources].find((each) => named.includes(each))
}

// Undefined if `sub` or `owner` is wrong. The pre-release had no claim `owner` and put the owner into
// `sub`. Its tokens are accepted until 1.0, because a verifier may be updated long before the API.
function readOwner({
  sub,
  client_id,
  owner,
}: Record<string, unknown>): TokenClaims['owner'] | undefined {
  if (owner === undefined) return sub === client_id ? null : nameOrUndefined(sub)
  return sub === client_id ? nameOrUndefined(owner) : undefined
}

function nameOrUndefined(value: unknown): string | undefined {
  return nameProblem(value) === undefined ? (value as string) : undefined
}

// Seconds in the claims, milliseconds in the result. iat may be 0, because a fake clock may start
// at 0.
function readTimes(
  { iat, exp, nbf }: Record<string, unknown>,
  latest: number,
): Pick<TokenClaims, 'issuedAt' | 'expiresAt'> | undefined {
  if (!(iat === 0 || isSeconds(iat)) || !isSeconds(exp)) return undefined
  if (nbf !== undefined && !(isSeconds(nbf) && nbf <= latest)) return undefined
  if (iat > latest || exp <= iat || exp - iat > MAX_LIFETIME_SECONDS) return undefined
  return { issuedAt: iat * 1000, expiresAt: exp * 1000 }
}

function isScopeString(value: unknown): value is string {
  return typeof value === 'string' && SCOPE_STRING.test(value)
}

function isSeconds(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0
}
