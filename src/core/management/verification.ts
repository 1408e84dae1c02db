import type { Authenticator, Identified } from '../decision/authenticator.ts'
import { CredentialDenial } from '../decision/identifier.ts'
import {
  type CredentialText,
  type RouteRequirement,
  textOnly,
} from '../decision/route-requirement.ts'
import type { KeyRecord, Metadata } from '../model/api-key.ts'
import { membersProblem } from '../model/checks.ts'
import { copyMembers } from '../model/copy.ts'
import { readInput, requireInput } from '../model/error.ts'
import { type ApiKey, viewOf } from '../model/key-view.ts'
import type { Refused } from '../model/principal.ts'
import type { Scope } from '../model/scope.ts'
import type { Slot } from '../secrets/secret.ts'
import type { TokenClaims } from '../tokens/claims.ts'

/** Options of `keys.verify` and `tokens.verify`. */
export interface VerifyOptions {
  /** The address of the client. Without it, a key that is limited to networks is refused. */
  readonly address?: string | undefined
  /** Ignores the networks of the key. Compare `key.networks` yourself. Default: checked. */
  readonly networks?: 'not checked here' | undefined
}

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
  options: VerifyOptions,
  now: () => number,
): Promise<Verified<M> | Refused> {
  const found = await identify(authenticator, secret, textOnly('secret'), options)
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
  requirement: RouteRequirement<CredentialText>,
  options: VerifyOptions,
  now: () => number,
): Promise<VerifiedToken<M> | Refused> {
  const found = await identify(authenticator, token, requirement, options)
  if (found instanceof CredentialDenial) return { ok: false, refusal: found.refusal }
  const { audience, tokenId, issuedAt } = found.identity.claims as TokenClaims
  return Object.freeze({
    ...verifiedOf<M>(found, now),
    audience,
    tokenId,
    issuedAt,
    expiresAt: found.allowed.principal.expiresAt as number,
  })
}

async function identify<M extends Metadata>(
  authenticator: Authenticator<M>,
  text: string,
  requirement: RouteRequirement<CredentialText>,
  options: VerifyOptions,
): Promise<Identified | CredentialDenial> {
  const given = readInput(() => copyMembers(options, VERIFY_MEMBERS), 'The options')
  requireInput(membersProblem(given, VERIFY_MEMBERS), 'The options')
  const { address, networks } = given as VerifyOptions
  requireInput(
    networks === undefined || networks === 'not checked here'
      ? undefined
      : "must be 'not checked here', or left out",
    'networks',
  )
  const checked = networks === undefined ? 'checked' : 'unchecked'
  return authenticator.identify({ text, address }, requirement, checked)
}

const VERIFY_MEMBERS = ['address', 'networks']

function verifiedOf<M extends Metadata>(
  { identity, allowed }: Identified,
  now: () => number,
): Verified<M> {
  const { key, slot } = identity as { key: KeyRecord; slot: Slot }
  return { ok: true, key: viewOf<M>(key, now()), slot, scope: allowed.principal.scope }
}
