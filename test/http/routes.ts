import { header, type Principal, type Profile, param, query, type Requirement, rateLimited } from 'twinkey'
import { standard } from 'twinkey/profiles'

/** A guarded route of the test application, the same on every host. `:name` is a parameter of the path. */
export interface Route {
  readonly method: 'GET' | 'POST'
  readonly path: string
  /** The mount points above the route, outermost first: routers, plugins or applications, as each host has them. */
  readonly mounts?: readonly string[]
  readonly requirement: Requirement
  /** What the handler answers with, from the principal and the URL as the handler sees it. */
  readonly answer?: (principal: Principal | undefined, url: string) => object
}

const tenantInHeader: Profile = { ...standard(), target: { tenant: header('x-tenant') } }

/** The routes of the standard profile. */
export const standardRoutes: readonly Route[] = [
  { method: 'GET', path: '/customers/:id', requirement: { workflow: 'customers.read' } },
  { method: 'POST', path: '/customers/:id', requirement: { workflow: 'customers.write' } },
  { method: 'GET', path: '/reports', requirement: { workflow: 'reports.read' } },
  { method: 'GET', path: '/tenants/:tenant', requirement: { tenant: param('tenant'), workflow: 'customers.read' } },
  { method: 'GET', path: '/by-header', requirement: { tenant: header('X-Tenant-Id'), workflow: 'customers.read' } },
  { method: 'GET', path: '/by-query', requirement: { tenant: query('tenant'), environment: query('env'), workflow: 'customers.read' } },
  { method: 'GET', path: '/both/:tenant', requirement: { tenant: param('tenant'), workflow: 'customers.read', profile: tenantInHeader } },
  { method: 'GET', path: '/unnamed', requirement: {} },
  { method: 'GET', path: '/secrets-only', requirement: { workflow: 'customers.read', accept: ['secret'] } },
  { method: 'GET', path: '/tokens-only', requirement: { workflow: 'customers.read', accept: ['token'] } },
  { method: 'GET', path: '/optional', requirement: { workflow: 'customers.read', optional: true } },
  { method: 'GET', path: '/whoami', requirement: { anyTarget: true } },
  { method: 'GET', path: '/limited', requirement: { tenant: () => rateLimited(30) } },
]

/** What a guarded route answers with, unless it says otherwise: who was let in, or nobody. */
export function answerOf(principal: Principal | undefined): object {
  if (principal === undefined) return { anonymous: true }
  const { name, slot, via, tenant = null, environment = null, workflow = null } = principal
  return { name, slot, via, tenant, environment, workflow }
}
