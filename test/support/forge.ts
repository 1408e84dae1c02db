import { constants, createPrivateKey, type KeyObject, sign } from 'node:crypto'
import type { JWK } from 'jose'
import { AUDIENCE, ISSUER, signingKey } from './bench.ts'

/**
 * A part of a token: an object for JSON.stringify, a text that need not be JSON, or bytes that need
 * not be text.
 */
export type ForgedPart = Readonly<Record<string, unknown>> | string | Uint8Array

/** The parts of a forged token. Defaults: as the library makes them. */
export interface Forgery {
  readonly header?: ForgedPart
  readonly payload: ForgedPart
  /** The private key that signs, with its own algorithm. Default: ES256. */
  readonly key?: JWK
}

export const base64url = (text: string | Uint8Array) =>
  Buffer.from(text as string).toString('base64url')

/** A compact JWS with a valid signature over any content, valid or not. */
export function forge({ header = {}, payload, key = signingKey }: Forgery): string {
  const input = `${encoded(header)}.${encoded(payload)}`
  return `${input}.${base64url(signatureOf(input, key))}`
}

/** The encoded form of a part of a token. */
export function encoded(part: ForgedPart): string {
  return base64url(
    typeof part === 'string' || part instanceof Uint8Array ? part : JSON.stringify(part),
  )
}

/** The signature of a private key with its own algorithm. */
export function signatureOf(input: string, key: JWK): Buffer {
  const bytes = Buffer.from(input)
  const privateKey = privateKeyOf(key)
  if (key.alg === 'EdDSA') return sign(null, bytes, privateKey)
  if (key.alg === 'RS256') return sign('sha256', bytes, privateKey)
  if (key.alg === 'PS256')
    return sign('sha256', bytes, {
      key: privateKey,
      padding: constants.RSA_PKCS1_PSS_PADDING,
      saltLength: 32,
    })
  return sign('sha256', bytes, { key: privateKey, dsaEncoding: 'ieee-p1363' })
}

// Cached, because reading an RSA key takes longer than signing with it.
const read = new WeakMap<JWK, KeyObject>()

/** The private key of a JWK, as Node signs with it. */
export function privateKeyOf(key: JWK): KeyObject {
  const known =
    read.get(key) ?? createPrivateKey({ key: key as Record<string, string>, format: 'jwk' })
  read.set(key, known)
  return known
}

/** The header and the claims of a token, unverified. */
export function decoded(token: string): {
  header: Record<string, unknown>
  payload: Record<string, unknown>
} {
  const [header, payload] = token
    .split('.')
    .map((segment) => Buffer.from(segment, 'base64url').toString())
  return { header: JSON.parse(header ?? ''), payload: JSON.parse(payload ?? '') }
}

/** Valid claims for the key and the secret with these ids. */
export function claimsFor(
  keyId: string,
  secretId: string,
  issuedAt: number,
): Record<string, unknown> {
  return {
    sub: keyId,
    client_id: keyId,
    secret_id: secretId,
    jti: 'jti0000000000000',
    scope: 'tenant:t workflow:*',
    tenants: ['t'],
    environments: '*',
    workflows: '*',
    iss: ISSUER,
    aud: AUDIENCE,
    iat: issuedAt,
    exp: issuedAt + 3600,
  }
}
