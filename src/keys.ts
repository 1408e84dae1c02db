import type { Authenticator } from './core/decision/authenticator.ts'
import type { TokenVerifier } from './core/decision/token-verifier.ts'
import {
  type Authority,
  type KeyringLimits,
  readLimits,
  UNLIMITED,
} from './core/management/authority.ts'
import {
  createCredentialLookup,
  type IdentifiedCredential,
} from './core/management/credential-lookup.ts'
import { forgetHistory } from './core/management/history.ts'
import type { Keyring } from './core/management/key-management.ts'
import { createKeyring } from './core/management/keyring.ts'
import { type KeyringParts, requireLimiter } from './core/management/keyring-parts.ts'
import { narrowPolicy } from './core/management/narrowed-policy.ts'
import { type Verified, type VerifyOptions, verifySecret } from './core/management/verification.ts'
import type { Metadata } from './core/model/api-key.ts'
import type { Refused } from './core/model/principal.ts'

/** `twinkey.keys`: manages keys, and verifies a secret without a request. */
export interface Keys<M extends Metadata = Metadata> extends Keyring<M> {
  /**
   * Verifies a secret, and that it and its key are active. Does not check a target, and does not
   * count the request for the limits of the key: to guard a route, use `authenticate`.
   *
   * @param secret The secret, as the caller sent it.
   * @param options The address of the client, for keys that are limited to networks.
   * @returns The key and the effective scope, or a refusal: `credential_invalid`, `network_denied`,
   *   `unavailable`.
   * @throws {@link TwinkeyError} `invalid_input` for wrong options.
   */
  verify(secret: string, options?: VerifyOptions): Promise<Verified<M> | Refused>
  /**
   * Finds the key of a secret or a token, also if it is disabled, expired or revoked: to act on a
   * credential that leaked. Reads the store each time.
   *
   * Not for authentication: it does not refuse what no longer works. For that, use `verify`.
   *
   * @param credential A secret or a token, as it was found.
   * @returns The key, and whether the credential works now. Undefined if it is no credential of this
   *   deployment, if its secret was replaced, or if it is a token that has expired.
   * @throws {@link TwinkeyError} `store_unavailable`, `store_malformed`.
   */
  identify(credential: string): Promise<IdentifiedCredential<M> | undefined>
  /**
   * Returns a keyring that is limited to an owner, tenants, rights, and what it may grant. Give it to
   * code that acts for a user: a management page, a command line, a support tool.
   *
   * The limits are checked on the record that each change is based on, so no race gets around them.
   * A key that the keyring does not see is `key_not_found`, like one that does not exist. A key that
   * somebody outside its limits disabled cannot be enabled by it.
   *
   * @throws {@link TwinkeyError} `invalid_input` for wrong limits.
   * @example
   * ```ts
   * import { createTwinkey } from 'twinkey'
   *
   * const { keys } = createTwinkey()
   * const ofAda = keys.within({
   *   actor: 'ada',
   *   owner: 'ada',
   *   grantable: { tenants: ['acme'], environments: '*', workflows: ['customers.read'] },
   * })
   * await ofAda.list()
   * ```
   */
  within(limits: KeyringLimits): Keyring<M>
  /**
   * Deletes entries of the history that are older than a time.
   *
   * @param before Epoch milliseconds, or a `Date`.
   * @returns The number of deleted entries.
   */
  forgetHistory(before: number | Date): Promise<number>
}

export function createKeys<M extends Metadata>(
  authenticator: Authenticator<M>,
  parts: Omit<KeyringParts, 'authority'> & { readonly verifier: TokenVerifier },
): Keys<M> {
  const keyringOf = (authority: Authority) =>
    createKeyring<M>({
      ...parts,
      authority: { ...authority, policy: narrowPolicy(parts.policies, authority.policy) },
    })
  return {
    ...keyringOf(UNLIMITED),
    verify: (secret, options = {}) => verifySecret(authenticator, secret, options, parts.now),
    identify: createCredentialLookup<M>(parts),
    within(limits) {
      const authority = readLimits(limits)
      requireLimiter(parts, authority.policy.limits ?? null)
      return keyringOf(authority)
    },
    forgetHistory: (before) => forgetHistory(parts.store, before),
  }
}
