import type { KeyringLimits } from '../../core/management/authority.ts'
import { copyPolicy, type KeyPolicy, readPolicy } from '../../core/management/key-policy.ts'
import { copyList } from '../../core/model/copy.ts'
import { isTwinkeyError } from '../../core/model/error.ts'
import { requireMembers } from '../../core/model/options-checks.ts'
import { isOrigin } from './forgery.ts'

/** What `authorize` decides about a request. */
export type Authorization = KeyringLimits | Response | undefined

/** Options of the management API. */
export interface ManagementOptions {
  /**
   * Says who makes a request and what they may do. Called for each request.
   *
   * Return the limits of a keyring, as for `keys.within`: they hold for everything that the request
   * can see and do. Return undefined for nobody: the answer is 404. Return a `Response` for somebody
   * who must sign in first: the API answers 401 with its `Location`.
   *
   * @param request The request as handlers of the framework get it: `req` of Express, `request` of
   *   Fastify, `c` of Hono, or a `Request`.
   */
  authorize(request: unknown): Authorization | Promise<Authorization>
  /** Rules for new and changed keys, unless `authorize` returns others. Default: none. */
  readonly policy?: KeyPolicy | undefined
  /**
   * Origins that count as the same as the host, like `https://keys.example.com`. Needed only if a
   * proxy changes the `Host` header and a browser sends no `Sec-Fetch-Site`. Default: none.
   */
  readonly origins?: readonly string[] | undefined
}

/** The checked options. */
export interface ManagementSettings {
  authorize(request: unknown): Authorization | Promise<Authorization>
  readonly policy: KeyPolicy | undefined
  readonly origins: readonly string[]
}

/** The names of the options, for endpoints that have further ones. */
export const MANAGEMENT_OPTIONS = ['authorize', 'policy', 'origins'] as const

/**
 * Checks and copies the options.
 *
 * @param what The function that takes them, for the messages.
 * @throws TypeError that says what to do.
 */
export function readManagementOptions(
  options: ManagementOptions,
  what: string,
): ManagementSettings {
  const copy = requireMembers(options, MANAGEMENT_OPTIONS, `The options of ${what}`)
  const { authorize, policy, origins = [] } = copy
  if (typeof authorize !== 'function')
    throw new TypeError(
      `${what}: authorize must be a function that says who makes a request. Without it, everybody could manage all keys.`,
    )
  const listed: unknown = copyList(origins)
  if (!Array.isArray(listed) || !listed.every(isOrigin))
    throw new TypeError(
      `${what}: origins must be a list of origins without a path, like ['https://keys.example.com'].`,
    )
  return { authorize, policy: policy && policyOf(policy), origins: listed }
}

function policyOf(policy: KeyPolicy): KeyPolicy {
  try {
    return readPolicy(copyPolicy(policy) as KeyPolicy)
  } catch (error) {
    throw isTwinkeyError(error) ? new TypeError(error.message) : error
  }
}
