import type { JWK } from 'jose'
import type { Authenticator, Caller, Identified } from '../decision/authenticator.ts'
import { CredentialDenial } from '../decision/identifier.ts'
import {
  type CredentialText,
  type RouteRequirement,
  textOnly,
} from '../decision/route-requirement.ts'
import type { TokenVerifier } from '../decision/token-verifier.ts'
import type { KeyLimit, KeyRecord, Metadata } from '../model/api-key.ts'
import type { Emit } from '../model/events.ts'
import type { Principal, Refused } from '../model/principal.ts'
import {
  axisDenied,
  isRefusal,
  REFUSALS,
  type Refusal,
  type RefusalReason,
  refusalReason,
} from '../model/refusal.ts'
import { emptyAxis, freezeScope, narrow, type Scope } from '../model/scope.ts'
import type { ExchangeMessage, Trace } from '../model/trace.ts'
import type { Slot } from '../secrets/secret.ts'
import type { SigningKeys } from '../tokens/signing-key.ts'
import { jwksOf, signToken, type TokenRules } from '../tokens/token.ts'
import type { KeyWrites } from './key-writes.ts'
import { readTokenRequest, type TokenRequest } from './token-request.ts'
import { createTokenRevocation, type TokenRevocation } from './token-revocation.ts'
import { type VerifiedToken, type VerifyOptions, verifyToken } from './verification.ts'

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
   * @param options The address of the client. Without it, a key that is limited to networks is
   *   refused.
   * @returns The token, or a refusal: `credential_invalid`, `request_malformed` for an unknown
   *   resource, `tenant_denied`, `environment_denied`, `workflow_denied`, `network_denied`,
   *   `quota_exceeded`, `scope_too_large`, `unavailable`, or one that the function returns.
   * @throws {@link TwinkeyError} `signing_key_missing`, `signing_key_invalid`, `invalid_input`.
   * @see RFC 9068
   */
  issue(
    secret: string,
    request?: TokenRequest | Ask,
    options?: { readonly address?: string | undefined },
  ): Promise<IssuedToken | Refused>
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
   * compare `audience` if the token must be for one of them. Does not count the request for the
   * limits of the key.
   *
   * @param options The address of the client, for keys that are limited to networks.
   * @returns The key, the effective scope and the audience, or a refusal: `credential_invalid`,
   *   `network_denied`, `unavailable`.
   * @throws {@link TwinkeyError} `invalid_input` for wrong options.
   */
  verify(token: string, options?: VerifyOptions): Promise<VerifiedToken<M> | Refused>
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

/** What a token issuer needs. */
export interface TokenIssuerParts<M extends Metadata> {
  readonly authenticator: Authenticator<M>
  readonly rules: Pick<TokenRules, 'issuer' | 'audience'>
  /** The audience of the rules and the further resources. */
  readonly audiences: readonly string[]
  readonly signingKeys: SigningKeys
  readonly verifier: TokenVerifier
  readonly writes: KeyWrites
  /** The limits of keys that have none of their own. */
  readonly limits: readonly KeyLimit[] | undefined
  /** Longer requests are shortened to this. */
  readonly maxLifetimeSeconds: number
  readonly emit: Emit | undefined
  readonly trace: Trace<ExchangeMessage>
  readonly now: () => number
}

export function createTokenIssuer<M extends Metadata>({
  authenticator,
  rules: { issuer, audience },
  audiences,
  signingKeys,
  verifier,
  writes,
  limits,
  maxLifetimeSeconds,
  emit,
  trace,
  now,
}: TokenIssuerParts<M>): Tokens<M> {
  const anyToken: RouteRequirement<CredentialText> = { ...textOnly('token'), audiences }

  function refuse(
    refusal: Refusal,
    reason: RefusalReason | undefined,
    keyId: string,
  ): CredentialDenial {
    emit?.({
      type: 'access.refused',
      at: now(),
      code: refusal.code,
      reason,
      axis: refusal.axis,
      keyId,
      ...(refusal.deniedCode && { deniedCode: refusal.deniedCode }),
    })
    return new CredentialDenial(refusal, reason, keyId)
  }

  async function issueTraced(
    caller: Caller,
    request: TokenRequest | Ask,
  ): Promise<IssuedToken | Refused> {
    const message: ExchangeMessage = { result: undefined, code: undefined, tokenId: undefined }
    return trace.run(message, async () => {
      const outcome = await issueTo(caller, request)
      if (!(outcome instanceof CredentialDenial)) {
        message.result = 'issued'
        message.tokenId = outcome.tokenId
        return outcome
      }
      const { refusal, reason, keyId } = outcome
      message.result = 'refused'
      message.code = refusal.code
      message.reason = reason
      message.keyId = keyId
      return { ok: false, refusal }
    })
  }

  async function issueTo(
    caller: Caller,
    request: TokenRequest | Ask,
  ): Promise<IssuedToken | CredentialDenial> {
    const first = await caller.identify()
    if (first instanceof CredentialDenial) return first
    const { id } = first.identity.holder
    const asked =
      typeof request === 'function'
        ? await authenticator.ask(() => request(first.allowed.principal))
        : request
    if (isRefusal(asked)) return refuse(asked, refusalReason(asked), id)
    // The function may be slow, so the credential must still be valid afterwards.
    const outcome = typeof request === 'function' ? await caller.identify() : first
    if (outcome instanceof CredentialDenial) return outcome
    return sign(outcome, readTokenRequest(asked))
  }

  async function sign(
    { identity, allowed }: Identified,
    { scope: wanted, lifetimeSeconds, resource = audience }: ReturnType<typeof readTokenRequest>,
  ): Promise<IssuedToken | CredentialDenial> {
    const { key, slot } = identity as { key: KeyRecord; slot: Slot }
    // Never issue a token for a token, even if the requirement accepts tokens: a caller could renew
    // it forever.
    if (identity.via === 'token')
      return refuse(REFUSALS.credentialInvalid, 'kind_not_accepted', key.id)
    if (!key.tokens) return refuse(REFUSALS.tokensNotPermitted, 'tokens_not_permitted', key.id)
    if (!audiences.includes(resource))
      return refuse(REFUSALS.resourceUnknown, 'resource_unknown', key.id)
    const narrowed = narrow(allowed.principal.scope, wanted)
    if (typeof narrowed === 'string') return refuse(axisDenied(narrowed), 'wider_than_key', key.id)
    // Copied before signing, because the caller may change its input meanwhile.
    const scope = freezeScope(narrowed)
    const empty = emptyAxis(scope)
    if (empty !== undefined) return refuse(axisDenied(empty), 'not_covered', key.id)

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
      { key, secretId: holder.id, scope, limits: key.limits ?? limits, issuedAt, expiresAt },
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
    issue: (text, request = {}, { address } = {}) =>
      issueTraced(authenticator.caller({ text, address }, textOnly('secret')), request),
    exchange: (request, requirement, ask) =>
      issueTraced(authenticator.caller(request, requirement), ask),
    verify: (token, options = {}) => verifyToken(authenticator, token, anyToken, options, now),
    revoke: createTokenRevocation({ verifier, writes, emit, now }),
    jwks: async () => jwksOf(await signingKeys.all()),
    canIssue: signingKeys.canSign,
    issuer,
  }
}
