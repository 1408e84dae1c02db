import type { RequestHandler } from 'express'
import type { Metadata } from '../core/api-key.ts'
import type { Principal } from '../core/principal.ts'
import { createEndpoints, type EndpointOptions, type TokenService } from '../wire/endpoints.ts'
import { createGuard, type Decider, isAnswer, type Verdict } from '../wire/guard.ts'
import { NodeWireRequest } from '../wire/request.ts'
import type { Requirement } from '../wire/requirement.ts'
import { bodyOf, type NodeBodyRequest, writeAnswer } from './node.ts'

export { header, param, query } from '../wire/requirement.ts'

declare global {
  namespace Express {
    interface Request {
      /** Who this request turned out to be. Set by `requireAuth`; absent on routes without it, and where an `optional` guard let nobody in. */
      principal: Principal
    }
  }
}

/**
 * Guards a route of Express 4.21 or later: lets a request pass with `req.principal`, or answers it with a refusal.
 *
 * Put it on the route itself, where the parameters of the path are known, and mount cors before it: the guard exempts no method.
 *
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
 * const twinkey = createTwinkey({ environments: ['production'] })
 * const app = express()
 * app.get('/tenants/:tenant/flows', requireAuth(twinkey, { tenant: param('tenant'), workflow: 'flows.read' }), (req, res) => {
 *   res.json({ tenant: req.principal.tenant })
 * })
 * ```
 */
export function requireAuth<M extends Metadata>(twinkey: Decider<M>, requirement?: Requirement): RequestHandler {
  const guard = createGuard(twinkey, requirement)
  return (req, res, next) => {
    const proceed = (verdict: Verdict) => {
      if (isAnswer(verdict)) return writeAnswer(res, verdict)
      if (verdict.noStore) res.setHeader('cache-control', 'no-store')
      if (verdict.principal !== undefined) req.principal = verdict.principal
      next()
    }
    const verdict = guard(new NodeWireRequest(req, req.params))
    if (verdict instanceof Promise) verdict.then(proceed).catch(next)
    else proceed(verdict)
  }
}

/**
 * The token service for Express: `POST /` exchanges a secret for a token, `GET /test` says who a credential belongs to, `GET /jwks.json` publishes
 * the public keys. The body is read under any Content-Type, whether a parser ran before or not.
 *
 * @param twinkey What issues.
 * @param options The profile, where it is not the standard one.
 * @returns A middleware to mount with `app.use('/tokens', …)`.
 */
export function tokenRoutes<M extends Metadata>(twinkey: TokenService<M>, options?: EndpointOptions): RequestHandler {
  const { exchange, test, jwks } = createEndpoints(twinkey, options)
  return (req, res, next) => {
    const request = new NodeWireRequest(req)
    const path = req.path
    const answer =
      path === '/'
        ? exchange(request, () => bodyOf(req as NodeBodyRequest))
        : path === '/test'
          ? test(request)
          : path === '/jwks.json'
            ? jwks()
            : undefined
    if (answer === undefined) next()
    else answer.then((written) => writeAnswer(res, written)).catch(next)
  }
}
