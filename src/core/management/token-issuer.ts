import type { JWK } from 'jose'
import type { Authenticator, Caller } from '../decision/authenticator.ts'
import { CredentialDenial } from '../decision/identifier.ts'
import {
  type CredentialText,
  type RouteRequirement,
  textOnly,
} from '../decision/route-requirement.ts'
import type { TokenVerifier } from '../decision/token-verifier.ts'
import type { Metadata } from '../model/api-key.ts'
import type { Principal, Refused } from '../model/principal.ts'
import { isRefusal, type Refusal, refusalReason } from '../model/refusal.ts'
import type { ExchangeMessage, Trace } from '../model/trace.ts'
import { jwksOf } from '../tokens/token.ts'
import type { KeyWrites } from './key-writes.ts'
import { readTokenRequest, type TokenRequest } from './token-request.ts'
import { createTokenRevocation, type TokenRevocation } from './token-revocation.ts'
import { createTokenSigning, type IssuedToken, type TokenSigningParts } from './token-signing.ts'
import { type VerifiedToken, type VerifyOptions, verifyToken } from './verification.ts'

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
export interface TokenIssuerParts<M extends Metadata> extends TokenSigningParts {
  readonly authenticator: Authenticator<M>
  readonly verifier: TokenVerifier
  readonly writes: KeyWrites
  readonly trace: Trace<ExchangeMessage>
}

export function createTokenIssuer<M extends Metadata>(parts: TokenIssuerParts<M>): Tokens<M> {
  const { authenticator, verifier, writes, signingKeys, issuer, audiences, emit, trace, now } =
    parts
  const { sign, refuse } = createTokenSigning(parts)
  const anyToken: RouteRequirement<CredentialText> = { ...textOnly('token'), audiences }

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
