import {
  atRoot,
  type Requirement,
  type TargetSource,
  type Twinkey,
  tokenEndpoints,
  type WireRequest,
} from 'twinkey'
import { standard } from 'twinkey/profiles'
import { mount, requireAuth } from 'twinkey/web'
import { edited } from './edits.ts'
import type { Application, LogLine } from './hosts.ts'
import { answerOf, type Route } from './routes.ts'

type Handler = (request: Request) => Response | Promise<Response>

/**
 * The test application as one handler, with the few lines of routing that one writes without a
 * framework.
 */
export function createWebApp(
  twinkey: Twinkey,
  { routes, tokens, endpoints = {}, edits, log }: Application,
): Handler {
  const mounted = [
    ...Object.entries(tokens).flatMap(([path, options]) => endpointsAt(twinkey, path, options)),
    ...Object.entries(endpoints).flatMap(([path, each]) => [
      mount(each, path),
      ...(each.rootRoutes === undefined ? [] : [mount(atRoot(each))]),
    ]),
  ]
  const table = routes.map(guarded)
  return async (received) => {
    const request = edits ? edited(received) : received
    const line = (when: LogLine['when']) => {
      log?.({
        when,
        urls: [request.url],
        query: Object.fromEntries(new URL(request.url, 'http://localhost').searchParams),
      })
    }
    line('received')
    const method = request.method === 'HEAD' ? 'GET' : request.method
    const found = table.find(
      (each) => each.method === method && paramsOf(each.path, request.url) !== undefined,
    )
    let response: Response | undefined
    for (const endpoint of mounted) response ??= await endpoint(request)
    response ??= (await found?.handle(request)) ?? new Response('Not Found', { status: 404 })
    line('answered')
    return response
  }

  function guarded({ method, path: end, mounts = [], requirement, answer = answerOf }: Route) {
    const path = [...mounts, end].join('')
    const reply = (request: Request, principal: Parameters<typeof answerOf>[0]): Response => {
      const { pathname, search } = new URL(request.url, 'http://localhost')
      return new Response(JSON.stringify(answer(principal, pathname + search)), {
        headers: { 'content-type': 'application/json; charset=utf-8' },
      })
    }
    const { optional, ...rest } = matched(requirement, path)
    if (!optional) return { method, path, handle: requireAuth(twinkey, rest, reply) }
    // `requireAuth` of `twinkey/web` is not for routes without a principal.
    const handle = async (request: Request) => {
      const decision = await twinkey.authenticate(request, { ...rest, optional: true })
      if (decision.ok) return reply(request, decision.principal)
      const { status, headers, body } = (rest.profile ?? standard()).refuse(decision.refusal)
      return new Response(body, { status, headers })
    }
    return { method, path, handle }
  }
}

// The same token endpoints alone, and behind something that has read the body or a copy of it.
function endpointsAt(twinkey: Twinkey, path: string, options: Application['tokens'][string]) {
  const before: Record<string, (request: Request) => Promise<unknown>> = {
    '': async () => {},
    '/parsed': (request) => request.clone().json(),
    '/form': (request) => request.clone().formData(),
    '/text': (request) => request.clone().text(),
    '/json-first': (request) => request.clone().json(),
    '/drained': (request) => request.arrayBuffer(),
  }
  return Object.entries(before).map(([prefix, read]) => {
    const handler = mount(tokenEndpoints(twinkey, options), prefix + path)
    return async (request: Request) => {
      const { pathname } = new URL(request.url, 'http://localhost')
      if (pathname.startsWith(prefix + path)) await read(request).catch(() => undefined)
      return handler(request)
    }
  })
}

/**
 * A requirement whose readers receive the match of this router, as a custom reader would find it in
 * the URL.
 */
function matched(requirement: Requirement, path: string): Requirement {
  const told = (source: TargetSource | undefined): TargetSource | undefined => {
    if (typeof source !== 'function') return source
    return Object.assign((request: WireRequest) => source(toldOf(request, path)), {
      optional: source.optional,
    })
  }
  const { tenant, environment, workflow } = requirement
  return {
    ...requirement,
    tenant: told(tenant),
    environment: told(environment),
    workflow: told(workflow),
  }
}

function toldOf(request: WireRequest, path: string): WireRequest {
  const { method, url } = request
  return {
    method,
    url,
    template: path,
    header: (name) => request.header(name),
    param: (name) => paramsOf(path, url)?.[name],
  }
}

// The decoded parameters of a path like `/customers/:id`. Undefined for another path, and for one
// that cannot be decoded.
function paramsOf(path: string, url: string): Record<string, string> | undefined {
  const wanted = path.split('/')
  const asked = new URL(url, 'http://localhost').pathname.split('/')
  if (wanted.length !== asked.length) return undefined
  const params: Record<string, string> = {}
  for (const [i, segment] of wanted.entries()) {
    const given = asked[i] as string
    if (!segment.startsWith(':')) {
      if (segment !== given) return undefined
      continue
    }
    try {
      params[segment.slice(1)] = decodeURIComponent(given)
    } catch {
      return undefined
    }
  }
  return params
}
