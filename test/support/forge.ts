import { createPrivateKey, sign } from 'node:crypto'
import type { JWK } from 'jose'
import { AUDIENCE, ISSUER, signingKey } from './bench.ts'

/** What a token is forged from. What is left out is as the library makes it; a text stands for JSON that JSON.stringify would not write. */
export interface Forgery {
  readonly header?: Readonly<Record<string, unknown>> | string
  readonly payload: Readonly<Record<string, unknown>> | string
  readonly key?: JWK
}

export const base64url = (text: string | Uint8Array) => Buffer.from(text as string).toString('base64url')

/** A compact JWS with a good ES256 signature over whatever is given, whether it makes sense or not. */
export function forge({ header = {}, payload, key = signingKey }: Forgery): string {
  const text = (value: string | object) => base64url(typeof value === 'string' ? value : JSON.stringify(value))
  const input = `${text(header)}.${text(payload)}`
  const privateKey = createPrivateKey({ key: key as Record<string, string>, format: 'jwk' })
  return `${input}.${base64url(sign('sha256', Buffer.from(input), { key: privateKey, dsaEncoding: 'ieee-p1363' }))}`
}

/** The header and the claims of a token, unverified. */
export function decoded(token: string): { header: Record<string, unknown>; payload: Record<string, unknown> } {
  const [header, payload] = token.split('.').map((segment) => Buffer.from(segment, 'base64url').toString())
  return { header: JSON.parse(header ?? ''), payload: JSON.parse(payload ?? '') }
}

/** Claims that are right in every way, for the key and the secret of that id. */
export function claimsFor(keyId: string, secretId: string, issuedAt: number): Record<string, unknown> {
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
