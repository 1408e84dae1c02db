import { createHash, generateKeyPairSync } from 'node:crypto'
import type { JWK } from 'jose'
import { base64url } from '../support/forge.ts'

/**
 * A public key that proves nothing, and a signature that anybody can make under it, if there is
 * one.
 */
export interface WeakKey {
  readonly name: string
  readonly jwk: JWK
  /** The expected text in the message of its refusal. */
  readonly says: RegExp
  /** A signature that somebody without a private key can make. */
  readonly forge?: (input: string) => Buffer
}

const [ec, otherEc] = [pair('ec', { namedCurve: 'P-256' }), pair('ec', { namedCurve: 'P-256' })]
const ed = pair('ed25519', {})
const rsa = pair('rsa', { modulusLength: 2048 })
const P256_PRIME = 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n
const ED25519_PRIME = 2n ** 255n - 19n
// Two Mersenne primes.
const [PRIME, SMALLER_PRIME] = [2n ** 2203n - 1n, 2n ** 1279n - 1n]

function pair(type: 'ec' | 'ed25519' | 'rsa', options: object): JWK {
  return generateKeyPairSync(type as 'ec', options as { namedCurve: string }).publicKey.export({
    format: 'jwk',
  }) as JWK
}

const bytesOf = (number: bigint, length: number) =>
  Buffer.from(number.toString(16).padStart(2 * length, '0'), 'hex')
const numberOf = (text: string | undefined) =>
  BigInt(`0x${Buffer.from(String(text), 'base64url').toString('hex')}`)
const lengthOf = (number: bigint) => Math.ceil(number.toString(2).length / 8)
const big = (number: bigint, length = lengthOf(number)) => base64url(bytesOf(number, length))
const little = (number: bigint) => base64url(bytesOf(number, 32).reverse())

function power(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n
  for (const bit of exponent.toString(2)) {
    result = (result * result) % modulus
    if (bit === '1') result = (result * base) % modulus
  }
  return result
}

function inverse(number: bigint, modulus: bigint): bigint {
  let [a, b, x, y] = [number, modulus, 1n, 0n]
  while (b !== 0n) [a, b, x, y] = [b, a % b, y, x - (a / b) * y]
  return ((x % modulus) + modulus) % modulus
}

// RFC 8017, section 9.2, with the digest of RS256.
function padded(input: string, length: number): bigint {
  const digest = createHash('sha256').update(input).digest('hex')
  const info = `3031300d060960864801650304020105000420${digest}`
  return BigInt(`0x0001${'ff'.repeat(length - 3 - info.length / 2)}00${info}`)
}

/** Signs under a modulus whose totient is public. */
function signedBy(modulus: bigint, totient: bigint, e = 65_537n) {
  const length = lengthOf(modulus)
  return (input: string) =>
    bytesOf(power(padded(input, length), inverse(e, totient), modulus), length)
}

function rsaKey(
  name: string,
  n: bigint,
  e: bigint,
  says: RegExp,
  forge?: WeakKey['forge'],
): WeakKey {
  return {
    name,
    jwk: { kty: 'RSA', alg: 'RS256', n: big(n), e: big(e) },
    says,
    ...(forge && { forge }),
  }
}

const modulus = numberOf(rsa.n)
const zeros = (text: string | undefined, count: number) =>
  base64url(Buffer.concat([Buffer.alloc(count), Buffer.from(String(text), 'base64url')]))
const smallPair = pair('rsa', { modulusLength: 1024 })

const rsaKeys: readonly WeakKey[] = [
  rsaKey('RSA with the exponent 1', modulus, 1n, /e must be odd, at least 3/, (input) =>
    bytesOf(padded(input, 256), 256),
  ),
  rsaKey('RSA with the exponent 0', modulus, 0n, /e must be odd/),
  rsaKey('RSA with the exponent 2', modulus, 2n, /e must be odd/),
  rsaKey('RSA with an even exponent', modulus, 65_536n, /e must be odd/),
  rsaKey(
    'RSA with an exponent of 257 bits',
    modulus,
    2n ** 256n + 1n,
    /e must be odd, at least 3, and of at most 256 bits/,
  ),
  rsaKey('RSA with an even modulus', modulus - 1n, 65_537n, /product of two large primes/),
  rsaKey(
    'RSA with a prime for its modulus',
    PRIME,
    65_537n,
    /product of two large primes/,
    signedBy(PRIME, PRIME - 1n),
  ),
  rsaKey(
    'RSA with a small factor',
    3n * PRIME,
    65_537n,
    /product of two large primes/,
    signedBy(3n * PRIME, 2n * (PRIME - 1n)),
  ),
  rsaKey(
    'RSA with the power of a prime',
    SMALLER_PRIME ** 2n,
    65_537n,
    /product of two large primes/,
    signedBy(SMALLER_PRIME ** 2n, SMALLER_PRIME * (SMALLER_PRIME - 1n)),
  ),
  ...[2041, 2044, 2047].map((bits) =>
    rsaKey(
      `RSA of ${bits} bits`,
      numberOf(pair('rsa', { modulusLength: bits }).n),
      65_537n,
      new RegExp(`at least 2048 bits.* has ${bits}\\.`),
    ),
  ),
  rsaKey('RSA of 8193 bits', 2n ** 8192n + 1n, 65_537n, /at most 8192, but has 8193/),
  {
    name: 'RSA of 1024 bits with zeros before it',
    jwk: { kty: 'RSA', alg: 'RS256', n: zeros(smallPair.n, 128), e: 'AQAB' },
    says: /at least 2048 bits.* has 1024/,
  },
  {
    name: 'RSA of no bits',
    jwk: { kty: 'RSA', alg: 'PS256', n: 'A'.repeat(342), e: 'AQAB' },
    says: /at least 2048 bits/,
  },
  {
    name: 'RSA with padding',
    jwk: { ...rsa, alg: 'PS256', n: `${rsa.n}==` },
    says: /n and e must be numbers in base64url/,
  },
]

