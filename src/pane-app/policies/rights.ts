import type { ApiKey, Session } from '../base/model.ts'
import { isLimited } from './limits.ts'
import { changedPolicies, type Policies, type PolicyForm, restricts } from './policy-form.ts'

/** What decides about the policies that a person may choose. */
type Caller = Pick<Session, 'owner' | 'tenants' | 'policy' | 'hasLimiter'>

// Such a person must not lift a restriction that somebody with more authority has set.
const hasFixedLimits = ({ owner, tenants, policy }: Omit<Caller, 'hasLimiter'>) =>
  owner !== null || tenants !== null || policy.limits !== undefined

/** Whether a person may choose the limits of keys. */
export function mayLimit(caller: Caller): boolean {
  return caller.hasLimiter && !hasFixedLimits(caller)
}

/** The networks within which those of a key must stay; null for all. */
export function allowedNetworks(
  { owner, tenants, policy }: Pick<Caller, 'owner' | 'tenants' | 'policy'>,
  key?: Pick<ApiKey, 'networks'>,
): readonly string[] | null {
  if (policy.networks !== undefined) return policy.networks
  return owner === null && tenants === null ? null : (key?.networks ?? null)
}

/**
 * Whether the form asks if a key may be exchanged for tokens. It asks if the key has limits or
 * networks, or cannot be exchanged at present, unless the person may not allow it.
 */
export function asksForTokens(
  caller: Caller,
  form: PolicyForm,
  key?: Pick<ApiKey, 'limits' | 'networks' | 'tokens'>,
): boolean {
  const { policy } = caller
  const hasRestrictions = restricts(form) || (key === undefined && isLimited(newKeyOf(caller)))
  if (!hasFixedLimits(caller)) return hasRestrictions || key?.tokens === false
  if (key === undefined) return hasRestrictions && !policy.limits?.length
  return key.tokens ? hasRestrictions : !hasRestrictions && !isLimited(key)
}

/** The members of a request: what the form changes and the person may choose. */
export function chosenPolicies(
  caller: Caller,
  form: PolicyForm,
  key?: Pick<ApiKey, 'limits' | 'networks' | 'tokens'>,
): Policies {
  const before = key ?? newKeyOf(caller)
  const { limits, tokens, ...rest } = changedPolicies(form, before, allowedNetworks(caller, key))
  return {
    ...rest,
    ...(limits !== undefined && mayLimit(caller) && { limits }),
    ...(tokens !== undefined && asksForTokens(caller, form, key) && { tokens }),
  }
}

// What the server gives to a new key if nothing is chosen. Tokens must be chosen if it has any.
function newKeyOf({ policy }: Pick<Caller, 'policy'>) {
  return { limits: policy.limits ?? null, networks: policy.networks ?? null, tokens: false }
}
