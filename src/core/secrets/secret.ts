/** `primary` or `secondary`. */
export type Slot = 'primary' | 'secondary'

/** Fills the array with cryptographically secure random bytes and returns it. */
export type RandomSource = (bytes: Uint8Array<ArrayBuffer>) => Uint8Array

/** The alphabet of base62. */
export const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const ID_LENGTH = 16
// 43 characters of base62 carry 256 bits.
const SECRET_LENGTH = 43
const CHECKSUM_LENGTH = 6
const TAIL_LENGTH = ID_LENGTH + SECRET_LENGTH + CHECKSUM_LENGTH
const HINT_LENGTH = 4

const PREFIX = /^[A-Za-z][A-Za-z0-9_]{0,31}$/
// An id and 12 more characters.
const MUCH_OF_SECRET = /[0-9A-Za-z]{28}/
const TAIL = /^[0-9A-Za-z]{65}$/
const WHOLE_SECRET = /[0-9A-Za-z]{65}/

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1
  return crc
})

const systemRandom: RandomSource = (bytes) => crypto.getRandomValues(bytes)

/**
 * Random base62 text by rejection sampling. Bytes of 248 or more are rejected: they would make the
 * first characters of the alphabet more likely.
 */
export function randomBase62(length: number, random: RandomSource = systemRandom): string {
  let text = ''
  const bytes = new Uint8Array(length * 2)
  while (text.length < length) {
    for (const byte of random(bytes)) {
      if (byte < 248 && text.length < length) text += ALPHABET[byte % 62]
    }
  }
  return text
}

/** A new random id for a key or a secret: 95 bits, so collisions are negligible. */
export function mintId(random?: RandomSource): string {
  return randomBase62(ID_LENGTH, random)
}

/** A new secret for the key with this id. */
export function mintSecret(prefix: string, id: string, random?: RandomSource): string {
  const body = `${prefix}_${id}${randomBase62(SECRET_LENGTH, random)}`
  return body + checksum(body)
}

/** The last four characters, so that people can recognise the secret. */
export function hintOf(secret: string): string {
  return secret.slice(-HINT_LENGTH)
}

/**
 * The key id in a text that has the length and a prefix of a Twinkey secret, or undefined. Does not
 * check characters, checksum or validity. Counts from the end: a prefix may contain underscores.
 */
export function keyIdOf(text: string, prefixes: readonly string[]): string | undefined {
  const split = text.length - TAIL_LENGTH - 1
  if (split < 1 || text.charCodeAt(split) !== 0x5f) return undefined
  for (const prefix of prefixes) {
    if (prefix.length === split && text.startsWith(prefix))
      return text.slice(split + 1, split + 1 + ID_LENGTH)
  }
  return undefined
}

/**
 * Whether a text has the characters and the checksum of a secret. The caller must check the length
 * and the prefix first, by {@link keyIdOf}.
 */
export function isWellFormed(text: string): boolean {
  return TAIL.test(text.slice(-TAIL_LENGTH)) && hasValidChecksum(text)
}

/** Whether a text begins with a Twinkey prefix and an underscore, well-formed or not. */
export function hasOurPrefix(text: string, prefixes: readonly string[]): boolean {
  return prefixes.some(
    (prefix) => text.startsWith(prefix) && text.charCodeAt(prefix.length) === 0x5f,
  )
}

/**
 * Whether a text may contain an id and 12 or more characters of a secret, which is too much to put
 * into an event.
 */
export function mayHoldSecret(text: string): boolean {
  return MUCH_OF_SECRET.test(text)
}

/** Whether a text contains 65 or more consecutive base62 characters, like a whole secret. */
export function holdsSecret(text: string): boolean {
  return WHOLE_SECRET.test(text)
}

/**
 * Checks the checksum at the end of a secret. Detects typos and made-up strings without a lookup.
 * Does not prove that the secret is genuine: anyone can compute a checksum.
 *
 * @param secret The whole text, including the prefix.
 * @returns Whether the last six characters are the CRC-32 of the rest, in base62.
 * @example
 * ```ts
 * import { hasValidChecksum, secretPattern } from 'twinkey'
 *
 * const leaked = secretPattern('acme').exec('export KEY=acme_123')?.[0]
 * if (leaked !== undefined && hasValidChecksum(leaked)) console.warn('a real secret was committed')
 * ```
 */
export function hasValidChecksum(secret: string): boolean {
  const split = secret.length - CHECKSUM_LENGTH
  return split > 0 && checksum(secret.slice(0, split)) === secret.slice(split)
}

/**
 * Returns a regular expression that finds secrets with a prefix, for secret scanners. It does not
 * verify the checksum: confirm each match with {@link hasValidChecksum}.
 *
 * @param prefix One of the `prefixes` of `createTwinkey`.
 * @returns A pattern without flags, which keeps no state between uses.
 * @throws TypeError if the prefix is invalid.
 */
export function secretPattern(prefix: string): RegExp {
  if (prefixProblem(prefix) !== undefined)
    throw new TypeError(`secretPattern: prefix ${prefixProblem(prefix)}`)
  return new RegExp(`\\b${prefix}_[0-9A-Za-z]{${TAIL_LENGTH}}\\b`)
}

/** Why `value` is not a valid prefix, or undefined. */
export function prefixProblem(value: unknown): string | undefined {
  return typeof value === 'string' && PREFIX.test(value)
    ? undefined
    : 'must begin with a letter and have 1 to 32 letters, digits and underscores, like "acme" or "acme_live"'
}

function checksum(text: string): string {
  let crc = 0xffffffff
  // Secrets are ASCII. Other characters must only change the checksum.
  for (let i = 0; i < text.length; i++)
    crc =
      (crc >>> 8) ^
      (CRC_TABLE[(crc ^ text.charCodeAt(i)) & 0xff] as number) ^
      (text.charCodeAt(i) >>> 8)
  let rest = (crc ^ 0xffffffff) >>> 0
  let digits = ''
  for (let i = 0; i < CHECKSUM_LENGTH; i++) {
    digits = ALPHABET[rest % 62] + digits
    rest = Math.floor(rest / 62)
  }
  return digits
}
