import {
  from,
  type Principal,
  type Profile,
  type Requirement,
  rateLimited,
  type WireRequest,
} from 'twinkey'
import { standard } from 'twinkey/profiles'
import { OTHER_RESOURCE, RESOURCE } from './fixture.ts'

/**
 * A guarded route of the test application, the same on every host. `:name` is a parameter of the
 * path.
 */
export interface Route {
  readonly method: 'GET' | 'POST'
  readonly path: string
  /**
   * The mount points above the route, outermost first: routers, plugins or applications, as each
   * host has them.
   */
  readonly mounts?: readonly string[]
  readonly requirement: Requirement
  /** The answer of the handler, from the principal and the URL that it sees. */
  readonly answer?: (principal: Principal | undefined, url: string) => object
}

const tenantInHeader: Profile = { ...standard(), target: { tenant: from.header('x-tenant') } }

// As the documentation shows it: the first label of the host.
const fromHost = (request: WireRequest) => request.header('host')?.split('.')[0]
const fromOwnHeader = (request: WireRequest) => request.header('x-tenant-id')

const OPTIONAL = { optional: true } as const
const OPTIONAL_ENV = from.query('env', OPTIONAL)
const OPTIONAL_FUNCTION = Object.assign((request: WireRequest) => fromOwnHeader(request), OPTIONAL)

/** The routes of the standard profile. */
export const standardRoutes: readonly Route[] = [
  { method: 'GET', path: '/customers/:id', requirement: { workflow: 'customers.read' } },
  { method: 'POST', path: '/customers/:id', requirement: { workflow: 'customers.write' } },
  { method: 'GET', path: '/reports', requirement: { workflow: 'reports.read' } },
  {
    method: 'GET',
    path: '/tenants/:tenant',
    requirement: { tenant: from.param('tenant'), workflow: 'customers.read' },
  },
  {
    method: 'GET',
    path: '/by-header',
    requirement: { tenant: from.header('X-Tenant-Id'), workflow: 'customers.read' },
  },
  {
    method: 'GET',
    path: '/by-query',
    requirement: {
      tenant: from.query('tenant'),
      environment: OPTIONAL_ENV,
      workflow: 'customers.read',
    },
  },
  {
    method: 'GET',
    path: '/by-header-optional',
    requirement: { tenant: from.header('X-Tenant-Id', OPTIONAL), workflow: 'customers.read' },
  },
  {
    method: 'GET',
    path: '/by-query-optional',
    requirement: { tenant: from.query('tenant', OPTIONAL), workflow: 'customers.read' },
  },
  {
    method: 'GET',
    path: '/by-param-optional',
    requirement: { tenant: from.param('tenant', OPTIONAL), workflow: 'customers.read' },
  },
  {
    method: 'GET',
    path: '/by-function',
    requirement: { tenant: fromOwnHeader, workflow: 'customers.read' },
  },
  {
    method: 'GET',
    path: '/by-function-optional',
    requirement: { tenant: OPTIONAL_FUNCTION, workflow: 'customers.read' },
  },
  {
    method: 'GET',
    path: '/by-environment',
    requirement: { environment: from.header('x-environment'), workflow: 'customers.read' },
  },
  { method: 'GET', path: '/by-workflow', requirement: { workflow: from.query('workflow') } },
  {
    method: 'GET',
    path: '/by-both',
    requirement: {
      tenant: from.header('x-other'),
      workflow: 'customers.read',
      profile: tenantInHeader,
    },
  },
  {
    method: 'GET',
    path: '/by-host',
    requirement: { tenant: fromHost, workflow: 'customers.read' },
  },
  {
    method: 'GET',
    path: '/whole-host',
    requirement: { tenant: from.header('Host'), workflow: 'customers.read' },
  },
  {
    method: 'GET',
    path: '/both/:tenant',
    requirement: {
      tenant: from.param('tenant'),
      workflow: 'customers.read',
      profile: tenantInHeader,
    },
  },
  { method: 'GET', path: '/unnamed', requirement: {} },
  {
    method: 'GET',
    path: '/secrets-only',
    requirement: { workflow: 'customers.read', accept: ['secret'] },
  },
  {
    method: 'GET',
    path: '/tokens-only',
    requirement: { workflow: 'customers.read', accept: ['token'] },
  },
  {
    method: 'GET',
    path: '/resource',
    requirement: { workflow: 'customers.read', resource: RESOURCE },
  },
  {
    method: 'GET',
    path: '/other-resource',
    requirement: { workflow: 'customers.read', resource: OTHER_RESOURCE },
  },
  {
    method: 'GET',
    path: '/several-resources',
    requirement: { workflow: 'customers.read', resource: ['https://api.test', RESOURCE] },
  },
  {
    method: 'GET',
    path: '/optional-resource',
    requirement: { workflow: 'customers.read', resource: RESOURCE, optional: true },
  },
  {
    method: 'GET',
    path: '/expires',
    requirement: { workflow: 'customers.read' },
    answer: (principal) => ({ expiresAt: principal?.expiresAt }),
  },
  { method: 'GET', path: '/optional', requirement: { workflow: 'customers.read', optional: true } },
  { method: 'GET', path: '/whoami', requirement: { anyTarget: true } },
  { method: 'GET', path: '/limited', requirement: { tenant: () => rateLimited(30) } },
  {
    method: 'GET',
    path: '/limited-to-the-millisecond',
    requirement: { tenant: () => rateLimited(59.984) },
  },
]

/** The default answer of a guarded route: the principal, or nobody. */
export function answerOf(principal: Principal | undefined): object {
  if (principal === undefined) return { anonymous: true }
  const { name, slot, via, tenant = null, environment = null, workflow = null } = principal
  return { name, slot, via, tenant, environment, workflow }
}
