import type { RefusalReason } from 'twinkey'
import { type Forging, type HostileToken, hostile, nested, sealed } from './forge-token.ts'

const CLAIMS = [
  'iss',
  'aud',
  'sub',
  'client_id',
  'owner',
  'secret_id',
  'jti',
  'iat',
  'exp',
  'nbf',
  'scope',
  'tenants',
  'environments',
  'workflows',
]
const REACHES = ['tenants', 'environments', 'workflows']
const MISSING = Symbol('missing')
const VALUES: readonly unknown[] = [
  MISSING,
  null,
  true,
  false,
  0,
  1,
  -1,
  1.5,
  '',
  'x',
  'x'.repeat(3000),
  [],
  ['x'],
  [null],
  [[]],
  [{}],
  {},
  { toString: 'x' },
  { length: 1 },
]

/** Every claim with every type of JSON except its own. */
export function wrongTypes(f: Forging): HostileToken[] {
  return CLAIMS.flatMap((claim) =>
    VALUES.filter((value) => !mayBe(claim, value)).map((value) => {
      const { [claim]: _claim, ...rest } = f.claims
      const payload = value === MISSING ? rest : { ...f.claims, [claim]: value }
      const name = `${claim} ${value === MISSING ? 'missing' : JSON.stringify(value).slice(0, 40)}`
      return hostile(name, sealed(f, { payload }), reasonFor(claim))
    }),
  )
}

// Values of the right type are tried elsewhere: as a time, as the name of a key, as a scope.
function mayBe(claim: string, value: unknown): boolean {
  if (claim === 'nbf') return value === MISSING || value === 1
  if (claim === 'owner' && value === MISSING) return true
  if (REACHES.includes(claim))
    return Array.isArray(value) && (value.length === 0 || value[0] === 'x')
  return (
    typeof value === 'string' &&
    value !== '' &&
    ['sub', 'client_id', 'owner', 'secret_id', 'jti', 'scope'].includes(claim)
  )
}

/** Times that are out of range, or invalid. */
export function wrongTimes(f: Forging): HostileToken[] {
  const { now } = f
  const cases: [string, Record<string, unknown>, RefusalReason?][] = [
    ['exp in the past', { iat: now - 60, exp: now - 1 }, 'token_expired'],
    ['exp now', { iat: now - 60, exp: now }, 'token_expired'],
    ['exp long ago', { iat: 1, exp: 2 }, 'token_expired'],
    ['exp in the past within any skew', { iat: now - 3600, exp: now - 5 }, 'token_expired'],
    ['exp a second too far', { exp: now + 3601 }],
    ['exp a day too far', { exp: now + 86_400 }],
    ['exp a year too far', { exp: now + 31_536_000 }],
    ['exp in milliseconds', { exp: (now + 3600) * 1000 }],
    ['exp and iat in milliseconds', { iat: now * 1000, exp: (now + 3600) * 1000 }],
    ['exp of 1e15', { exp: 1e15 }],
    ['exp of 2 ** 31', { exp: 2 ** 31 }],
    ['exp of 2 ** 53', { exp: 2 ** 53 }],
    ['exp beyond what is safe', { exp: 2 ** 60 }],
    ['exp of 1e21', { exp: 1e21 }],
    ['exp of the greatest number', { exp: Number.MAX_VALUE }],
    ['exp as text', { exp: `${now + 60}` }],
    ['exp as a date', { exp: new Date((now + 60) * 1000).toISOString() }],
    ['exp as text of infinity', { exp: 'Infinity' }],
    ['exp in a list', { exp: [now + 60] }],
    ['exp with a fraction', { exp: now + 60.5 }],
    ['exp negative', { exp: -(now + 60) }],
    ['exp as iat', { exp: now, iat: now }],
    ['exp before iat', { iat: now + 20, exp: now + 10 }],
    ['exp a millisecond after iat', { iat: now, exp: now + 0.001 }],
    ['iat beyond the skew', { iat: now + 31, exp: now + 600 }],
    ['iat a day ahead', { iat: now + 86_400, exp: now + 86_460 }],
    ['iat in milliseconds', { iat: now * 1000 }],
    ['iat as text', { iat: `${now}` }],
    ['iat as a date', { iat: new Date(now * 1000).toISOString() }],
    ['iat with a fraction', { iat: now - 0.5 }],
    ['iat negative', { iat: -now }],
    ['iat an hour and a second ago', { iat: now - 1, exp: now + 3600 }],
    ['iat long ago', { iat: now - 86_400 }],
    ['iat in a list', { iat: [now] }],
    ['iat beyond what is safe', { iat: 2 ** 60, exp: 2 ** 60 + 2048 }],
    ['nbf beyond the skew', { nbf: now + 31 }],
    ['nbf a day ahead', { nbf: now + 86_400 }],
    ['nbf in milliseconds', { nbf: now * 1000 }],
    ['nbf as text', { nbf: `${now}` }],
    ['nbf with a fraction', { nbf: now - 0.5 }],
    ['nbf negative', { nbf: -now }],
    ['nbf in a list', { nbf: [now] }],
    ['nbf beyond what is safe', { nbf: 2 ** 60 }],
  ]
  return cases.map(([name, change, reason = 'token_claims_wrong']) =>
    hostile(name, sealed(f, { payload: { ...f.claims, ...change } }), reason),
  )
}

