import type { DeploymentPolicies } from './deployment-policies.ts'
import type { KeyPolicy } from './key-policy.ts'

/** The policy of a keyring, narrowed by the policies of the deployment. */
export interface NarrowedPolicy extends KeyPolicy {
  /** How many keys an owner may have in the whole deployment. */
  readonly maxKeysPerOwner?: number | undefined
}

/**
 * Narrows the policy of a keyring. The smaller maximum holds. The default of the keyring holds, and
 * is shortened to that maximum.
 */
export function narrowPolicy(policies: DeploymentPolicies, policy: KeyPolicy): NarrowedPolicy {
  const maxExpiresInSeconds = smaller(policies.maxExpiresInSeconds, policy.maxExpiresInSeconds)
  const byDefault = policy.defaultExpiresInSeconds ?? policies.defaultExpiresInSeconds
  return Object.freeze({
    ...policy,
    maxKeysPerOwner: policies.maxKeysPerOwner,
    maxExpiresInSeconds,
    defaultExpiresInSeconds: byDefault && smaller(byDefault, maxExpiresInSeconds),
  })
}

/** The rules for the keys of one owner, or of none, as a keyring tells its user. */
export function shownPolicy(
  { maxKeysPerOwner, ...policy }: NarrowedPolicy,
  owner: string | null,
): KeyPolicy {
  return owner === null ? policy : { ...policy, maxKeys: smaller(policy.maxKeys, maxKeysPerOwner) }
}

/** The smaller number. Undefined stands for no limit. */
export function smaller(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? (a ?? b) : Math.min(a, b)
}
