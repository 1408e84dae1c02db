import { createECDH, randomBytes } from 'node:crypto'
import type { JWK } from 'jose'

const PRIVATE_BYTES = 32
// Fewer could be guessed in a test that looks for the number in a text.
const RANDOM_BYTES = 6

/**
 * An ES256 key whose private number is short. For each Twinkey, the library checks that the two parts
 * of the key belong together. That takes a step for each bit of the number, and with 256 of them most
 * of the time of a test with many Twinkeys.
 */
export function shortSigningKey(): JWK {
  const curve = createECDH('prime256v1')
  const secret = randomBytes(PRIVATE_BYTES).fill(0, 0, PRIVATE_BYTES - RANDOM_BYTES)
  curve.setPrivateKey(secret)
  const point = curve.getPublicKey()
  const coordinate = (from: number) =>
    point.subarray(from, from + PRIVATE_BYTES).toString('base64url')
  return {
    kty: 'EC',
    crv: 'P-256',
    alg: 'ES256',
    x: coordinate(1),
    y: coordinate(1 + PRIVATE_BYTES),
    d: secret.toString('base64url'),
  }
}
