import { createPublicKey } from 'node:crypto'
import { createVerifier } from 'fast-jwt'
import { reaches } from '../minimal.mjs'

/** A public key in the format of fast-jwt and the packages that use it. */
export function pemOf(jwk) {
  return createPublicKey({ key: jwk, format: 'jwk' }).export({ type: 'spki', format: 'pem' })
}

/** @param cache The number of cached verified tokens. Default: none. */
export function createFastJwtCheck({ jwk, issuer, audience, cache = false }) {
  const verify = createVerifier({
    key: pemOf(jwk),
    algorithms: ['ES256'],
    allowedIss: issuer,
    allowedAud: audience,
    cache,
    cacheTTL: 3_600_000,
  })
  return (authorization, tenant, workflow) => {
    if (!authorization?.startsWith('Bearer ')) return undefined
    const claims = verify(authorization.slice('Bearer '.length))
    return reaches(claims, tenant, workflow) ? claims : undefined
  }
}
