import type { CryptoKey } from 'jose'
import * as base64url from 'jose/base64url'
import type { SigningAlgorithm } from './signing-key.ts'

// RFC 7518, section 3.1, and RFC 8037, section 3.1. The salt is as long as the hash.
const PARAMETERS = {
  ES256: { name: 'ECDSA', hash: 'SHA-256' },
  EdDSA: { name: 'Ed25519' },
  RS256: { name: 'RSASSA-PKCS1-v1_5' },
  PS256: { name: 'RSA-PSS', saltLength: 32 },
} as const satisfies Readonly<Record<SigningAlgorithm, object>>

const encoder = /* @__PURE__ */ new TextEncoder()

/**
 * Whether the signature of a token is valid (RFC 7515, section 5.2). Checks neither the form of the
 * token nor its header.
 *
 * @param text A compact JWS. Its signature is canonical base64url.
 * @param key A key for this algorithm only.
 */
export async function isSigned(
  text: string,
  algorithm: SigningAlgorithm,
  key: CryptoKey,
): Promise<boolean> {
  const end = text.lastIndexOf('.')
  const signature = base64url.decode(text.slice(end + 1))
  // Requires the exact signature length: that of the modulus for RSA (RFC 8017, section 8), and 512
  // bits for ES256 and EdDSA. Some platforms also accept an RSA signature without its leading zeros,
  // which would give one token two forms.
  const { modulusLength: bits = 512 } = key.algorithm as { modulusLength?: number }
  if (signature.length !== Math.ceil(bits / 8)) return false
  const signed = encoder.encode(text.slice(0, end))
  try {
    return await crypto.subtle.verify(PARAMETERS[algorithm], key, signature, signed)
  } catch {
    // For some invalid signatures, some platforms throw instead of returning false.
    return false
  }
}
