/**
 * One row of what is known about the vendors' wire: the tests that check it, or the reason for
 * having none.
 */
export interface WireFact {
  readonly section: 'Boomi Flow' | 'Flare' | 'Flowgear' | 'Flare clients'
  readonly behaviour: string
  /** Names of tests, without the name of the section before them. */
  readonly tests?: readonly string[]
  readonly why?: string
}

type Held = readonly [behaviour: string, ...tests: string[]]
type Open = { readonly behaviour: string; readonly why: string }

const of = (section: WireFact['section'], facts: readonly (Held | Open)[]): WireFact[] =>
  facts.map((fact) => {
    if ('why' in fact) return { section, ...fact }
    const [behaviour, ...tests] = fact
    return {
      section,
      behaviour,
      tests: tests.map(
        (name) => `${section === 'Flare clients' ? 'Flare client' : section}: ${name}`,
      ),
    }
  })

const open = (behaviour: string, why: string): Open => ({ behaviour, why })
const APPLICATION = "the application's own endpoint: not part of authentication"

const boomiFlow = of('Boomi Flow', [
  ['Key header', "the vendor's example", 'the secondary secret', 'a key with a scheme before it'],
  [
    'Tenant header',
    "the vendor's example",
    'a tenant id that is no UUID',
    'a tenant id that is a UUID',
  ],
  [
    'Header-name case',
    'key header in another case',
    'key header in capitals',
    'tenant header in another case',
    'tenant header in capitals',
  ],
  [
    'Tenant header required?',
    'no tenant header',
    'no tenant header, a key of two tenants',
    'no tenant header, a key of all tenants',
  ],
  [
    'Authorization header',
    'Authorization is not read',
    'Authorization beside the key header is not read',
    'Authorization does not rescue a wrong key',
  ],
  [
    'Query-string key',
    'a key in the query is never read',
    'a key in the query under other names is never read',
  ],
  [
    'Key form',
    'an imported key with + and /',
    'an imported key with =',
    'a key is never URL-decoded',
    'a plus is never a space',
  ],
  open('Key resource', APPLICATION),
  ['Key shown again', 'a key that is listed shows a hint and no secret'],
  [
    'Binding',
    'another tenant',
    'an owner who lost the tenant',
    'an owner who is gone',
    'a workflow outside the key',
  ],
  [
    'Lifetime, disable, rotation, environment, workflow scope',
    'a deleted key',
    'a disabled key',
    'a revoked key',
    'an expiring key, after',
  ],
  ['No auth', 'no key', 'no key, no tenant', 'a key of another system that was not imported'],
  ['Wrong tenant for key', 'another tenant', 'another tenant in the route'],
  ['Unknown tenant', 'an unknown tenant', 'other and unknown tenants get the same bytes'],
  ['Error body', 'no key', 'another tenant', 'a rate limit', 'the store is down'],
  ['Success', "the vendor's example"],
  open('Hosts', 'not part of authentication'),
  [
    'Repeated headers',
    'two key headers',
    'two different key headers',
    'two tenant headers',
    'two different tenant headers',
    'a joined list of tenants',
  ],
])

const flare = of('Flare', [
  ['Issue', 'the raw key', 'the raw key, secondary'],
  [
    'Also accepted',
    'Basic with an empty user',
    'basic in another case',
    'the key as Bearer',
    'Basic with a user',
  ],
  [
    'Request body',
    '{} under application/json, by itself',
    'a tenant under application/json, by itself',
    'a tenant without Content-Type, behind a JSON parser',
  ],
  [
    'Body forms seen',
    'no body and no length, by itself',
    'Content-Length: 0, by itself',
    'a tenant under application/json, behind a JSON parser',
    '{} without Content-Type, behind a JSON parser',
    'a tenant without Content-Type, behind a parser of everything as JSON',
    'a tenant under a form, behind a form parser',
    'a tenant that was read and dropped is refused',
  ],
  ['Response', 'the raw key'],
  ['Cookies', 'no answer sets a cookie', 'a token in a cookie is not read'],
  ['Status needed', 'the raw key'],
  open(
    'Token form',
    'opaque to clients; the form of our own tokens is held where tokens are tested',
  ),
  ['Token lifetime', 'a token a millisecond before its hour', 'a token of an hour'],
  [
    'Key lifetime, form',
    'a key does not expire by itself',
    'an imported key fw_',
    'an imported key fw-',
  ],
  [
    'Key permissions',
    'a key reaches what its user reaches now, and a live token shrinks with it',
    'a key reaches a tenant that its user has come to reach, and an old token does not',
    'when the account is gone, key and live token are refused',
  ],
  ['Use', 'a token on an ordinary endpoint', 'bearer in another case'],
  [
    'Raw API key on an ordinary endpoint',
    'the raw key on an ordinary endpoint',
    'Basic on an ordinary endpoint',
    'the key as Bearer on an ordinary endpoint',
  ],
  [
    'Test',
    'the token test shows the account',
    'a key without a number is shown by its id, with the scopes of the vendor',
  ],
  [
    'Error body',
    'no key',
    'GET at the exchange',
    'tenant_id a string is refused',
    'another tenant, by itself',
  ],
  [
    'Bad/missing key, bad/expired token',
    'a wrong key',
    'no key',
    'a token that is none',
    'a token of an hour',
  ],
  ['Tenant not reachable by key', 'a tenant that the user cannot reach', 'an unknown tenant'],
  [
    'Malformed body',
    'tenant_id a string is refused',
    'tenant_id null is refused',
    'tenant_id in half an object is refused',
  ],
  ['Rate limit', 'a rate limit'],
  [
    'Key deleted while tokens live; refresh endpoint',
    'a deleted key takes its live tokens with it',
    'a token of a deleted key',
  ],
  open('Hosts', 'not part of authentication'),
  [
    'Token kept for 45 minutes',
    'a token after 45 minutes',
    'a token outlives a restart and a change of the signing key',
  ],
])

