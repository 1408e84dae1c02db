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
import { errorOf } from '../node/error.ts'
import { type GuardedReply, sendAnswer } from './reply.ts'
import { fastifyWireRequest, type GuardedRequest } from './request.ts'

/** A hook for any Fastify server: HTTP/1 or HTTP/2, with any logger, schema and types. */
export type AuthHook = (
  request: GuardedRequest,
  reply: GuardedReply,
  done: (error?: Error) => void,
) => void

/**
 * Guards a route or a whole encapsulated plugin: passes the request on with `request.principal`, or
 * answers it with a refusal. The guard runs before Fastify parses the body. It exempts no method,
 * so register cors before it.
 *
 * @param twinkey A Twinkey or a verifier.
 * @param requirement What the route requires. Checked once, in this call.
 * @returns A hook for `onRequest`.
 * @throws TypeError if the requirement is not valid. The message says what to do.
 * @example
 * ```ts
 * import fastify from 'fastify'
 * import { createTwinkey } from 'twinkey'
 * import { from, requireAuth } from 'twinkey/fastify'
 *
 * const guard = requireAuth(createTwinkey(), { tenant: from.param('tenant'), workflow: 'flows.read' })
 * fastify().get('/tenants/:tenant/flows', { onRequest: guard }, async ({ principal }) => ({
 *   tenant: principal.tenant,
 * }))
 * ```
 */
export function requireAuth<M extends Metadata>(
  twinkey: Decider<M>,
  requirement?: Requirement,
): AuthHook {
  const { evaluate, secretQuery } = createGuard(twinkey, requirement)
  return (request, reply, done) => {
    const proceed = (outcome: GuardOutcome) => {
      if (isAnswer(outcome)) return sendAnswer(reply, outcome)
      for (const [name, value] of passedHeaders(outcome)) reply.header(name, value)
      // Even if undefined, so that the principal of an earlier guard does not remain.
      request.principal = outcome.principal as Principal
      keepPrincipal(request, outcome.principal)
      done()
    }
    const fail = (thrown: unknown) => done(errorOf(thrown))
    let outcome: ReturnType<typeof evaluate>
    try {
      outcome = evaluate(fastifyWireRequest(request, secretQuery))
    } catch (thrown) {
      return fail(thrown)
    }
    if (isPending(outcome)) outcome.then(proceed).catch(fail)
    else proceed(outcome)
  }
}
