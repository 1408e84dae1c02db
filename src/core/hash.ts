import { hmac } from '@noble/hashes/hmac.js'
import { sha256 as nobleSha256 } from '@noble/hashes/sha2.js'
import { utf8ToBytes } from '@noble/hashes/utils.js'
import { base64url } from 'jose'

/** SHA-256 of the UTF-8 bytes of `text`, as base64url without padding (FIPS 180-4, RFC 4648 section 5). */
export function sha256(text: string): string {
  return base64url.encode(nobleSha256(utf8ToBytes(text)))
}

/** HMAC-SHA-256 of the UTF-8 bytes of `text`, as base64url without padding (RFC 2104). */
export function hmacSha256(key: Uint8Array, text: string): string {
  return base64url.encode(hmac(nobleSha256, key, utf8ToBytes(text)))
}
