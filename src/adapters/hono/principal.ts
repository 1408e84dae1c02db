import type { Context } from 'hono'
import type { Metadata } from '../../core/model/api-key.ts'
import type { Principal } from '../../core/model/principal.ts'
import { keptPrincipal } from '../../guard/principal.ts'
import { honoWireRequest } from './context.ts'

/**
 * Returns the principal of a guarded request, with the type of your metadata.
 *
 * @typeParam M The type of `metadata`, as in `createTwinkey<M>()`. It is not checked.
 * @param c The context that the handler got.
 * @param options With `optional: true`, an anonymous request behind an `optional` guard has the
 *   principal undefined.
 * @returns The principal, never one of other middleware.
 * @throws TypeError if no guard has run for the request, or if the request is anonymous and
 *   `optional` is not true. The message names the route.
 * @example
 * ```ts
 * import { type Context, Hono } from 'hono'
 * import { createTwinkey } from 'twinkey'
 * import { getPrincipal, requireAuth } from 'twinkey/hono'
 *
 * type Plan = { readonly plan: 'free' | 'paid' }
 *
 * // A handler in another file does not see the types of the guard.
 * const show = (c: Context) => c.json({ plan: getPrincipal<Plan>(c).metadata.plan })
 * new Hono().get('/plan', requireAuth(createTwinkey<Plan>(), { workflow: 'plan.read' }), show)
 * ```
 */
export function getPrincipal<M extends Metadata = Metadata>(
  c: Context,
  options?: { readonly optional?: false | undefined },
): Principal<M>
export function getPrincipal<M extends Metadata = Metadata>(
  c: Context,
  options: { readonly optional?: boolean | undefined },
): Principal<M> | undefined
export function getPrincipal<M extends Metadata>(
  c: Context,
  { optional }: { readonly optional?: boolean | undefined } = {},
): Principal<M> | undefined {
  return keptPrincipal<M>(c, optional, () => honoWireRequest(c, undefined))
}
