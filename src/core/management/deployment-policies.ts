import type { KeyLimit } from '../model/api-key.ts'
import { copyLimits, freezeLimits, limitsProblem } from '../model/key-limit.ts'
import { requireMembers, requireNumber } from '../model/options-checks.ts'
import { MAX_KEYS, MAX_SECONDS } from './key-policy.ts'

/**
 * Rules for all keys of a deployment. They hold for `twinkey.keys` and for every limited keyring,
 * which may be stricter. Keys that exist stay as they are until their expiry is changed.
 */
export interface DeploymentPolicies {
  /**
   * 1 to 8 limits for keys that have none of their own. A key with an empty list of
   * `limits` has no limit. Requires the option `limiter`. Default: none.
   */
  readonly limits?: readonly KeyLimit[] | undefined
  /**
   * When a new or imported key expires if its creator does not say, in seconds from its creation.
   * Default: `maxExpiresInSeconds`, otherwise never.
   */
  readonly defaultExpiresInSeconds?: number | undefined
  /**
   * The longest life of a key, in seconds from its creation. A change of the expiry counts from the
   * time of the change. A key that never expires is refused. Default: no limit.
   */
  readonly maxExpiresInSeconds?: number | undefined
  /**
   * How many keys that are not revoked one owner may have: 1 to 1,000. Keys without an owner are not
   * counted. Default: no limit.
   */
  readonly maxKeysPerOwner?: number | undefined
}

const MEMBERS = [
  'limits',
  'defaultExpiresInSeconds',
  'maxExpiresInSeconds',
  'maxKeysPerOwner',
] as const

/**
 * Checks and copies the policies.
 *
 * @throws TypeError or RangeError for a wrong policy. The message says what to do.
 */
export function policiesOf(given: DeploymentPolicies = {}, limiter: unknown): DeploymentPolicies {
  const policies = requireMembers(given, MEMBERS, 'policies')
  const { defaultExpiresInSeconds, maxExpiresInSeconds, maxKeysPerOwner } = policies
  requireWhole(defaultExpiresInSeconds, MAX_SECONDS, 'policies.defaultExpiresInSeconds')
  requireWhole(maxExpiresInSeconds, MAX_SECONDS, 'policies.maxExpiresInSeconds')
  requireWhole(maxKeysPerOwner, MAX_KEYS, 'policies.maxKeysPerOwner')
  if (
    defaultExpiresInSeconds !== undefined &&
    maxExpiresInSeconds !== undefined &&
    defaultExpiresInSeconds > maxExpiresInSeconds
  )
    throw new RangeError(
      'policies.defaultExpiresInSeconds must not be longer than policies.maxExpiresInSeconds. Shorten it, or leave it out.',
    )
  const limits = limitsOf(policies.limits, limiter)
  return Object.freeze({ limits, defaultExpiresInSeconds, maxExpiresInSeconds, maxKeysPerOwner })
}

function requireWhole(value: number | undefined, max: number, what: string): void {
  if (value !== undefined) requireNumber(value, undefined, 1, max, what, Number.isInteger)
}

function limitsOf(listed: DeploymentPolicies['limits'], limiter: unknown) {
  if (listed === undefined) return undefined
  const limits = copyLimits(listed)
  const problem = limitsProblem(limits)
  if (problem !== undefined) throw new TypeError(`policies.limits ${problem}.`)
  if ((limits as KeyLimit[]).length === 0)
    throw new TypeError('policies.limits must have at least one limit. Leave it out for none.')
  if (limiter === undefined)
    throw new TypeError(
      'policies.limits need a limiter that counts: set limiter to memoryLimiter() or rateLimiter(…) of twinkey/limits.',
    )
  return freezeLimits(limits as KeyLimit[])
}