/** Tokens of another issuer, or for another audience. */
export function wrongParties(f: Forging): HostileToken[] {
  const iss = String(f.claims['iss'])
  const aud = String(f.claims['aud'])
  const spelt = (text: string): unknown[] => [
    'https://evil.example',
    `${text}/`,
    `${text}.evil.example`,
    `${text}#`,
    `${text}?`,
    ` ${text}`,
    `${text} `,
    `${text}\u0000`,
    `${text}\n`,
    text.toUpperCase(),
    text.slice(0, -1),
    text.replace('https', 'http'),
    text.replace('.', '\u3002'),
    text.replace('a', '\u0430'),
    encodeURIComponent(text),
    `https://evil.example@${text.slice('https://'.length)}`,
    '*',
    '.*',
    { [text]: text },
    { toString: text },
    { 0: text, length: 1 },
  ]
  const issuers = [...spelt(iss), aud, [iss], [[iss]], [iss, iss], 'undefined', 'null']
  const audiences = [
    ...spelt(aud),
    iss,
    ['https://evil.example'],
    [aud, 1],
    [1, aud],
    [aud, null],
    [aud, [aud]],
    [[aud]],
    [aud, {}],
    [`${aud}/`],
    [aud.toUpperCase()],
    ['*'],
    [''],
    `${aud},${aud}`,
    `${aud} ${aud}`,
  ]
  return [
    ...issuers.map((each) =>
      hostile(
        `iss ${JSON.stringify(each)}`,
        sealed(f, { payload: { ...f.claims, iss: each } }),
        'token_issuer_unknown',
      ),
    ),
    ...audiences.map((each) =>
      hostile(
        `aud ${JSON.stringify(each)}`,
        sealed(f, { payload: { ...f.claims, aud: each } }),
        'token_audience_unknown',
      ),
    ),
    hostile(
      'iss and aud exchanged',
      sealed(f, { payload: { ...f.claims, iss: aud, aud: iss } }),
      'token_issuer_unknown',
    ),
  ]
}

/** Scopes that are neither everything nor a list of names. */
export function wrongReaches(f: Forging): HostileToken[] {
  const values: unknown[] = [
    't',
    '**',
    '* ',
    't*',
    't,u',
    '["t"]',
    ['*'],
    ['t', '*'],
    ['*', '*'],
    [1],
    ['t', 1],
    ['t', null],
    ['t', ''],
    ['t', 't'],
    [['t']],
    ['t', ['t']],
    [{ name: 't' }],
    ['t', 'u'.repeat(129)],
    ['t\u0000'],
    ['t\n'],
    ['\u007f'],
    ['\ud800'],
    ['\udc00t'],
    Array.from({ length: 65 }, (_, i) => `${i}`),
    { 0: 't', length: 1 },
    { t: true },
    { '*': true },
    [nested(100)],
    nested(1000),
  ]
  return REACHES.flatMap((reach) =>
    values.map((value) => {
      const name = `${reach} ${JSON.stringify(value).slice(0, 40)}`
      return hostile(
        name,
        sealed(f, { payload: { ...f.claims, [reach]: value } }),
        'token_claims_wrong',
      )
    }),
  )
}

/**
 * Names and ids with forbidden characters, or with too many: they go to handlers, events and logs.
 */
export function wrongNames(f: Forging): HostileToken[] {
  const unsafe = [
    '\u0000',
    'a\u0000b',
    'a\nb',
    'a\rb',
    '\u001b[2J',
    '\u007f',
    '\u0085',
    '\ud800',
    '\udc00a',
    'a'.repeat(129),
    'a'.repeat(4000),
  ]
  const noId = [
    ...unsafe,
    "' OR '1'='1",
    '../../keys/1',
    'a b',
    'a:b',
    '\u043a\u043b\u044e\u0447',
    'a'.repeat(65),
  ]
  const noScope = [
    ' ',
    'a ',
    ' a',
    'a  b',
    'a"b',
    'a\\b',
    'a\u0000',
    'a\tb',
    'a\n',
    '\u007f',
    '\u00e9',
    '\ud800',
  ]
  const values: Record<string, readonly string[]> = {
    sub: unsafe,
    owner: unsafe,
    client_id: noId,
    secret_id: noId,
    jti: noId,
    scope: noScope,
  }
  return Object.entries(values).flatMap(([claim, texts]) =>
    texts.map((text) => {
      const name = `${claim} ${JSON.stringify(text).slice(0, 40)}, ${text.length} long`
      return hostile(
        name,
        sealed(f, { payload: { ...f.claims, [claim]: text } }),
        'token_claims_wrong',
      )
    }),
  )
}

/** Tokens that name an owner, and a subject that is not their key. */
export function wrongSubjects(f: Forging): HostileToken[] {
  const keyId = String(f.claims['client_id'])
  const subjects = ['ada', 'mallory', keyId.toUpperCase(), `${keyId} `, keyId.slice(1), MISSING]
  return subjects.map((sub) => {
    const { sub: _sub, ...rest } = f.claims
    const claims = { ...rest, owner: 'ada' }
    const payload = sub === MISSING ? claims : { ...claims, sub }
    const name = `owner ada and sub ${String(sub)}`
    return hostile(name, sealed(f, { payload }), 'token_claims_wrong')
  })
}

/** The reason for the refusal of a token whose claim of that name is wrong. */
export function reasonFor(claim: string): RefusalReason {
  if (claim === 'iss') return 'token_issuer_unknown'
  return claim === 'aud' ? 'token_audience_unknown' : 'token_claims_wrong'
}
