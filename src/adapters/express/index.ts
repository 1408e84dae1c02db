/** Guards and the token service for Express 4.21 and 5. @module twinkey/express */

import type { NextFunction, Request, RequestHandler, Response } from 'express'
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
import { readNodeBody, writeAnswer } from '../node/message.ts'
import { expressWireRequest } from './request.ts'

export { header, param, query, routeTemplate } from '../../guard/requirement.ts'

/**
 * Declares the type of `req.principal` for an application that has a `principal` of its own. The
 * guard replaces what stands in it.
 */
// biome-ignore lint/suspicious/noEmptyInterface: it is there to be merged with.
export interface RequestTypes {}

declare global {
  namespace Express {
    interface Request {
      /**
       * Set by `requireAuth`. Undefined on routes without a guard and, for who is let in as nobody,
       * behind an `optional` one: the type cannot say so.
       */
      principal: RequestTypes extends { principal: infer P } ? P : Principal
    }
  }
}

/**
 * A middleware that leaves the types of parameters, bodies and queries to the route that it stands
 * on.
 */
export type AuthHandler = <P, A, B, Q, L extends object>(
  req: Request<P, A, B, Q, L>,
  res: Response<A, L>,
  next: NextFunction,
) => void

/**
 * Guards a route of Express 4.21 or later: lets a request pass with `req.principal`, or answers it
 * with a refusal. Put it on the route itself, where the parameters of the path are known, and mount
 * cors before it: the guard exempts no method.
 * @param twinkey What decides.
 * @param requirement What the route asks of a request. Checked here, when the route is made.
 * @returns A middleware.
 * @throws TypeError with what to do, where the requirement would not guard what it seems to.
 * @example
 * ```ts
 * import express from 'express'
 * import { createTwinkey } from 'twinkey'
 * import { param, requireAuth } from 'twinkey/express'
 *
 * const guard = requireAuth(createTwinkey(), { tenant: param('tenant'), workflow: 'flows.read' })
 * express().get('/tenants/:tenant/flows', guard, (req, res) => void res.json({ tenant: req.principal.tenant }))
 * ```
 */
export function requireAuth<M extends Metadata>(
  twinkey: Decider<M>,
  requirement?: Requirement,
): AuthHandler {
  const { evaluate, secretQuery } = createGuard(twinkey, requirement)
  return (req, res, next) => {
    const proceed = (outcome: GuardOutcome) => {
      if (isAnswer(outcome)) return writeAnswer(req, res, outcome)
      if (outcome.noStore) res.setHeader('cache-control', 'no-store')
      // Also where it is undefined: what an earlier guard has let in does not pass a later one.
      req.principal = outcome.principal as Principal
      next()
    }
    const outcome = evaluate(expressWireRequest(req, secretQuery, next))
    if (isPending(outcome)) outcome.then(proceed).catch(next)
    else proceed(outcome)
  }
}

/**
 * The token service for Express: `POST /` (`POST /generate` with the Flare profile) exchanges a
 * secret for a token, `GET /test` says who a credential belongs to, `GET /jwks.json` publishes the
 * public keys. The body is read under any Content-Type, whether a parser ran before or not.
 * @param twinkey What issues.
 * @param options The profile, where it is not the standard one, and a throttle.
 * @returns A middleware to mount with `app.use('/tokens', …)`.
 * @throws TypeError where nothing can issue: without a Twinkey, or without a signing key for a
 *   store that is not `memoryStore()`.
 */
export function tokenRoutes<M extends Metadata>(
  twinkey: TokenService<M>,
  options?: EndpointOptions,
): RequestHandler {
  const { route, secretQuery } = createEndpoints(twinkey, options)
  return (req, res, next) => {
    const answer = route(req.path, expressWireRequest(req, undefined), () => readNodeBody(req, res))
    if (answer === undefined) return next()
    expressWireRequest(req, secretQuery)
    answer.then((written) => writeAnswer(req, res, written)).catch(next)
  }
}
