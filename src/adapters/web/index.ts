/**
 * Guards and mounted endpoints for plain `(Request) => Response` handlers.
 *
 * @module twinkey/web
 */

import type { Metadata } from '../../core/model/api-key.ts'
import type { Principal } from '../../core/model/principal.ts'
import { createGuard, type Decider, isAnswer } from '../../guard/guard.ts'
import type { Requirement } from '../../guard/requirement.ts'
import { WebWireRequest } from '../../http/request.ts'
import { toResponse } from '../../http/web.ts'
import { hideWebQuery, outliveWebResponse, withoutCaching } from './context.ts'

export { from } from '../../guard/readers.ts'
export { type MountedHandler, mount } from './mount.ts'

/**
 * A handler behind a guard. `rest` holds the other arguments that the host passes.
 *
 * @typeParam P The type of the principal. It includes undefined behind an `optional` guard.
 */
export type GuardedHandler<P, A extends unknown[]> = (
  request: Request,
  principal: P,
  ...rest: A
) => Response | Promise<Response>

/**
 * Guards a plain `(Request) => Response` handler, as used by Next.js, Bun.serve, Deno.serve and
 * Workers: calls it with the principal, or answers with a refusal. The guard exempts no method. It
 * has no router, so read path parameters with a function of your own.
 *
 * @param twinkey A Twinkey or a verifier.
 * @param requirement What the route requires. Checked once, in this call. With `optional`, the
 *   guard calls the handler without a principal for anonymous requests.
 * @param handler The handler to guard.
 * @returns A handler that takes the request and the same further arguments.
 * @throws TypeError if the requirement is not valid. The message says what to do.
 * @example
 * ```ts
 * import { createTwinkey } from 'twinkey'
 * import { requireAuth } from 'twinkey/web'
 *
 * const fetch = requireAuth(createTwinkey(), { workflow: 'flows.read' }, (_request, { tenant }) =>
 *   Response.json({ tenant }),
 * )
 * export default { fetch }
 * ```
 */
export function requireAuth<M extends Metadata, A extends unknown[]>(
  twinkey: Decider<M>,
  requirement: Requirement & { readonly optional?: false | undefined },
  handler: GuardedHandler<Principal<M>, A>,
): (request: Request, ...rest: A) => Promise<Response>
export function requireAuth<M extends Metadata, A extends unknown[]>(
  twinkey: Decider<M>,
  requirement: Requirement,
  handler: GuardedHandler<Principal<M> | undefined, A>,
): (request: Request, ...rest: A) => Promise<Response>
export function requireAuth<M extends Metadata, A extends unknown[]>(
  twinkey: Decider<M>,
  requirement: Requirement,
  handler: GuardedHandler<Principal<M>, A>,
): (request: Request, ...rest: A) => Promise<Response> {
  const { evaluate, secretQuery } = createGuard(twinkey, requirement)
  if (typeof handler !== 'function')
    throw new TypeError('requireAuth: the third argument must be the handler to guard.')
  return async (request, ...rest) => {
    const outcome = await evaluate(new WebWireRequest(request))
    outliveWebResponse(twinkey.flush(), rest)
    if (isAnswer(outcome)) return toResponse(outcome)
    const seen = secretQuery === undefined ? request : hideWebQuery(request, secretQuery)
    // The overloads say when the principal may be undefined.
    const response = await handler(seen, outcome.principal as Principal<M>, ...rest)
    return outcome.noStore ? withoutCaching(response) : response
  }
}
