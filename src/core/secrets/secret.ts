/** `primary` or `secondary`. */
export type Slot = 'primary' | 'secondary'

/** Fills the array with bytes from a cryptographically secure source and returns it. */
export type RandomSource = (bytes: Uint8Array<ArrayBuffer>) => Uint8Array

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const ID_LENGTH = 16
// 43 characters of base62 carry 256 bits.
const SECRET_LENGTH = 43
const CHECKSUM_LENGTH = 6
const TAIL_LENGTH = ID_LENGTH + SECRET_LENGTH + CHECKSUM_LENGTH
const HINT_LENGTH = 4

const PREFIX = /^[A-Za-z][A-Za-z0-9_]{0,31}$/
// Up to a dozen characters behind the id.
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
 * Random base62 text by rejection sampling: a byte of 248 or more would make the first characters
 * likelier than the rest.
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

/** A new id for a key or for a secret: 95 bits, so two never meet. */
export function mintId(random?: RandomSource): string {
  return randomBase62(ID_LENGTH, random)
}

/** A new secret for the key of that id. */
export function mintSecret(prefix: string, id: string, random?: RandomSource): string {
  const body = `${prefix}_${id}${randomBase62(SECRET_LENGTH, random)}`
  return body + checksum(body)
}

/** The last four characters, by which a person tells one secret from another. */
export function hintOf(secret: string): string {
  return secret.slice(-HINT_LENGTH)
}

/**
 * The key id inside a text that has the form of a secret of ours, or undefined. The parts are found
 * from the end by position, so a prefix may hold underscores. This grants nothing and does not look
 * at the checksum.
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
 * Whether a text that has the length and the prefix of a secret of ours is made of the right
 * characters and has the right checksum.
 */
export function isWellFormed(text: string): boolean {
  return TAIL.test(text.slice(-TAIL_LENGTH)) && hasValidChecksum(text)
}

/** Whether a text begins like a secret of ours, well formed or not. */
export function hasOurPrefix(text: string, prefixes: readonly string[]): boolean {
  return prefixes.some(
    (prefix) => text.startsWith(prefix) && text.charCodeAt(prefix.length) === 0x5f,
  )
}

/**
 * Whether so much of a secret may stand in a text that it is not to be told: more behind an id than
 * a person needs to tell it from others.
 */
export function mayHoldSecret(text: string): boolean {
  return MUCH_OF_SECRET.test(text)
}

/** Whether a text holds something as long as a whole secret of ours. */
export function holdsSecret(text: string): boolean {
  return WHOLE_SECRET.test(text)
}

/**
 * Whether the checksum at the end of a text is that of what stands before it. It tells a typo or a
 * made-up string from a secret without asking anybody, and proves nothing: anyone can compute a
 * checksum.
 *
 * @param secret The whole text, prefix included.
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
 * The regular expression of secrets with a prefix, for secret scanners. Confirm what it finds with
 * {@link hasValidChecksum}.
 *
 * @param prefix A prefix as given to `createTwinkey`.
 * @returns A pattern without flags; it keeps no state between uses.
 * @throws TypeError where the prefix could not be one.
 */
export function secretPattern(prefix: string): RegExp {
  if (prefixProblem(prefix) !== undefined)
    throw new TypeError(`secretPattern: prefix ${prefixProblem(prefix)}`)
  return new RegExp(`\\b${prefix}_[0-9A-Za-z]{${TAIL_LENGTH}}\\b`)
}

/** Why `value` cannot be a prefix, or undefined. */
export function prefixProblem(value: unknown): string | undefined {
  return typeof value === 'string' && PREFIX.test(value)
    ? undefined
    : 'must begin with a letter and have 1 to 32 letters, digits and underscores, like "acme" or "acme_live"'
}

function checksum(text: string): string {
  let crc = 0xffffffff
  // Characters beyond ASCII are no part of any secret; they only have to come out different.
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
