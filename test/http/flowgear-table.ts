import type { RawRequest } from '../support/raw-http.ts'
import { type FlowgearFixture, workflowOf } from './flowgear-fixture.ts'
import { type Answer, handled, type WireRow, written } from './wire-suite.ts'

type Row = WireRow<FlowgearFixture>
type Secret = keyof FlowgearFixture['secrets']
type Field = readonly [string, string]

const URL = '/customers/123/'

const auth = (value: string): Field => ['Authorization', value]
const get = (target: string, ...headers: Field[]): RawRequest => ({ target, headers })
/** A request with the key as the vendor recommends it. */
const withKey =
  (secret: Secret, target = URL) =>
  (f: FlowgearFixture) =>
    get(target, auth(`Key=${f.secrets[secret]}`))
const withField = (field: (f: FlowgearFixture) => string) => (f: FlowgearFixture) =>
  get(URL, auth(field(f)))
const withUrl = (target: (f: FlowgearFixture) => string) => (f: FlowgearFixture) => get(target(f))
const inQuery = (secret: Secret) => withUrl((f) => `${URL}?auth-key=${f.secrets[secret]}`)

type Shown = Partial<Parameters<typeof workflowOf>[0]>
const inHeader = (more: Shown = {}): Answer => handled(workflowOf({ url: URL, ...more }), null)
// Shared caches do not know that there was a credential in the URL.
const fromQuery = (more: Shown = {}): Answer =>
  handled(workflowOf({ url: URL, ...more }), 'no-store')

const REFUSED = written(404, '{"Message":"Not Found"}')
const LIMITED = written(429, '{"Message":"Too many requests. Try again later."}', {
  retryAfter: '30',
})
const UNAVAILABLE = written(503, '{"Message":"This cannot be decided at the moment. Try again."}', {
  retryAfter: '2',
})

const row = (name: string, request: Row['request'], expected: Answer): Row => ({
  name: `Flowgear: ${name}`,
  request,
  expected,
})

const headerRows: Row[] = [
  row('Key= in Authorization', withKey('primary'), inHeader()),
  row('Key= with the secondary secret', withKey('secondary'), inHeader({ slot: 'secondary' })),
  row(
    'key= in another case',
    withField((f) => `key=${f.secrets.primary}`),
    inHeader(),
  ),
  row(
    'KEY= in capitals',
    withField((f) => `KEY=${f.secrets.primary}`),
    inHeader(),
  ),
  row(
    'Bearer in Authorization',
    withField((f) => `Bearer ${f.secrets.primary}`),
    inHeader(),
  ),
  row(
    'bearer in another case',
    withField((f) => `bearer ${f.secrets.secondary}`),
    inHeader({ slot: 'secondary' }),
  ),
  row(
    'an imported key that begins with a hyphen',
    withKey('imported'),
    inHeader({ username: 'Key: imported' }),
  ),
  row(
    'an imported key as Bearer',
    withField((f) => `Bearer ${f.secrets.imported}`),
    inHeader({ username: 'Key: imported' }),
  ),
  row(
    'an imported key with = at its end',
    withKey('importedPlus'),
    inHeader({ username: 'Key: imported', slot: 'secondary' }),
  ),
  row(
    'a token as Bearer',
    withField((f) => `Bearer ${f.token}`),
    inHeader(),
  ),
  row(
    'a token as Key=',
    withField((f) => `Key=${f.token}`),
    REFUSED,
  ),
  row('no key', () => get(URL), REFUSED),
  row(
    'a wrong key',
    withField(() => 'Key=wrong'),
    REFUSED,
  ),
  row(
    'Key= and nothing',
    withField(() => 'Key='),
    REFUSED,
  ),
  row(
    'Key= and a space',
    withField((f) => `Key= ${f.secrets.primary}`),
    REFUSED,
  ),
  row(
    'Key with a space for =',
    withField((f) => `Key ${f.secrets.primary}`),
    REFUSED,
  ),
  row(
    'the raw key',
    withField((f) => f.secrets.primary),
    REFUSED,
  ),
  row(
    'Basic',
    withField((f) => `Basic ${Buffer.from(`:${f.secrets.primary}`).toString('base64')}`),
    REFUSED,
  ),
  row(
    'two Key= headers',
    (f) => get(URL, auth(`Key=${f.secrets.primary}`), auth(`Key=${f.secrets.primary}`)),
    REFUSED,
  ),
  row(
    'Key= and Bearer headers',
    (f) => get(URL, auth(`Key=${f.secrets.primary}`), auth(`Bearer ${f.secrets.primary}`)),
    REFUSED,
  ),
  row(
    'Bearer and Key= headers',
    (f) => get(URL, auth(`Bearer ${f.secrets.primary}`), auth(`Key=${f.secrets.primary}`)),
    REFUSED,
  ),
  row('X-API-Key is not read', (f) => get(URL, ['X-API-Key', f.secrets.primary]), REFUSED),
]

