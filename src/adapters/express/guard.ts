import type { NextFunction, Request, Response } from 'express'
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
import { writeAnswer } from '../node/answer.ts'
import { errorOf } from '../node/error.ts'
import { expressWireRequest } from './request.ts'

/** A middleware that keeps the types that the route has for parameters, bodies and queries. */
export type AuthHandler = <P, A, B, Q, L extends object>(
  req: Request<P, A, B, Q, L>,
  res: Response<A, L>,
  next: NextFunction,
) => void

/**
 * Guards a route: passes the request on with `req.principal`, or answers it with a refusal. Put the
 * guard on the route itself, where Express knows the path parameters. It exempts no method, so
 * mount cors before it.
 *
 * @param twinkey A Twinkey or a verifier.
 * @param requirement What the route requires. Checked once, in this call.
 * @returns A middleware.
 * @throws TypeError if the requirement is not valid. The message says what to do.
 * @example
 * ```ts
 * import express from 'express'
 * import { createTwinkey } from 'twinkey'
 * import { from, requireAuth } from 'twinkey/express'
 *
 * const guard = requireAuth(createTwinkey(), { tenant: from.param('tenant'), workflow: 'flows.read' })
 * express().get('/tenants/:tenant/flows', guard, (req, res) => {
 *   res.json({ tenant: req.principal.tenant })
 * })
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
      for (const [name, value] of passedHeaders(outcome)) res.setHeader(name, value)
      // Even if undefined, so that the principal of an earlier guard does not remain.
      req.principal = outcome.principal as Principal
      keepPrincipal(req, outcome.principal)
      next()
    }
    const fail = (thrown: unknown) => next(errorOf(thrown))
    let outcome: ReturnType<typeof evaluate>
    try {
      outcome = evaluate(expressWireRequest(req, secretQuery, next))
    } catch (thrown) {
      return fail(thrown)
    }
    if (isPending(outcome)) outcome.then(proceed).catch(fail)
    else proceed(outcome)
  }
}
