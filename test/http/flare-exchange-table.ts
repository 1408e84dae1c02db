import {
  AMBIGUOUS,
  auth,
  BODY_MALFORMED,
  basic,
  type Field,
  type FlareRow,
  get,
  INVALID,
  issued,
  MALFORMED,
  MISSING,
  post,
  row,
  TENANT_DENIED,
  UNAVAILABLE,
} from './flare-answers.ts'
import type { FlareFixture } from './flare-fixture.ts'

type Secret = keyof FlareFixture['secrets']

const GENERATE = '/tokens/generate'
const json: Field = ['Content-Type', 'application/json']
const form: Field = ['Content-Type', 'application/x-www-form-urlencoded']
const NO_LENGTH: Field[] = []

/**
 * A request to the exchange with the key as the whole Authorization, as the vendor documents it.
 */
const withKey =
  (secret: Secret, body?: string, ...headers: Field[]) =>
  (f: FlareFixture) =>
    post(GENERATE, body, auth(f.secrets[secret]), ...headers)
const keyAs = (field: (f: FlareFixture) => Field[]) => (f: FlareFixture) =>
  post(GENERATE, undefined, ...field(f))
const tenantOf = (tenant: string, secret: Secret = 'primary') =>
  withKey(secret, `{"tenant_id":${tenant}}`, json)

const credentialRows: FlareRow[] = [
  row('the raw key', withKey('primary'), issued('1001')),
  row('the raw key, secondary', withKey('secondary'), issued('1001')),
  row('an imported key fw_', withKey('imported'), issued('1001')),
  row('an imported key fw-', withKey('importedOld'), issued('1001')),
  row(
    'Basic with an empty user',
    keyAs((f) => [basic(`:${f.secrets.primary}`)]),
    issued('1001'),
  ),
  row(
    'basic in another case',
    keyAs((f) => [auth(basic(`:${f.secrets.imported}`)[1].replace('Basic', 'bASIC'))]),
    issued('1001'),
  ),
  row(
    'Basic with a user',
    keyAs((f) => [basic(`api:${f.secrets.primary}`)]),
    MALFORMED,
  ),
  row(
    'Basic with the key as user',
    keyAs((f) => [basic(`${f.secrets.primary}:`)]),
    MALFORMED,
  ),
  row(
    'Basic with nothing',
    keyAs(() => [basic(':')]),
    MALFORMED,
  ),
  row(
    'Basic that is no base64',
    keyAs(() => [auth('Basic *')]),
    MALFORMED,
  ),
  row(
    'Basic with a wrong key',
    keyAs(() => [basic(':fw_wrong')]),
    INVALID,
  ),
  row(
    'the key as Bearer',
    keyAs((f) => [auth(`Bearer ${f.secrets.primary}`)]),
    issued('1001'),
  ),
  row(
    'no key',
    keyAs(() => []),
    MISSING,
  ),
  row(
    'a wrong key',
    keyAs(() => [auth('fw_wrong')]),
    INVALID,
  ),
  row(
    'an empty Authorization',
    keyAs(() => [auth('')]),
    MALFORMED,
  ),
  row(
    'a key with another scheme',
    keyAs((f) => [auth(`Token ${f.secrets.primary}`)]),
    MALFORMED,
  ),
  row(
    'two raw keys',
    keyAs((f) => [auth(f.secrets.primary), auth(f.secrets.primary)]),
    AMBIGUOUS,
  ),
  row(
    'a raw key and Basic',
    keyAs((f) => [auth(f.secrets.primary), basic(`:${f.secrets.primary}`)]),
    AMBIGUOUS,
  ),
  row(
    'Basic and a raw key',
    keyAs((f) => [basic(`:${f.secrets.primary}`), auth(f.secrets.primary)]),
    AMBIGUOUS,
  ),
  row(
    'two Basic keys',
    keyAs((f) => [basic(`:${f.secrets.primary}`), basic(`:${f.secrets.primary}`)]),
    AMBIGUOUS,
  ),
  row(
    'a token never mints a token',
    keyAs((f) => [auth(`Bearer ${f.tokens.main}`)]),
    INVALID,
  ),
  row(
    'a raw token never mints a token',
    keyAs((f) => [auth(f.tokens.main)]),
    INVALID,
  ),
  row(
    'a key in the query is not read',
    (f) => post(`${GENERATE}?api_key=${f.secrets.primary}`, undefined),
    MISSING,
  ),
  row(
    'a key in the body is not read',
    (f) => post(GENERATE, `{"api_key":"${f.secrets.primary}"}`, json),
    MISSING,
  ),
]

const holderRows: FlareRow[] = [
  ...(['disabled', 'revoked', 'deleted', 'replaced'] as const).map((secret) =>
    row(`a key that is ${secret}`, withKey(secret), INVALID),
  ),
  row('the store is down at the exchange', withKey('badStore'), UNAVAILABLE),
  row('an owner who cannot be looked up', withKey('directoryDown'), UNAVAILABLE),
  row('an owner who is gone, a tenant named', withKey('gone', '{"tenant_id":1001}', json), INVALID),
  row('an account that is gone', withKey('closed'), INVALID),
  row(
    'an account that is gone, a tenant named',
    withKey('closed', '{"tenant_id":1001}', json),
    INVALID,
  ),
  row('an account that cannot be looked up', withKey('unreadable'), UNAVAILABLE),
  row('GET at the exchange', (f) => get(GENERATE, auth(f.secrets.primary)), {
    status: 405,
    type: 'application/json',
    challenge: null,
    cache: 'no-store',
    retryAfter: null,
    body: '{"error":{"code":"METHOD_NOT_ALLOWED","message":"This endpoint does not have that method."}}',
  }),
]

