import * as base64url from 'jose/base64url'
import { hmacSha256, sha256 } from '#hash'
import { ALPHABET, type Slot } from './secret.ts'

/**
 * HMAC keys that are kept outside the database, so that nobody can test guesses against a stolen
 * table of digests.
 *
 * To change the pepper without a failed request: add the new one to every node, make it current,
 * and remove the old one when `keys.list({ pepper })` returns no key that needs it.
 */
export interface Pepper {
  /** The name in `keys` under which new secrets are stored; null for plain SHA-256. */
  readonly current: string | null
  /** HMAC keys of at least 32 random bytes, by name. Verifies secrets stored under any of them. */
  readonly keys: Readonly<Record<string, Uint8Array>>
}

// 32 bytes in base64url.
const DIGEST_LENGTH = 43
const PLAIN = 'sha-256:'
const PEPPERED = 'hmac-sha-256:'
// In memory a digest is a string of 16 characters with two bytes each: a runtime can hash into this
// form directly, and it is the most compact one.
const PAIRS = 16
// No secret has this digest.
const NO_DIGEST = /* @__PURE__ */ '\0'.repeat(16)
const NO_DIGESTS = /* @__PURE__ */ '\0'.repeat(32)
// The last character carries four bits of the digest. Its other two bits must be zero, because
// decoders ignore them and one digest would have four encodings.
const DIGEST = /^(?:sha-256|hmac-sha-256:[A-Za-z0-9_-]{1,32}):[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/

/** Whether `value` is a stored digest in canonical form, in which equal bytes have equal text. */
export function isDigest(value: unknown): value is string {
  return typeof value === 'string' && DIGEST.test(value)
}

/**
 * The stored digest of a secret. It names its algorithm and pepper, so that both can change while
 * older secrets stay valid.
 */
export function digestSecret(secret: string, pepper: Pepper | undefined): string {
  return digestUnder(pepper?.current ?? undefined, secret, pepper) as string
}

/** The name of the pepper in a stored digest; undefined for plain SHA-256. */
export function pepperOf(digest: string): string | undefined {
  return digest.startsWith(PLAIN)
    ? undefined
    : digest.slice(PEPPERED.length, digest.lastIndexOf(':'))
}

/** The digests of both slots of a key, in a layout for one comparison loop. */
export interface SlotDigests {
  /** The primary digest followed by the secondary digest, two bytes per character. */
  readonly pairs: string
  readonly primaryPepper: string | undefined
  readonly secondaryPepper: string | undefined
}

/** Decodes stored digests for {@link matchSecret}. An absent one is all zeros, like no secret's. */
export function slotDigests(
  primary: string | undefined,
  secondary: string | undefined,
): SlotDigests {
  const pairs = String.fromCharCode(...pairsOf(primary), ...pairsOf(secondary))
  const primaryPepper = primary === undefined ? undefined : pepperOf(primary)
  return {
    pairs,
    primaryPepper,
    secondaryPepper: secondary === undefined ? primaryPepper : pepperOf(secondary),
  }
}

/**
 * Finds the slot whose stored digest matches the secret. Always compares both slots in constant
 * time, also for an empty slot, so that the time does not reveal which slots are filled.
 *
 * @param digests The stored digests. Undefined for an unknown key: the same comparison then runs, so
 *   that the time does not reveal whether the key exists.
 * @param plain The SHA-256 of the secret, as `#hash` returns it, if it is already known.
 * @returns The slot, or undefined for no match. `'pepper_missing'` if a digest names a pepper that
 *   is not configured and the other digest does not match.
 */
export function matchSecret(
  secret: string,
  digests: SlotDigests | undefined,
  pepper: Pepper | undefined,
  plain?: string,
): Slot | 'pepper_missing' | undefined {
  const primaryPepper =
    digests === undefined ? (pepper?.current ?? undefined) : digests.primaryPepper
  const secondaryPepper = digests === undefined ? primaryPepper : digests.secondaryPepper
  const isShared = secondaryPepper === primaryPepper
  const digestIn = (name: string | undefined) =>
    name === undefined && plain !== undefined ? plain : digestBytes(name, secret, pepper)
  const first = digestIn(primaryPepper)
  const second = isShared ? first : digestIn(secondaryPepper)
  const pairs = digests?.pairs ?? NO_DIGESTS
  const one = first ?? NO_DIGEST
  const other = second ?? NO_DIGEST
  // Constant time: no early exit. A digest that cannot be computed never matches, not even the
  // zeros of an empty slot.
  let primary = first === undefined ? 1 : 0
  let secondary = second === undefined ? 1 : 0
  for (let i = 0; i < PAIRS; i++) {
    const pair = one.charCodeAt(i)
    primary |= pair ^ pairs.charCodeAt(i)
    secondary |= (isShared ? pair : other.charCodeAt(i)) ^ pairs.charCodeAt(PAIRS + i)
  }
  if (primary === 0) return 'primary'
  if (secondary === 0) return 'secondary'
  return first === undefined || second === undefined ? 'pepper_missing' : undefined
}

/**
 * The stored digest of a secret under the named pepper, or plain SHA-256 without a name. Undefined
 * if no pepper of that name is configured.
 */
export function digestUnder(
  name: string | undefined,
  secret: string,
  pepper: Pepper | undefined,
): string | undefined {
  const bytes = digestBytes(name, secret, pepper)
  return bytes && storedDigest(name, inBase64url(bytes))
}

/** Adds the algorithm and the pepper to a base64url digest, as stored. */
export function storedDigest(pepper: string | undefined, digest: string): string {
  return pepper === undefined ? PLAIN + digest : `${PEPPERED}${pepper}:${digest}`
}

function digestBytes(
  name: string | undefined,
  secret: string,
  pepper: Pepper | undefined,
): string | undefined {
  if (name === undefined) return sha256(secret)
  if (pepper === undefined || !Object.hasOwn(pepper.keys, name)) return undefined
  return hmacSha256(pepper.keys[name] as Uint8Array, secret)
}

/** SHA-256 of a text as base64url without padding. */
export function digestOf(text: string): string {
  return inBase64url(sha256(text))
}

/**
 * An id that is derived from a text: 16 base62 characters of its SHA-256, each from two bytes. The
 * first two characters of the alphabet are more likely by one in a thousand.
 */
export function derivedId(text: string): string {
  return Array.from(sha256(text), (pair) => ALPHABET[pair.charCodeAt(0) % ALPHABET.length]).join('')
}

function inBase64url(pairs: string): string {
  const bytes = new Uint8Array(2 * PAIRS)
  for (let i = 0; i < bytes.length; i++) bytes[i] = pairs.charCodeAt(i >> 1) >> (8 * (i & 1))
  return base64url.encode(bytes)
}

function pairsOf(digest: string | undefined): number[] {
  const bytes = digest === undefined ? undefined : base64url.decode(digest.slice(-DIGEST_LENGTH))
  return Array.from(
    { length: PAIRS },
    (_, i) => (bytes?.[2 * i] ?? 0) | ((bytes?.[2 * i + 1] ?? 0) << 8),
  )
}
