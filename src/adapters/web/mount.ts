import type { Endpoints } from '../../endpoints/endpoints.ts'
import { requirePath } from '../../endpoints/path.ts'
import { createRouter } from '../../endpoints/router.ts'
import type { WireAnswer } from '../../http/profile.ts'
import { WebWireRequest } from '../../http/request.ts'
import { readWebBody, toResponse } from '../../http/web.ts'
import { outliveWebResponse } from './context.ts'

/**
 * Answers the requests to endpoints. Returns undefined for any other path. `rest` may contain a
 * context with `waitUntil`.
 */
export type MountedHandler = (request: Request, ...rest: unknown[]) => Promise<Response> | undefined

/**
 * Mounts endpoints on a host without a router.
 *
 * @param endpoints What `tokenEndpoints` returns, for example.
 * @param prefix The path before those of the endpoints. Default: `/`.
 * @returns A handler that returns undefined for a path that is not its own.
 * @throws TypeError if the first argument is not endpoints, or the prefix is not a path.
 * @example
 * ```ts
 * import { createTwinkey, tokenEndpoints } from 'twinkey'
 * import { mount } from 'twinkey/web'
 *
 * const tokens = mount(tokenEndpoints(createTwinkey()), '/tokens')
 * export default {
 *   fetch: (request: Request) => tokens(request) ?? new Response('Not Found', { status: 404 }),
 * }
 * ```
 */
export function mount(endpoints: Endpoints, prefix = '/'): MountedHandler {
  const { route, flush } = createRouter(endpoints)
  const mounted = requirePath(prefix, 'mount: the prefix').replace(/\/$/, '')
  const answered = async (
    answer: Promise<WireAnswer>,
    rest: readonly unknown[],
  ): Promise<Response> => {
    const written = await answer
    outliveWebResponse(flush(), rest)
    return toResponse(written)
  }
  return (request, ...rest) => {
    const wire = new WebWireRequest(request)
    const path = pathOf(wire.url)
    if (path !== mounted && !path.startsWith(`${mounted}/`)) return undefined
    const answer = route(path.slice(mounted.length), wire, (maxBytes) =>
      readWebBody(request, maxBytes),
    )
    return answer === undefined ? undefined : answered(answer, rest)
  }
}

// Without `new URL`, which throws for a URL that a host has not checked.
function pathOf(url: string): string {
  return url.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i, '').replace(/[?#].*$/s, '')
}
