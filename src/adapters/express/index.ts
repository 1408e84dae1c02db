/**
 * Guards and mounted endpoints for Express 4.21 and 5.
 *
 * @module twinkey/express
 * @example
 * ```ts
 * import express from 'express'
 * import { createTwinkey, tokenEndpoints } from 'twinkey'
 * import { mount, requireAuth } from 'twinkey/express'
 *
 * const app = express()
 * const twinkey = createTwinkey()
 * app.use('/tokens', mount(tokenEndpoints(twinkey)))
 * app.get('/flows', requireAuth(twinkey), (req, res) => {
 *   res.json({ tenant: req.principal.tenant })
 * })
 * ```
 */

import type { Principal } from '../../core/model/principal.ts'

export { from } from '../../guard/readers.ts'
export { type AuthHandler, requireAuth } from './guard.ts'
export { mount } from './mount.ts'
export { getPrincipal } from './principal.ts'

/**
 * Declares the type of `req.principal` in an application that already has a `principal` property.
 * The guard overwrites the property.
 */
// biome-ignore lint/suspicious/noEmptyInterface: applications merge their declaration with it.
export interface RequestTypes {}

declare global {
  namespace Express {
    interface Request {
      /**
       * Set by `requireAuth`. Undefined on routes without a guard, and for anonymous requests
       * behind an `optional` guard. The type does not show that: `getPrincipal` throws instead.
       */
      principal: RequestTypes extends { principal: infer P } ? P : Principal
    }
  }
}
