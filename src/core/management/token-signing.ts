import type { Identified } from '../decision/authenticator.ts'
import { CredentialDenial } from '../decision/identifier.ts'
import type { KeyLimit, KeyRecord } from '../model/api-key.ts'
import type { Emit } from '../model/events.ts'
import { axisDenied, REFUSALS, type Refusal, type RefusalReason } from '../model/refusal.ts'
import { emptyAxis, freezeScope, narrow, type Scope } from '../model/scope.ts'
import type { Slot } from '../secrets/secret.ts'
import type { SigningKeys } from '../tokens/signing-key.ts'
import { signToken } from '../tokens/token.ts'
import type { readTokenRequest } from './token-request.ts'

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

/** What token signing needs. */
export interface TokenSigningParts {
  readonly issuer: string
  /** The audience of tokens that are requested for no resource, then the further resources. */
  readonly audiences: readonly string[]
  readonly signingKeys: SigningKeys
  /** The limits of keys that have none of their own. */
  readonly limits: readonly KeyLimit[] | undefined
  /** Longer requests are shortened to this. */
  readonly maxLifetimeSeconds: number
  readonly emit: Emit | undefined
  readonly now: () => number
}

/** The last step of a token exchange: a token for an identified caller, or a refusal. */
export interface TokenSigning {
  sign(
    caller: Identified,
    request: ReturnType<typeof readTokenRequest>,
  ): Promise<IssuedToken | CredentialDenial>
  /** Refuses a token request, with an event. */
  refuse(refusal: Refusal, reason: RefusalReason | undefined, keyId: string): CredentialDenial
}

export function createTokenSigning(parts: TokenSigningParts): TokenSigning {
  const { issuer, audiences, signingKeys, limits, emit, now } = parts

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

  async function sign(
    { identity, allowed }: Identified,
    {
      scope: wanted,
      lifetimeSeconds,
      resource = audiences[0] as string,
    }: ReturnType<typeof readTokenRequest>,
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
      issuedAt + Math.min(lifetimeSeconds, parts.maxLifetimeSeconds),
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

  return { sign, refuse }
}
