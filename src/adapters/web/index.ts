/**
 * Guards and the token service for plain `(Request) => Response` handlers, as on Workers. @module
 * twinkey/web
 */

import type { Metadata } from '../../core/model/api-key.ts'
import type { Principal } from '../../core/model/principal.ts'
import { toResponse } from '../../endpoints/tokens/endpoints.ts'
import { createGuard, type Decider, isAnswer } from '../../guard/guard.ts'
import type { Requirement } from '../../guard/requirement.ts'
import { WebWireRequest } from '../../http/request.ts'
import { hideWebQuery, outliveWebResponse, withoutCaching } from './context.ts'

export type { EndpointOptions, TokenService } from '../../endpoints/tokens/endpoints.ts'
export { header, query } from '../../guard/requirement.ts'
export { type EndpointHandler, webEndpoints } from './endpoints.ts'

/**
 * A handler behind a guard: what a request is answered with, and for whom. Whatever else the host
 * passes comes after.
 *
 * @typeParam P The principal; with `optional`, or undefined.
 */
export type GuardedHandler<P, A extends unknown[]> = (
  request: Request,
  principal: P,
  ...rest: A
) => Response | Promise<Response>

/**
 * Guards a plain `(Request) => Response` handler, as Next.js, Bun.serve, Deno.serve and Workers
 * have them: calls it with the principal, or answers with a refusal. It exempts no method. There is
 * no router to ask for parameters of the path: read them with a function of your own.
 *
 * @param twinkey What decides.
 * @param requirement What the route asks of a request. Checked here. With `optional` the handler
 *   may be called without a principal.
 * @param handler What to guard.
 * @returns A handler with the same further arguments.
 * @throws TypeError with what to do, where the requirement would not guard what it seems to.
 * @example
 * ```ts
 * import { createTwinkey } from 'twinkey'
 * import { requireAuth } from 'twinkey/web'
 *
 * export default {
 *   fetch: requireAuth(createTwinkey(), { workflow: 'flows.read' }, (request, { tenant }) => Response.json({ tenant })),
 * }
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
    // The overloads say when there may be none.
    const response = await handler(seen, outcome.principal as Principal<M>, ...rest)
    return outcome.noStore ? withoutCaching(response) : response
  }
}
