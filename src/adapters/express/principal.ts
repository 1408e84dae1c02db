import type { Request } from 'express'
import type { Metadata } from '../../core/model/api-key.ts'
import type { Principal } from '../../core/model/principal.ts'
import { keptPrincipal } from '../../guard/principal.ts'
import { expressWireRequest } from './request.ts'

/**
 * Returns the principal of a guarded request, with the type of your metadata.
 *
 * @typeParam M The type of `metadata`, as in `createTwinkey<M>()`. It is not checked.
 * @param req The request that the handler got.
 * @param options With `optional: true`, an anonymous request behind an `optional` guard has the
 *   principal undefined.
 * @returns The principal, never one of other middleware.
 * @throws TypeError if no guard has run for the request, or if the request is anonymous and
 *   `optional` is not true. The message names the route.
 * @example
 * ```ts
 * import express from 'express'
 * import { createTwinkey } from 'twinkey'
 * import { getPrincipal, requireAuth } from 'twinkey/express'
 *
 * type Plan = { readonly plan: 'free' | 'paid' }
 *
 * const twinkey = createTwinkey<Plan>()
 * express().get('/plan', requireAuth(twinkey, { workflow: 'plan.read' }), (req, res) => {
 *   res.json({ plan: getPrincipal<Plan>(req).metadata.plan })
 * })
 * ```
 */
export function getPrincipal<M extends Metadata = Metadata>(
  req: Pick<Request, 'method' | 'originalUrl'>,
  options?: { readonly optional?: false | undefined },
): Principal<M>
export function getPrincipal<M extends Metadata = Metadata>(
  req: Pick<Request, 'method' | 'originalUrl'>,
  options: { readonly optional?: boolean | undefined },
): Principal<M> | undefined
export function getPrincipal<M extends Metadata>(
  req: Pick<Request, 'method' | 'originalUrl'>,
  { optional }: { readonly optional?: boolean | undefined } = {},
): Principal<M> | undefined {
  return keptPrincipal<M>(req, optional, () => expressWireRequest(req as Request, undefined))
}
