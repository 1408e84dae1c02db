import type { MiddlewareHandler } from 'hono'
import type { Metadata } from '../../core/model/api-key.ts'
import {
  createEndpoints,
  type EndpointOptions,
  type TokenService,
} from '../../endpoints/tokens/endpoints.ts'
import { readHonoBody } from './body.ts'
import { honoWireRequest } from './context.ts'
import { outliveHonoResponse, respond } from './response.ts'

/**
 * Creates the token service. `POST /` (`POST /generate` with the Flare profile) exchanges a secret
 * for a token, `GET /test` shows the principal of a credential, and `GET /jwks.json` publishes the
 * public keys. It reads the body under any Content-Type, whether or not middleware has read it.
 *
 * @param twinkey The Twinkey that issues the tokens. A verifier cannot.
 * @param options A profile (default: the standard profile) and a throttle (default: none).
 * @returns A handler to mount with a wildcard: `app.use('/tokens/*', tokenRoutes(twinkey))`.
 * @throws TypeError without a Twinkey, or without a signing key for a store other than
 *   `memoryStore()`.
 */
export function tokenRoutes<M extends Metadata>(
  twinkey: TokenService<M>,
  options?: EndpointOptions,
): MiddlewareHandler {
  const { route, secretQuery } = createEndpoints(twinkey, options)
  return async (c, next) => {
    const mount = c.req.routePath.split('/').length - 1
    const answer = route(
      `/${c.req.path.split('/').slice(mount).join('/')}`,
      honoWireRequest(c, undefined),
      () => readHonoBody(c),
    )
    if (answer === undefined) return next()
    const written = await answer
    // Not earlier: this replaces the request, and the endpoint reads the body from the original.
    honoWireRequest(c, secretQuery)
    outliveHonoResponse(c, twinkey.flush())
    return respond(c, written)
  }
}
