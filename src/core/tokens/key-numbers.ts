import type { JWK } from 'jose'
import * as base64url from 'jose/base64url'
import { sha512 } from '#hash'
import { isEd25519Pair, isEd25519Point, isOnP256, isP256Pair, numberOf, power } from './curves.ts'

// Checks that the numbers of a JWK are a secure key. Platforms import some keys that anyone can
// forge signatures for, and report other broken keys only when they are used. Each function returns
// the problem as the end of a sentence, or undefined.

const BASE64URL = /^[A-Za-z0-9_-]+$/
const MIN_MODULUS_BITS = 2048
// Checking a longer modulus takes seconds.
const MAX_MODULUS_BITS = 8192
const MAX_EXPONENT_BITS = 256
const SMALLEST_FACTOR = 752n

/** What is wrong with the public numbers of a P-256 JWK, or undefined. */
export function p256Problem({ x, y }: JWK): string | undefined {
  const [first, second] = [coordinate(x), coordinate(y)]
  if (first === undefined || second === undefined)
    return 'x and y must have 32 bytes each, in base64url'
  return isOnP256(numberOf(first), numberOf(second))
    ? undefined
    : 'x and y must be a point of P-256'
}

/** What is wrong with the public bytes of an Ed25519 JWK, or undefined. */
export function ed25519Problem({ x }: JWK): string | undefined {
  const point = coordinate(x)
  if (point === undefined) return 'x must have 32 bytes, in base64url'
  return isEd25519Point(point)
    ? undefined
    : 'x must be a point of Ed25519, canonically encoded and in the prime-order subgroup'
}

/**
 * What is wrong with the public numbers of an RSA JWK, or undefined. Ignores leading zeros.
 *
 * @see NIST SP 800-89, section 5.3.3
 */
export function rsaProblem({ n, e }: JWK): string | undefined {
  const [modulus, exponent] = [numberIn(n), numberIn(e)]
  if (modulus === undefined || exponent === undefined) return 'n and e must be numbers in base64url'
  const bits = bitsOf(modulus)
  if (bits < MIN_MODULUS_BITS || bits > MAX_MODULUS_BITS)
    return `n must have at least ${MIN_MODULUS_BITS} bits and at most ${MAX_MODULUS_BITS}, but has ${bits}`
  // With exponent 1, a signature is the padded message itself.
  if (exponent < 3n || exponent % 2n === 0n || bitsOf(exponent) > MAX_EXPONENT_BITS)
    return `e must be odd, at least 3, and of at most ${MAX_EXPONENT_BITS} bits`
  return isHardToFactor(modulus) ? undefined : 'n must be the product of two large primes'
}

// Rejects moduli that anyone can factor: those with a small factor, primes, and prime powers. If n
// is a power of a prime p, then p divides 2^n - 2 by Fermat's little theorem, so gcd(n, 2^n - 2) is
// not 1. If it is not 1 for another n, the gcd reveals a factor, so that n is rejected too.
function isHardToFactor(modulus: bigint): boolean {
  for (let factor = 2n; factor < SMALLEST_FACTOR; factor++) {
    if (modulus % factor === 0n) return false
  }
  let [a, b] = [modulus, power(2n, modulus, modulus) - 2n]
  while (b !== 0n) [a, b] = [b, a % b]
  return a === 1n || a === -1n
}

/** What is wrong with the private number of a P-256 JWK, or undefined. */
export function p256PrivateProblem({ d, x, y }: JWK): string | undefined {
  const secret = coordinate(d)
  if (secret === undefined) return NO_32_BYTES
  const pair = isP256Pair(
    numberOf(secret),
    numberOf(bytesIn(x) as Uint8Array),
    numberOf(bytesIn(y) as Uint8Array),
  )
  return pair ? undefined : MISMATCHED
}

/** What is wrong with the private bytes of an Ed25519 JWK, or undefined. */
export function ed25519PrivateProblem({ d, x }: JWK): string | undefined {
  const secret = coordinate(d)
  if (secret === undefined) return NO_32_BYTES
  return isEd25519Pair(sha512(secret), bytesIn(x) as Uint8Array) ? undefined : MISMATCHED
}

/** What is wrong with the private numbers of an RSA JWK, or undefined. */
export function rsaPrivateProblem(jwk: JWK): string | undefined {
  const numbers = [jwk.n, jwk.e, jwk.d, jwk.p, jwk.q, jwk.dp, jwk.dq, jwk.qi].map(numberIn)
  // Platforms need all CRT parameters to sign, not d alone.
  if (numbers.includes(undefined)) return 'is not base64url of d, p, q, dp, dq and qi'
  const [n, e, d, p, q, dp, dq, qi] = numbers as [
    bigint,
    bigint,
    bigint,
    bigint,
    bigint,
    bigint,
    bigint,
    bigint,
  ]
  const halves = [
    [p, dp],
    [q, dq],
  ] as const
  const isPair =
    p * q === n &&
    (qi * q) % p === 1n &&
    // Signs 2 with each CRT half and verifies it: the result must be 2 again.
    halves.every(
      ([prime, part]) =>
        prime > 2n && part === d % (prime - 1n) && power(power(2n, part, prime), e, prime) === 2n,
    )
  return isPair ? undefined : MISMATCHED
}

const MISMATCHED = 'does not belong to its public part'
const NO_32_BYTES = 'is not base64url of 32 bytes'

function coordinate(text: unknown): Uint8Array | undefined {
  const bytes = bytesIn(text)
  return bytes?.length === 32 ? bytes : undefined
}

function numberIn(text: unknown): bigint | undefined {
  const bytes = bytesIn(text)
  return bytes && numberOf(bytes)
}

// Accepts only canonical base64url.
function bytesIn(text: unknown): Uint8Array | undefined {
  if (typeof text !== 'string' || !BASE64URL.test(text) || text.length % 4 === 1) return undefined
  const bytes = base64url.decode(text)
  return base64url.encode(bytes) === text ? bytes : undefined
}

function bitsOf(number: bigint): number {
  return number.toString(2).length
}
