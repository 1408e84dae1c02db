import type { Metadata } from '../../core/model/api-key.ts'
import type { Principal } from '../../core/model/principal.ts'
import { keptPrincipal } from '../../guard/principal.ts'
import { fastifyWireRequest, type GuardedRequest } from './request.ts'

/**
 * Returns the principal of a guarded request, with the type of your metadata.
 *
 * @typeParam M The type of `metadata`, as in `createTwinkey<M>()`. It is not checked.
 * @param request The request that the handler got.
 * @param options With `optional: true`, an anonymous request behind an `optional` guard has the
 *   principal undefined.
 * @returns The principal, never one of other middleware.
 * @throws TypeError if no guard has run for the request, or if the request is anonymous and
 *   `optional` is not true. The message names the route.
 * @example
 * ```ts
 * import fastify from 'fastify'
 * import { createTwinkey } from 'twinkey'
 * import { getPrincipal, requireAuth } from 'twinkey/fastify'
 *
 * type Plan = { readonly plan: 'free' | 'paid' }
 *
 * const guard = requireAuth(createTwinkey<Plan>(), { workflow: 'plan.read' })
 * fastify().get('/plan', { onRequest: guard }, async (request) => ({
 *   plan: getPrincipal<Plan>(request).metadata.plan,
 * }))
 * ```
 */
export function getPrincipal<M extends Metadata = Metadata>(
  request: GuardedRequest,
  options?: { readonly optional?: false | undefined },
): Principal<M>
export function getPrincipal<M extends Metadata = Metadata>(
  request: GuardedRequest,
  options: { readonly optional?: boolean | undefined },
): Principal<M> | undefined
export function getPrincipal<M extends Metadata>(
  request: GuardedRequest,
  { optional }: { readonly optional?: boolean | undefined } = {},
): Principal<M> | undefined {
  return keptPrincipal<M>(request, optional, () => fastifyWireRequest(request, undefined))
}