const queryRows: Row[] = [
  row('auth-key in the query, hidden from the handler', inQuery('primary'), fromQuery()),
  row('auth-key with the secondary secret', inQuery('secondary'), fromQuery({ slot: 'secondary' })),
  row(
    'auth-key on POST',
    (f) => ({ ...inQuery('everything')(f), method: 'POST' }),
    fromQuery({ username: 'Key: everything' }),
  ),
  row(
    'auth-key before other parameters',
    withUrl((f) => `${URL}?auth-key=${f.secrets.primary}&a=1`),
    fromQuery({ url: `${URL}?a=1` }),
  ),
  row(
    'auth-key between other parameters',
    withUrl((f) => `${URL}?a=%31&auth-key=${f.secrets.primary}&b`),
    fromQuery({ url: `${URL}?a=%31&b` }),
  ),
  row(
    'auth-key with a percent-encoded name',
    withUrl((f) => `${URL}?%61uth%2Dkey=${f.secrets.primary}&a=1`),
    fromQuery({ url: `${URL}?a=1` }),
  ),
  row(
    'auth-key with a percent-encoded value',
    withUrl((f) => `${URL}?auth-key=%61${f.secrets.primary.slice(1)}`),
    fromQuery(),
  ),
  row('auth-key of an imported key', inQuery('imported'), fromQuery({ username: 'Key: imported' })),
  row(
    'auth-key with + encoded',
    withUrl((f) => `${URL}?auth-key=${encodeURIComponent(f.secrets.importedPlus)}`),
    fromQuery({ username: 'Key: imported', slot: 'secondary' }),
  ),
  row('auth-key with a bare +', inQuery('importedPlus'), REFUSED),
  row(
    'header and auth-key, equal',
    (f) => get(`${URL}?auth-key=${f.secrets.primary}`, auth(`Key=${f.secrets.primary}`)),
    fromQuery(),
  ),
  row(
    'Bearer and auth-key, equal',
    (f) => get(`${URL}?auth-key=${f.secrets.primary}`, auth(`Bearer ${f.secrets.primary}`)),
    fromQuery(),
  ),
  row(
    'header and auth-key, both live and different',
    (f) => get(`${URL}?auth-key=${f.secrets.secondary}`, auth(`Key=${f.secrets.primary}`)),
    REFUSED,
  ),
  row(
    'header and auth-key, one wrong',
    (f) => get(`${URL}?auth-key=wrong`, auth(`Key=${f.secrets.primary}`)),
    REFUSED,
  ),
  row(
    'header and an empty auth-key',
    (f) => get(`${URL}?auth-key=`, auth(`Key=${f.secrets.primary}`)),
    REFUSED,
  ),
  row(
    'auth-key twice, equal',
    withUrl((f) => `${URL}?auth-key=${f.secrets.primary}&auth-key=${f.secrets.primary}`),
    REFUSED,
  ),
  row(
    'auth-key twice, one percent-encoded',
    withUrl((f) => `${URL}?auth-key=${f.secrets.primary}&auth%2dkey=x`),
    REFUSED,
  ),
  row('an empty auth-key', () => get(`${URL}?auth-key=`), REFUSED),
  row('auth-key without a value', () => get(`${URL}?auth-key`), REFUSED),
  row('a wrong auth-key', () => get(`${URL}?auth-key=wrong`), REFUSED),
  row('auth-key in bad percent-encoding', () => get(`${URL}?auth-key=%E0%A4%A`), REFUSED),
  row(
    'a token in auth-key',
    withUrl((f) => `${URL}?auth-key=${f.token}`),
    REFUSED,
  ),
  row(
    'a list of auth-key',
    withUrl((f) => `${URL}?auth-key[]=${f.secrets.primary}`),
    REFUSED,
  ),
  row(
    'legacy ?auth= is not read',
    withUrl((f) => `${URL}?auth=${f.secrets.primary}`),
    REFUSED,
  ),
]

const profile = (secret: Secret, value: string) => withKey(secret, `${URL}?_profile=${value}`)
const shown = (value: string, more: Shown = {}) =>
  inHeader({ url: `${URL}?_profile=${value}`, ...more })
const inTest: Shown = { environment: 'Test', username: 'Key: test' }

