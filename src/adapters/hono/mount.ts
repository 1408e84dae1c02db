import type { MiddlewareHandler } from 'hono'
import type { Endpoints } from '../../endpoints/endpoints.ts'
import { createRouter } from '../../endpoints/router.ts'
import { readHonoBody } from './body.ts'
import { honoWireRequest } from './context.ts'
import { outliveHonoResponse, respond } from './response.ts'

/**
 * Mounts endpoints. They read bodies whether or not middleware has read them. A request to any
 * other path passes to the next handler.
 *
 * @param endpoints What `tokenEndpoints` returns, for example.
 * @returns A handler to mount with a wildcard: `app.use('/tokens/*', …)`.
 * @throws TypeError if the argument is not endpoints.
 * @example
 * ```ts
 * import { Hono } from 'hono'
 * import { createTwinkey, tokenEndpoints } from 'twinkey'
 * import { mount } from 'twinkey/hono'
 *
 * new Hono().use('/tokens/*', mount(tokenEndpoints(createTwinkey())))
 * ```
 */
export function mount(endpoints: Endpoints): MiddlewareHandler {
  const { route, secretQuery, flush } = createRouter(endpoints)
  return async (c, next) => {
    const depth = c.req.routePath.split('/').length - 1
    const answer = route(
      `/${c.req.path.split('/').slice(depth).join('/')}`,
      honoWireRequest(c, undefined),
      (maxBytes) => readHonoBody(c, maxBytes),
    )
    if (answer === undefined) return next()
    const written = await answer
    // Not earlier: this replaces the request, and the endpoint reads the body from the original.
    honoWireRequest(c, secretQuery)
    outliveHonoResponse(c, flush())
    return respond(c, written)
  }
}
