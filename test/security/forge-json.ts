import { randomBytes } from 'node:crypto'
import { CompactEncrypt } from 'jose'
import type { ForgedPart } from '../support/forge.ts'
import { reasonFor } from './forge-claims.ts'
import { longest } from './forge-controls.ts'
import { type Forging, type HostileToken, hostile, sealed } from './forge-token.ts'

/**
 * Headers and payloads that JSON.stringify would not write, or that are not JSON: all signed by the
 * real key.
 */
export function oddJson(f: Forging): HostileToken[] {
  const claims = JSON.stringify(f.claims)
  const header = JSON.stringify(f.header)
  return [
    ...oddTexts(claims, 'sub').map(([name, payload]) => {
      return hostile(
        `payload ${name}`,
        sealed(f, { payload }),
        payload === '' ? 'token_malformed' : 'token_claims_wrong',
      )
    }),
    ...oddTexts(header, 'alg').map(([name, text]) =>
      hostile(`header ${name}`, sealed(f, { header: text })),
    ),
    ...twice(f.claims).map(([name, payload]) =>
      hostile(`payload with ${name}`, sealed(f, { payload }), 'token_claims_wrong'),
    ),
    ...twice(f.header).map(([name, text]) =>
      hostile(`header with ${name}`, sealed(f, { header: text })),
    ),
    ...inherited(f),
    ...numbers(f),
  ]
}

/** Nested and encrypted tokens, also signed by the real key. */
export async function tokensInTokens(f: Forging): Promise<HostileToken[]> {
  const nestedHeader = { ...f.header, cty: 'JWT' }
  const key = new Uint8Array(randomBytes(32))
  const encrypted = async (plain: string, more: object) =>
    new CompactEncrypt(new TextEncoder().encode(plain))
      .setProtectedHeader({ alg: 'dir', enc: 'A256GCM', ...more })
      .encrypt(key)
  const { alg: _alg, ...like } = f.header
  const wrapped = await encrypted(f.token, { ...like, cty: 'JWT' })
  return [
    hostile('a token as the payload', sealed(f, { payload: f.token }), 'token_claims_wrong'),
    hostile(
      'a token as a JSON text',
      sealed(f, { payload: JSON.stringify(f.token) }),
      'token_claims_wrong',
    ),
    hostile(
      'a token as the payload, which the header says',
      sealed(f, { header: nestedHeader, payload: f.token }),
    ),
    hostile(
      'a token as a claim',
      sealed(f, { payload: { token: f.token } }),
      'token_issuer_unknown',
    ),
    hostile('a token as the header', sealed(f, { header: f.token })),
    hostile('an encrypted token', wrapped),
    hostile('encrypted claims', await encrypted(JSON.stringify(f.claims), like)),
    hostile(
      'an encrypted token as the payload',
      sealed(f, { payload: wrapped }),
      'token_claims_wrong',
    ),
    hostile(
      'an encrypted token that is compressed',
      await encrypted(f.token, { ...like, 'x-zip': 'DEF' }),
    ),
  ]
}

/**
 * Tokens that are too long or too deep: signed by the real key, and refused before they are parsed.
 */
export function tooMuch(f: Forging): HostileToken[] {
  const deep = (depth: number) =>
    JSON.stringify(f.claims).replace('{', `{"x":${'['.repeat(depth)}${']'.repeat(depth)},`)
  const texts: [string, ForgedPart, ForgedPart][] = [
    ['1 MB of claims', f.header, { ...f.claims, x: 'a'.repeat(1_000_000) }],
    [
      '1 MB of digits',
      f.header,
      JSON.stringify(f.claims).replace(/"exp":\d+/, `"exp":1${'0'.repeat(1_000_000)}`),
    ],
    ['1 MB of header', { ...f.header, x: 'a'.repeat(1_000_000) }, f.claims],
    ['claims 200,000 deep', f.header, deep(200_000)],
    [
      'a header 200,000 deep',
      JSON.stringify(f.header).replace('{', `{"x":${'['.repeat(200_000)}${']'.repeat(200_000)},`),
      f.claims,
    ],
    [
      '50,000 claims',
      f.header,
      {
        ...f.claims,
        ...Object.fromEntries(Array.from({ length: 50_000 }, (_, i) => [`x${i}`, i])),
      },
    ],
    ['a claim too many', f.header, { ...longest(f), y: 1 }],
  ]
  return texts.map(([name, header, payload]) => hostile(name, sealed(f, { header, payload })))
}

