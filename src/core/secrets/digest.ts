import * as base64url from 'jose/base64url'
import { hmacSha256, sha256 } from '#hash'
import type { Slot } from './secret.ts'

/**
 * A key for HMAC that is kept outside the database, so that a stolen table of digests cannot even
 * be tested against a guess.
 *
 * `current` names the one that new secrets are stored under, or is null for none yet; the others
 * stay so that secrets stored under them still verify. To change it without a failed call: add the
 * new one everywhere, make it current, and remove the old one when `keys.list({ pepper })` shows no
 * key that still needs it.
 */
export interface Pepper {
  readonly current: string | null
  readonly keys: Readonly<Record<string, Uint8Array>>
}

// 32 bytes in base64url.
const DIGEST_LENGTH = 43
const PLAIN = 'sha-256:'
const PEPPERED = 'hmac-sha-256:'
// A digest at work is text of two bytes to a character, which is the form that a runtime hashes
// into, and the smallest to keep.
const PAIRS = 16
// No secret has this digest.
const NO_DIGEST = /* @__PURE__ */ '\0'.repeat(16)
const NO_DIGESTS = /* @__PURE__ */ '\0'.repeat(32)
// The last character carries four bits of the digest. Its other two bits must be zero: decoders
// ignore them, so one digest would have four spellings.
const DIGEST = /^(?:sha-256|hmac-sha-256:[A-Za-z0-9_-]{1,32}):[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/

/** Whether `value` is a stored digest in canonical form. Equal bytes have equal text. */
export function isDigest(value: unknown): value is string {
  return typeof value === 'string' && DIGEST.test(value)
}

/**
 * What is stored of a secret. It names its algorithm and pepper, so that both can change while
 * older secrets stay valid.
 */
export function digestSecret(secret: string, pepper: Pepper | undefined): string {
  return digestUnder(pepper?.current ?? undefined, secret, pepper) as string
}

/** The pepper that a stored digest names, or undefined where it is a plain hash. */
export function pepperOf(digest: string): string | undefined {
  return digest.startsWith(PLAIN)
    ? undefined
    : digest.slice(PEPPERED.length, digest.lastIndexOf(':'))
}

/** The digests of both slots of a key, laid out so that they are compared at once. */
export interface SlotDigests {
  /** The digest of the primary, and after it that of the secondary, two bytes to a character. */
  readonly pairs: string
  readonly primaryPepper: string | undefined
  readonly secondaryPepper: string | undefined
}

/**
 * Lays the stored digests of both slots out for {@link matchSecret}; an absent one is zeros, which
 * no secret has.
 */
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
 * Which of the two stored digests is that of the secret. Both are always compared, in constant
 * time, whatever the first comparison says; an absent digest is compared like one that differs, so
 * that the time tells nothing of which slots are filled.
 *
 * @param digests What is stored; undefined where there is no such key, and something is compared
 *   all the same.
 * @returns The slot, undefined for neither, or `'pepper_missing'` where a digest names a pepper
 *   that is not configured and the other does not match.
 */
export function matchSecret(
  secret: string,
  digests: SlotDigests | undefined,
  pepper: Pepper | undefined,
): Slot | 'pepper_missing' | undefined {
  const primaryPepper =
    digests === undefined ? (pepper?.current ?? undefined) : digests.primaryPepper
  const secondaryPepper = digests === undefined ? primaryPepper : digests.secondaryPepper
  const isShared = secondaryPepper === primaryPepper
  const first = digestBytes(primaryPepper, secret, pepper)
  const second = isShared ? first : digestBytes(secondaryPepper, secret, pepper)
  const pairs = digests?.pairs ?? NO_DIGESTS
  const one = first ?? NO_DIGEST
  const other = second ?? NO_DIGEST
  // In constant time, and all of both. What cannot be computed is in no slot, not even in an empty
  // one.
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
 * The digest of a secret under a pepper, or the plain one; undefined where no pepper of that name
 * is configured.
 */
export function digestUnder(
  name: string | undefined,
  secret: string,
  pepper: Pepper | undefined,
): string | undefined {
  const bytes = digestBytes(name, secret, pepper)
  return bytes && storedDigest(name, inBase64url(bytes))
}

/** A digest in base64url in the form in which it is stored: with its algorithm and pepper. */
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

/** SHA-256 of a text in base64url, without padding. */
export function digestOf(text: string): string {
  return inBase64url(sha256(text))
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
