import type { IdentifiedCredential } from '../../core/management/credential-lookup.ts'
import type { Keyring } from '../../core/management/key-management.ts'
import type { TokenRevocation } from '../../core/management/token-revocation.ts'
import { isTwinkeyError, TwinkeyError } from '../../core/model/error.ts'
import type { ApiKey } from '../../core/model/key-view.ts'
import type { Refused } from '../../core/model/principal.ts'
import type { Slot } from '../../core/secrets/secret.ts'
import type { LeakPlace } from './report.ts'

/**
 * What happens to a leaked credential. It is reported to `tell` in each case.
 *
 * - `tell`: nothing else. The credential goes on working.
 * - `disable`: the key is disabled, with both of its secrets and all tokens. It can be enabled again,
 *   with the leaked secret, so renew that first.
 * - `renew`: the leaked secret ends, and the other secret goes on working. A primary secret is
 *   replaced by one that nobody knows, and a secondary secret is removed. Renew the slot for a secret
 *   that callers can use.
 *
 * With `disable` and `renew`, a leaked token is revoked and its key stays active: nobody can learn a
 * secret from a token.
 */
export type LeakPolicy = 'tell' | 'disable' | 'renew'

/** A credential of this deployment that was found in public. Never contains the credential. */
export interface Leak {
  /** The scanning programme that reported it. */
  readonly reportedBy: 'github'
  /** The key, as it was before anything was ended. */
  readonly key: ApiKey
  readonly via: 'secret' | 'token'
  /** The slot of the secret. Null for a token whose secret is no longer in a slot. */
  readonly slot: Slot | null
  /** Whether the credential worked when it was reported. */
  readonly isActive: boolean
  /** Where it was found. */
  readonly places: readonly LeakPlace[]
}

/**
 * What was done: `told` with the policy `tell`, `ended_before` if the credential could not work again
 * before it was reported, and `failed` if it may still work.
 */
export type LeakOutcome =
  | 'told'
  | 'disabled'
  | 'renewed'
  | 'token_revoked'
  | 'ended_before'
  | 'failed'

/** What `onLeak` returns, or the policy itself. */
export type OnLeak = LeakPolicy | ((leak: Leak) => LeakPolicy | Promise<LeakPolicy>)

/** What ends a credential. */
export interface Ending {
  readonly keyring: Pick<Keyring, 'disable' | 'renew' | 'endSecondary'>
  readonly now: () => number
  identify(credential: string): Promise<IdentifiedCredential | undefined>
  revokeToken(token: string): Promise<TokenRevocation | Refused>
}

export const POLICIES: readonly LeakPolicy[] = ['tell', 'disable', 'renew']

// Other changes to the key can come first, so a change is tried again.
const MAX_ATTEMPTS = 20

/** @throws TypeError if a function for the policy returns something else. */
export function requirePolicy(policy: LeakPolicy): LeakPolicy {
  if (!POLICIES.includes(policy))
    throw new TypeError("leakEndpoints: onLeak must return 'tell', 'disable' or 'renew'.")
  return policy
}

/**
 * Ends a leaked credential.
 *
 * @throws {@link TwinkeyError} if the credential may still work.
 */
export async function endCredential(
  ending: Ending,
  policy: LeakPolicy,
  credential: string,
  found: IdentifiedCredential,
): Promise<LeakOutcome> {
  if (policy === 'tell') return 'told'
  if (found.via === 'token') return endToken(ending, credential)
  let current: IdentifiedCredential | undefined = found
  for (let attempt = 1; ; attempt++) {
    if (current === undefined || isOver(current, ending.now())) return 'ended_before'
    try {
      return await endSecret(ending, policy, current)
    } catch (error) {
      const code = isTwinkeyError(error) ? error.code : undefined
      if (code === 'key_not_found' || code === 'key_revoked') return 'ended_before'
      if (code !== 'version_conflict' || attempt === MAX_ATTEMPTS) throw error
    }
    // The secret may be in the other slot by now, where a new one must not be ended.
    current = await ending.identify(credential)
  }
}

// Whether a secret can never work again. A disabled key may be enabled, and an expired one extended.
function isOver({ key, slot }: IdentifiedCredential, now: number): boolean {
  const { expiresAt } = (slot && key[slot]) ?? { expiresAt: null }
  return key.revokedAt !== null || (expiresAt !== null && expiresAt <= now)
}

async function endSecret(
  { keyring }: Ending,
  policy: 'disable' | 'renew',
  { key, slot }: IdentifiedCredential,
): Promise<LeakOutcome> {
  if (policy === 'disable') {
    await keyring.disable(key.id)
    return 'disabled'
  }
  const options = { expectedVersion: key.version }
  if (slot === 'secondary') await keyring.endSecondary(key.id, options)
  else await keyring.renew(key.id, { slots: 'primary', ...options })
  return 'renewed'
}

async function endToken({ revokeToken }: Ending, token: string): Promise<LeakOutcome> {
  const revoked = await revokeToken(token)
  if (!revoked.ok)
    throw new TwinkeyError('store_unavailable', 'The token may not have been revoked.')
  return revoked.revoked ? 'token_revoked' : 'ended_before'
}
