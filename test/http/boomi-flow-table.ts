import type { RawRequest } from '../support/raw-http.ts'
import {
  type BoomiFlowFixture,
  EXPIRES_AFTER,
  flowOf,
  IMPORTED,
  OTHER_TENANT,
  SEED_TENANT,
} from './boomi-flow-fixture.ts'
import { type Answer, handled, type WireRow, written } from './wire-suite.ts'

type Row = WireRow<BoomiFlowFixture>
type Field = readonly [string, string]
type Secret = keyof BoomiFlowFixture['secrets']

const FLOWS = '/api/draw/1/flow'
const KEY = 'x-boomi-flow-api-key'
const TENANT = 'manywhotenant'
const SEED: Field = [TENANT, SEED_TENANT]
const OTHER: Field = [TENANT, OTHER_TENANT]

const get = (target: string, ...headers: Field[]): RawRequest => ({ target, headers })
/** A request with a key in the header that the vendor documents, and perhaps more headers. */
const withKey =
  (secret: Secret, ...headers: Field[]) =>
  (f: BoomiFlowFixture) =>
    get(FLOWS, [KEY, f.secrets[secret]], ...headers)
const on =
  (target: string, secret: Secret, ...headers: Field[]) =>
  (f: BoomiFlowFixture) =>
    get(target, [KEY, f.secrets[secret]], ...headers)

const letIn = (more: Partial<Parameters<typeof flowOf>[0]> = {}) =>
  handled([flowOf({ name: 'API Key', slot: 'primary', tenant: SEED_TENANT, ...more })], 'no-store')
const refused = (status: number, code: string, message: string, more: Partial<Answer> = {}) =>
  written(status, `{"code":"${code}","message":"${message}"}`, {
    challenge: status === 401 ? 'ApiKey realm="api"' : null,
    ...more,
  })

const OK = letIn()
const MISSING = refused(401, 'credential_missing', 'Send an API key or a token with this request.')
const INVALID = refused(401, 'credential_invalid', 'The credential is not valid.')
const MALFORMED = refused(401, 'credential_malformed', 'The credential could not be read.')
const AMBIGUOUS = refused(
  400,
  'credential_ambiguous',
  'Send exactly one credential with a request.',
)
const TENANT_REPEATED = refused(
  400,
  'target_conflict',
  'The request names its target more than once.',
)
const TENANT_CONFLICT = refused(
  400,
  'target_conflict',
  'The request names more than one tenant, or one that is not served here.',
)
const TENANT_MISSING = refused(
  400,
  'target_missing',
  'This request does not say which tenant it is for.',
)
const TENANT_UNREADABLE = refused(400, 'request_malformed', 'The request could not be read.')
const TENANT_DENIED = refused(403, 'tenant_denied', 'The credential does not reach this tenant.')
const WORKFLOW_DENIED = refused(
  403,
  'workflow_denied',
  'The credential does not reach this workflow.',
)
const LIMITED = refused(429, 'rate_limited', 'Too many requests. Try again later.', {
  retryAfter: '30',
})
const UNAVAILABLE = refused(
  503,
  'unavailable',
  'This cannot be decided at the moment. Try again.',
  { retryAfter: '2' },
)

const row = (
  name: string,
  request: Row['request'],
  expected: Answer,
  more: Pick<Row, 'at'> = {},
): Row => ({
  name: `Boomi Flow: ${name}`,
  request,
  expected,
  ...more,
})

