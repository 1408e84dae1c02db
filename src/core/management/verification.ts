import { decodeJwt } from 'jose/jwt/decode'
import type { Authenticator, Identified } from '../decision/authenticate.ts'
import { CredentialDenial } from '../decision/identifier.ts'
import { type RouteRequirement, textOnly } from '../decision/route-requirement.ts'
import type { KeyRecord, Metadata } from '../model/api-key.ts'
import { type ApiKey, viewOf } from '../model/key-view.ts'
import type { Refused } from '../model/principal.ts'
import type { Scope } from '../model/scope.ts'
import type { Slot } from '../secrets/secret.ts'

/** A credential that is valid now. */
export interface Verified<M extends Metadata = Metadata> {
  readonly ok: true
  readonly key: ApiKey<M>
  readonly slot: Slot
  /** The effective scope now: the intersection of the scopes of key, token and owner. */
  readonly scope: Scope
}

/** A token that is valid now. */
export interface VerifiedToken<M extends Metadata = Metadata> extends Verified<M> {
  /** The `aud` that the token is for: `tokens.audience` or one of `resources`. */
  readonly audience: string
  readonly tokenId: string
  /** Epoch milliseconds, whole seconds. */
  readonly issuedAt: number
  /** When the token stops working if nothing changes, in epoch milliseconds. */
  readonly expiresAt: number
}

/** Implements `keys.verify`. */
export async function verifySecret<M extends Metadata>(
  authenticator: Authenticator<M>,
  secret: string,
  now: () => number,
): Promise<Verified<M> | Refused> {
  const found = await authenticator.caller(secret, textOnly('secret')).identify()
  return found instanceof CredentialDenial
    ? { ok: false, refusal: found.refusal }
    : Object.freeze(verifiedOf<M>(found, now))
}

/**
 * Implements `tokens.verify`.
 *
 * @param requirement The requirement for a token as text, with the audiences that it may be for.
 */
export async function verifyToken<M extends Metadata>(
  authenticator: Authenticator<M>,
  token: string,
  requirement: RouteRequirement<string>,
  now: () => number,
): Promise<VerifiedToken<M> | Refused> {
  const found = await authenticator.caller(token, requirement).identify()
  if (found instanceof CredentialDenial) return { ok: false, refusal: found.refusal }
  const { jti, iat } = decodeJwt(token)
  return Object.freeze({
    ...verifiedOf<M>(found, now),
    audience: found.identity.audience as string,
    tokenId: jti as string,
    issuedAt: (iat as number) * 1000,
    expiresAt: found.allowed.principal.expiresAt as number,
  })
}

function verifiedOf<M extends Metadata>(
  { identity, allowed }: Identified,
  now: () => number,
): Verified<M> {
  const { key, slot } = identity as { key: KeyRecord; slot: Slot }
  return { ok: true, key: viewOf<M>(key, now()), slot, scope: allowed.principal.scope }
}