const flowgear = of('Flowgear', [
  ['Header', 'Key= in Authorization'],
  ['Newer header', 'Bearer in Authorization'],
  ['Query', 'auth-key in the query, hidden from the handler', 'auth-key on POST'],
  [
    'Both header and query; case of `Key=`',
    'header and auth-key, equal',
    'Bearer and auth-key, equal',
    'header and auth-key, both live and different',
    'key= in another case',
  ],
  [
    'Strip `auth-key` from what reaches handlers/logs',
    'auth-key between other parameters',
    'auth-key with a percent-encoded name',
    'auth-key is gone from URL and query when a request was answered',
    'a log of redactUrl never shows the key, even before the guard ran',
  ],
  ['Key form', 'an imported key that begins with a hyphen', 'auth-key of an imported key'],
  [
    'Two keys',
    'Key= in Authorization',
    'Key= with the secondary secret',
    'auth-key with the secondary secret',
  ],
  [
    'Regenerating one of the two',
    'regenerating one secret ends it',
    'regenerating one secret keeps the other',
  ],
  open('Key resource', APPLICATION),
  open('Management API auth', 'not an API key'),
  ['Name', 'Key= in Authorization'],
  ['Disabled key', 'a disabled key, at once', 'a disabled key in the query'],
  [
    'Target environment',
    'a key of Test without _profile',
    'a key of Production with _profile=Test',
  ],
  [
    'Environment choice',
    'no _profile is Production',
    '_profile=Test, a key of Test',
    '_profile=test, a key of Test',
    '_profile=TEST, a key of Test',
  ],
  open(
    'Newer environment choice',
    'by host name: each deployment serves the environments that it is given',
  ),
  [
    'Wrong environment',
    'a key of Test with _profile=Production',
    'a _profile that is not served',
    'an empty _profile',
    '_profile twice, equal',
  ],
  [
    'Key without target environment + `_profile=X`',
    'a key without environment, no _profile',
    'a key without environment, _profile=Test',
  ],
  ['Non-permitted workflow', 'another method of a permitted template', 'a key of no workflows'],
  ['No key / invalid key', 'no key', 'a wrong key', 'a wrong auth-key'],
  [
    'Workflow match',
    'a permitted workflow by method and template',
    'a permitted workflow without trailing slash',
    'HEAD of a permitted GET',
  ],
  open('Ambiguous route', "routing, which is the application's own"),
  [
    'Error body',
    'no key',
    'every refusal but 429 and 503 is the same bytes, with Message as its only member',
    'the store is down',
    'a rate limit',
  ],
  open('`GET {envHost}/openapi.yml`', APPLICATION),
  ['Success', 'Key= in Authorization'],
  ['Other auth', 'Basic', 'legacy ?auth= is not read'],
  [
    'Repeated headers',
    'two Key= headers',
    'Key= and Bearer headers',
    'Bearer and Key= headers',
    'auth-key twice, equal',
  ],
])

const clients = of('Flare clients', [
  open('User-Agent', 'not read'),
  ['Other headers', 'gets a token and uses it, for the default tenant and for another'],
  [
    'Token cache',
    'its token is good for the 45 minutes for which it keeps it',
    'a token of an hour is refused',
  ],
  ['401 on data call', 'hands a 401 to its caller and keeps its token'],
  ['tokens/generate 401/403/404/501', 'stops at once at a wrong key and at a tenant out of reach'],
  open('500', 'never answered by design'),
  [
    '429, 502, 503, 504',
    'gives up after six attempts',
    'gets over an outage of the store, at the exchange and at use',
  ],
  ['Retry-After', 'waits as long as Retry-After says when it is rate limited'],
  open('Host', 'not part of authentication'),
])

/** Every row, in the order of the notes on the wire. */
export const wireFacts: readonly WireFact[] = [...boomiFlow, ...flare, ...flowgear, ...clients]
