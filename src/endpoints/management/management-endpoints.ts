import type { KeyringLimits } from '../../core/management/authority.ts'
import { jsonAnswer } from '../../http/profile.ts'
import { standard } from '../../profiles/standard.ts'
import type { Endpoints } from '../endpoints.ts'

type Answer = KeyringLimits | Response | undefined

/** Options of the management API. */
export interface ManagementOptions {
  /** Says who makes a request. Gets the request of the framework. */
  authorize(request: unknown): Answer | Promise<Answer>
  readonly policy?: object | undefined
  readonly origins?: readonly string[] | undefined
}

/** Creates the management API: a stand-in. */
export function managementEndpoints(
  _twinkey: { readonly keys: object },
  options: ManagementOptions,
): Endpoints {
  if (typeof options.authorize !== 'function')
    throw new TypeError('managementEndpoints: authorize must be a function.')
  return {
    routes: [
      {
        method: 'GET',
        path: '/session',
        handle: async (request) => {
          const who = await options.authorize(request.native)
          return jsonAnswer(who === undefined ? 404 : 200, { actor: 'stand-in', now: 0 })
        },
      },
      { method: 'GET', path: '/keys', handle: async () => jsonAnswer(200, { keys: [] }) },
    ],
    refuse: (refusal) => standard().refuse(refusal),
  }
}
