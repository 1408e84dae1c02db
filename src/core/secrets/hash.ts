import { hmac } from '@noble/hashes/hmac.js'
import { sha256 as nobleSha256, sha512 as nobleSha512 } from '@noble/hashes/sha2.js'
import { utf8ToBytes } from '@noble/hashes/utils.js'

/**
 * SHA-256 of the UTF-8 bytes of `text` (FIPS 180-4), as 16 characters of two bytes each,
 * little-endian.
 */
export function sha256(text: string): string {
  return inPairs(nobleSha256(utf8ToBytes(text)))
}

/**
 * HMAC-SHA-256 of the UTF-8 bytes of `text` (RFC 2104), as 16 characters of two bytes each,
 * little-endian.
 */
export function hmacSha256(key: Uint8Array, text: string): string {
  return inPairs(hmac(nobleSha256, key, utf8ToBytes(text)))
}

/** SHA-512 of bytes (FIPS 180-4). */
export function sha512(bytes: Uint8Array): Uint8Array {
  return nobleSha512(bytes)
}

function inPairs(bytes: Uint8Array): string {
  let pairs = ''
  for (let i = 0; i < bytes.length; i += 2)
    pairs += String.fromCharCode((bytes[i] as number) | ((bytes[i + 1] as number) << 8))
  return pairs
}
