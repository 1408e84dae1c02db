// Curve arithmetic that checks whether a JWK is a valid key. It runs only when a key is read. The
// platform signs and verifies. Not constant time: callers cannot trigger or time it.

/** P-256: y² = x³ - 3x + b modulo p, with n points (NIST SP 800-186, section 3.2.1.3). */
const P = 0xffffffff00000001000000000000000000000000ffffffffffffffffffffffffn
const P256_B = 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn
const P256_ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n
const P256_BASE = /* @__PURE__ */ Object.freeze([
  0x6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296n,
  0x4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5n,
  1n,
] as const)

/**
 * Ed25519: -x² + y² = 1 + dx²y² modulo q, with a base point of that order (RFC 8032, section 5.1).
 */
const Q = 0x7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffedn
const D = 0x52036cee2b6ffe738cc740797779e89800700a4d4141d8ab75eb4dca135978a3n
const ORDER = 0x1000000000000000000000000000000014def9dea2f79cd65812631a5cf5d3edn
const BASE_Y = 0x6666666666666666666666666666666666666666666666666666666666666658n
const ROOT_OF_MINUS_ONE = 0x2b8324804fc1df0b2b4d00993dfbd7a72f431806ad2fe478c4ee1b274a0ea0b0n

/** Whether two numbers are the affine coordinates of a point on P-256. */
export function isOnP256(x: bigint, y: bigint): boolean {
  return x < P && y < P && (y * y - x * x * x + 3n * x - P256_B) % P === 0n
}

/** Whether a P-256 private key belongs to this public point. */
export function isP256Pair(secret: bigint, x: bigint, y: bigint): boolean {
  if (secret < 1n || secret >= P256_ORDER) return false
  const [px, py, pz] = multiply(secret, P256_BASE, addOnP256, doubleOnP256)
  const square = (pz * pz) % P
  return (x * square - px) % P === 0n && (y * square * pz - py) % P === 0n
}

type Jacobian = readonly [x: bigint, y: bigint, z: bigint]

function doubleOnP256([x, y, z]: Jacobian): Jacobian {
  const delta = (z * z) % P
  const gamma = (y * y) % P
  const beta = (x * gamma) % P
  const alpha = (3n * (x - delta) * (x + delta)) % P
  const x3 = (alpha * alpha - 8n * beta) % P
  return [x3, (alpha * (4n * beta - x3) - 8n * gamma * gamma) % P, (2n * y * z) % P]
}

// Mixed addition: the second point has z = 1. The points are never equal or opposite here, because
// the second is the base point, and the first was just doubled and is an even multiple of it below
// n - 1.
function addOnP256([x1, y1, z1]: Jacobian, [x2, y2]: Jacobian): Jacobian {
  const square = (z1 * z1) % P
  const h = (x2 * square - x1) % P
  const r = (y2 * square * z1 - y1) % P
  const h2 = (h * h) % P
  const h3 = (h * h2) % P
  const v = (x1 * h2) % P
  const x3 = (r * r - h3 - 2n * v) % P
  return [x3, (r * (v - x3) - y1 * h3) % P, (z1 * h) % P]
}

/**
 * Whether 32 bytes are an Ed25519 public key: canonical, on the curve, and in the prime-order
 * subgroup. Anyone can forge signatures for a key of small order.
 *
 * @see RFC 8032, section 5.1.3
 */
export function isEd25519Point(encoded: Uint8Array): boolean {
  const point = decodeEdwards(encoded)
  return point !== undefined && !isNeutral(point) && isNeutral(multiply(ORDER, point, addEdwards))
}

/**
 * Whether an Ed25519 public key belongs to a private key.
 *
 * @param digest SHA-512 of the private key.
 * @param encoded The public key, already checked with `isEd25519Point`.
 */
export function isEd25519Pair(digest: Uint8Array, encoded: Uint8Array): boolean {
  const clamped = Uint8Array.from(digest.subarray(0, 32))
  clamped[0] = (clamped[0] as number) & 0xf8
  clamped[31] = ((clamped[31] as number) & 0x3f) | 0x40
  const [x, y] = decodeEdwards(encoded) as Extended
  const [px, py, pz] = multiply(
    numberOf(clamped.reverse()),
    extended(xOf(BASE_Y, 0n) as bigint, BASE_Y),
    addEdwards,
  )
  return (x * pz - px) % Q === 0n && (y * pz - py) % Q === 0n
}

type Extended = readonly [x: bigint, y: bigint, z: bigint, t: bigint]

function extended(x: bigint, y: bigint): Extended {
  return [x, y, 1n, (x * y) % Q]
}

function decodeEdwards(encoded: Uint8Array): Extended | undefined {
  if (encoded.length !== 32) return undefined
  const number = numberOf(Uint8Array.from(encoded).reverse())
  const y = number & ((1n << 255n) - 1n)
  const x = y < Q ? xOf(y, number >> 255n) : undefined
  return x === undefined ? undefined : extended(x, y)
}

// Recovers x from x² = u / v (RFC 8032, section 5.1.3).
function xOf(y: bigint, sign: bigint): bigint | undefined {
  const u = y * y - 1n
  const v = (D * y * y + 1n) % Q
  const tried = (u * v ** 3n * power((u * v ** 7n) % Q, (Q - 5n) / 8n, Q)) % Q
  const square = (v * tried * tried) % Q
  const root =
    (square - u) % Q === 0n
      ? tried
      : (square + u) % Q === 0n
        ? (tried * ROOT_OF_MINUS_ONE) % Q
        : undefined
  if (root === undefined || (root === 0n && sign === 1n)) return undefined
  return (root & 1n) === sign ? root : Q - root
}

// A complete addition law: it also works for doubling and has no exceptional points.
function addEdwards([x1, y1, z1, t1]: Extended, [x2, y2, z2, t2]: Extended): Extended {
  const a = (y1 - x1) * (y2 - x2)
  const b = (y1 + x1) * (y2 + x2)
  const c = ((2n * D * t1) % Q) * t2
  const d = 2n * z1 * z2
  const [e, f, g, h] = [(b - a) % Q, (d - c) % Q, (d + c) % Q, (b + a) % Q]
  return [(e * f) % Q, (g * h) % Q, (f * g) % Q, (e * h) % Q]
}

function isNeutral([x, y, z]: Extended): boolean {
  return x % Q === 0n && (y - z) % Q === 0n
}

function multiply<T>(
  by: bigint,
  point: T,
  add: (a: T, b: T) => T,
  double = (a: T) => add(a, a),
): T {
  let sum = point
  for (const bit of by.toString(2).slice(1)) {
    sum = double(sum)
    if (bit === '1') sum = add(sum, point)
  }
  return sum
}

/** `base` to the power of `exponent`, modulo `modulus`. */
export function power(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n
  for (const bit of exponent.toString(2)) {
    result = (result * result) % modulus
    if (bit === '1') result = (result * base) % modulus
  }
  return result
}

/** Reads bytes as a big-endian number. */
export function numberOf(bytes: Uint8Array): bigint {
  let hex = '0x0'
  for (const byte of bytes) hex += byte.toString(16).padStart(2, '0')
  return BigInt(hex)
}
