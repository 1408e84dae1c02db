import { createHmac, createPublicKey } from 'node:crypto'
import { base64url, encoded, type ForgedPart, signatureOf } from '../support/forge.ts'
import {
  type Forging,
  type HostileToken,
  hostile,
  malformed,
  nested,
  sealed,
} from './forge-token.ts'

const NONE = ['none', 'None', 'nOnE', 'NONE', 'none ', '']
const NAMES = [
  'HS256',
  'HS384',
  'HS512',
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES256K',
  'ES384',
  'ES512',
  'EdDSA',
]
const MORE_NAMES = [
  'Ed25519',
  'Ed448',
  'RSA-OAEP',
  'ECDH-ES',
  'dir',
  'A256KW',
  'RS1',
  'ML-DSA-44',
  'toString',
  '__proto__',
]
const NO_TEXT = [null, true, 0, 1, [], {}]

/**
 * Tokens whose `alg` is not that of the key: all signed by the real key, and also by the method of
 * the header where possible.
 */
export function confusedAlgorithms(f: Forging): HostileToken[] {
  const own = f.algorithm
  const spelt = [
    own.toLowerCase(),
    own.toUpperCase(),
    `${own} `,
    ` ${own}`,
    `${own}\u0000`,
    `${own}\n`,
    `"${own}"`,
    `${own},none`,
  ]
  const names = [
    ...NONE,
    ...NAMES,
    ...MORE_NAMES,
    ...spelt,
    ...NO_TEXT,
    [own],
    [own, 'none'],
    { alg: own },
  ].filter((name) => name !== own)
  const { alg: _alg, ...without } = f.header
  const changed = names.map((alg) =>
    malformed(f, `alg ${JSON.stringify(alg)}`, { ...f.header, alg }),
  )
  const unsigned = NONE.flatMap((alg) => {
    const input = `${encoded({ ...f.header, alg })}.${encoded(f.claims)}`
    return [
      hostile(`alg ${JSON.stringify(alg)} and no signature`, `${input}.`),
      hostile(`alg ${JSON.stringify(alg)} and no third part`, input),
      hostile(`alg ${JSON.stringify(alg)} and some signature`, `${input}.AAAA`),
    ]
  })
  const { alg: other } = f.cousin
  const sister = own === 'RS256' ? 'PS256' : 'RS256'
  const bySame =
    own === 'RS256' || own === 'PS256'
      ? [
          hostile(
            `alg ${sister}, signed so by the same key`,
            sealed(f, { header: { ...f.header, alg: sister }, key: { ...f.key, alg: sister } }),
          ),
          hostile(
            `signed by ${sister} with the same key`,
            sealed(f, { key: { ...f.key, alg: sister } }),
            'token_signature_wrong',
          ),
        ]
      : []
  return [
    ...changed,
    malformed(f, 'no alg', without),
    ...unsigned,
    hostile(
      `alg ${other}, signed so by another configured key`,
      sealed(f, { header: { ...f.header, alg: other }, key: f.cousin }),
    ),
    ...bySame,
    ...symmetric(f),
  ]
}

/**
 * Tokens with an HMAC whose secret is the public key, in every form in which a verifier may hold
 * it.
 */
