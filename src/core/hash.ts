import { hmac } from '@noble/hashes/hmac.js'
import { sha256 as nobleSha256 } from '@noble/hashes/sha2.js'
import { utf8ToBytes } from '@noble/hashes/utils.js'

/** SHA-256 of the UTF-8 bytes of `text`: 32 characters, each of which is a byte (FIPS 180-4). */
export function sha256(text: string): string {
  return String.fromCharCode(...nobleSha256(utf8ToBytes(text)))
}

/** HMAC-SHA-256 of the UTF-8 bytes of `text`: 32 characters, each of which is a byte (RFC 2104). */
export function hmacSha256(key: Uint8Array, text: string): string {
  return String.fromCharCode(...hmac(nobleSha256, key, utf8ToBytes(text)))
}