const keyRows: Row[] = [
  row("the vendor's example", withKey('primary', SEED), OK),
  row('the secondary secret', withKey('secondary', SEED), letIn({ slot: 'secondary' })),
  row(
    'key header in another case',
    (f) => get(FLOWS, ['X-Boomi-Flow-API-Key', f.secrets.primary], SEED),
    OK,
  ),
  row(
    'key header in capitals',
    (f) => get(FLOWS, ['X-BOOMI-FLOW-API-KEY', f.secrets.primary], SEED),
    OK,
  ),
  row('POST', (f) => ({ ...withKey('primary', SEED)(f), method: 'POST' }), OK),
  row('no key', () => get(FLOWS, SEED), MISSING),
  row('no key, no tenant', () => get(FLOWS), MISSING),
  row('HEAD without a key', () => ({ method: 'HEAD', target: FLOWS }), { ...MISSING, body: '' }),
  row('an empty key header', () => get(FLOWS, [KEY, ''], SEED), MALFORMED),
  row(
    'a key with a scheme before it',
    (f) => get(FLOWS, [KEY, `Bearer ${f.secrets.primary}`], SEED),
    MALFORMED,
  ),
  row('a key in quotes', (f) => get(FLOWS, [KEY, `"${f.secrets.primary}"`], SEED), INVALID),
  row(
    'a key in another case',
    (f) => get(FLOWS, [KEY, f.secrets.primary.toUpperCase()], SEED),
    INVALID,
  ),
  row(
    'a key of another system that was not imported',
    () => get(FLOWS, [KEY, IMPORTED.replace('Z', 'z')], SEED),
    INVALID,
  ),
  row('a key of 300 characters', () => get(FLOWS, [KEY, 'k'.repeat(300)], SEED), INVALID),
  row('a key beyond ASCII', () => get(FLOWS, [KEY, 'caf\u00e9'.repeat(8)], SEED), MALFORMED),
  row('a token in the key header', (f) => get(FLOWS, [KEY, f.token], SEED), INVALID),
  row('an imported key with + and /', withKey('imported', SEED), letIn({ name: 'imported' })),
  row(
    'an imported key with =',
    withKey('importedPadded', SEED),
    letIn({ name: 'imported', slot: 'secondary' }),
  ),
  row(
    'a key is never URL-decoded',
    (f) => get(FLOWS, [KEY, f.secrets.imported.replace('+', '%2B')], SEED),
    INVALID,
  ),
  row(
    'a plus is never a space',
    (f) => get(FLOWS, [KEY, f.secrets.imported.replace(/^\+/, 'a b')], SEED),
    MALFORMED,
  ),
  row(
    'two key headers',
    (f) => get(FLOWS, [KEY, f.secrets.primary], [KEY, f.secrets.primary], SEED),
    AMBIGUOUS,
  ),
  row(
    'two different key headers',
    (f) =>
      get(FLOWS, [KEY, f.secrets.primary], ['X-Boomi-Flow-Api-Key', f.secrets.secondary], SEED),
    AMBIGUOUS,
  ),
  row(
    'a live and an empty key header',
    (f) => get(FLOWS, [KEY, f.secrets.primary], [KEY, ''], SEED),
    AMBIGUOUS,
  ),
  row(
    'a joined list of keys',
    (f) => get(FLOWS, [KEY, `${f.secrets.primary}, ${f.secrets.primary}`], SEED),
    AMBIGUOUS,
  ),
]

const elsewhereRows: Row[] = [
  row(
    'a key in the query is never read',
    (f) => get(`${FLOWS}?x-boomi-flow-api-key=${f.secrets.primary}`, SEED),
    MISSING,
  ),
  row(
    'a key in the query under other names is never read',
    (f) => get(`${FLOWS}?apiKey=${f.secrets.primary}&auth-key=${f.secrets.primary}`, SEED),
    MISSING,
  ),
  row(
    'a key in the query beside the header is never read',
    on(`${FLOWS}?x-boomi-flow-api-key=wrong`, 'primary', SEED),
    OK,
  ),
  row(
    'Authorization is not read',
    (f) => get(FLOWS, ['Authorization', `Bearer ${f.secrets.primary}`], SEED),
    MISSING,
  ),
  row(
    'Authorization beside the key header is not read',
    withKey('primary', SEED, ['Authorization', 'Bearer wrong']),
    OK,
  ),
  row(
    'two Authorization headers beside the key header are not read',
    withKey('primary', SEED, ['Authorization', 'a'], ['Authorization', 'b']),
    OK,
  ),
  row(
    'Authorization does not rescue a wrong key',
    (f) => get(FLOWS, [KEY, 'wrong'], ['Authorization', `Bearer ${f.secrets.primary}`], SEED),
    INVALID,
  ),
  row('X-API-Key is not read', (f) => get(FLOWS, ['X-API-Key', f.secrets.primary], SEED), MISSING),
  row(
    'a cookie is not read',
    (f) => get(FLOWS, ['Cookie', `${KEY}=${f.secrets.primary}`], SEED),
    MISSING,
  ),
]