function symmetric(f: Forging): HostileToken[] {
  const [published = {}] = f.published
  const publicKey = createPublicKey({ key: published as Record<string, string>, format: 'jwk' })
  const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString()
  const { kty, crv, x, y, n, e } = published
  const secrets: Record<string, string | Uint8Array> = {
    'PEM of the public key': pem,
    'PEM without its last line break': pem.trimEnd(),
    'PEM with CRLF': pem.replaceAll('\n', '\r\n'),
    'DER of the public key': publicKey.export({ type: 'spki', format: 'der' }),
    'published JWK': JSON.stringify(published),
    'JWK of its required members': JSON.stringify({ crv, e, kty, n, x, y }),
    'JWK set': JSON.stringify({ keys: f.published }),
    'number of the key': Buffer.from(String(x ?? n), 'base64url'),
    'number of the key as text': String(x ?? n),
    'key id': String(f.header['kid']),
    'empty secret': '',
    'secret of 32 bytes': new Uint8Array(32).fill(1),
  }
  const signed = (alg: string, hash: string, secret: string | Uint8Array) => {
    const input = `${encoded({ ...f.header, alg })}.${encoded(f.claims)}`
    return `${input}.${base64url(createHmac(hash, secret).update(input).digest())}`
  }
  return Object.entries(secrets).flatMap(([name, secret]) => [
    hostile(`HS256 with the ${name}`, signed('HS256', 'sha256', secret)),
    hostile(
      `HMAC under the alg of the key, with the ${name}`,
      signed(f.algorithm, 'sha256', secret),
      'token_signature_wrong',
    ),
    ...(name.startsWith('PEM')
      ? [
          hostile(`HS384 with the ${name}`, signed('HS384', 'sha384', secret)),
          hostile(`HS512 with the ${name}`, signed('HS512', 'sha512', secret)),
        ]
      : []),
  ])
}

/**
 * Tokens whose `kid` finds nothing, or the wrong thing, or would find something if it were not
 * looked up as a name.
 */
export function trickyKeyIds(f: Forging): HostileToken[] {
  const own = String(f.header['kid'])
  const [, twin, cousin] = f.published
  const names: unknown[] = [
    '../../../../dev/null',
    '/dev/null',
    'file:///dev/null',
    f.lure,
    `${own}/../${own}`,
    "' OR '1'='1",
    "x' UNION SELECT 'secret'--",
    '; cat /etc/passwd',
    '$(id)',
    '%s%n',
    'A'.repeat(43),
    'A'.repeat(64),
    'A'.repeat(65),
    'A'.repeat(4000),
    '__proto__',
    'constructor',
    'toString',
    'hasOwnProperty',
    'undefined',
    'null',
    '0',
    '*',
    '',
    ' ',
    own.toLowerCase(),
    own.toUpperCase(),
    `${own} `,
    ` ${own}`,
    `${own}=`,
    `${own}\u0000`,
    `${own}\n`,
    own.slice(0, -1),
    `${own}A`,
    Buffer.from(own).toString('base64url'),
    Buffer.from(own, 'base64url').toString('hex'),
    ...NO_TEXT,
    [own],
    { kid: own },
    { toString: own },
  ]
  const { kid: _kid, ...without } = f.header
  const unknown = (name: string, header: ForgedPart) =>
    hostile(name, sealed(f, { header }), 'token_key_unknown')
  const kids = names
    .filter((kid) => kid !== own)
    .map((kid) => unknown(`kid ${JSON.stringify(kid).slice(0, 60)}`, { ...f.header, kid }))
  const evilKid = { ...f.header, kid: 'B'.repeat(43) }
  return [
    ...kids,
    unknown('no kid', without),
    hostile(
      'the kid of another configured key',
      sealed(f, { header: { ...f.header, kid: twin?.kid } }),
      'token_signature_wrong',
    ),
    hostile(
      'signed by another configured key',
      sealed(f, { key: f.twin }),
      'token_signature_wrong',
    ),
    malformed(f, 'the kid of a configured key of another algorithm', {
      ...f.header,
      kid: cousin?.kid,
    }),
    hostile(
      'the kid and the alg of a configured key of another algorithm',
      sealed(f, { header: { ...f.header, kid: cousin?.kid, alg: cousin?.alg } }),
      'token_signature_wrong',
    ),
    hostile('signed by the attacker', sealed(f, { key: f.evil }), 'token_signature_wrong'),
    hostile(
      'signed by the attacker, with a kid of its own',
      sealed(f, { header: evilKid, key: f.evil }),
      'token_key_unknown',
    ),
  ]
}

/**
 * Tokens that bring a key, or say where to get one. Each is signed by the real key, and by the
 * attacker's key that it brings.
 */
