import type { KeyLimit, KeyRecord } from '../model/api-key.ts'
import { isPlainObject, membersProblem, secondsProblem } from '../model/checks.ts'
import { copyList, copyMembers } from '../model/copy.ts'
import { requireInput, TwinkeyError } from '../model/error.ts'
import { copyLimits, freezeLimits, limitsProblem } from '../model/key-limit.ts'
import { canonicalNetworks, MAX_NETWORKS, networksProblem } from '../model/network.ts'

/**
 * Rules for the keys that a keyring creates and changes. A rule that is left out does not apply. The
 * `policies` of the deployment hold as well: of two lifetimes or counts, the smaller one.
 */
export interface KeyPolicy {
  /**
   * How many keys that are not revoked the owner of a new key may have: 1 to 1,000. Keys without an
   * owner count together.
   */
  readonly maxKeys?: number | undefined
  /**
   * When a key expires if its creator does not say, in seconds from its creation. Default:
   * `maxExpiresInSeconds`, otherwise never.
   */
  readonly defaultExpiresInSeconds?: number | undefined
  /** The longest life of a key, in seconds from the call. A key then cannot be without an end. */
  readonly maxExpiresInSeconds?: number | undefined
  /** How many secrets a key has. Default: the creator chooses, two if it does not say. */
  readonly secrets?: 1 | 2 | undefined
  /**
   * The limits of every new key. The keyring cannot create a key with other limits, and cannot
   * change the limits of a key. Default: a keyring with `owner` or `tenants` cannot set limits, so its
   * new keys have those of the deployment. Other keyrings can set any limits.
   */
  readonly limits?: readonly KeyLimit[] | undefined
  /**
   * When the keyring creates or updates a key, the networks of the key must lie within these. A new
   * key has exactly these if its creator names none. Default: a keyring with `owner` or `tenants`
   * can set and narrow the networks of a key, but not widen or remove them. Other keyrings can set any.
   */
  readonly networks?: readonly string[] | undefined
}

const POLICY_MEMBERS = [
  'maxKeys',
  'defaultExpiresInSeconds',
  'maxExpiresInSeconds',
  'secrets',
  'limits',
  'networks',
] as const

/** The largest number of keys of an owner that a policy can name. */
export const MAX_KEYS = 1000
/** A hundred years. A Date can hold every time up to then. */
export const MAX_SECONDS = 3_155_760_000
// A caller computes the time by its own clock, some time before it is checked.
const TOLERANCE_MILLISECONDS = 60_000

/** Copies a policy of the caller. Any other value stays as it is. */
export function copyPolicy(value: unknown): unknown {
  const copy = copyMembers(value, POLICY_MEMBERS)
  if (!isPlainObject(copy)) return copy
  if ('limits' in copy) copy['limits'] = copyLimits(copy['limits'])
  if ('networks' in copy) copy['networks'] = copyList(copy['networks'], MAX_NETWORKS + 1)
  return copy
}

/**
 * Checks a policy, which must be a copy.
 *
 * @returns The policy with its limits and networks as keys store them.
 * @throws `invalid_input`
 */
export function readPolicy(policy: KeyPolicy): KeyPolicy {
  requireInput(membersProblem(policy, POLICY_MEMBERS), 'policy')
  const { maxKeys, defaultExpiresInSeconds: byDefault, maxExpiresInSeconds, secrets } = policy
  const { limits, networks } = policy
  const isCount = Number.isInteger(maxKeys) && Number(maxKeys) >= 1 && Number(maxKeys) <= MAX_KEYS
  requireInput(
    maxKeys === undefined || isCount ? undefined : `must be a whole number from 1 to ${MAX_KEYS}`,
    'policy.maxKeys',
  )
  for (const [name, seconds] of Object.entries({
    defaultExpiresInSeconds: byDefault,
    maxExpiresInSeconds,
  }))
    requireInput(
      seconds === undefined ? undefined : secondsProblem(seconds, 1, MAX_SECONDS),
      `policy.${name}`,
    )
  requireInput(
    byDefault !== undefined && maxExpiresInSeconds !== undefined && byDefault > maxExpiresInSeconds
      ? 'must not be longer than maxExpiresInSeconds'
      : undefined,
    'policy.defaultExpiresInSeconds',
  )
  requireInput(
    secrets === undefined || secrets === 1 || secrets === 2 ? undefined : 'must be 1 or 2',
    'policy.secrets',
  )
  requireInput(limits === undefined ? undefined : limitsProblem(limits), 'policy.limits')
  requireInput(networks === undefined ? undefined : networksProblem(networks), 'policy.networks')
  return Object.freeze({
    ...policy,
    ...(limits && { limits: freezeLimits(limits) }),
    ...(networks && { networks: canonicalNetworks(networks) }),
  })
}

/** When a new key expires, and whether it has a second secret, if its creator does not say. */
export function policyDefaults(policy: KeyPolicy, now: number) {
  const seconds = policy.defaultExpiresInSeconds ?? policy.maxExpiresInSeconds
  return {
    expiresAt: seconds === undefined ? null : now + seconds * 1000,
    secondary: policy.secrets !== 1,
  }
}

/** @throws `not_grantable` if a key would live longer than the policy allows. */
export function requireLife(
  { maxExpiresInSeconds }: KeyPolicy,
  expiresAt: number | null,
  now: number,
): void {
  if (maxExpiresInSeconds === undefined) return
  const latest = now + maxExpiresInSeconds * 1000 + TOLERANCE_MILLISECONDS
  if (expiresAt === null || expiresAt > latest)
    throw new TwinkeyError(
      'not_grantable',
      `A key must expire within ${maxExpiresInSeconds} seconds from now.`,
    )
}

/** @throws `not_grantable` if a key would have another number of secrets than the policy says. */
export function requireSecrets({ secrets }: KeyPolicy, secondary: boolean): void {
  if (secrets !== undefined && (secrets === 2) !== secondary)
    throw new TwinkeyError(
      'not_grantable',
      `This keyring may only grant keys with ${secrets === 1 ? 'one secret' : 'two secrets'}.`,
    )
}

/** @throws `not_grantable` if a change adds a second secret to a key that may have only one. */
export function requireNoSecond({ secrets }: KeyPolicy, before: KeyRecord, after: KeyRecord): void {
  // The old secret of a rotation has an end.
  const isLasting = ({ secondary }: KeyRecord) => secondary !== null && secondary.expiresAt === null
  if (secrets === 1 && isLasting(after) && !isLasting(before)) requireSecrets({ secrets }, true)
}

/** The error for a key that is one too many. */
export function keyLimitReached(maxKeys: number): TwinkeyError {
  return new TwinkeyError(
    'key_limit_reached',
    `There are ${maxKeys} keys already, which is the limit. Revoke one that is no longer needed.`,
  )
}
