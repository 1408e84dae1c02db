import type { JWK } from 'jose'
import type { Authenticator, Caller, Identified } from '../decision/authenticate.ts'
import { CredentialDenial } from '../decision/identifier.ts'
import { type RouteRequirement, textOnly } from '../decision/route-requirement.ts'
import type { TokenVerifier } from '../decision/token-verifier.ts'
import type { KeyRecord, Metadata } from '../model/api-key.ts'
import { membersProblem, secondsProblem } from '../model/checks.ts'
import { copyMembers } from '../model/copy.ts'
import { readInput, requireInput } from '../model/error.ts'
import type { Emit } from '../model/events.ts'
import type { Principal, Refused } from '../model/principal.ts'
import {
  denied,
  isRefusal,
  REFUSALS,
  type Refusal,
  type RefusalReason,
  refusalReason,
} from '../model/refusal.ts'
import {
  copyScope,
  emptyAxis,
  freezeScope,
  narrow,
  SCOPE_MEMBERS,
  type Scope,
  type ScopeInput,
  scopeValueProblem,
} from '../model/scope.ts'
import type { Slot } from '../secrets/secret.ts'
import type { SigningKeys } from '../tokens/signing-key.ts'
import { jwksOf, MAX_LIFETIME_SECONDS, signToken, type TokenRules } from '../tokens/token.ts'
import type { KeyWrites } from './key-writes.ts'
import { createTokenRevocation, type TokenRevocation } from './token-revocation.ts'
import { type VerifiedToken, verifyToken } from './verification.ts'

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

/** An issued token. */
export interface IssuedToken {
  readonly ok: true
  /** The JWT. A bearer credential: anyone who has it can use it while it is valid. */
  readonly token: string
  readonly tokenId: string
  /** The scope of the token, as issued. */
  readonly scope: Scope
  /** Epoch milliseconds, whole seconds. */
  readonly issuedAt: number
  /** Epoch milliseconds, whole seconds. */
  readonly expiresAt: number
  readonly lifetimeSeconds: number
}

/** Returns the token request of an authenticated caller, or a refusal. */
export type Ask = (
  principal: Principal<Metadata>,
) => TokenRequest | Refusal | Promise<TokenRequest | Refusal>

/** `twinkey.tokens`: issues and verifies tokens, and publishes the public keys. */
export interface Tokens<M extends Metadata = Metadata> {
  /**
   * Exchanges a secret for a token of at most one hour. Refuses tokens: a token cannot be exchanged
   * for another.
   *
   * Services with access to the store accept the token only while its secret is valid, and limit it
   * to the current scopes of the key and its owner. A service that has only the JWKS accepts it
   * until it expires.
   *
   * @param secret The secret, as the caller sent it.
   * @param request The token request, or a function that returns it for the authenticated caller.
   * @returns The token, or a refusal: `credential_invalid`, `request_malformed` for an unknown
   *   resource, `tenant_denied`, `environment_denied`, `workflow_denied`, `scope_too_large`,
   *   `unavailable`, or one that the function returns.
   * @throws {@link TwinkeyError} `signing_key_missing`, `signing_key_invalid`, `invalid_input`.
   * @see RFC 9068
   */
  issue(secret: string, request?: TokenRequest | Ask): Promise<IssuedToken | Refused>
  /**
   * Performs the token exchange for an endpoint: reads the credential of the request once, calls
   * `ask`, checks the credential again, and signs. The adapters call this for you.
   *
   * @param request A request that the reader of the requirement can read.
   * @param requirement The requirement of the endpoint. Tokens are refused even if it accepts them.
   * @param ask Returns the token request, for example from the request body. It may be slow, because
   *   the credential is checked again after it returns.
   */
  exchange<R>(
    request: R,
    requirement: RouteRequirement<R>,
    ask: Ask,
  ): Promise<IssuedToken | Refused>
  /**
   * Verifies a token, and that its key and secret are active. Does not check a target: to guard a
   * route, use `authenticate`. Accepts tokens for `tokens.audience` and for all `resources`, so
   * compare `audience` if the token must be for one of them.
   *
   * @returns The key, the effective scope and the audience, or a refusal: `credential_invalid`,
   *   `unavailable`.
   */
  verify(token: string): Promise<VerifiedToken<M> | Refused>
  /**
   * Revokes one token before it expires, on all nodes, and leaves the key and its other tokens as
   * they are. At most 256 tokens of a key can be revoked within an hour. A service that has only
   * the JWKS accepts the token until it expires.
   *
   * @param options With `keyId`, a token of another key is not revoked.
   * @returns Whether the token is revoked. False if the text is not a valid token, so that there is
   *   nothing to revoke. A refusal, `unavailable`, if the store fails or 256 tokens are already
   *   revoked. Then assume that the token is still valid.
   * @see RFC 7009
   */
  revoke(
    token: string,
    options?: { readonly keyId?: string | undefined },
  ): Promise<TokenRevocation | Refused>
  /**
   * Returns the public keys that verify tokens, as a JWK set (RFC 7517). Contains every configured
   * key, including retired ones.
   */
  jwks(): Promise<{ keys: JWK[] }>
  /**
   * Whether there is a signing key. If not, `issue` throws `signing_key_missing`, and the token
   * routes cannot be mounted.
   */
  readonly canIssue: boolean
  /** The `iss` of every token. */
  readonly issuer: string
}

