import { nodeRefusesManyHeaders } from '../support/many-headers.ts'
import {
  AMBIGUOUS,
  apiKey,
  auth,
  bearer,
  bunServe,
  CONFLICT,
  type EdgeRow,
  type Field,
  get,
  IN,
  INVALID,
  MALFORMED,
  MISSING,
  onBun,
  onNode,
  row,
  send,
  UNREADABLE,
} from './edge-rows.ts'

// The server itself refuses these, so no host sees the request.
const MANY_HEADERS = { ...onBun('431'), ...((await nodeRefusesManyHeaders()) ? onNode('431') : {}) }

/** Header fields: repeated, empty, folded, too many, too long, or with invalid content. */
export const edgeHeaderTable: readonly EdgeRow[] = [
  row(
    'the secret twice, in two spellings of the name',
    (f) =>
      get('/customers/1', bearer(f.secrets.primary), [
        'AUTHORIZATION',
        `Bearer ${f.secrets.primary}`,
      ]),
    AMBIGUOUS,
  ),
  row(
    'a good secret after a bad one',
    (f) => get('/customers/1', bearer('x'), bearer(f.secrets.primary)),
    AMBIGUOUS,
  ),
  row(
    'an empty Authorization, then a good one',
    (f) => get('/customers/1', auth(''), bearer(f.secrets.primary)),
    AMBIGUOUS,
  ),
  row(
    'a good Authorization, then an empty one',
    (f) => get('/customers/1', bearer(f.secrets.primary), auth('')),
    AMBIGUOUS,
  ),
  row(
    'Basic, then a good Bearer',
    (f) => get('/customers/1', auth('Basic eDp5'), bearer(f.secrets.primary)),
    AMBIGUOUS,
  ),
  row(
    'a good Bearer, then Basic',
    (f) => get('/customers/1', bearer(f.secrets.primary), auth('Basic eDp5')),
    AMBIGUOUS,
  ),
  row(
    'three Authorization fields',
    (f) =>
      get(
        '/customers/1',
        bearer(f.secrets.primary),
        bearer(f.secrets.primary),
        bearer(f.secrets.primary),
      ),
    AMBIGUOUS,
  ),
  row(
    'two Authorization fields with others between them',
    (f) =>
      get('/customers/1', bearer(f.secrets.primary), ['X-Other', '1'], bearer(f.secrets.secondary)),
    AMBIGUOUS,
  ),
  row(
    'a list in one field',
    (f) => get('/customers/1', auth(`Bearer ${f.secrets.primary},Bearer ${f.secrets.secondary}`)),
    AMBIGUOUS,
  ),
  row(
    'a good secret and a trailing comma',
    (f) => get('/customers/1', bearer(`${f.secrets.primary},`)),
    AMBIGUOUS,
  ),
  row(
    'two X-API-Key fields in two spellings',
    (f) => get('/customers/1', apiKey(f.secrets.primary), ['x-api-key', f.secrets.primary]),
    AMBIGUOUS,
  ),
  row(
    'an empty X-API-Key, then a good one',
    (f) => get('/customers/1', apiKey(''), apiKey(f.secrets.primary)),
    AMBIGUOUS,
  ),
  row(
    'two tenant headers that agree',
    (f) =>
      get('/by-header', bearer(f.secrets.twoTenants), ['X-Tenant-Id', 't1'], ['x-tenant-id', 't1']),
    CONFLICT,
  ),
  row(
    'two tenant headers that differ',
    (f) =>
      get('/by-header', bearer(f.secrets.twoTenants), ['X-Tenant-Id', 't1'], ['X-Tenant-Id', 't2']),
    CONFLICT,
  ),
  row(
    'a TAB between scheme and secret',
    (f) => get('/customers/1', auth(`Bearer\t${f.secrets.primary}`)),
    MISSING,
  ),
  row(
    'a TAB inside the secret',
    (f) =>
      get(
        '/customers/1',
        bearer(`${f.secrets.primary.slice(0, 20)}\t${f.secrets.primary.slice(20)}`),
      ),
    MALFORMED,
  ),
  row(
    'TABs and blanks around the value',
    (f) => get('/customers/1', ['Authorization', `\t Bearer ${f.secrets.primary} \t`]),
    IN,
  ),
  row('a TAB inside X-API-Key', () => get('/customers/1', apiKey('a\tb')), MALFORMED),
  row(
    'latin1 inside the secret',
    (f) => get('/customers/1', bearer(`${f.secrets.primary}\u00e9`)),
    MALFORMED,
  ),
  row('UTF-8 inside X-API-Key', () => get('/customers/1', apiKey('\u00c3\u00a9')), MALFORMED),
  row(
    'a no-break space before the secret',
    (f) => get('/customers/1', auth(`Bearer\u00a0${f.secrets.primary}`)),
    MISSING,
  ),
  row(
    'a no-break space behind the secret',
    (f) => get('/customers/1', bearer(`${f.secrets.primary}\u00a0`)),
    MALFORMED,
  ),
  row(
    'latin1 in the tenant header',
    (f) => get('/by-header', bearer(f.secrets.allTenants), ['X-Tenant-Id', 't\u00e9']),
    UNREADABLE,
  ),
  row(
    'a folded header',
    (f) => get('/customers/1', auth(`Bearer\r\n ${f.secrets.primary}`)),
    '400',
  ),
  row(
    'a folded header that goes on with a TAB',
    (f) => get('/customers/1', ['X-Other', `1\r\n\tAuthorization: Bearer ${f.secrets.primary}`]),
    '400',
  ),
  row(
    'a blank before the colon',
    (f) => get('/customers/1', ['Authorization ', `Bearer ${f.secrets.primary}`]),
    '400',
  ),
  row('NUL in the secret', (f) => get('/customers/1', bearer(`${f.secrets.primary}\0`)), '400'),
  row(
    'DEL in the secret',
    (f) => get('/customers/1', bearer(`${f.secrets.primary}\x7f`)),
    '400',
    bunServe(MALFORMED),
  ),
  row(
    'a bare LF that begins a second Authorization',
    (f) => get('/customers/1', ['X-Other', `1\nAuthorization: Bearer ${f.secrets.primary}`]),
    '400',
  ),
  row(
    'a bare CR before a second Authorization',
    (f) => get('/customers/1', ['X-Other', `1\rAuthorization: Bearer ${f.secrets.primary}`]),
    '400',
  ),
  row(
    'a header of ours with an underscore',
    (f) => get('/customers/1', ['X_API_Key', f.secrets.primary]),
    MISSING,
  ),
  row(
    'headers that would name a principal',
    () =>
      get(
        '/customers/1',
        ['X-Consumer-Username', 'main'],
        ['X-User-Id', 'main'],
        ['X-Auth-Key', 'main'],
      ),
    MISSING,
  ),
  row(
    '1,000 headers before the secret',
    (f) => get('/customers/1', ...many(1000), bearer(f.secrets.primary)),
    MISSING,
    MANY_HEADERS,
  ),
  row(
    '2,100 headers before the secret',
    (f) => get('/customers/1', ...many(2100), bearer(f.secrets.primary)),
    MISSING,
    MANY_HEADERS,
  ),
  row(
    '2,100 headers between two secrets',
    (f) =>
      get('/customers/1', bearer(f.secrets.primary), ...many(2100), bearer(f.secrets.secondary)),
    IN,
    MANY_HEADERS,
  ),
  row(
    'an Authorization of 9,000 characters',
    () => get('/customers/1', bearer('x'.repeat(9000))),
    INVALID,
  ),
  row('an Authorization of 16 KiB', () => get('/customers/1', bearer('x'.repeat(16_384))), '431'),
  row(
    'a header of 12 KiB beside a good secret',
    (f) => get('/customers/1', ['X-Other', 'x'.repeat(12_288)], bearer(f.secrets.primary)),
    IN,
  ),
  row(
    'a secret in a trailer',
    (f) =>
      send('POST', '/customers/1', ['Transfer-Encoding', 'chunked'], ['Trailer', 'Authorization']) +
      `1\r\nx\r\n0\r\nAuthorization: Bearer ${f.secrets.primary}\r\n\r\n`,
    MISSING,
  ),
]

function many(count: number): Field[] {
  return Array.from({ length: count }, (_, i) => ['a', String(i % 10)] as const)
}
