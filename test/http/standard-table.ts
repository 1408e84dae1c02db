import type { RawRequest } from '../support/raw-http.ts'
import { allowed, type Expected, refused } from './expect.ts'
import { EXPIRES_AFTER, type Fixture, GRACE } from './fixture.ts'

/** One request and the answer that it must get, on every host. */
export interface Row {
  readonly name: string
  readonly request: (fixture: Fixture) => RawRequest
  readonly expected: Expected
  /** Milliseconds after the start at which the request is made. */
  readonly at?: number
}

type Secrets = Fixture['secrets']
type Tokens = Fixture['tokens']

const bearer = (text: string) => ['Authorization', `Bearer ${text}`] as const
const apiKey = (text: string) => ['X-API-Key', text] as const

const get = (target: string, ...headers: (readonly [string, string])[]): RawRequest => ({
  target,
  headers,
})
const withKey = (target: string, name: keyof Secrets) => (f: Fixture) =>
  get(target, bearer(f.secrets[name]))
const withToken = (target: string, name: keyof Tokens) => (f: Fixture) =>
  get(target, bearer(f.tokens[name]))

const main = (slot: 'primary' | 'secondary', via: 'secret' | 'token') => ({
  name: 'main',
  slot,
  via,
  tenant: 't1',
  environment: 'production',
  workflow: 'customers.read',
})
const named = (name: string, more: object = {}) => ({ ...main('primary', 'secret'), name, ...more })

const changeAt = (text: string, index: number) =>
  `${text.slice(0, index)}${text[index] === 'x' ? 'y' : 'x'}${text.slice(index + 1)}`
const NO_TENANT = refused('target_missing', { axis: 'tenant' })
const INVALID = refused('credential_invalid')
const AMBIGUOUS = refused('credential_ambiguous')
const MALFORMED = refused('credential_malformed')
const MISSING = refused('credential_missing')

