/** Guards and the token service for Fastify 5. @module twinkey/fastify */

import type { FastifyPluginAsync } from 'fastify'
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
import { addEndpoints } from './endpoints.ts'
import { type GuardedReply, sendAnswer } from './reply.ts'
import { fastifyWireRequest, type GuardedRequest } from './request.ts'

export { header, param, query, routeTemplate } from '../../guard/requirement.ts'

export type { GuardedReply } from './reply.ts'
export type { GuardedRequest } from './request.ts'

/**
 * Declares the type of `request.principal` for an application that has a `principal` of its own.
 * The guard replaces what stands in it.
 */
// biome-ignore lint/suspicious/noEmptyInterface: it is there to be merged with.
export interface RequestTypes {}

declare module 'fastify' {
  interface FastifyRequest {
    /**
     * Set by `requireAuth`. Undefined on routes without a guard and, for who is let in as nobody,
     * behind an `optional` one: the type cannot say so.
     */
    principal: RequestTypes extends { principal: infer P } ? P : Principal
  }
}

/**
 * A hook for requests and replies of any server of Fastify: HTTP/2 or not, with any logger, schema
 * or types of its own.
 */
export type AuthHook = (
  request: GuardedRequest,
  reply: GuardedReply,
  done: (error?: Error) => void,
) => void

/**
 * Guards a route of Fastify 5, or all of an encapsulated plugin: lets a request pass with
 * `request.principal`, or answers it with a refusal. It runs before the body is parsed, and exempts
 * no method: register cors before it.
 * @param twinkey What decides.
 * @param requirement What the route asks of a request. Checked here, when the route is made.
 * @returns A hook for `onRequest`.
 * @throws TypeError with what to do, where the requirement would not guard what it seems to.
 * @example
 * ```ts
 * import fastify from 'fastify'
 * import { createTwinkey } from 'twinkey'
 * import { param, requireAuth } from 'twinkey/fastify'
 *
 * const guard = requireAuth(createTwinkey(), { tenant: param('tenant'), workflow: 'flows.read' })
 * fastify().get('/tenants/:tenant/flows', { onRequest: guard }, async (request) => ({ tenant: request.principal.tenant }))
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
      if (outcome.noStore) reply.header('cache-control', 'no-store')
      // Also where it is undefined: what an earlier guard has let in does not pass a later one.
      request.principal = outcome.principal as Principal
      done()
    }
    const outcome = evaluate(fastifyWireRequest(request, secretQuery))
    if (isPending(outcome)) outcome.then(proceed).catch(done)
    else proceed(outcome)
  }
}

/**
 * The token service for Fastify: `POST /` (`POST /generate` with the Flare profile) exchanges a
 * secret for a token, `GET /test` says who a credential belongs to, `GET /jwks.json` publishes the
 * public keys. The body is read under any Content-Type, or none. The routes are left out of the
 * document of @fastify/swagger.
 * @param twinkey What issues.
 * @param options The profile, where it is not the standard one, and a throttle.
 * @returns A plugin to register with a prefix: `app.register(tokenRoutes(twinkey), { prefix:
 *   '/tokens' })`.
 * @throws TypeError where nothing can issue: without a Twinkey, or without a signing key for a
 *   store that is not `memoryStore()`.
 */
export function tokenRoutes<M extends Metadata>(
  twinkey: TokenService<M>,
  options?: EndpointOptions,
): FastifyPluginAsync {
  const endpoints = createEndpoints(twinkey, options)
  return (app) => addEndpoints(app, endpoints)
}