const environmentRows: Row[] = [
  row('no _profile is Production', withKey('primary'), inHeader()),
  row('_profile=Production', profile('primary', 'Production'), shown('Production')),
  row('_profile=production', profile('primary', 'production'), shown('production')),
  row('_profile=Test, a key of Test', profile('test', 'Test'), shown('Test', inTest)),
  row('_profile=test, a key of Test', profile('test', 'test'), shown('test', inTest)),
  row('_profile=TEST, a key of Test', profile('test', 'TEST'), shown('TEST', inTest)),
  row(
    '_profile with a percent-encoded name',
    withKey('test', `${URL}?%5Fprofile=Test`),
    inHeader({ ...inTest, url: `${URL}?%5Fprofile=Test` }),
  ),
  row('a key of Test without _profile', withKey('test'), REFUSED),
  row('a key of Test with _profile=Production', profile('test', 'Production'), REFUSED),
  row('a key of Production with _profile=Test', profile('primary', 'Test'), REFUSED),
  row('an empty _profile', profile('primary', ''), REFUSED),
  row('_profile without a value', withKey('primary', `${URL}?_profile`), REFUSED),
  row('_profile twice, equal', withKey('test', `${URL}?_profile=Test&_profile=Test`), REFUSED),
  row(
    '_profile twice, different',
    withKey('anywhere', `${URL}?_profile=Production&_profile=Test`),
    REFUSED,
  ),
  row('a _profile that is not served', profile('anywhere', 'Staging'), REFUSED),
  row('a key of an environment that is not served', profile('staging', 'Staging'), REFUSED),
  row(
    'a _profile that looks like Test and is not ASCII',
    profile('anywhere', 'Te%C5%BFt'),
    REFUSED,
  ),
  row(
    'a key without environment, no _profile',
    withKey('anywhere'),
    inHeader({ username: 'Key: anywhere' }),
  ),
  row(
    'a key without environment, _profile=Test',
    profile('anywhere', 'Test'),
    shown('Test', { environment: 'Test', username: 'Key: anywhere' }),
  ),
  row(
    '_profile beside auth-key',
    withUrl((f) => `${URL}?_profile=Test&auth-key=${f.secrets.test}`),
    fromQuery({ ...inTest, url: `${URL}?_profile=Test` }),
  ),
  row('route and _profile disagree', withKey('anywhere', '/in-test?_profile=Production'), REFUSED),
]

const workflowRows: Row[] = [
  row('a permitted workflow by method and template', withKey('primary'), inHeader()),
  row(
    'a permitted workflow, other parameters',
    withKey('primary', '/customers/a%20b/'),
    inHeader({ url: '/customers/a%20b/' }),
  ),
  row(
    'a permitted workflow without trailing slash',
    withKey('primary', '/orders/7'),
    inHeader({ url: '/orders/7' }),
  ),
  row('a workflow permitted by name', withKey('primary', '/named'), inHeader({ url: '/named' })),
  row(
    'another method of a permitted template',
    (f) => ({ ...withKey('primary')(f), method: 'POST' }),
    REFUSED,
  ),
  row(
    'a key of all workflows',
    (f) => ({ ...withKey('everything')(f), method: 'POST' }),
    inHeader({ username: 'Key: everything' }),
  ),
  row('HEAD of a permitted GET', (f) => ({ ...withKey('nothing')(f), method: 'HEAD' }), {
    ...REFUSED,
    body: '',
  }),
  row('a key of no workflows', withKey('nothing'), REFUSED),
  row('a route that names no workflow, a limited key', withKey('primary', '/unnamed'), REFUSED),
]

const lifeRows: Row[] = [
  row('a disabled key, at once', withKey('disabled'), REFUSED),
  row('a disabled key in the query', inQuery('disabled'), REFUSED),
  row('a revoked key', withKey('revoked'), REFUSED),
  row('a deleted key', withKey('deleted'), REFUSED),
  row('regenerating one secret ends it', withKey('regenerated'), REFUSED),
  row(
    'regenerating one secret keeps the other',
    withKey('kept'),
    inHeader({ username: 'Key: regenerated' }),
  ),
  row('an owner who is gone', withKey('gone'), REFUSED),
  row('the store is down', withKey('badStore'), UNAVAILABLE),
  row('the store is down, key in the query', inQuery('badStore'), UNAVAILABLE),
  row('an owner who cannot be looked up', withKey('directoryDown'), UNAVAILABLE),
  row('a rate limit', withKey('everything', '/limited'), LIMITED),
  row(
    'optional, no key',
    () => get('/optional'),
    handled({ anonymous: true, url: '/optional' }, null),
  ),
  row('optional, a disabled key', withKey('disabled', '/optional'), REFUSED),
]

/** Every row of the Flowgear profile. */
export const flowgearTable: readonly Row[] = [
  ...headerRows,
  ...queryRows,
  ...environmentRows,
  ...workflowRows,
  ...lifeRows,
]
