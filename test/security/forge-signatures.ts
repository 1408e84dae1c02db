import { constants, createHash, privateDecrypt, sign } from 'node:crypto'
import type { JWK } from 'jose'
import { base64url, encoded, privateKeyOf, signatureOf } from '../support/forge.ts'
import { type Forging, type HostileToken, hostile } from './forge-token.ts'

const P256_ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n
const ED25519_ORDER = 2n ** 252n + 27742317777372353535851937790883648493n

/** A good header and good claims with signatures that are nearly good, or good by another rule. */
export function wrongSignatures(f: Forging): HostileToken[] {
  const input = `${encoded(f.header)}.${encoded(f.claims)}`
  const good = signatureOf(input, f.key)
  const changed = (change: (bytes: Buffer) => void) => {
    const copy = Buffer.from(good)
    change(copy)
    return copy
  }
  const flips = [0, 7, 31, 32, 33, good.length - 1].flatMap((at) =>
    [0x01, 0x80].map((bit): [string, Buffer] => [
      `bit ${bit} of byte ${at} flipped`,
      changed((bytes) => (bytes[at] = (bytes[at] ?? 0) ^ bit)),
    ]),
  )
  const byAll: [string, Uint8Array][] = [
    ...flips,
    ['one byte', Buffer.from([1])],
    ['without its last byte', good.subarray(0, -1)],
    ['without its first byte', good.subarray(1)],
    ['with a zero before', Buffer.concat([Buffer.alloc(1), good])],
    ['with a zero after', Buffer.concat([good, Buffer.alloc(1)])],
    ['twice', Buffer.concat([good, good])],
    ['half', good.subarray(0, good.length / 2)],
    ['backwards', Buffer.from(good).reverse()],
    [
      'halves exchanged',
      Buffer.concat([good.subarray(good.length / 2), good.subarray(0, good.length / 2)]),
    ],
    ['as text of base64url', Buffer.from(base64url(good))],
    ['as hexadecimal', Buffer.from(good.toString('hex'))],
    ['of the header alone', signatureOf(encoded(f.header), f.key)],
    ['of the claims alone', signatureOf(encoded(f.claims), f.key)],
    [
      'of the decoded text',
      signatureOf(`${JSON.stringify(f.header)}.${JSON.stringify(f.claims)}`, f.key),
    ],
    [
      'of another header',
      signatureOf(`${encoded({ ...f.header, typ: 'AT+JWT' })}.${encoded(f.claims)}`, f.key),
    ],
    ['of the text with a line break', signatureOf(`${input}\n`, f.key)],
    ['of 4,000 bytes', Buffer.alloc(4000, 1)],
  ]
  const own = { ES256: ofEcdsa, EdDSA: ofEd25519, RS256: ofRsa, PS256: ofRsa }[f.algorithm]
  return [...byAll, ...own(f, input, good)].map(([name, signature]) =>
    hostile(`signature ${name}`, `${input}.${base64url(signature)}`, 'token_signature_wrong'),
  )
}

/**
 * The same token with the other signature that ECDSA allows. Anyone with one can compute the other,
 * so it is accepted, and gives no more.
 */
export function negated(token: string): string {
  const [head, body, signature = ''] = token.split('.')
  const bytes = Buffer.from(signature, 'base64url')
  const s = Buffer.from(
    (P256_ORDER - numberOf(bytes.subarray(32))).toString(16).padStart(64, '0'),
    'hex',
  )
  return `${head}.${body}.${base64url(Buffer.concat([bytes.subarray(0, 32), s]))}`
}

