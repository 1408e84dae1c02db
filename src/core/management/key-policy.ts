import type { KeyRecord } from '../model/api-key.ts'
import { membersProblem, secondsProblem } from '../model/checks.ts'
import { requireInput, TwinkeyError } from '../model/error.ts'

/** Rules for the keys that a keyring creates and changes. A rule that is left out does not apply. */
export interface KeyPolicy {
  /**
   * How many keys that are not revoked the owner of a new key may have: 1 to 1,000. Keys without an
   * owner count together.
   */
  readonly maxKeys?: number | undefined
  /** When a key expires whose creator does not say, in seconds from its creation. Default: never. */
  readonly defaultExpiresInSeconds?: number | undefined
  /** The longest life of a key, in seconds from the call. A key then cannot be without an end. */
  readonly maxExpiresInSeconds?: number | undefined
  /** How many secrets a key has. Default: the creator chooses, two if it does not say. */
  readonly secrets?: 1 | 2 | undefined
}

export const POLICY_MEMBERS = [
  'maxKeys',
  'defaultExpiresInSeconds',
  'maxExpiresInSeconds',
  'secrets',
] as const

const MAX_KEYS = 1000
// A hundred years, so that a time stays one that a Date can hold.
const MAX_SECONDS = 3_155_760_000
// A caller computes the time by its own clock, some time before it is checked.
const TOLERANCE_MILLISECONDS = 60_000

/** Checks a policy, which must be a copy. Throws `invalid_input`. */
export function requirePolicy(policy: KeyPolicy): void {
  requireInput(membersProblem(policy, POLICY_MEMBERS), 'policy')
  const { maxKeys, defaultExpiresInSeconds: byDefault, maxExpiresInSeconds, secrets } = policy
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
}

/** The attributes of a new key that its creator leaves out. */
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
      `This keyring may not grant a key for longer than ${maxExpiresInSeconds} seconds.`,
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
