/** Guards and the token service for Hono 4. @module twinkey/hono */

import type { Context, MiddlewareHandler, Next } from 'hono'
import type { Metadata } from '../../core/model/api-key.ts'
import type { Principal } from '../../core/model/principal.ts'
import {
  createEndpoints,
  type EndpointOptions,
  type TokenService,
} from '../../endpoints/tokens/endpoints.ts'
import {
  createGuard,
  type Decider,
  type GuardOutcome,
  isAnswer,
  isPending,
} from '../../guard/guard.ts'
import type { Requirement } from '../../guard/requirement.ts'
import { honoWireRequest, outliveHonoResponse, readHonoBody, respond } from './context.ts'

export { header, param, query, routeTemplate } from '../../guard/requirement.ts'

/**
 * Guards a route of Hono 4: lets a request pass with `c.var.principal`, or answers it with a
 * refusal. Put it on the route itself, where the parameters of the path are known, and mount cors
 * before it: the guard exempts no method.
 *
 * @param twinkey What decides.
 * @param requirement What the route asks of a request. Checked here, when the route is made.
 * @returns A middleware.
 * @throws TypeError with what to do, where the requirement would not guard what it seems to.
 * @example
 * ```ts
 * import { Hono } from 'hono'
 * import { createTwinkey } from 'twinkey'
 * import { param, requireAuth } from 'twinkey/hono'
 *
 * const guard = requireAuth(createTwinkey(), { tenant: param('tenant'), workflow: 'flows.read' })
 * new Hono().get('/tenants/:tenant/flows', guard, (c) => c.json({ tenant: c.var.principal.tenant }))
 * ```
 */
export function requireAuth<M extends Metadata>(
  twinkey: Decider<M>,
  requirement?: Requirement & { readonly optional?: false | undefined },
): MiddlewareHandler<{ Variables: { principal: Principal<M> } }>
export function requireAuth<M extends Metadata>(
  twinkey: Decider<M>,
  requirement: Requirement,
): MiddlewareHandler<{ Variables: { principal: Principal<M> | undefined } }>
export function requireAuth<M extends Metadata>(
  twinkey: Decider<M>,
  requirement?: Requirement,
): MiddlewareHandler {
  const { evaluate, secretQuery } = createGuard(twinkey, requirement)
  const proceed = (
    c: Context,
    next: Next,
    outcome: GuardOutcome<M>,
  ): ReturnType<MiddlewareHandler> => {
    outliveHonoResponse(c, twinkey.flush())
    if (isAnswer(outcome)) return Promise.resolve(respond(c, outcome))
    // Also where it is undefined: what an earlier guard has let in does not pass a later one.
    c.set('principal', outcome.principal)
    return outcome.noStore
      ? (next().then(
          () => c.res.headers.has('cache-control') || c.header('cache-control', 'no-store'),
        ) as Promise<void>)
      : next()
  }
  // Not async: where the decision is known at once, nothing waits for it.
  return (c, next) => {
    const judged = evaluate(honoWireRequest(c, secretQuery))
    return isPending(judged)
      ? judged.then((outcome) => proceed(c, next, outcome))
      : proceed(c, next, judged)
  }
}

/**
 * The token service for Hono: `POST /` (`POST /generate` with the Flare profile) exchanges a secret
 * for a token, `GET /test` says who a credential belongs to, `GET /jwks.json` publishes the public
 * keys. The body is read under any Content-Type, whether it was read before or not.
 *
 * @param twinkey What issues.
 * @param options The profile, where it is not the standard one, and a throttle.
 * @returns A handler to mount with a wildcard: `app.use('/tokens/*', tokenRoutes(twinkey))`.
 * @throws TypeError where nothing can issue: without a Twinkey, or without a signing key for a
 *   store that is not `memoryStore()`.
 */
export function tokenRoutes<M extends Metadata>(
  twinkey: TokenService<M>,
  options?: EndpointOptions,
): MiddlewareHandler {
  const { route, secretQuery } = createEndpoints(twinkey, options)
  return async (c, next) => {
    const mount = c.req.routePath.split('/').length - 1
    const answer = route(
      `/${c.req.path.split('/').slice(mount).join('/')}`,
      honoWireRequest(c, undefined),
      () => readHonoBody(c),
    )
    if (answer === undefined) return next()
    const written = await answer
    // Only now, because it is the request that the body is read from.
    honoWireRequest(c, secretQuery)
    outliveHonoResponse(c, twinkey.flush())
    return respond(c, written)
  }
}