function ofEcdsa(f: Forging, input: string, good: Buffer): [string, Uint8Array][] {
  const [r, s] = [numberOf(good.subarray(0, 32)), numberOf(good.subarray(32))]
  const pair = (a: bigint, b: bigint) => Buffer.concat([bytesOf(a, 32), bytesOf(b, 32)])
  const key = privateKeyOf(f.key)
  const special = [0n, 1n, P256_ORDER - 1n, P256_ORDER, 2n ** 256n - 1n]
  return [
    ['in DER', sign('sha256', Buffer.from(input), key)],
    ['with r negated', pair(P256_ORDER - r, s)],
    ['with s of a wider number', Buffer.concat([bytesOf(r, 32), bytesOf(s + P256_ORDER, 33)])],
    ['with r and s of wider numbers', Buffer.concat([bytesOf(r, 48), bytesOf(s, 48)])],
    ['over SHA-1', sign('sha1', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' })],
    ['over SHA-384', sign('sha384', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' })],
    ['over SHA-512', sign('sha512', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' })],
    ...special.flatMap((a) =>
      special.map((b): [string, Uint8Array] => [
        `of r ${a % 9973n} and s ${b % 9973n}, modulo 9973`,
        pair(a, b),
      ]),
    ),
    ...special.map((a): [string, Uint8Array] => [`with s ${a % 9973n}, modulo 9973`, pair(r, a)]),
  ]
}

function ofEd25519(f: Forging, input: string, good: Buffer): [string, Uint8Array][] {
  const s = numberOf(Buffer.from(good.subarray(32)).reverse())
  const withS = (value: bigint) =>
    Buffer.concat([good.subarray(0, 32), bytesOf(value, 32).reverse()])
  const multiples = [1n, 2n, 7n, 8n, 14n]
    .filter((times) => s + times * ED25519_ORDER < 2n ** 256n)
    .map((times): [string, Uint8Array] => [`with S + ${times} L`, withS(s + times * ED25519_ORDER)])
  // Points of small order, which as a public key would make a signature fit everything.
  const small = [
    '01',
    'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
    '',
    '0000000000000000000000000000000000000000000000000000000000000080',
  ]
  return [
    ...multiples,
    ['with -S', withS(ED25519_ORDER - s)],
    ...small.flatMap((point): [string, Uint8Array][] => {
      const r = Buffer.from(point.padEnd(64, '0'), 'hex')
      return [
        [`of the point ${point.slice(0, 8)} and S 0`, Buffer.concat([r, Buffer.alloc(32)])],
        [`of the point ${point.slice(0, 8)} and a good S`, Buffer.concat([r, good.subarray(32)])],
      ]
    }),
    ['all ones', Buffer.alloc(64, 0xff)],
    ['with S 0', withS(0n)],
    ['with the greatest S', withS(2n ** 256n - 1n)],
    ['over a digest', sign(null, createHash('sha512').update(input).digest(), privateKeyOf(f.key))],
    ['in the length of Ed448', Buffer.concat([good, Buffer.alloc(50)])],
  ]
}

function ofRsa(f: Forging, input: string, good: Buffer): [string, Uint8Array][] {
  const n = numberOf(Buffer.from(String(f.key.n), 'base64url'))
  const s = numberOf(good)
  const key = privateKeyOf(f.key)
  const bytes = Buffer.from(input)
  const pss = (saltLength: number, hash = 'sha256') =>
    sign(hash, bytes, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength })
  const own: [string, Uint8Array][] =
    f.algorithm === 'PS256'
      ? [0, 1, 20, 31, 33, 64, 222].map((salt) => [`with a salt of ${salt} bytes`, pss(salt)])
      : paddings(f.key, input)
  return [
    ...own,
    ...['sha1', 'sha384', 'sha512'].map((hash): [string, Uint8Array] => [
      `over ${hash}`,
      f.algorithm === 'PS256' ? pss(32, hash) : sign(hash, bytes, key),
    ]),
    ['negated', bytesOf(n - s, 256)],
    ['zero', bytesOf(0n, 256)],
    ['one', bytesOf(1n, 256)],
    ['all ones', Buffer.alloc(256, 0xff)],
    ['of the modulus', bytesOf(n, 256)],
    ['of the modulus less one', bytesOf(n - 1n, 256)],
    ['not reduced', bytesOf(s + n, 257)],
    ['not reduced, cut to length', bytesOf((s + n) % 2n ** 2048n, 256)],
  ]
}

// The contents that Bleichenbacher's forgery of 2006 and similar ones hide in the padding, signed
// by the real key.
function paddings(key: JWK, input: string): [string, Uint8Array][] {
  const digest = createHash('sha256').update(input).digest()
  const prefix = Buffer.from('3031300d060960864801650304020105000420', 'hex')
  const info = Buffer.concat([prefix, digest])
  const without = Buffer.concat([
    Buffer.from('302f300b0609608648016503040201', 'hex'),
    Buffer.from('0420', 'hex'),
    digest,
  ])
  const block = (type: number, fill: number, middle: Buffer, after = Buffer.alloc(0)) => {
    const fills = Buffer.alloc(256 - 3 - middle.length - after.length, fill)
    return Buffer.concat([Buffer.from([0, type]), fills, Buffer.from([0]), middle, after])
  }
  const blocks: [string, Buffer][] = [
    ['with garbage after the digest', block(1, 0xff, info, Buffer.alloc(100, 7))],
    ['with a short padding and zeros after', block(1, 0xff, info, Buffer.alloc(194))],
    ['with a padding of type 2', block(2, 0xff, info)],
    ['with a padding of type 0', block(0, 0, info)],
    ['with a padding of other bytes', block(1, 0xfe, info)],
    ['of the bare digest', block(1, 0xff, digest)],
    ['without the NULL of the algorithm', block(1, 0xff, without)],
    ['of the digest without any padding', Buffer.concat([Buffer.alloc(224), digest])],
  ]
  return blocks.map(([name, bytes]) => [name, rawRsa(key, bytes)])
}

/** The private operation of RSA by itself: its result decrypts to exactly these bytes. */
export function rawRsa(key: JWK, block: Buffer): Buffer {
  return privateDecrypt({ key: privateKeyOf(key), padding: constants.RSA_NO_PADDING }, block)
}

function numberOf(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).toString('hex')}`)
}

function bytesOf(value: bigint, length: number): Buffer {
  return Buffer.from(
    value
      .toString(16)
      .padStart(length * 2, '0')
      .slice(-length * 2),
    'hex',
  )
}
