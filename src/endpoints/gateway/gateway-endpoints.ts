import type { Metadata } from '../../core/model/api-key.ts'
import { isPlainObject } from '../../core/model/checks.ts'
import { copyMembers } from '../../core/model/copy.ts'
import { requireMembers } from '../../core/model/options-checks.ts'
import { REFUSALS } from '../../core/model/refusal.ts'
import { createGuard, type Decider, type Guard, isAnswer } from '../../guard/guard.ts'
import type { Requirement } from '../../guard/requirement.ts'
import type { Profile } from '../../http/profile.ts'
import { standard } from '../../profiles/standard.ts'
import type { Endpoint, Endpoints } from '../endpoints.ts'
import { allowedAnswer, NO_ROUTE, refusedAnswer } from './answers.ts'
import { type GatewayProxy, OriginalRequest, PROXIES, readOriginal } from './original-request.ts'
import { createRouteTable } from './route-table.ts'

/** Options of the gateway. */
export interface GatewayOptions {
  /**
   * The headers in which the proxy sends method and URL of a request: `X-Original-Method` and
   * `X-Original-URI` for `nginx`, `X-Forwarded-Method` and `X-Forwarded-Uri` for `forwarded` (Caddy,
   * Traefik, Envoy). The proxy must set both and replace those of a client. A request with a header
   * of the other pair is refused, so a client cannot choose its route.
   */
  readonly proxy: GatewayProxy
  /**
   * What each route of the service requires, by method and path: `'GET /customers/:id'`. A segment
   * with a colon before it is a parameter, which `from.param('id')` reads. A literal segment takes
   * precedence over a parameter. `GET` also matches HEAD. A request without a route is refused.
   */
  readonly routes: Readonly<Record<string, Requirement>>
  /**
   * The wire convention of routes that set none, and of the refusal of a request that cannot be
   * read. Default: {@link standard}.
   */
  readonly profile?: Profile | undefined
}

/**
 * Creates the endpoint that a proxy asks before it passes a request on to a service in any language:
 * nginx `auth_request`, Caddy `forward_auth`, Traefik ForwardAuth, and ext_authz of Envoy over HTTP.
 * It decides on the original request, as `requireAuth` decides on a route.
 *
 * The answer 200 has the headers `X-Twinkey-Key`, `X-Twinkey-Name`, `X-Twinkey-Tenant`,
 * `X-Twinkey-Environment`, `X-Twinkey-Workflow` and `X-Twinkey-Owner`. Their values are
 * percent-encoded, and empty if there is none. Any other answer is a refusal. nginx gets 401 or 403,
 * with the real status in `X-Twinkey-Status` and the body in `X-Twinkey-Body`.
 *
 * It does not see the body of a request, and does not check who calls it. Make sure that only the
 * proxy can reach it, and that only the proxy can reach the service.
 *
 * @param twinkey A Twinkey or a verifier.
 * @param options The proxy and the routes.
 * @returns Endpoints for the `mount` of an adapter. They answer every method and path below the mount
 *   point, because some proxies keep those of the original request.
 * @throws TypeError if an option or a route is not valid, or if two routes match the same request and
 *   neither is more specific.
 * @example
 * ```ts
 * import express from 'express'
 * import { createTwinkey, from } from 'twinkey'
 * import { mount } from 'twinkey/express'
 * import { gatewayEndpoints } from 'twinkey/gateway'
 *
 * const gateway = gatewayEndpoints(createTwinkey(), {
 *   proxy: 'nginx',
 *   routes: {
 *     'GET /tenants/:tenant/customers': { tenant: from.param('tenant'), workflow: 'customers.read' },
 *     'POST /tenants/:tenant/customers': {
 *       tenant: from.param('tenant'),
 *       workflow: 'customers.write',
 *     },
 *   },
 * })
 * express().use('/auth', mount(gateway)).listen(3000, '127.0.0.1')
 * ```
 */
export function gatewayEndpoints<M extends Metadata>(
  twinkey: Decider<M>,
  options: GatewayOptions,
): Endpoints {
  if (typeof twinkey?.decide !== 'function')
    throw new TypeError(
      'gatewayEndpoints: the first argument must be what createTwinkey or createVerifier returns.',
    )
  const { proxy, routes, profile } = readGatewayOptions(options)
  const guards = Object.entries(routes).map(
    ([name, requirement]) => [name, guardOf(twinkey, name, requirement, profile)] as const,
  )
  const secretQuery = [...new Set(guards.flatMap(([, guard]) => guard.secretQuery ?? []))]
  return {
    routes: [{ method: 'ANY', path: '/*', handle: askEndpoint(guards, proxy, profile) }],
    // Envoy asks with the URL of the client.
    secretQuery: secretQuery.length === 0 ? undefined : secretQuery,
    refuse: (refusal) => profile.refuse(refusal),
    flush: () => twinkey.flush(),
  }
}

function readGatewayOptions(
  options: GatewayOptions,
): Required<GatewayOptions> & { profile: Profile } {
  const members = ['proxy', 'routes', 'profile'] as const
  const copy = requireMembers(options, members, 'The options of gatewayEndpoints')
  const { proxy, profile = standard() } = copy
  if (!PROXIES.includes(proxy))
    throw new TypeError("gatewayEndpoints: proxy must be 'nginx' or 'forwarded'.")
  if (typeof profile?.refuse !== 'function')
    throw new TypeError('gatewayEndpoints: profile must be a profile, like standard().')
  const routes = copyMembers(copy.routes)
  if (!isPlainObject(routes) || Object.keys(routes).length === 0)
    throw new TypeError(
      "gatewayEndpoints: routes must be an object with at least one route, like { 'GET /customers/:id': { workflow: 'customers.read' } }.",
    )
  return { proxy, routes: routes as GatewayOptions['routes'], profile }
}

function guardOf<M extends Metadata>(
  twinkey: Decider<M>,
  name: string,
  requirement: Requirement,
  profile: Profile,
): Guard<M> {
  try {
    // Not undefined, for which a guard takes a default.
    return createGuard(twinkey, withProfile(requirement ?? (null as never), profile))
  } catch (error) {
    const { message } = error as Error
    throw new TypeError(`gatewayEndpoints: the route '${name}' is not valid. ${message}`)
  }
}

// The check of the requirement handles values that are not objects.
function withProfile(requirement: Requirement, profile: Profile): Requirement {
  const copy = copyMembers(requirement)
  return isPlainObject(copy) && copy['profile'] === undefined ? { ...copy, profile } : requirement
}

function askEndpoint<M extends Metadata>(
  guards: readonly (readonly [string, Guard<M>])[],
  proxy: GatewayProxy,
  profile: Profile,
): Endpoint['handle'] {
  const find = createRouteTable(guards)
  return async (asked) => {
    const target = readOriginal(asked, proxy)
    if (target === undefined) return refusedAnswer(profile.refuse(REFUSALS.requestMalformed), proxy)
    const found = find(target)
    if (found === undefined) return refusedAnswer(NO_ROUTE, proxy)
    const { value: guard, template, params } = found
    const outcome = await guard.evaluate(new OriginalRequest(asked, target, template, params))
    return isAnswer(outcome)
      ? refusedAnswer(outcome, proxy)
      : allowedAnswer(outcome.principal, outcome.headers)
  }
}
