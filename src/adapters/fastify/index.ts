/**
 * Guards and mounted endpoints for Fastify 5.
 *
 * @module twinkey/fastify
 */

import type { Principal } from '../../core/model/principal.ts'

export { from } from '../../guard/readers.ts'
export { type AuthHook, requireAuth } from './guard.ts'
export { mount } from './mount.ts'
export { getPrincipal } from './principal.ts'
export type { GuardedReply } from './reply.ts'
export type { GuardedRequest } from './request.ts'

/**
 * Declares the type of `request.principal` in an application that already has a `principal`
 * property. The guard overwrites the property.
 */
// biome-ignore lint/suspicious/noEmptyInterface: applications merge their declaration with it.
export interface RequestTypes {}

declare module 'fastify' {
  interface FastifyRequest {
    /**
     * Set by `requireAuth`. Undefined on routes without a guard, and for anonymous requests behind
     * an `optional` guard. The type does not show that: `getPrincipal` throws instead.
     */
    principal: RequestTypes extends { principal: infer P } ? P : Principal
  }
}