const credentialRows: Row[] = [
  { name: 'no credential', request: () => get('/customers/1'), expected: MISSING },
  {
    name: 'primary as Bearer',
    request: withKey('/customers/1', 'primary'),
    expected: allowed(main('primary', 'secret')),
  },
  {
    name: 'secondary as Bearer',
    request: withKey('/customers/1', 'secondary'),
    expected: allowed(main('secondary', 'secret')),
  },
  {
    name: 'primary as X-API-Key',
    request: (f) => get('/customers/1', apiKey(f.secrets.primary)),
    expected: allowed(main('primary', 'secret'), { noStore: true }),
  },
  {
    name: 'secondary as x-api-key',
    request: (f) => get('/customers/1', ['x-api-key', f.secrets.secondary]),
    expected: allowed(main('secondary', 'secret'), { noStore: true }),
  },
  {
    name: 'scheme in another case',
    request: (f) => get('/customers/1', ['authorization', `bEARER   ${f.secrets.primary}`]),
    expected: allowed(main('primary', 'secret')),
  },
  {
    name: 'token of the primary',
    request: withToken('/customers/1', 'primary'),
    expected: allowed(main('primary', 'token')),
  },
  {
    name: 'token of the secondary',
    request: withToken('/customers/1', 'secondary'),
    expected: allowed(main('secondary', 'token')),
  },
  {
    name: 'token as X-API-Key',
    request: (f) => get('/customers/1', apiKey(f.tokens.primary)),
    expected: INVALID,
  },
  {
    name: 'two Authorization fields',
    request: (f) => get('/customers/1', bearer(f.secrets.primary), bearer(f.secrets.primary)),
    expected: AMBIGUOUS,
  },
  {
    name: 'two different Authorization fields',
    request: (f) => get('/customers/1', bearer(f.secrets.primary), bearer('x')),
    expected: AMBIGUOUS,
  },
  {
    name: 'Basic and Bearer fields',
    request: (f) => get('/customers/1', ['Authorization', 'Basic eDp5'], bearer(f.secrets.primary)),
    expected: AMBIGUOUS,
  },
  {
    name: 'a joined Authorization list',
    request: (f) =>
      get('/customers/1', [
        'Authorization',
        `Bearer ${f.secrets.primary}, Bearer ${f.secrets.primary}`,
      ]),
    expected: AMBIGUOUS,
  },
  {
    name: 'two X-API-Key fields',
    request: (f) => get('/customers/1', apiKey(f.secrets.primary), apiKey(f.secrets.primary)),
    expected: AMBIGUOUS,
  },
  {
    name: 'Bearer and X-API-Key',
    request: (f) => get('/customers/1', bearer(f.secrets.primary), apiKey(f.secrets.primary)),
    expected: AMBIGUOUS,
  },
  {
    name: 'malformed Bearer and X-API-Key',
    request: (f) => get('/customers/1', ['Authorization', 'Bearer'], apiKey(f.secrets.primary)),
    expected: AMBIGUOUS,
  },
  {
    name: 'Basic of a proxy and X-API-Key',
    request: (f) => get('/customers/1', ['Authorization', 'Basic eDp5'], apiKey(f.secrets.primary)),
    expected: allowed(main('primary', 'secret'), { noStore: true }),
  },
  {
    name: 'Bearer without a value',
    request: () => get('/customers/1', ['Authorization', 'Bearer']),
    expected: MALFORMED,
  },
  {
    name: 'an empty Authorization',
    request: () => get('/customers/1', ['Authorization', '']),
    expected: MALFORMED,
  },
  {
    name: 'Bearer with two values',
    request: () => get('/customers/1', ['Authorization', 'Bearer a b']),
    expected: MALFORMED,
  },
  {
    name: 'Bearer with a quote',
    request: () => get('/customers/1', bearer('"x"')),
    expected: MALFORMED,
  },
  {
    name: 'Bearer with a TAB',
    request: (f) => get('/customers/1', ['Authorization', `Bearer\t${f.secrets.primary}`]),
    expected: MISSING,
  },
  {
    name: 'an empty X-API-Key',
    request: () => get('/customers/1', apiKey('')),
    expected: MALFORMED,
  },
  {
    name: 'X-API-Key with a blank',
    request: () => get('/customers/1', apiKey('a b')),
    expected: MALFORMED,
  },
  {
    name: 'X-API-Key beyond ASCII',
    request: () => get('/customers/1', apiKey('caf\u00e9')),
    expected: MALFORMED,
  },
  {
    name: 'another scheme',
    request: (f) => get('/customers/1', ['Authorization', `Foo ${f.tokens.primary}`]),
    expected: MISSING,
  },
  {
    name: 'Basic',
    request: () => get('/customers/1', ['Authorization', 'Basic eDp5']),
    expected: MISSING,
  },
  {
    name: 'Digest with commas',
    request: () => get('/customers/1', ['Authorization', 'Digest username="x", realm="y"']),
    expected: MISSING,
  },
  {
    name: 'a secret in the query',
    request: (f) => get(`/customers/1?access_token=${f.secrets.primary}`),
    expected: MISSING,
  },
  {
    name: 'a secret in a cookie',
    request: (f) => get('/customers/1', ['Cookie', `token=${f.secrets.primary}`]),
    expected: MISSING,
  },
  {
    name: 'a secret in Proxy-Authorization',
    request: (f) => get('/customers/1', ['Proxy-Authorization', `Bearer ${f.secrets.primary}`]),
    expected: MISSING,
  },
  {
    name: 'a typo in the secret',
    request: (f) => get('/customers/1', bearer(changeAt(f.secrets.primary, 30))),
    expected: INVALID,
  },
  {
    name: 'a typo in the id',
    request: (f) => get('/customers/1', bearer(changeAt(f.secrets.primary, 8))),
    expected: INVALID,
  },
  {
    name: 'another prefix of ours',
    request: (f) => get('/customers/1', bearer(f.secrets.primary.replace('acme_', 'acme_old_'))),
    expected: INVALID,
  },
  {
    name: 'a foreign prefix',
    request: (f) => get('/customers/1', bearer(f.secrets.primary.replace('acme_', 'other_'))),
    expected: INVALID,
  },
  {
    name: 'our prefix alone',
    request: () => get('/customers/1', bearer('acme_')),
    expected: INVALID,
  },
  {
    name: 'a secret cut short',
    request: (f) => get('/customers/1', bearer(f.secrets.primary.slice(0, -1))),
    expected: INVALID,
  },
  {
    name: 'a secret of 257 characters',
    request: () => get('/customers/1', apiKey(`acme_${'x'.repeat(252)}`)),
    expected: INVALID,
  },
  {
    name: 'an Authorization of 9,000 characters',
    request: () => get('/customers/1', bearer('x'.repeat(9000))),
    expected: INVALID,
  },
  { name: 'random text', request: () => get('/customers/1', bearer('x')), expected: INVALID },
  { name: 'a disabled key', request: withKey('/customers/1', 'disabled'), expected: INVALID },
  { name: 'a revoked key', request: withKey('/customers/1', 'revoked'), expected: INVALID },
  { name: 'a deleted key', request: withKey('/customers/1', 'deleted'), expected: INVALID },
  { name: 'a replaced secret', request: withKey('/customers/1', 'replaced'), expected: INVALID },
  {
    name: 'a secret that a route of tokens refuses',
    request: withKey('/tokens-only', 'primary'),
    expected: INVALID,
  },
  {
    name: 'a token that a route of secrets refuses',
    request: withToken('/secrets-only', 'primary'),
    expected: INVALID,
  },
  {
    name: 'a token that a route of tokens takes',
    request: withToken('/tokens-only', 'primary'),
    expected: allowed(main('primary', 'token')),
  },
  {
    name: 'the store is down',
    request: withKey('/customers/1', 'badStore'),
    expected: refused('unavailable', { retryAfter: '2' }),
  },
  {
    name: 'the owner lookup fails',
    request: withKey('/customers/1', 'ownerFails'),
    expected: refused('unavailable', { retryAfter: '2' }),
  },
  {
    name: 'a counter says no',
    request: withKey('/limited', 'primary'),
    expected: refused('rate_limited', { retryAfter: '30' }),
  },
  {
    name: 'a counter says no for 59.984 seconds',
    request: withKey('/limited-to-the-millisecond', 'primary'),
    expected: refused('rate_limited', { retryAfter: '60' }),
  },
]