const tenantRows: Row[] = [
  row('tenant header in another case', withKey('primary', ['ManyWhoTenant', SEED_TENANT]), OK),
  row('tenant header in capitals', withKey('primary', ['MANYWHOTENANT', SEED_TENANT]), OK),
  row('a tenant id that is no UUID', withKey('twoTenants', SEED), letIn({ name: 'two tenants' })),
  row(
    'a tenant id that is a UUID',
    withKey('twoTenants', OTHER),
    letIn({ name: 'two tenants', tenant: OTHER_TENANT }),
  ),
  row(
    'a tenant id in another case is another tenant',
    withKey('primary', [TENANT, SEED_TENANT.toUpperCase()]),
    TENANT_DENIED,
  ),
  row('no tenant header', withKey('primary'), OK),
  row('no tenant header, a key of two tenants', withKey('twoTenants'), TENANT_MISSING),
  row(
    'no tenant header, a key of all tenants',
    withKey('allTenants'),
    letIn({ name: 'all tenants', tenant: null }),
  ),
  row(
    'tenant header, a key of all tenants',
    withKey('allTenants', OTHER),
    letIn({ name: 'all tenants', tenant: OTHER_TENANT }),
  ),
  row('another tenant', withKey('primary', OTHER), TENANT_DENIED),
  row('an unknown tenant', withKey('primary', [TENANT, 'no-such-tenant']), TENANT_DENIED),
  row('an empty tenant header', withKey('primary', [TENANT, '']), TENANT_UNREADABLE),
  row('a tenant header beyond ASCII', withKey('primary', [TENANT, 't\u00e9']), TENANT_UNREADABLE),
  row(
    'a tenant id of 129 characters',
    withKey('primary', [TENANT, 't'.repeat(129)]),
    TENANT_UNREADABLE,
  ),
  row('two tenant headers', withKey('primary', SEED, SEED), TENANT_REPEATED),
  row(
    'two different tenant headers',
    withKey('twoTenants', SEED, ['ManyWhoTenant', OTHER_TENANT]),
    TENANT_REPEATED,
  ),
  row(
    'a joined list of tenants',
    withKey('twoTenants', [TENANT, `${SEED_TENANT}, ${OTHER_TENANT}`]),
    TENANT_REPEATED,
  ),
  row(
    'a tenant in the query is never read',
    on(`${FLOWS}?manywhotenant=${OTHER_TENANT}`, 'primary'),
    OK,
  ),
  row(
    'a wrong key is refused before its tenant is looked at',
    () => get(FLOWS, [KEY, 'wrong'], SEED, OTHER),
    INVALID,
  ),
  row('route and tenant header agree', on(`/api/tenants/${SEED_TENANT}/flow`, 'primary', SEED), OK),
  row(
    'route and tenant header disagree',
    on(`/api/tenants/${SEED_TENANT}/flow`, 'twoTenants', OTHER),
    TENANT_CONFLICT,
  ),
  row(
    'another tenant in the route',
    on(`/api/tenants/${OTHER_TENANT}/flow`, 'primary'),
    TENANT_DENIED,
  ),
  row(
    'a route that serves no target',
    on('/api/admin/1/users/me', 'primary', OTHER),
    letIn({ tenant: null }),
  ),
]

const lifeRows: Row[] = [
  row('a deleted key', withKey('deleted', SEED), INVALID),
  row('a disabled key', withKey('disabled', SEED), INVALID),
  row('a revoked key', withKey('revoked', SEED), INVALID),
  row('a secret that was replaced', withKey('replaced', SEED), INVALID),
  row('an expiring key, before', withKey('expiring', SEED), letIn({ name: 'expiring' }), {
    at: EXPIRES_AFTER - 1,
  }),
  row('an expiring key, after', withKey('expiring', SEED), INVALID, { at: EXPIRES_AFTER }),
  row('a workflow outside the key', on('/api/run', 'narrow', SEED), WORKFLOW_DENIED),
  row('an owner who lost the tenant', withKey('moved', SEED), TENANT_DENIED),
  row('an owner who is gone', withKey('gone', SEED), TENANT_DENIED),
  row('an owner who cannot be looked up', withKey('directoryDown', SEED), UNAVAILABLE),
  row('the store is down', withKey('badStore', SEED), UNAVAILABLE),
  row('a rate limit', on('/api/limited', 'primary', SEED), LIMITED),
  row('optional, no key', () => get('/api/optional', SEED), handled(['anonymous'], null)),
  row('optional, a disabled key', on('/api/optional', 'disabled', SEED), INVALID),
]

/** Every row of the Boomi Flow profile. */
export const boomiFlowTable: readonly Row[] = [
  ...keyRows,
  ...elsewhereRows,
  ...tenantRows,
  ...lifeRows,
]
