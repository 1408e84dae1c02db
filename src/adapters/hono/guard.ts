import type { Context, MiddlewareHandler, Next } from 'hono'
import type { Metadata } from '../../core/model/api-key.ts'
import type { Principal } from '../../core/model/principal.ts'
import {
  createGuard,
  type Decider,
  type GuardOutcome,
  isAnswer,
  isPending,
  passedHeaders,
} from '../../guard/guard.ts'
import { keepPrincipal } from '../../guard/principal.ts'
import type { Requirement } from '../../guard/requirement.ts'
import { honoWireRequest } from './context.ts'
import { addHeaders, outliveHonoResponse, respond } from './response.ts'

/**
 * Guards a route: passes the request on with `c.var.principal`, or answers it with a refusal. Put
 * the guard on the route itself, where Hono knows the path parameters. It exempts no method, so
 * mount cors before it.
 *
 * @param twinkey A Twinkey or a verifier.
 * @param requirement What the route requires. Checked once, in this call.
 * @returns A middleware.
 * @throws TypeError if the requirement is not valid. The message says what to do.
 * @example
 * ```ts
 * import { Hono } from 'hono'
 * import { createTwinkey } from 'twinkey'
 * import { from, requireAuth } from 'twinkey/hono'
 *
 * const guard = requireAuth(createTwinkey(), { tenant: from.param('tenant'), workflow: 'flows.read' })
 * const app = new Hono()
 * app.get('/tenants/:tenant/flows', guard, (c) => c.json({ tenant: c.var.principal.tenant }))
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
    // Even if undefined, so that the principal of an earlier guard does not remain.
    c.set('principal', outcome.principal)
    keepPrincipal(c, outcome.principal)
    const headers = passedHeaders(outcome)
    return headers.length === 0 ? next() : next().then(() => addHeaders(c, headers))
  }
  // Not async, so that a decision that is available at once is not awaited.
  return (c, next) => {
    const outcome = evaluate(honoWireRequest(c, secretQuery))
    return isPending(outcome)
      ? outcome.then((settled) => proceed(c, next, settled))
      : proceed(c, next, outcome)
  }
}