const tokenRows: Row[] = [
  {
    name: 'token of a disabled key',
    request: withToken('/customers/1', 'ofDisabled'),
    expected: INVALID,
  },
  {
    name: 'token of a revoked key',
    request: withToken('/customers/1', 'ofRevoked'),
    expected: INVALID,
  },
  {
    name: 'token of a replaced secret',
    request: withToken('/customers/1', 'ofReplaced'),
    expected: INVALID,
  },
  {
    name: 'token of another issuer',
    request: withToken('/customers/1', 'otherIssuer'),
    expected: INVALID,
  },
  {
    name: 'token for another audience',
    request: withToken('/customers/1', 'otherAudience'),
    expected: INVALID,
  },
  {
    name: 'token of another signing key',
    request: withToken('/customers/1', 'otherKey'),
    expected: INVALID,
  },
  {
    name: 'token with a wrong signature',
    request: (f) =>
      get('/customers/1', bearer(changeAt(f.tokens.primary, f.tokens.primary.length - 9))),
    expected: INVALID,
  },
  {
    name: 'token with padding',
    request: (f) => get('/customers/1', bearer(`${f.tokens.primary}==`)),
    expected: INVALID,
  },
  {
    name: 'token of two parts',
    request: (f) => get('/customers/1', bearer(f.tokens.primary.split('.').slice(0, 2).join('.'))),
    expected: INVALID,
  },
  {
    name: 'narrow token within its scope',
    request: withToken('/customers/1', 'narrow'),
    expected: allowed(main('primary', 'token')),
  },
  {
    name: 'narrow token beyond its scope',
    request: (f) => ({ ...get('/customers/1', bearer(f.tokens.narrow)), method: 'POST' }),
    expected: refused('workflow_denied', { scope: 'workflow:customers.write' }),
  },
  {
    name: 'token of a test key',
    request: withToken('/customers/1', 'ofTest'),
    expected: refused('environment_denied'),
  },
]

// Each row runs twice, and all rows run on one host: a remembered token is refused where it was
// refused before, and accepted where it was accepted before.
const resourceRows: Row[] = (
  [
    ['/customers/1', 'primary', true],
    ['/customers/1', 'forResource', false],
    ['/customers/1', 'unlistedResource', false],
    ['/resource', 'forResource', true],
    ['/resource', 'primary', false],
    ['/resource', 'forOtherResource', false],
    ['/resource', 'unlistedResource', false],
    ['/resource', 'otherAudience', false],
    ['/other-resource', 'forOtherResource', true],
    ['/other-resource', 'forResource', false],
    ['/several-resources', 'primary', true],
    ['/several-resources', 'forResource', true],
    ['/several-resources', 'forOtherResource', false],
    ['/optional-resource', 'forResource', true],
    ['/optional-resource', 'primary', false],
    ['/customers/1', 'forOtherResource', false],
    ['/resource', 'forResource', true],
  ] as const
).map(([target, name, isAccepted]) => ({
  name: `token ${name} at ${target}`,
  request: withToken(target, name),
  expected: isAccepted ? allowed(main('primary', 'token')) : INVALID,
}))