const REQUEST_MEMBERS = ['scope', 'lifetimeSeconds', 'resource']

/** What a token issuer needs. */
export interface TokenIssuerParts<M extends Metadata> {
  readonly authenticator: Authenticator<M>
  readonly rules: Pick<TokenRules, 'issuer' | 'audience'>
  /** The audience of the rules and the further resources. */
  readonly audiences: readonly string[]
  readonly signingKeys: SigningKeys
  readonly verifier: TokenVerifier
  readonly writes: KeyWrites
  /** Longer requests are shortened to this. */
  readonly maxLifetimeSeconds: number
  readonly emit: Emit | undefined
  readonly now: () => number
}

export function createTokenIssuer<M extends Metadata>({
  authenticator,
  rules: { issuer, audience },
  audiences,
  signingKeys,
  verifier,
  writes,
  maxLifetimeSeconds,
  emit,
  now,
}: TokenIssuerParts<M>): Tokens<M> {
  const anyToken: RouteRequirement<string> = { ...textOnly('token'), audiences }

  function refuse(refusal: Refusal, reason: RefusalReason | undefined, keyId: string): Refused {
    emit?.({
      type: 'access.refused',
      at: now(),
      code: refusal.code,
      reason,
      axis: refusal.axis,
      keyId,
    })
    return { ok: false, refusal }
  }

  async function issueTo(
    caller: Caller,
    request: TokenRequest | Ask,
  ): Promise<IssuedToken | Refused> {
    const first = await caller.identify()
    if (first instanceof CredentialDenial) return { ok: false, refusal: first.refusal }
    const { id } = first.identity.holder
    const asked =
      typeof request === 'function'
        ? await authenticator.ask(() => request(first.allowed.principal))
        : request
    if (isRefusal(asked)) return refuse(asked, refusalReason(asked), id)
    // The function may be slow, so the credential must still be valid afterwards.
    const outcome = typeof request === 'function' ? await caller.identify() : first
    if (outcome instanceof CredentialDenial) return { ok: false, refusal: outcome.refusal }
    return sign(outcome, readRequest(asked))
  }

  async function sign(
    { identity, allowed }: Identified,
    { scope: wanted, lifetimeSeconds, resource = audience }: ReturnType<typeof readRequest>,
  ): Promise<IssuedToken | Refused> {
    const { key, slot } = identity as { key: KeyRecord; slot: Slot }
    // Never issue a token for a token, even if the requirement accepts tokens: a caller could renew
    // it forever.
    if (identity.via === 'token')
      return refuse(REFUSALS.credentialInvalid, 'kind_not_accepted', key.id)
    if (!key.tokens) return refuse(REFUSALS.tokensNotPermitted, 'tokens_not_permitted', key.id)
    if (!audiences.includes(resource))
      return refuse(REFUSALS.resourceUnknown, 'resource_unknown', key.id)
    const narrowed = narrow(allowed.principal.scope, wanted)
    if (typeof narrowed === 'string') return refuse(denied(narrowed), 'wider_than_key', key.id)
    // Copied before signing, because the caller may change its input meanwhile.
    const scope = freezeScope(narrowed)
    const empty = emptyAxis(scope)
    if (empty !== undefined) return refuse(denied(empty), 'not_covered', key.id)

    const holder = key[slot]
    const issuedAt = Math.floor(now() / 1000)
    const latest = Math.min(
      key.expiresAt ?? Number.POSITIVE_INFINITY,
      holder?.expiresAt ?? Number.POSITIVE_INFINITY,
    )
    const expiresAt = Math.min(
      issuedAt + Math.min(lifetimeSeconds, maxLifetimeSeconds),
      Math.floor(latest / 1000),
    )
    if (holder === null || expiresAt <= issuedAt)
      return refuse(REFUSALS.credentialInvalid, 'secret_expired', key.id)

    const signed = await signToken(
      { key, secretId: holder.id, scope, issuedAt, expiresAt },
      { issuer, audience: resource },
      await signingKeys.first(),
    )
    if (signed === undefined) return refuse(REFUSALS.scopeTooLarge, 'scope_too_large', key.id)
    emit?.({
      type: 'token.issued',
      at: now(),
      keyId: key.id,
      tokenId: signed.tokenId,
      slot,
      expiresAt: expiresAt * 1000,
    })
    return Object.freeze({
      ok: true,
      ...signed,
      scope,
      issuedAt: issuedAt * 1000,
      expiresAt: expiresAt * 1000,
      lifetimeSeconds: expiresAt - issuedAt,
    })
  }

  return {
    issue: (secret, request = {}) =>
      issueTo(authenticator.caller(secret, textOnly('secret')), request),
    exchange: (request, requirement, ask) =>
      issueTo(authenticator.caller(request, requirement), ask),
    verify: (token) => verifyToken(authenticator, token, anyToken, now),
    revoke: createTokenRevocation({ verifier, writes, emit, now }),
    jwks: async () => jwksOf(await signingKeys.all()),
    canIssue: signingKeys.canSign,
    issuer,
  }
}

// Copies the request before it is checked: the caller may change it during signing, and a getter
// may return another value at each read.
function readRequest(request: TokenRequest): {
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
