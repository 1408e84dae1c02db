import type { Authenticator } from './core/decision/authenticate.ts'
import { type KeyringLimits, readLimits, UNLIMITED } from './core/management/authority.ts'
import { forgetHistory } from './core/management/history.ts'
import type { Keyring } from './core/management/key-management.ts'
import { createKeyring } from './core/management/keyring.ts'
import type { KeyringParts } from './core/management/keyring-parts.ts'
import { type Verified, verifySecret } from './core/management/verification.ts'
import type { Metadata } from './core/model/api-key.ts'
import type { Refused } from './core/model/principal.ts'

/** `twinkey.keys`: manages keys, and verifies a secret without a request. */
export interface Keys<M extends Metadata = Metadata> extends Keyring<M> {
  /**
   * Verifies a secret, and that it and its key are active. Does not check a target: to guard a
   * route, use `authenticate`.
   *
   * @param secret The secret, as the caller sent it.
   * @returns The key and the effective scope, or a refusal: `credential_invalid`, `unavailable`.
   */
  verify(secret: string): Promise<Verified<M> | Refused>
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
  parts: Omit<KeyringParts, 'authority'>,
): Keys<M> {
  return {
    ...createKeyring<M>({ ...parts, authority: UNLIMITED }),
    verify: (secret) => verifySecret(authenticator, secret, parts.now),
    within: (limits) => createKeyring<M>({ ...parts, authority: readLimits(limits) }),
    forgetHistory: (before) => forgetHistory(parts.store, before),
  }
}
