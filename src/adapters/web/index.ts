/**
 * Guards and mounted endpoints for plain `(Request) => Response` handlers.
 *
 * @module twinkey/web
 */

import type { Metadata } from '../../core/model/api-key.ts'
import type { Principal } from '../../core/model/principal.ts'
import { createGuard, type Decider, isAnswer, passedHeaders } from '../../guard/guard.ts'
import type { Requirement } from '../../guard/requirement.ts'
import { WebWireRequest } from '../../http/request.ts'
import { toResponse } from '../../http/web.ts'
import { hideWebQuery, outliveWebResponse, withHeaders } from './context.ts'
import type { GuardedHandler } from './handler.ts'
import { isLate, paramsOf, routeOf } from './params.ts'

export { from } from '../../guard/readers.ts'
export type { GuardedHandler } from './handler.ts'
export { type MountedHandler, mount } from './mount.ts'

/**
 * Guards a plain `(Request) => Response` handler, as used by Next.js, Bun.serve, Deno.serve and
 * Workers: calls it with the principal, or answers with a refusal. The guard exempts no method.
 *
 * `from.param` reads the path parameters that the host passes: `params` of a further argument, as
 * in Next.js, which may be a promise, or `request.params` of the routes of Bun. A list of segments
 * is refused. On a host without a router, read the path with a function of your own.
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
    const params = paramsOf(request, rest)
    const found = params.some(isLate) ? await Promise.all(params) : params
    const outcome = await evaluate(new WebWireRequest(request, request, routeOf(found)))
    outliveWebResponse(twinkey.flush(), rest)
    if (isAnswer(outcome)) return toResponse(outcome)
    const seen = secretQuery === undefined ? request : hideWebQuery(request, secretQuery)
    // The overloads say when the principal may be undefined.
    const response = await handler(seen, outcome.principal as Principal<M>, ...rest)
    return withHeaders(response, passedHeaders(outcome))
  }
}
