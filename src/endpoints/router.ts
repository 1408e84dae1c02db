import { methodNotAllowed, REFUSALS, type Refusal } from '../core/model/refusal.ts'
import { type WireAnswer, withoutSniffing } from '../http/profile.ts'
import type { WireRequest } from '../http/request.ts'
import type { Endpoint, Endpoints, ReadBody } from './endpoints.ts'

/** All endpoints of one path. */
interface EndpointPath {
  readonly path: string
  /**
   * Answers a request to this path with the endpoint of its method, or with 405. Returns undefined
   * if a parameter is empty, which some frameworks match: then no endpoint has the path.
   */
  answer(request: WireRequest, body: ReadBody): Promise<WireAnswer> | undefined
}

/** What an adapter needs of endpoints. */
export interface Router {
  /** For a framework that registers paths itself. It must also match a trailing slash. */
  readonly paths: readonly EndpointPath[]
  /** Query parameters that hold a credential. The adapter must remove them from the URL. */
  readonly secretQuery: readonly string[] | undefined
  /**
   * Answers a request to a path.
   *
   * @param path The path below the mount point, as received.
   * @returns Undefined if no endpoint has the path. The host then handles the request.
   */
  route(path: string, request: WireRequest, body: ReadBody): Promise<WireAnswer> | undefined
  /** The work that continues after an answer. */
  flush(): Promise<void> | undefined
}

/**
 * Creates the router behind the `mount` of every adapter.
 *
 * @throws TypeError if the argument is not endpoints. The message says what to do.
 */
export function createRouter(endpoints: Endpoints): Router {
  // If the call of mount was forgotten, a framework passes arguments of its own.
  if (!Array.isArray(endpoints?.routes) || typeof endpoints.refuse !== 'function')
    throw new TypeError(
      'mount: the first argument must be endpoints, as in mount(tokenEndpoints(twinkey)).',
    )
  const byPath = new Map<string, Endpoint[]>()
  for (const route of endpoints.routes)
    byPath.set(route.path, [...(byPath.get(route.path) ?? []), route])
  const paths = [...byPath].map(([path, routes]) => ({
    path,
    answer: answerer(endpoints, routes),
  }))
  const patterns = paths
    .map((each) => ({ ...each, pattern: segmentsOf(each.path) }))
    .sort((a, b) => rankOf(a.pattern).localeCompare(rankOf(b.pattern)))
  return {
    paths,
    secretQuery: endpoints.secretQuery,
    route(path, request, body) {
      const segments = segmentsOf(path)
      const found = patterns.find(({ pattern }) => matches(pattern, segments))
      if (found === undefined) return undefined
      const params = paramsOf(found.pattern, segments)
      return params === undefined
        ? refused(endpoints, REFUSALS.requestMalformed)
        : found.answer(withParams(request, params), body)
    },
    flush: () => endpoints.flush?.(),
  }
}

function answerer(endpoints: Endpoints, routes: readonly Endpoint[]): EndpointPath['answer'] {
  const params = [...new Set(routes.flatMap(({ path }) => segmentsOf(path).flatMap(nameOf)))]
  const allow = routes.map(({ method }) => (method === 'GET' ? 'GET, HEAD' : method)).join(', ')
  const answered = async (request: WireRequest, body: ReadBody) => {
    const method = request.method === 'HEAD' ? 'GET' : request.method
    const endpoint =
      routes.find((each) => each.method === method) ?? routes.find((each) => each.method === 'ANY')
    return endpoint === undefined
      ? refused(endpoints, methodNotAllowed(allow))
      : withoutSniffing(await endpoint.handle(request, body))
  }
  return (request, body) =>
    params.some((name) => request.param(name) === '') ? undefined : answered(request, body)
}

async function refused(endpoints: Endpoints, refusal: Refusal): Promise<WireAnswer> {
  return withoutSniffing(endpoints.refuse(refusal))
}

// With or without a slash at the end, because people type it and some routers add it.
function segmentsOf(path: string): readonly string[] {
  return (path.endsWith('/') ? path.slice(0, -1) : path).split('/')
}

function nameOf(segment: string): readonly string[] {
  return segment.startsWith(':') ? [segment.slice(1)] : []
}

// Sorts a literal segment before a parameter, and a parameter before all paths.
function rankOf(pattern: readonly string[]): string {
  return pattern.map((segment) => (segment === '*' ? '2' : segment[0] === ':' ? '1' : '0')).join('')
}

function matches(pattern: readonly string[], segments: readonly string[]): boolean {
  if (pattern[1] === '*') return true
  return (
    pattern.length === segments.length &&
    pattern.every((segment, i) =>
      segment.startsWith(':') ? segments[i] !== '' : segment === segments[i],
    )
  )
}

/** The decoded parameters. Undefined if one of them cannot be decoded. */
function paramsOf(
  pattern: readonly string[],
  segments: readonly string[],
): ReadonlyMap<string, string> | undefined {
  try {
    return new Map(
      pattern.flatMap((segment, i) =>
        nameOf(segment).map((name) => [name, decodeURIComponent(segments[i] as string)]),
      ),
    )
  } catch {
    return undefined
  }
}

// Other parameters are those of the mount point, which the framework knows.
function withParams(request: WireRequest, params: ReadonlyMap<string, string>): WireRequest {
  if (params.size === 0) return request
  return Object.create(request, {
    param: { value: (name: string) => params.get(name) ?? request.param(name) },
  }) as WireRequest
}