export function broughtKeys(f: Forging): HostileToken[] {
  const { d: _private, p: _p, q: _q, dp: _dp, dq: _dq, qi: _qi, ...jwk } = f.evil
  const der = createPublicKey({ key: jwk as Record<string, string>, format: 'jwk' }).export({
    type: 'spki',
    format: 'der',
  })
  const members: Record<string, unknown>[] = [
    { jwk },
    { jwk: f.published[0] },
    { jwk: { kty: 'oct', k: 'AAAA' } },
    { jku: f.lure },
    { jku: `${f.lure}#${String(f.claims['iss'])}` },
    { jku: [f.lure] },
    { x5u: f.lure },
    { x5c: [der.toString('base64')] },
    { x5c: [] },
    { x5t: 'AAAAAAAAAAAAAAAAAAAAAAAAAAA' },
    { 'x5t#S256': String(f.header['kid']) },
    { iss: f.claims['iss'], jwks_uri: f.lure },
  ]
  return members.flatMap((member) => {
    const header = { ...f.header, ...member }
    const name = JSON.stringify(member).slice(0, 60)
    return [
      malformed(f, name, header),
      hostile(`${name}, signed by the attacker`, sealed(f, { header, key: f.evil })),
    ]
  })
}

/** Tokens whose header requires something unsupported, or has another type. */
export function extendedHeaders(f: Forging): HostileToken[] {
  const members: Record<string, unknown>[] = [
    ...[
      [],
      ['exp'],
      ['b64'],
      ['b64', 'b64'],
      ['alg'],
      ['typ'],
      ['x'],
      [''],
      [1],
      [null],
      'exp',
      '',
      null,
      true,
      {},
    ].map((crit) => ({
      crit,
    })),
    { crit: ['exp'], exp: f.claims['exp'] },
    { crit: ['b64'], b64: true },
    { crit: ['b64'], b64: false },
    { crit: ['http://example.com/UNDEFINED'], 'http://example.com/UNDEFINED': true },
    ...[false, true, 'false', 0, null].map((b64) => ({ b64 })),
    ...['DEF', 'GZ', '', null].map((zip) => ({ zip })),
    ...['JWT', 'at+jwt', 'json', '', null].map((cty) => ({ cty })),
    { enc: 'A256GCM' },
    { epk: {} },
    { url: f.lure },
    { nonce: 'x' },
    { ppt: 'shaken' },
    { svt: [] },
    { Alg: 'none' },
    { ALG: 'none' },
    { 'alg ': 'none' },
    { Kid: 'x' },
    { exp: 1 },
    { iss: f.claims['iss'] },
    { x: 'a'.repeat(5000) },
    { x: nested(2000) },
  ]
  const types = [
    ...[
      'JWT',
      'jwt',
      'at-jwt',
      'at+jwt ',
      ' at+jwt',
      'at+jwt\u0000',
      'at+jwt,JWT',
      'at jwt',
      'AT+\u212aWT',
      'dpop+jwt',
      'id+jwt',
      'JOSE',
    ],
    ...[
      'application/jwt',
      'application/at+jwt; x=y',
      'text/at+jwt',
      'Application/At+Jwt ',
      'application%2fat+jwt',
      '',
    ],
    ...[null, true, 0, 1, 1.5, [], ['at+jwt'], {}, { typ: 'at+jwt' }],
  ]
  const { typ: _typ, ...without } = f.header
  return [
    ...members.map((member) =>
      malformed(f, `header with ${JSON.stringify(member).slice(0, 60)}`, {
        ...f.header,
        ...member,
      }),
    ),
    ...types.map((typ) => malformed(f, `typ ${JSON.stringify(typ)}`, { ...f.header, typ })),
    malformed(f, 'no typ', without),
    ...unencoded(f),
  ]
}

// RFC 7797 signs the payload itself.
function unencoded(f: Forging): HostileToken[] {
  const payload = JSON.stringify(f.claims)
  return [{ b64: false }, { b64: false, crit: ['b64'] }].flatMap((member) => {
    const head = encoded({ ...f.header, ...member })
    const signature = base64url(signatureOf(`${head}.${payload}`, f.key))
    const name = `unencoded payload, ${JSON.stringify(member)}`
    return [
      hostile(name, `${head}.${base64url(payload)}.${signature}`),
      hostile(`${name}, as it is`, `${head}.${payload}.${signature}`),
    ]
  })
}
