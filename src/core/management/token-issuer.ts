import type { JWK } from 'jose'
import type { Authenticator, Caller } from '../decision/authenticate.ts'
import { CredentialDenial } from '../decision/identifier.ts'
import type { CachedDecision } from '../decision/identity.ts'
import { type RouteRequirement, textOnly } from '../decision/route-requirement.ts'
import type { KeyRecord, Metadata } from '../model/api-key.ts'
import { membersProblem, secondsProblem } from '../model/checks.ts'
import { copyMembers } from '../model/copy.ts'
import { readInput, requireInput } from '../model/error.ts'
import type { Emit } from '../model/events.ts'
import { type ApiKey, viewOf } from '../model/key-view.ts'
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

/** What a token is to be, within what the key may reach. */
export interface TokenRequest {
  /**
   * The axes to cut down; an axis left out stays as the key has it. Asking for more than the key
   * reaches is refused.
   */
  readonly scope?: ScopeInput | undefined
  /**
   * 1 to 3600 seconds, 3600 unless given; cut to `tokens.maxLifetimeSeconds`, and never past the
   * expiry of the key or of the secret.
   */
  readonly lifetimeSeconds?: number | undefined
}

/** A token as it was issued. */
export interface IssuedToken {
  readonly ok: true
  /** The JWT. Whoever holds it may use it until it expires or its secret dies. */
  readonly token: string
  readonly tokenId: string
  /** What the token reaches. */
  readonly scope: Scope
  /** Epoch milliseconds, whole seconds. */
  readonly issuedAt: number
  /** Epoch milliseconds, whole seconds. */
  readonly expiresAt: number
  readonly lifetimeSeconds: number
}

/** A credential that is live at this moment. */
export interface Verified<M extends Metadata = Metadata> {
  readonly ok: true
  readonly key: ApiKey<M>
  readonly slot: Slot
  /**
   * What it reaches at this moment: the key's scope, cut by the token's and by what the owner may
   * reach.
   */
  readonly scope: Scope
}

/** What a token request asks for, told by who asks. */
export type Ask = (
  holder: Principal<Metadata>,
) => TokenRequest | Refusal | Promise<TokenRequest | Refusal>

/** Issuing, verifying and publishing: `twinkey.tokens`. */
export interface Tokens<M extends Metadata = Metadata> {
  /**
   * Exchanges a secret for a token of at most an hour. A token is not accepted here: it can never
   * mint another.
   *
   * Wherever the store is asked, the token dies with the secret that minted it, and is cut by what
   * the key and its owner may reach at the time of each request. A service that knows nothing but
   * the JWKS cannot see that: there it lives until it expires.
   *
   * @param secret The secret, as a caller sent it.
   * @param request What the token is to be, or a function that says so once it is known whose
   *   secret it is.
   * @returns The token, or a refusal: `credential_invalid`, `tenant_denied`, `environment_denied`,
   *   `workflow_denied`, `scope_too_large`, `unavailable`.
   * @throws {@link TwinkeyError} `signing_key_missing`, `invalid_input`.
   * @see RFC 9068
   */
  issue(secret: string, request?: TokenRequest | Ask): Promise<IssuedToken | Refused>
  /**
   * The token exchange as one operation, for an endpoint: reads the credential of a request once,
   * asks what the token is to be, checks the credential again, and signs. Adapters do this for you.
   *
   * @param request A request, as the reader of the requirement takes it.
   * @param requirement What the endpoint asks of the request. A token is refused, even where this
   *   accepts it.
   * @param ask What the token is to be, once it is known whose secret it is. It may take its time:
   *   the body of the request is read here.
   */
  exchange<R>(
    request: R,
    requirement: RouteRequirement<R>,
    ask: Ask,
  ): Promise<IssuedToken | Refused>
  /**
   * Verifies a token, and that its key and its secret are live. It does not check a target: to
   * guard a route, use `authenticate`.
   *
   * @returns Whose token it is, or a refusal: `credential_invalid`, `unavailable`.
   */
  verify(token: string): Promise<Verified<M> | Refused>
  /**
   * The public keys that verify tokens, as a JWK set (RFC 7517). Retired keys stay in it for as
   * long as they are configured.
   */
  jwks(): Promise<{ keys: JWK[] }>
  /**
   * Whether there is a key to sign with. Where there is none, `issue` throws, and the token service
   * cannot be mounted.
   */
  readonly canIssue: boolean
}

