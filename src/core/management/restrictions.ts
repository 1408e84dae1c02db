import type { KeyRecord } from '../model/api-key.ts'
import { isRestricted } from '../model/attributes.ts'
import { TwinkeyError } from '../model/error.ts'
import { isWithinNetworks } from '../model/network.ts'
import { type Authority, isLimited } from './authority.ts'

// Which limits and networks a keyring may give to a key. A limited keyring must not lift a
// restriction that somebody with more authority has set.

/** The members of a key that restrict its use. */
type Restrictions = Pick<KeyRecord, 'limits' | 'networks' | 'tokens'>

/** The limits and networks of a new key if its creator names none. */
export function restrictionDefaults({
  policy,
}: Authority): Pick<Restrictions, 'limits' | 'networks'> {
  return { limits: policy.limits ?? null, networks: policy.networks ?? null }
}

/** @throws `not_grantable` if the keyring may not create a key with these limits and networks. */
export function requireNewRestrictions(authority: Authority, key: Restrictions): void {
  const fixed = fixedLimits(authority)
  if (fixed !== undefined && !isSame(key.limits, fixed)) throw notGrantable('these limits')
  requireWithinPolicy(authority, key)
  requireTokens(authority, key, hasLimits(key))
}

/** @throws `not_grantable` if the keyring may not change limits and networks in this way. */
export function requireChangedRestrictions(
  authority: Authority,
  before: Restrictions,
  after: Restrictions,
): void {
  if (fixedLimits(authority) !== undefined && !isSame(before.limits, after.limits))
    throw notGrantable('other limits')
  requireWithinPolicy(authority, after)
  const { networks } = authority.policy
  if (!networks && isLimited(authority) && !isWithin(after.networks, before.networks))
    throw notGrantable('wider networks')
  if (!before.tokens) requireTokens(authority, after, isRestricted(before) || isRestricted(after))
}

/** Whether two lists of limits are the same, with the same order. */
export function isSame(a: Restrictions['limits'], b: Restrictions['limits']): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}

// The only limits that the keyring can give to a key. Undefined if it can give any.
function fixedLimits(authority: Authority): Restrictions['limits'] | undefined {
  return authority.policy.limits ?? (isLimited(authority) ? null : undefined)
}

function requireWithinPolicy({ policy }: Authority, { networks }: Restrictions): void {
  if (policy.networks && !isWithin(networks, policy.networks)) throw notGrantable('these networks')
}

// A service that has only the JWKS may ignore the limits and networks in a token.
function requireTokens(
  authority: Authority,
  { tokens }: Restrictions,
  hasRestrictions: boolean,
): void {
  if (tokens && hasRestrictions && fixedLimits(authority) !== undefined)
    throw notGrantable('tokens for a key with limits or networks')
}

function hasLimits({ limits }: Restrictions): boolean {
  return isRestricted({ limits, networks: null })
}

function isWithin(inner: readonly string[] | null, outer: readonly string[] | null): boolean {
  return outer === null || (inner !== null && isWithinNetworks(inner, outer))
}

function notGrantable(what: string): TwinkeyError {
  return new TwinkeyError('not_grantable', `This keyring may not grant ${what}.`)
}