function oddTexts(json: string, member: string): [string, ForgedPart][] {
  const inside = json.slice(1, -1)
  const bytes = Buffer.from(json)
  const withBytes = (...more: number[]) =>
    Buffer.concat([
      bytes.subarray(0, -1),
      Buffer.from(',"x":"'),
      Buffer.from(more),
      Buffer.from('"}'),
    ])
  return [
    ['with a byte order mark', `\ufeff${json}`],
    ['with space before', ` ${json}`],
    ['with space after', `${json} `],
    ['with space inside', json.replace('{', '{ ')],
    ['with space after colons', json.replaceAll(':', ': ')],
    ['with line breaks', json.replaceAll(',', ',\n')],
    ['with NUL after', `${json}\u0000`],
    ['with NUL before', `\u0000${json}`],
    ['with NUL in a text', json.replace('{', '{"x":"\u0000",')],
    ['with a raw control character', json.replace('{', '{"x":"\u0001",')],
    ['with more after', `${json}{}`],
    ['with another object after', `${json}${json}`],
    ['with a comma at its end', `{${inside},}`],
    ['with a comment', `{/* */${inside}}`],
    ['in single quotes', json.replaceAll('"', "'")],
    ['without quotes around a name', json.replace(`"${member}"`, member)],
    [
      'with a name escaped',
      json.replace(`"${member}"`, `"\\u00${member.charCodeAt(0).toString(16)}${member.slice(1)}"`),
    ],
    ['with a slash escaped', json.replace('{', '{"x":"\\/",')],
    ['with a lone surrogate in upper case', json.replace('{', '{"x":"\\uD800",')],
    ['with a pair of surrogates escaped', json.replace('{', '{"x":"\\ud83d\\ude00",')],
    ['with a letter escaped', json.replace('{', '{"x":"\\u0061",')],
    ['with a backslash x', json.replace('{', '{"x":"\\x41",')],
    ['with a number as a name', json.replace('}', ',"1":1}')],
    ['with a half object', json.slice(0, -1)],
    ['with nothing', ''],
    ['of braces alone', '{'],
    ['of a list', `[${json}]`],
    ['of a list of pairs', JSON.stringify(Object.entries(JSON.parse(json)))],
    ['of a text', JSON.stringify(json)],
    ['of null', 'null'],
    ['of true', 'true'],
    ['of a number', '1'],
    ['of no number', 'NaN'],
    ['of XML', '<claims/>'],
    ['of a form', 'alg=none&sub=x'],
    ['in UTF-16', Buffer.from(json, 'utf16le')],
    ['in UTF-16 with a byte order mark', Buffer.from(`\ufeff${json}`, 'utf16le')],
    ['with a byte that no UTF-8 has', withBytes(0xff)],
    ['with half a character', withBytes(0xe2, 0x82)],
    ['with an overlong character', withBytes(0xc0, 0xaf)],
    ['with an overlong NUL', withBytes(0xc0, 0x80)],
    ['with a surrogate as bytes', withBytes(0xed, 0xa0, 0x80)],
    ['with a character beyond Unicode', withBytes(0xf4, 0x90, 0x80, 0x80)],
    ['with a character of latin1', withBytes(0xe9)],
  ]
}

// Each member twice, before and after: parsers differ in which one counts.
function twice(object: Readonly<Record<string, unknown>>): [string, string][] {
  const json = JSON.stringify(object)
  return Object.entries(object).flatMap(([name, value]): [string, string][] => {
    const others = [JSON.stringify(value), typeof value === 'number' ? '1' : '"x"']
    return others.flatMap((other): [string, string][] => [
      [`${name} twice, ${other} first`, json.replace('{', `{"${name}":${other},`)],
      [`${name} twice, ${other} last`, `${json.slice(0, -1)},"${name}":${other}}`],
    ])
  })
}

// Each missing member is where a careless copy would inherit it from.
function inherited(f: Forging): HostileToken[] {
  return Object.entries(f.claims).flatMap(([name, value]) => {
    const { [name]: _claim, ...rest } = f.claims
    const json = JSON.stringify(rest)
    return ['__proto__', 'constructor', 'prototype'].map((parent) => {
      const payload = json.replace(
        '{',
        `{"${parent}":${JSON.stringify({ [name]: value, prototype: { [name]: value } })},`,
      )
      return hostile(`payload with ${name} in ${parent}`, sealed(f, { payload }), reasonFor(name))
    })
  })
}

// Numbers that JSON.parse accepts and JSON.stringify would write otherwise.
function numbers(f: Forging): HostileToken[] {
  const json = JSON.stringify(f.claims)
  const exp = Number(f.claims['exp'])
  const written = [
    '1e400',
    '-1e400',
    '1e15',
    `${exp}.0`,
    `${exp}e0`,
    `0${exp}`,
    `+${exp}`,
    '-0',
    '1e-400',
    `${exp}00000000000`,
    `${exp}.`,
  ]
  const more = [
    '0x7fffffff',
    'Infinity',
    'NaN',
    `${exp}n`,
    `${(exp / 1e9).toFixed(9)}e9`,
    `${(exp / 1e9).toFixed(9)}E9`,
    `${exp}_000`,
  ]
  return ['exp', 'iat', 'nbf'].flatMap((claim) =>
    [...written, ...more].map((number) => {
      const payload = `${json.replace(new RegExp(`"${claim}":\\d+,?`), '').replace(/,?\}$/, '')},"${claim}":${number}}`
      return hostile(
        `payload with ${claim} of ${number}`,
        sealed(f, { payload }),
        'token_claims_wrong',
      )
    }),
  )
}