const secretAtResourceRows: Row[] = ['/resource', '/other-resource', '/optional-resource'].map(
  (target) => ({
    name: `a secret is for every resource: ${target}`,
    request: withKey(target, 'primary'),
    expected: allowed(main('primary', 'secret')),
  }),
)

// The fixture starts at the beginning of 2026.
const START = Date.UTC(2026, 0, 1)
const endRows: Row[] = (
  [
    ['a key without expiry', withKey('/expires', 'primary'), null],
    ['a key that expires', withKey('/expires', 'expiring'), START + EXPIRES_AFTER],
    ['a secret in its grace', withKey('/expires', 'inGrace'), START + GRACE],
    ['a token of an hour', withToken('/expires', 'primary'), START + 3_600_000],
    ['a token of a minute', withToken('/expires', 'short'), START + 60_000],
  ] as const
).map(([name, request, expiresAt]) => ({
  name: `the handler sees the end of ${name}`,
  request,
  expected: allowed({ expiresAt }),
}))

const expiryRows: Row[] = [
  {
    name: 'key 1 ms before it dies',
    at: EXPIRES_AFTER - 1,
    request: withKey('/customers/1', 'expiring'),
    expected: allowed(named('expiring')),
  },
  {
    name: 'key at the moment it dies',
    at: EXPIRES_AFTER,
    request: withKey('/customers/1', 'expiring'),
    expected: INVALID,
  },
  {
    name: 'key 1 ms after it died',
    at: EXPIRES_AFTER + 1,
    request: withKey('/customers/1', 'expiring'),
    expected: INVALID,
  },
  {
    name: 'rotated secret 1 ms before its grace ends',
    at: GRACE - 1,
    request: withKey('/customers/1', 'inGrace'),
    expected: allowed(named('single', { slot: 'secondary' })),
  },
  {
    name: 'rotated secret when its grace ends',
    at: GRACE,
    request: withKey('/customers/1', 'inGrace'),
    expected: INVALID,
  },
  {
    name: 'token 1 s before it dies',
    at: 3_599_000,
    request: withToken('/customers/1', 'primary'),
    expected: allowed(main('primary', 'token')),
  },
  {
    name: 'token 1 ms before it dies',
    at: 3_599_999,
    request: withToken('/customers/1', 'primary'),
    expected: allowed(main('primary', 'token')),
  },
  {
    name: 'token at the moment it dies',
    at: 3_600_000,
    request: withToken('/customers/1', 'primary'),
    expected: INVALID,
  },
  {
    name: 'token 1 s after it died',
    at: 3_601_000,
    request: withToken('/customers/1', 'primary'),
    expected: INVALID,
  },
  {
    name: 'short token after a minute',
    at: 60_000,
    request: withToken('/customers/1', 'short'),
    expected: INVALID,
  },
  {
    name: 'token from 30 s in the future',
    at: -30_000,
    request: withToken('/customers/1', 'primary'),
    expected: allowed(main('primary', 'token')),
  },
  {
    name: 'token from 31 s in the future',
    at: -31_000,
    request: withToken('/customers/1', 'primary'),
    expected: INVALID,
  },
]

