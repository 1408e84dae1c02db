import type { CryptoKey } from 'jose'
import * as base64url from 'jose/base64url'

const SEQUENCE = 0x30
const INTEGER = 0x02
const FIELD_BYTES = 32
// A signature of P-256 has at most 96 characters, and a public key has 124.
const BASE64 = /^(?:[A-Za-z0-9+/]{4}){2,40}(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/
const PEM_BEGIN = '-----BEGIN PUBLIC KEY-----'
const PEM_END = '-----END PUBLIC KEY-----'
const CURVE = { name: 'ECDSA', namedCurve: 'P-256' }

/**
 * Decodes base64 with padding.
 *
 * @returns Undefined for anything but the canonical form, so that one signature has one text.
 */
function decodeBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (!BASE64.test(text)) return undefined
  const inUrlForm = text.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
  const bytes = new Uint8Array(base64url.decode(inUrlForm))
  return base64url.encode(bytes) === inUrlForm ? bytes : undefined
}

/**
 * Reads an ECDSA signature of P-256 in base64 of DER, and returns r and s of 32 bytes each, as Web
 * Crypto takes them. Accepts both values of s that verify, because GitHub does not promise the lower
 * one.
 *
 * @returns Undefined for anything but the one DER form of two integers from 1 to 2^256 - 1.
 * @see RFC 3279 section 2.2.3, X.690 sections 8.3 and 10.1
 */
export function readSignature(text: string): Uint8Array<ArrayBuffer> | undefined {
  const der = decodeBase64(text)
  if (der === undefined || der[0] !== SEQUENCE || der[1] !== der.length - 2) return undefined
  const r = readInteger(der, 2)
  const s = r && readInteger(der, r.end)
  if (r === undefined || s === undefined || s.end !== der.length) return undefined
  const pair = new Uint8Array(2 * FIELD_BYTES)
  pair.set(r.value, FIELD_BYTES - r.value.length)
  pair.set(s.value, 2 * FIELD_BYTES - s.value.length)
  return pair
}

interface Integer {
  /** Without leading zeros. */
  readonly value: Uint8Array
  readonly end: number
}

function readInteger(der: Uint8Array, at: number): Integer | undefined {
  const length = der[at + 1] ?? 0
  const end = at + 2 + length
  if (der[at] !== INTEGER || length === 0 || end > der.length) return undefined
  const [first = 0, second = 0] = der.subarray(at + 2, end)
  if (first >= 0x80) return undefined
  // A leading zero keeps a number positive, and zero itself is no part of a signature.
  if (first === 0 && (length === 1 || second < 0x80)) return undefined
  const value = der.subarray(first === 0 ? at + 3 : at + 2, end)
  return value.length > FIELD_BYTES ? undefined : { value, end }
}

/**
 * Reads a public key of P-256 in PEM.
 *
 * @returns Undefined for anything else.
 * @see RFC 7468, section 13
 */
export async function readPublicKey(pem: string): Promise<CryptoKey | undefined> {
  const text = pem.trim()
  if (!text.startsWith(PEM_BEGIN) || !text.endsWith(PEM_END)) return undefined
  const spki = decodeBase64(text.slice(PEM_BEGIN.length, -PEM_END.length).replace(/\s/g, ''))
  if (spki === undefined) return undefined
  try {
    return await crypto.subtle.importKey('spki', spki, CURVE, false, ['verify'])
  } catch {
    return undefined
  }
}

/** Verifies an ECDSA signature of P-256 with SHA-256 over bytes. */
export function isSignedBy(
  key: CryptoKey,
  signature: Uint8Array<ArrayBuffer>,
  bytes: Uint8Array,
): Promise<boolean> {
  const algorithm = { name: 'ECDSA', hash: 'SHA-256' }
  return crypto.subtle.verify(algorithm, key, signature, new Uint8Array(bytes))
}
