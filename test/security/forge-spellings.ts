import type { RefusalReason } from 'twinkey'
import { base64url, encoded, signatureOf } from '../support/forge.ts'
import { type Forging, type HostileToken, hostile, sealed } from './forge-token.ts'

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
const SPACES = [' ', '\t', '\n', '\r\n', '\u00a0', '\u200b', '\ufeff', '\u0000', '\u0085', '\u2028']

/**
 * Other spellings of one good token: a lenient decoder reads the same bytes, or nearly the same,
 * from each.
 */
export function otherSpellings(f: Forging): HostileToken[] {
  const { token } = f
  const [head, body, signature] = token.split('.') as [string, string, string]
  const texts: [string, string][] = [
    [
      'standard base64 alphabet',
      `${head}.${body}.${signature.replaceAll('-', '+').replaceAll('_', '/')}`,
    ],
    [
      'standard base64 with padding',
      `${head}.${body}.${Buffer.from(signature, 'base64url').toString('base64')}`,
    ],
    ['in lower case', token.toLowerCase()],
    ['in upper case', token.toUpperCase()],
    ['with its dots percent-encoded', token.replaceAll('.', '%2E')],
    ['with a letter percent-encoded', token.replace('e', '%65')],
    [
      'with all of it percent-encoded',
      [...token].map((char) => `%${char.charCodeAt(0).toString(16)}`).join(''),
    ],
    ['with a plus for a space', `${token}+`],
    ['with a dot like ideographs have', token.replaceAll('.', '\u3002')],
    ['with a letter of full width', token.replace('e', '\uff45')],
    ['with a Kelvin sign', token.replace(/[kK]/, '\u212a')],
    ['in quotes', `"${token}"`],
    ['in brackets', `<${token}>`],
    ['with its scheme', `Bearer ${token}`],
    ['with a semicolon', `${token};`],
    ['with a comma', `${token},`],
    ['twice, with a comma', `${token}, ${token}`],
    ['twice, with a space', `${token} ${token}`],
    ['twice, with a dot', `${token}.${token}`],
    ['twice', token + token],
    ['as base64url of itself', base64url(token)],
    ['as hexadecimal', token.split('.').map(hex).join('.')],
    ['backwards', [...token].reverse().join('')],
    ['with a fragment', `${token}#x`],
    ['with a query', `${token}?x=1`],
    ['with an HTML entity', token.replace('.', '&#46;')],
  ]
  return [
    ...texts.map(([name, text]) => hostile(name, text)),
    ...padded(token),
    ...spaced(token),
    ...unusedBits(token),
    ...signedBits(f),
    ...parts(f, token),
  ]
}

/**
 * One good token with each of its characters changed in turn, and with a space before each of them:
 * too many to send over sockets.
 */
export function* everyPlace(token: string): Generator<string> {
  for (let i = 0; i <= token.length; i++) {
    for (const space of [' ', '\n', '=']) yield token.slice(0, i) + space + token.slice(i)
    const char = token.charAt(i)
    if (char === '') continue
    const at = ALPHABET.indexOf(char)
    yield token.slice(0, i) + (at < 0 ? '-' : ALPHABET.charAt((at + 1) % 64)) + token.slice(i + 1)
    yield token.slice(0, i) + token.slice(i + 1)
  }
}

function padded(token: string): HostileToken[] {
  const segments = token.split('.')
  return segments.flatMap((segment, index) =>
    ['=', '==', '===', '%3D'].map((pad) =>
      hostile(`${pad} after part ${index + 1}`, segments.with(index, segment + pad).join('.')),
    ),
  )
}

function spaced(token: string): HostileToken[] {
  const [head = '', body = ''] = token.split('.')
  const places = [
    0,
    1,
    head.length - 1,
    head.length,
    head.length + 1,
    head.length + 1 + body.length,
    token.length - 1,
    token.length,
  ]
  return SPACES.flatMap((space) =>
    places.map((at) =>
      hostile(`${JSON.stringify(space)} at ${at}`, token.slice(0, at) + space + token.slice(at)),
    ),
  )
}

// The bits of a last character that belong to no byte.
function unusedBits(token: string): HostileToken[] {
  const segments = token.split('.')
  return segments.flatMap((segment, index) => {
    const last = ALPHABET.indexOf(segment.charAt(segment.length - 1))
    const unused = { 0: 1, 1: 1, 2: 16, 3: 4 }[segment.length % 4] ?? 1
    return Array.from({ length: unused - 1 }, (_, i) => {
      const changed = segments.with(index, segment.slice(0, -1) + ALPHABET.charAt(last + i + 1))
      return hostile(`unused bits ${i + 1} of part ${index + 1}`, changed.join('.'))
    })
  })
}

// The same with a signature over the text with those bits, for each possible number of them in a
// payload.
function signedBits(f: Forging): HostileToken[] {
  const head = encoded(f.header)
  return ['a', 'ab', 'abc'].flatMap((jti) =>
    unusedBits(`${head}.${encoded({ ...f.claims, jti })}.AAAA`).map(({ name, text }) => {
      const input = text.slice(0, text.lastIndexOf('.'))
      return hostile(
        `${name}, signed, with jti ${jti}`,
        `${input}.${base64url(signatureOf(input, f.key))}`,
      )
    }),
  )
}

// More, fewer, empty and exchanged parts.
function parts(f: Forging, token: string): HostileToken[] {
  const [head, body, signature] = token.split('.') as [string, string, string]
  const other = sealed(f, { payload: { ...f.claims, tenants: '*' } }).split('.') as [
    string,
    string,
    string,
  ]
  const texts: [string, string, RefusalReason?][] = [
    ['nothing', ''],
    ['one dot', '.'],
    ['two dots', '..'],
    ['two dots after eyJ', 'eyJ..'],
    ['four dots', '....'],
    ['one part', head],
    ['two parts', `${head}.${body}`],
    ['no signature', `${head}.${body}.`],
    ['no payload', `${head}..${signature}`],
    ['no header', `.${body}.${signature}`],
    ['a dot more', `${token}.`],
    ['a dot before', `.${token}`],
    ['four parts', `${token}.${signature}`],
    ['five parts', `${token}.${body}.${signature}`],
    ['an empty part between', `${head}..${body}.${signature}`],
    ['payload and header exchanged', `${body}.${head}.${signature}`],
    ['payload of another token', `${head}.${other[1]}.${signature}`, 'token_signature_wrong'],
    ['signature of another token', `${head}.${body}.${other[2]}`, 'token_signature_wrong'],
    ['the header as a signature', `${head}.${body}.${head}`, 'token_signature_wrong'],
    ['flattened JSON', JSON.stringify({ payload: body, protected: head, signature })],
    [
      'general JSON',
      JSON.stringify({ payload: body, signatures: [{ protected: head, signature }] }),
    ],
    ['JSON as base64url', base64url(JSON.stringify({ payload: body, protected: head, signature }))],
    [
      'five parts as of a JWE',
      `${encoded({ ...f.header, enc: 'A256GCM' })}.${body}.${'A'.repeat(16)}.${body}.${'A'.repeat(22)}`,
    ],
    ['a secret before it', `tk_${token}`, 'kind_not_accepted'],
    ['a secret after it', `${token}tk_`],
  ]
  return texts.map(([name, text, reason]) => hostile(name, text, reason))
}

function hex(segment: string): string {
  return Buffer.from(segment, 'base64url').toString('hex')
}