const REQUEST_MEMBERS = ['scope', 'lifetimeSeconds']

/** What is needed to issue tokens. */
export interface TokenIssuerParts<M extends Metadata> {
  readonly authenticator: Authenticator<M>
  readonly rules: Pick<TokenRules, 'issuer' | 'audience'>
  readonly signingKeys: SigningKeys
  /** How long a token lives that is to live longer. */
  readonly maxLifetimeSeconds: number
  readonly emit: Emit | undefined
  readonly now: () => number
}

export function createTokenIssuer<M extends Metadata>({
  authenticator,
  rules,
  signingKeys,
  maxLifetimeSeconds,
  emit,
  now,
}: TokenIssuerParts<M>): Tokens<M> {
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
    // The caller may be slow to say what it asks for. What counts is whether its credential is
    // active afterwards.
    const outcome = typeof request === 'function' ? await caller.identify() : first
    if (outcome instanceof CredentialDenial) return { ok: false, refusal: outcome.refusal }
    return sign(outcome, readRequest(asked))
  }

  async function sign(
    { identity, allowed }: CachedDecision,
    { scope: wanted, lifetimeSeconds }: ReturnType<typeof readRequest>,
  ): Promise<IssuedToken | Refused> {
    const { key, slot } = identity as { key: KeyRecord; slot: Slot }
    // Whatever the requirement accepts: a token that minted another would live for ever.
    if (identity.via === 'token')
      return refuse(REFUSALS.credentialInvalid, 'kind_not_accepted', key.id)
    const narrowed = narrow(allowed.principal.scope, wanted)
    if (typeof narrowed === 'string') return refuse(denied(narrowed), 'wider_than_key', key.id)
    // A copy at once: the caller may change what it handed in while the token is signed.
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
      rules,
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
    verify: (token) => verifyCredential(authenticator, token, 'token'),
    jwks: async () => jwksOf(await signingKeys.all()),
    canIssue: signingKeys.canSign,
  }
}

/** The key behind a credential of one kind, as `keys.verify` and `tokens.verify` return it. */
export async function verifyCredential<M extends Metadata>(
  authenticator: Authenticator<M>,
  text: string,
  kind: 'secret' | 'token',
): Promise<Verified<M> | Refused> {
  const outcome = await authenticator.caller(text, textOnly(kind)).identify()
  if (outcome instanceof CredentialDenial) return { ok: false, refusal: outcome.refusal }
  const { key, slot } = outcome.identity as { key: KeyRecord; slot: Slot }
  return Object.freeze({
    ok: true,
    key: viewOf<M>(key),
    slot,
    scope: outcome.allowed.principal.scope,
  })
}

// Copies the request: its owner may change it while the token is signed, and a getter may answer
// differently at each read.
function readRequest(request: TokenRequest): { scope: ScopeInput; lifetimeSeconds: number } {
  const copy = readInput(
    () => copyMembers(request, REQUEST_MEMBERS),
    'The token request',
  ) as TokenRequest
  requireInput(membersProblem(copy, REQUEST_MEMBERS), 'The token request')
  const { scope: asked = {}, lifetimeSeconds = MAX_LIFETIME_SECONDS } = copy
  const scope = readInput(() => copyScope(asked), 'scope') as ScopeInput
  // A misspelt axis must not leave a token wider than was meant.
  requireInput(membersProblem(scope, SCOPE_MEMBERS), 'scope')
  for (const member of SCOPE_MEMBERS)
    requireInput(scope[member] === undefined ? undefined : scopeValueProblem(scope[member]), member)
  requireInput(secondsProblem(lifetimeSeconds, 1, MAX_LIFETIME_SECONDS), 'lifetimeSeconds')
  return { scope, lifetimeSeconds }
}
