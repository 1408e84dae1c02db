import { constants, createPrivateKey, createPublicKey, sign, verify } from 'node:crypto'
import { importJWK, type JWK } from 'jose'
import { compactVerify } from 'jose/jws/compact/verify'
import { SignJWT } from 'jose/jwt/sign'
import { generateSigningKey, type SigningAlgorithm } from 'twinkey'

/** One implementation that signs and verifies tokens of one key. */
export interface Side {
  readonly name: 'jose' | 'node:crypto'
  sign(claims: Claims): Promise<string> | string
  /** Tells whether the signature belongs to the key. */
  verify(token: string): Promise<boolean> | boolean
}

export type Claims = Readonly<Record<string, unknown>>

/** Two sides with the same key, its good tokens, and as many forged ones with the same `kid`. */
export interface Bench {
  readonly jose: Side
  readonly node: Side
  readonly claims: Claims
  readonly good: readonly string[]
  readonly forged: readonly string[]
}

export const ALGORITHMS: readonly SigningAlgorithm[] = ['ES256', 'EdDSA', 'RS256', 'PS256']

// The parameters of Web Crypto for the same algorithm: concatenated r and s, and a salt of the
// length of the hash (RFC 7518, sections 3.4 and 3.5).
const OPTIONS = {
  ES256: { hash: 'sha256', dsaEncoding: 'ieee-p1363' },
  EdDSA: { hash: null },
  RS256: { hash: 'sha256', padding: constants.RSA_PKCS1_PADDING },
  PS256: { hash: 'sha256', padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 },
} as const

type Header = { readonly alg: string; readonly typ: string; readonly kid: string }

/** Makes a key and tokens like those of Twinkey. */
export async function benchOf(algorithm: SigningAlgorithm, count: number): Promise<Bench> {
  const jwk = await generateSigningKey(algorithm)
  const header = {
    alg: algorithm,
    typ: 'at+jwt',
    kid: 'c2VlIFJGQyA3NjM4LCBidXQgb2YgdGhlIHNhbWUgc2k',
  }
  const [jose, node] = [await joseSide(jwk, algorithm, header), nodeSide(jwk, algorithm, header)]
  const claims = claimsOf(0)
  const good: string[] = []
  for (let number = 0; number < count; number++) good.push(await jose.sign(claimsOf(number)))
  return { jose, node, claims, good, forged: good.map(forge) }
}

/** Tells whether both sides accept the tokens of both and refuse forged ones. */
export async function doAgree({ jose, node, claims, good, forged }: Bench): Promise<boolean> {
  const accepted = [...good, await jose.sign(claims), await node.sign(claims)]
  for (const side of [jose, node]) {
    for (const token of accepted) if (!(await side.verify(token))) return false
    for (const token of forged) if (await side.verify(token)) return false
  }
  return true
}

async function joseSide(jwk: JWK, algorithm: SigningAlgorithm, header: Header): Promise<Side> {
  const signing = await importJWK(jwk, algorithm)
  const verifying = await importJWK(publicPart(jwk), algorithm)
  return {
    name: 'jose',
    sign: (claims) => new SignJWT({ ...claims }).setProtectedHeader(header).sign(signing),
    async verify(token) {
      try {
        return (
          (await compactVerify(token, verifying, { algorithms: [algorithm] })).payload.length > 0
        )
      } catch {
        return false
      }
    },
  }
}

function nodeSide(jwk: JWK, algorithm: SigningAlgorithm, header: Header): Side {
  const { hash, ...options } = OPTIONS[algorithm]
  const signing = { key: createPrivateKey({ key: jwk, format: 'jwk' }), ...options }
  const verifying = { key: createPublicKey({ key: publicPart(jwk), format: 'jwk' }), ...options }
  return {
    name: 'node:crypto',
    sign(claims) {
      const signed = `${encoded(header)}.${encoded(claims)}`
      return `${signed}.${sign(hash, Buffer.from(signed), signing).toString('base64url')}`
    },
    verify(token) {
      const payloadEnd = token.lastIndexOf('.')
      const signature = Buffer.from(token.slice(payloadEnd + 1), 'base64url')
      if (!verify(hash, Buffer.from(token.slice(0, payloadEnd)), verifying, signature)) return false
      return Buffer.from(token.slice(token.indexOf('.') + 1, payloadEnd), 'base64url').length > 0
    },
  }
}

function publicPart({ kty, crv, x, y, n, e }: JWK): JWK {
  return JSON.parse(JSON.stringify({ kty, crv, x, y, n, e }))
}

function encoded(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

function claimsOf(number: number): Claims {
  const id = String(number).padStart(16, '0')
  return {
    sub: id,
    client_id: id,
    secret_id: id,
    jti: id,
    scope: 'tenant:tenant-49 environment:* workflow:customers.read',
    tenants: ['tenant-49'],
    environments: '*',
    workflows: ['customers.read'],
    iss: 'https://api.example',
    aud: 'https://api.example',
    iat: 1_700_000_000,
    exp: 1_700_003_600,
  }
}

// The signature of a good token on another payload: a forgery that only the final comparison
// detects.
function forge(token: string): string {
  const [header, payload = '', signature] = token.split('.')
  const claims = {
    ...JSON.parse(Buffer.from(payload, 'base64url').toString()),
    sub: 'somebody else',
  }
  return `${header}.${encoded(claims)}.${signature}`
}