// The tenant, in every form in which clients send or omit it.
const bodies: readonly (readonly [
  name: string,
  body: string | undefined,
  headers: readonly Field[],
  tenant: string,
])[] = [
  ['no body and no length', undefined, NO_LENGTH, '1001'],
  ['Content-Length: 0', '', [], '1001'],
  ['Content-Length: 0 under application/json', '', [json], '1001'],
  ['{} under application/json', '{}', [json], '1001'],
  ['{} under a form', '{}', [form], '1001'],
  ['{} without Content-Type', '{}', [], '1001'],
  ['a tenant under application/json', '{"tenant_id":1002}', [json], '1002'],
  [
    'a tenant under application/json; charset=utf-8',
    '{"tenant_id":1002}',
    [[json[0], `${json[1]}; charset=utf-8`]],
    '1002',
  ],
  ['a tenant under a form', '{"tenant_id":1002}', [form], '1002'],
  ['a tenant without Content-Type', '{"tenant_id":1002}', [], '1002'],
  ['a tenant under text/plain', '{"tenant_id":1002}', [['Content-Type', 'text/plain']], '1002'],
]
const parsers = [
  ['', 'by itself'],
  ['/parsed', 'behind a parser of everything as JSON'],
  ['/form', 'behind a form parser'],
  ['/text', 'behind a text parser'],
  ['/json-first', 'behind a JSON parser'],
] as const

const bodyRows: FlareRow[] = parsers.flatMap(([mount, where]) => [
  ...bodies.map(([name, body, headers, tenant]) =>
    row(
      `${name}, ${where}`,
      (f) => post(mount + GENERATE, body, auth(f.secrets.primary), ...headers),
      issued(tenant),
    ),
  ),
  row(
    `a tenant in a list under a form, ${where}`,
    (f) => post(mount + GENERATE, '{"tenant_id":[1002]}', auth(f.secrets.primary), form),
    BODY_MALFORMED,
  ),
  row(
    `another tenant, ${where}`,
    (f) => post(mount + GENERATE, '{"tenant_id":1003}', auth(f.secrets.primary), json),
    TENANT_DENIED,
  ),
])

const drainedRows: FlareRow[] = [
  row(
    'a tenant that was read and dropped is refused',
    (f) => post(`/drained${GENERATE}`, '{"tenant_id":1002}', auth(f.secrets.primary)),
    BODY_MALFORMED,
  ),
  row(
    '{} that was read and dropped is refused',
    (f) => post(`/drained${GENERATE}`, '{}', auth(f.secrets.primary), json),
    BODY_MALFORMED,
  ),
  row(
    'no body, behind what drops bodies',
    (f) => post(`/drained${GENERATE}`, undefined, auth(f.secrets.primary)),
    issued('1001'),
  ),
  row(
    'Content-Length: 0, behind what drops bodies',
    (f) => post(`/drained${GENERATE}`, '', auth(f.secrets.primary)),
    issued('1001'),
  ),
]

const unreadable: readonly (readonly [name: string, body: string])[] = [
  ['a string', '{"tenant_id":"1002"}'],
  ['an empty string', '{"tenant_id":""}'],
  ['a fraction', '{"tenant_id":1002.5}'],
  ['negative', '{"tenant_id":-1002}'],
  ['zero', '{"tenant_id":0}'],
  ['null', '{"tenant_id":null}'],
  ['a boolean', '{"tenant_id":true}'],
  ['a list', '{"tenant_id":[1002]}'],
  ['an object', '{"tenant_id":{"id":1002}}'],
  ['huge', '{"tenant_id":1e400}'],
  ['beyond exact integers', '{"tenant_id":9007199254740993}'],
  ['in a form', 'tenant_id=1002'],
  ['in a list of objects', '[{"tenant_id":1002}]'],
  ['in half an object', '{"tenant_id":1002'],
]

const tenantRows: FlareRow[] = [
  ...unreadable.map(([name, body]) =>
    row(`tenant_id ${name} is refused`, withKey('primary', body, json), BODY_MALFORMED),
  ),
  row('tenant_id 1002.0 is the number 1002', tenantOf('1002.0'), issued('1002')),
  row('a tenant that the user cannot reach', tenantOf('1003'), TENANT_DENIED),
  row('an unknown tenant', tenantOf('999999'), TENANT_DENIED),
  row(
    'a tenant that the user reaches and the key does not',
    tenantOf('1001', 'oneTenant'),
    TENANT_DENIED,
  ),
  row('the tenant that the key reaches', tenantOf('1002', 'oneTenant'), issued('1002')),
  row('a default tenant that the key does not reach', withKey('oneTenant'), TENANT_DENIED),
  row('a default tenant that the user does not reach', withKey('elsewhere'), TENANT_DENIED),
  row(
    'a wrong key is refused before its body is looked at',
    () => post(GENERATE, '{"tenant_id":"x"}', auth('fw_wrong'), json),
    INVALID,
  ),
]

/** Every row of the exchange at `POST /tokens/generate`. */
export const flareExchangeTable: readonly FlareRow[] = [
  ...credentialRows,
  ...holderRows,
  ...bodyRows,
  ...drainedRows,
  ...tenantRows,
]
