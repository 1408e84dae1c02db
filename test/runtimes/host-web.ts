import { type Requirement, type Twinkey, tokenEndpoints, type WireRequest } from 'twinkey'
import { standard } from 'twinkey/profiles'
import { mount, requireAuth } from 'twinkey/web'
import type { Application } from '../http/hosts.ts'
import { answerOf, type Route } from '../http/routes.ts'

type Handler = (request: Request) => Promise<Response>

/**
 * The test application on plain handlers, with a router of a few lines, as one writes it on a host
 * without a framework.
 */
export function createWebApp(twinkey: Twinkey, { routes, tokens }: Application): Handler {
  const endpoints = Object.entries(tokens).map(([path, options]) =>
    mount(tokenEndpoints(twinkey, options), path),
  )
  const guarded = routes.map((route) => ({ route, handler: handlerOf(twinkey, route) }))
  return async (request) => {
    const { pathname } = new URL(request.url)
    const method = request.method === 'HEAD' ? 'GET' : request.method
    const found = guarded.find(
      ({ route }) => route.method === method && parametersOf(route.path, pathname) !== undefined,
    )
    let response: Response | undefined
    for (const endpoint of endpoints) response ??= await endpoint(request)
    response ??= (await found?.handler(request)) ?? new Response('Not Found', { status: 404 })
    return request.method === 'HEAD' ? new Response(null, response) : response
  }
}

function handlerOf(
  twinkey: Twinkey,
  { method, path, requirement, answer = answerOf }: Route,
): Handler {
  const { optional, ...rest } = onPath(requirement, method, path)
  const answerWith = ({ url }: Request, principal: Parameters<typeof answer>[0]) => {
    const { pathname, search } = new URL(url)
    const body = JSON.stringify(answer(principal, pathname + search))
    return new Response(body, { headers: { 'content-type': 'application/json; charset=utf-8' } })
  }
  if (optional !== true) return requireAuth(twinkey, rest, answerWith)
  // The guard of the web adapter always yields a principal, so an optional route decides by itself.
  const { profile = standard(), workflow } = rest
  return async (request) => {
    const decision = await twinkey.authenticate(request, { ...rest, optional })
    if (decision.ok) {
      const response = answerWith(request, decision.principal)
      if (decision.noStore) response.headers.set('cache-control', 'no-store')
      return response
    }
    const { status, headers, body } = profile.refuse(
      decision.refusal,
      typeof workflow === 'string' ? workflow : undefined,
    )
    return new Response(body, { status, headers })
  }
}

/** A requirement whose readers know the route: its parameters and its template. */
function onPath(requirement: Requirement, method: string, path: string): Requirement {
  const readers = Object.entries(requirement).map(([member, source]) => {
    if (typeof source !== 'function') return [member, source]
    const read = ({ url, header }: WireRequest, request: WireRequest) => {
      const parameters = parametersOf(path, new URL(url, 'http://localhost').pathname) ?? {}
      return source({
        method,
        url,
        header: header.bind(request),
        param: (name: string) => parameters[name],
        template: path,
      })
    }
    return [
      member,
      Object.assign((request: WireRequest) => read(request, request), {
        optional: source.optional,
      }),
    ]
  })
  return Object.fromEntries(readers)
}

/** The parameters of a path that matches a template. Undefined if it does not match. */
function parametersOf(template: string, pathname: string): Record<string, string> | undefined {
  const [names, values] = [template.split('/'), pathname.split('/')]
  if (names.length !== values.length) return undefined
  const parameters: Record<string, string> = {}
  for (const [i, name] of names.entries()) {
    const value = values[i] as string
    if (name.startsWith(':') && value !== '') parameters[name.slice(1)] = decodeURIComponent(value)
    else if (name !== value) return undefined
  }
  return parameters
}