const targetRows: Row[] = [
  {
    name: 'tenant in the path',
    request: withKey('/tenants/t1', 'primary'),
    expected: allowed(main('primary', 'secret')),
  },
  {
    name: 'another tenant in the path',
    request: withKey('/tenants/t2', 'primary'),
    expected: refused('tenant_denied'),
  },
  {
    name: 'an unknown tenant in the path',
    request: withKey('/tenants/nobody', 'primary'),
    expected: refused('tenant_denied'),
  },
  {
    name: 'a tenant in another case',
    request: withKey('/tenants/T1', 'primary'),
    expected: refused('tenant_denied'),
  },
  {
    name: 'a tenant with U+0000',
    request: withKey('/tenants/t1%00', 'primary'),
    expected: refused('request_malformed'),
  },
  {
    name: 'a tenant of 129 characters',
    request: withKey(`/tenants/${'t'.repeat(129)}`, 'primary'),
    expected: refused('request_malformed'),
  },
  {
    name: 'any tenant for a key of all',
    request: withKey('/tenants/t9', 'allTenants'),
    expected: allowed(named('all tenants', { tenant: 't9' })),
  },
  {
    name: 'no tenant named for a key of all',
    request: withKey('/customers/1', 'allTenants'),
    expected: allowed(named('all tenants', { tenant: null })),
  },
  {
    name: 'no tenant named for a key of two',
    request: withKey('/customers/1', 'twoTenants'),
    expected: refused('target_missing', { axis: 'tenant' }),
  },
  {
    name: 'one of two tenants named',
    request: withKey('/tenants/t2', 'twoTenants'),
    expected: allowed(named('two tenants', { tenant: 't2' })),
  },
  {
    name: 'a key of no tenants',
    request: withKey('/tenants/t1', 'noTenants'),
    expected: refused('tenant_denied'),
  },
  {
    name: 'a key of no tenants, none named',
    request: withKey('/customers/1', 'noTenants'),
    expected: refused('tenant_denied'),
  },
  {
    name: 'tenant in a header',
    request: (f) => get('/by-header', bearer(f.secrets.primary), ['x-TENANT-id', 't1']),
    expected: allowed(main('primary', 'secret')),
  },
  {
    name: 'another tenant in a header',
    request: (f) => get('/by-header', bearer(f.secrets.primary), ['X-Tenant-Id', 't2']),
    expected: refused('tenant_denied'),
  },
  { name: 'no tenant header', request: withKey('/by-header', 'primary'), expected: NO_TENANT },
  {
    name: 'no tenant header, for a key of all',
    request: withKey('/by-header', 'allTenants'),
    expected: NO_TENANT,
  },
  {
    name: 'no tenant header, for a key of none',
    request: withKey('/by-header', 'noTenants'),
    expected: NO_TENANT,
  },
  { name: 'no tenant in the query', request: withKey('/by-query', 'primary'), expected: NO_TENANT },
  {
    name: 'no tenant for a function',
    request: withKey('/by-function', 'primary'),
    expected: NO_TENANT,
  },
  {
    name: 'no tenant for the route, but one for the profile',
    request: (f) => get('/by-both', bearer(f.secrets.primary), ['X-Tenant', 't1']),
    expected: NO_TENANT,
  },
  {
    name: 'no environment header where one environment is served',
    request: withKey('/by-environment', 'primary'),
    expected: refused('target_missing', { axis: 'environment' }),
  },
  {
    name: 'no workflow in the query',
    request: withKey('/by-workflow', 'ownerless'),
    expected: refused('target_missing', { axis: 'workflow' }),
  },
  ...['header', 'query', 'param', 'function'].map((reader) => ({
    name: `no tenant for an optional ${reader}`,
    request: withKey(`/by-${reader}-optional`, 'primary'),
    expected: allowed(main('primary', 'secret')),
  })),
  {
    name: 'no tenant for an optional header, for a key of two',
    request: withKey('/by-header-optional', 'twoTenants'),
    expected: NO_TENANT,
  },
  {
    name: 'another tenant for an optional header',
    request: (f) => get('/by-header-optional', bearer(f.secrets.primary), ['X-Tenant-Id', 't2']),
    expected: refused('tenant_denied'),
  },
  {
    name: 'a tenant for a function',
    request: (f) => get('/by-function', bearer(f.secrets.primary), ['X-Tenant-Id', 't1']),
    expected: allowed(main('primary', 'secret')),
  },
  {
    name: 'an empty tenant header',
    request: (f) => get('/by-header', bearer(f.secrets.primary), ['X-Tenant-Id', '']),
    expected: refused('request_malformed'),
  },
  {
    name: 'a tenant header beyond ASCII',
    request: (f) => get('/by-header', bearer(f.secrets.primary), ['X-Tenant-Id', 't\u00e9']),
    expected: refused('request_malformed'),
  },
  {
    name: 'two tenant headers',
    request: (f) =>
      get('/by-header', bearer(f.secrets.primary), ['X-Tenant-Id', 't1'], ['X-Tenant-Id', 't1']),
    expected: refused('target_conflict', {
      detail: 'The request names its target more than once.',
    }),
  },
  {
    name: 'tenant in the query',
    request: withKey('/by-query?tenant=t%31', 'primary'),
    expected: allowed(main('primary', 'secret')),
  },
  {
    name: 'tenant twice in the query',
    request: withKey('/by-query?tenant=t1&%74enant=t1', 'primary'),
    expected: refused('target_conflict', {
      detail: 'The request names its target more than once.',
    }),
  },
  {
    name: 'tenant in bad percent-encoding',
    request: withKey('/by-query?tenant=%E0%A4%A', 'primary'),
    expected: refused('request_malformed'),
  },
  {
    name: 'tenant behind a fragment',
    request: withKey('/by-query#f?tenant=t2', 'primary'),
    expected: NO_TENANT,
  },
  {
    name: 'route and profile agree',
    request: (f) => get('/both/t1', bearer(f.secrets.primary), ['X-Tenant', 't1']),
    expected: allowed(main('primary', 'secret')),
  },
  {
    name: 'route and profile disagree',
    request: (f) => get('/both/t1', bearer(f.secrets.primary), ['X-Tenant', 't2']),
    expected: refused('target_conflict', { axis: 'tenant' }),
  },
  {
    name: 'an environment that is not served',
    request: withKey('/by-query?tenant=t1&env=test', 'test'),
    expected: refused('target_conflict', { axis: 'environment' }),
  },
  {
    name: 'the environment that is served',
    request: withKey('/by-query?tenant=t1&env=production', 'primary'),
    expected: allowed(main('primary', 'secret')),
  },
  {
    name: 'a test key where nobody names an environment',
    request: withKey('/customers/1', 'test'),
    expected: refused('environment_denied'),
  },
  {
    name: 'a workflow that is not permitted',
    request: withKey('/reports', 'primary'),
    expected: refused('workflow_denied', { scope: 'workflow:reports.read' }),
  },
  {
    name: 'a read-only key that writes',
    request: (f) => ({ ...get('/customers/1', bearer(f.secrets.readOnly)), method: 'POST' }),
    expected: refused('workflow_denied', { scope: 'workflow:customers.write' }),
  },
  {
    name: 'a route that names no workflow, for a limited key',
    request: withKey('/unnamed', 'primary'),
    expected: refused('target_missing', { axis: 'workflow' }),
  },
  {
    name: 'a route that names no workflow, for an unlimited key',
    request: withKey('/unnamed', 'ownerless'),
    expected: allowed(named('ownerless', { workflow: null })),
  },
  {
    name: 'a key of no workflows',
    request: withKey('/customers/1', 'noWorkflows'),
    expected: refused('workflow_denied', { scope: 'workflow:customers.read' }),
  },
  {
    name: 'a key whose owner is gone',
    request: withKey('/tenants/t1', 'ownedByNobody'),
    expected: refused('tenant_denied'),
  },
  {
    name: 'who am I, for a limited key',
    request: withKey('/whoami', 'test'),
    expected: allowed(named('test', { tenant: null, environment: null, workflow: null })),
  },
  {
    name: 'optional, no credential',
    request: () => get('/optional'),
    expected: allowed({ anonymous: true }),
  },
  {
    name: 'optional, a foreign prefix',
    request: () => get('/optional', bearer('other_secret')),
    expected: allowed({ anonymous: true }),
  },
  {
    name: 'optional, a foreign issuer',
    request: withToken('/optional', 'otherIssuer'),
    expected: allowed({ anonymous: true }),
  },
  {
    name: 'optional, another scheme',
    request: () => get('/optional', ['Authorization', 'Basic eDp5']),
    expected: allowed({ anonymous: true }),
  },
  {
    name: 'optional, a secret of ours that is not live',
    request: withKey('/optional', 'disabled'),
    expected: INVALID,
  },
  {
    name: 'optional, a token of ours that is not live',
    request: withToken('/optional', 'ofRevoked'),
    expected: INVALID,
  },
  {
    name: 'optional, two credentials',
    request: (f) => get('/optional', bearer(f.secrets.primary), apiKey(f.secrets.primary)),
    expected: AMBIGUOUS,
  },
  {
    name: 'optional, a live secret',
    request: withKey('/optional', 'primary'),
    expected: allowed(main('primary', 'secret')),
  },
  {
    name: 'HEAD is guarded',
    request: () => ({ method: 'HEAD', target: '/customers/1' }),
    expected: { ...MISSING, body: '' },
  },
]

/** Every row of the standard profile. */
export const standardTable: readonly Row[] = [
  ...credentialRows,
  ...tokenRows,
  ...resourceRows,
  ...secretAtResourceRows,
  ...endRows,
  ...expiryRows,
  ...targetRows,
]