const P256_POINT = /x and y must be a point of P-256/
const P256_BYTES = /x and y must have 32 bytes each/
const p256 = (name: string, members: JWK, says: RegExp): WeakKey => ({
  name,
  jwk: { ...ec, alg: 'ES256', ...members },
  says,
})
const p256Keys: readonly WeakKey[] = [
  p256('P-256 beside its curve', { y: String(otherEc.y) }, P256_POINT),
  p256('P-256 at 0, 0', { x: big(0n, 32), y: big(0n, 32) }, P256_POINT),
  p256('P-256 at p, p', { x: big(P256_PRIME, 32), y: big(P256_PRIME, 32) }, P256_POINT),
  p256(
    'P-256 with an x that is not reduced',
    { x: big(P256_PRIME + 5n, 32), y: Y_AT_5() },
    P256_POINT,
  ),
  p256('P-256 with a byte before x', { x: zeros(ec.x, 1) }, P256_BYTES),
  p256('P-256 with a short y', { y: big(1n) }, P256_BYTES),
  p256('P-256 with bits behind x', { x: strayBits(ec.x) }, P256_BYTES),
]

// With 5 for x there is a point, so that only the encoding is wrong.
function Y_AT_5(): string {
  const b = 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn
  const root = power((125n - 15n + b) % P256_PRIME, (P256_PRIME + 1n) / 4n, P256_PRIME)
  return big(root, 32)
}

// The same bytes for a lenient decoder: the last character of 43 has two bits that say nothing.
function strayBits(text: string | undefined): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  return `${String(text).slice(0, 42)}${alphabet[alphabet.indexOf(String(text).charAt(42)) + 1]}`
}

const ED25519_POINT = /x must be a point of Ed25519/
const OF_ORDER_8 =
  2_707_385_501_144_840_649_318_225_287_225_658_788_936_804_267_575_313_519_463_743_609_750_303_021_802n
const NEUTRAL = bytesOf(1n, 32).reverse()
// R is the neutral element and S is 0: it holds wherever the hash is a multiple of the order.
const neutralSignature = () => Buffer.concat([NEUTRAL, Buffer.alloc(32)])
const ed25519 = (
  name: string,
  x: string,
  forge?: WeakKey['forge'],
  says = ED25519_POINT,
): WeakKey => ({
  name: `Ed25519 ${name}`,
  jwk: { ...ed, alg: 'EdDSA', x },
  says,
  ...(forge && { forge }),
})
const ed25519Keys: readonly WeakKey[] = [
  ed25519('at the neutral element', little(1n), neutralSignature),
  ed25519('of order 2', little(ED25519_PRIME - 1n), neutralSignature),
  ed25519('of order 4', little(0n), neutralSignature),
  ed25519('of order 8', little(OF_ORDER_8), neutralSignature),
  ed25519('of order 8, on the other side', little(ED25519_PRIME - OF_ORDER_8), neutralSignature),
  ed25519('of order 4 with a sign', little(2n ** 255n), neutralSignature),
  ed25519('at the neutral element with a sign', little(2n ** 255n + 1n), neutralSignature),
  ed25519('at the neutral element, not reduced', little(ED25519_PRIME + 1n), neutralSignature),
  ed25519('of order 4, not reduced', little(ED25519_PRIME), neutralSignature),
  ed25519('beside its curve', little(2n)),
  ed25519('of 31 bytes', base64url(Buffer.alloc(31, 7)), undefined, /x must have 32 bytes/),
  ed25519('of 33 bytes', base64url(Buffer.alloc(33, 7)), undefined, /x must have 32 bytes/),
  ed25519('with bits behind x', strayBits(ed.x), undefined, /x must have 32 bytes/),
]

/** Public keys that are too weak or too broken to prove anything. */
export const weakKeys: readonly WeakKey[] = [...rsaKeys, ...p256Keys, ...ed25519Keys]
