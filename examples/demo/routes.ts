/** One route, as `GET /` lists it. */
export interface Route {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly about: string
}

/** The routes of the demo. */
export const ROUTES: readonly Route[] = [
  {
    method: 'GET',
    path: '/customers/:id',
    about: 'A customer of your tenant: c1, c2. Needs the workflow customers.read; X-Tenant-Id may name the tenant.',
  },
  {
    method: 'POST',
    path: '/customers',
    about: 'Adds one: {"name":"..."}. Needs the workflow customers.write; X-Tenant-Id may name the tenant.',
  },
  { method: 'GET', path: '/tenants/:tenant/flows', about: 'The flows of a tenant: acme, globex. Needs the workflow flows.read.' },
  { method: 'GET', path: '/whoami', about: 'Who you are. Any key or token will do.' },
  {
    method: 'POST',
    path: '/tokens',
    about: 'Exchanges a secret for a token: {"scope":"workflow:customers.read","expires_in":600}, or no body.',
  },
  { method: 'GET', path: '/tokens/test', about: 'Whose credential it is and what it reaches.' },
  { method: 'GET', path: '/tokens/jwks.json', about: 'The public keys that verify tokens.' },
  { method: 'GET', path: '/.well-known/jwks.json', about: 'The same.' },
]
