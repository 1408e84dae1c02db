import {
  AMBIGUOUS,
  auth,
  basic,
  type Field,
  type FlareRow,
  get,
  INVALID,
  LIMITED,
  MALFORMED,
  MISSING,
  row,
  TENANT_DENIED,
  UNAVAILABLE,
} from './flare-answers.ts'
import { flareExchangeTable } from './flare-exchange-table.ts'
import { eventsOf, type FlareFixture } from './flare-fixture.ts'
import { type Answer, handled, written } from './wire-suite.ts'

type Token = keyof FlareFixture['tokens']

const EVENTS = '/firework/v4/events'
const TEST = '/tokens/test'
const MINUTE = 60_000

const withToken =
  (target: string, token: Token = 'main', ...headers: Field[]) =>
  (f: FlareFixture) =>
    get(target, auth(`Bearer ${f.tokens[token]}`), ...headers)
const withField = (target: string, field: (f: FlareFixture) => Field) => (f: FlareFixture) =>
  get(target, field(f))

const allowed = (more: Partial<Parameters<typeof eventsOf>[0]> = {}): Answer =>
  handled(eventsOf({ name: 'main', tenant: '1001', via: 'token', ...more }), null)
const OK = allowed()

const useRows: FlareRow[] = [
  row('a token on an ordinary endpoint', withToken(EVENTS), OK),
  row('a token on POST', (f) => ({ ...withToken(EVENTS)(f), method: 'POST' }), OK),
  row('a token of another tenant', withToken(EVENTS, 'other'), allowed({ tenant: '1002' })),
  row('a token of an imported key', withToken(EVENTS, 'imported'), allowed({ name: 'imported' })),
  row(
    'bearer in another case',
    withField(EVENTS, (f) => auth(`bEARER ${f.tokens.main}`)),
    OK,
  ),
  row(
    'the raw key on an ordinary endpoint',
    withField(EVENTS, (f) => auth(f.secrets.primary)),
    MISSING,
  ),
  row(
    'Basic on an ordinary endpoint',
    withField(EVENTS, (f) => basic(`:${f.secrets.primary}`)),
    MISSING,
  ),
  row(
    'the key as Bearer on an ordinary endpoint',
    withField(EVENTS, (f) => auth(`Bearer ${f.secrets.primary}`)),
    INVALID,
  ),
  row(
    'an imported key as Bearer on an ordinary endpoint',
    withField(EVENTS, (f) => auth(`Bearer ${f.secrets.imported}`)),
    INVALID,
  ),
  row(
    'the raw token without a scheme',
    withField(EVENTS, (f) => auth(f.tokens.main)),
    MISSING,
  ),
  row('no token', () => get(EVENTS), MISSING),
  row('HEAD without a token', () => ({ method: 'HEAD', target: EVENTS }), { ...MISSING, body: '' }),
  row(
    'Bearer and nothing',
    withField(EVENTS, () => auth('Bearer')),
    MALFORMED,
  ),
  row(
    'a token that is none',
    withField(EVENTS, () => auth('Bearer nonsense')),
    INVALID,
  ),
  row(
    'a token that was changed',
    withField(EVENTS, (f) => auth(`Bearer ${f.tokens.main.slice(0, -2)}`)),
    INVALID,
  ),
  row('two tokens', withToken(EVENTS, 'main', auth('Bearer x')), AMBIGUOUS),
  row(
    'a token in a cookie is not read',
    withField(EVENTS, (f) => ['Cookie', `token=${f.tokens.main}`]),
    MISSING,
  ),
  row(
    'a token in the query is not read',
    (f) => get(`${EVENTS}?token=${f.tokens.main}&access_token=${f.tokens.main}`),
    MISSING,
  ),
  row(
    'X-API-Key is not read',
    withField(EVENTS, (f) => ['X-API-Key', f.secrets.primary]),
    MISSING,
  ),
  row('a tenant in the route that the token is for', withToken('/tenants/1001/events'), OK),
  row(
    'a tenant in the route that the token is not for',
    withToken('/tenants/1002/events'),
    TENANT_DENIED,
  ),
  row('a rate limit', withToken('/limited'), LIMITED),
]

const lifeRows: FlareRow[] = [
  row('a token after 45 minutes', withToken(EVENTS), OK, { at: 45 * MINUTE }),
  row('a token a millisecond before its hour', withToken(EVENTS), OK, { at: 60 * MINUTE - 1 }),
  row('a token of an hour', withToken(EVENTS), INVALID, { at: 60 * MINUTE }),
  row('a token of a disabled key', withToken(EVENTS, 'disabled'), INVALID),
  row('a token of a deleted key', withToken(EVENTS, 'deleted'), INVALID),
  row('a token of a secret that was replaced', withToken(EVENTS, 'replaced'), INVALID),
]

const testRows: FlareRow[] = [
  row(
    'the token test shows the account',
    withToken(TEST),
    written(
      200,
      '{"api_key_id":42,"organization_id":3,"scopes":["authenticated","apikey"],"tenant_id":1001,"user_email":"ada@example.com","user_id":7}',
    ),
  ),
  row(
    'the token test shows the tenant of the token',
    withToken(TEST, 'other'),
    written(
      200,
      '{"api_key_id":42,"organization_id":3,"scopes":["authenticated","apikey"],"tenant_id":1002,"user_email":"ada@example.com","user_id":7}',
    ),
  ),
  row('the token test without a token', () => get(TEST), MISSING),
  row(
    'the token test with the raw key',
    withField(TEST, (f) => auth(f.secrets.primary)),
    MISSING,
  ),
  row(
    'the token test with the key as Bearer',
    withField(TEST, (f) => auth(`Bearer ${f.secrets.primary}`)),
    INVALID,
  ),
  row('the token test with a token of an hour', withToken(TEST), INVALID, { at: 60 * MINUTE }),
  row('the token test of an account that is gone', withToken(TEST, 'closed'), INVALID),
  row(
    'the token test of an account that cannot be looked up',
    withToken(TEST, 'unreadable'),
    UNAVAILABLE,
  ),
]

/** Every row of the Flare profile. */
export const flareTable: readonly FlareRow[] = [
  ...flareExchangeTable,
  ...useRows,
  ...lifeRows,
  ...testRows,
]
