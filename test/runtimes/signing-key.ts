import type { JWK } from 'jose'

const { privateKey } = await crypto.subtle.generateKey(
  { name: 'ECDSA', namedCurve: 'P-256' },
  true,
  ['sign', 'verify'],
)
const { kty, crv, x, y, d } = await crypto.subtle.exportKey('jwk', privateKey)

/** Replaces the function of test/support/signing-key.ts, which only Node can run. */
export function shortSigningKey(): JWK {
  return { kty, crv, alg: 'ES256', x, y, d } as JWK
}
