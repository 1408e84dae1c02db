import * as base64url from 'jose/base64url'
import { hmacSha256, sha256 } from '#hash'
import type { Slot } from './secret.ts'

/**
 * A key for HMAC that is kept outside the database, so that a stolen table of digests cannot even be tested against a guess.
 *
 * `current` names the one that new secrets are stored under, or is null for none yet; the others stay so that secrets stored under them still
 * verify. To change it without a failed call: add the new one everywhere, make it current, and remove the old one when `keys.list({ pepper })`
 * shows no key that still needs it.
 */
export interface Pepper {
  readonly current: string | null
  readonly keys: Readonly<Record<string, Uint8Array>>
}

// 32 bytes in base64url.
const DIGEST_LENGTH = 43
const PLAIN = 'sha-256:'
const PEPPERED = 'hmac-sha-256:'
const DIGEST_WORDS = 8
// No secret has this digest.
const NO_DIGEST = /* @__PURE__ */ '\0'.repeat(4 * DIGEST_WORDS)
const NO_DIGESTS = /* @__PURE__ */ new Int32Array(2 * DIGEST_WORDS)
const DIGEST = /^(?:sha-256|hmac-sha-256:[A-Za-z0-9_-]{1,32}):[A-Za-z0-9_-]{43}$/

/** Whether `value` has the form of a stored digest. */
export function isDigest(value: unknown): value is string {
  return typeof value === 'string' && DIGEST.test(value)
}

/** What is stored of a secret. It names its algorithm and pepper, so that both can change while older secrets stay valid. */
export function digestSecret(secret: string, pepper: Pepper | undefined): string {
  return digestUnder(pepper?.current ?? undefined, secret, pepper) as string
}

/** The pepper that a stored digest names, or undefined where it is a plain hash. */
export function pepperOf(digest: string): string | undefined {
  return digest.startsWith(PLAIN) ? undefined : digest.slice(PEPPERED.length, digest.lastIndexOf(':'))
}

/** The digests of both slots of a key, laid out so that they are compared at once. */
export interface SlotDigests {
  /** The digest of the primary, and after it that of the secondary, four bytes to a word. */
  readonly words: Int32Array
  readonly primaryPepper: string | undefined
  readonly secondaryPepper: string | undefined
}

/** Lays the stored digests of both slots out for {@link matchSecret}; an absent one is zeros, which no secret has. */
export function slotDigests(primary: string, secondary: string | undefined): SlotDigests {
  const primaryPepper = pepperOf(primary)
  const words = new Int32Array(2 * DIGEST_WORDS)
  for (const [slot, digest] of [primary, secondary].entries()) {
    const bytes = digest === undefined ? '' : String.fromCharCode(...base64url.decode(digest.slice(-DIGEST_LENGTH)))
    for (let i = 0; i < DIGEST_WORDS && bytes !== ''; i++) words[slot * DIGEST_WORDS + i] = wordAt(bytes, i)
  }
  return { words, primaryPepper, secondaryPepper: secondary === undefined ? primaryPepper : pepperOf(secondary) }
}

/**
 * Which of the two stored digests is that of the secret. Both are always compared, in constant time, whatever the first comparison says; an
 * absent digest is compared like one that differs, so that the time tells nothing of which slots are filled.
 *
 * @param digests What is stored; undefined where there is no such key, and something is compared all the same.
 * @returns The slot, undefined for neither, or `'pepper_missing'` where a digest names a pepper that is not configured and the other does not match.
 */
export function matchSecret(
  secret: string,
  digests: SlotDigests | undefined,
  pepper: Pepper | undefined,
): Slot | 'pepper_missing' | undefined {
  const primaryPepper = digests === undefined ? (pepper?.current ?? undefined) : digests.primaryPepper
  const secondaryPepper = digests === undefined ? primaryPepper : digests.secondaryPepper
  const first = digestBytes(primaryPepper, secret, pepper)
  const second = secondaryPepper === primaryPepper ? first : digestBytes(secondaryPepper, secret, pepper)
  const words = digests?.words ?? NO_DIGESTS
  // In constant time, and all of both. What cannot be computed is in no slot, not even in an empty one.
  let primary = first === undefined ? 1 : 0
  let secondary = second === undefined ? 1 : 0
  for (let i = 0; i < DIGEST_WORDS; i++) {
    const word = wordAt(first ?? NO_DIGEST, i)
    primary |= word ^ (words[i] as number)
    secondary |= (second === first ? word : wordAt(second ?? NO_DIGEST, i)) ^ (words[DIGEST_WORDS + i] as number)
  }
  if (primary === 0) return 'primary'
  if (secondary === 0) return 'secondary'
  return first === undefined || second === undefined ? 'pepper_missing' : undefined
}

/** The digest of a secret under a pepper, or the plain one; undefined where no pepper of that name is configured. */
export function digestUnder(name: string | undefined, secret: string, pepper: Pepper | undefined): string | undefined {
  const bytes = digestBytes(name, secret, pepper)
  return bytes && storedDigest(name, inBase64url(bytes))
}

/** A digest in base64url in the form in which it is stored: with its algorithm and pepper. */
export function storedDigest(pepper: string | undefined, digest: string): string {
  return pepper === undefined ? PLAIN + digest : `${PEPPERED}${pepper}:${digest}`
}

function digestBytes(name: string | undefined, secret: string, pepper: Pepper | undefined): string | undefined {
  if (name === undefined) return sha256(secret)
  if (pepper === undefined || !Object.hasOwn(pepper.keys, name)) return undefined
  return hmacSha256(pepper.keys[name] as Uint8Array, secret)
}

function wordAt(bytes: string, word: number): number {
  const at = word * 4
  return bytes.charCodeAt(at) | (bytes.charCodeAt(at + 1) << 8) | (bytes.charCodeAt(at + 2) << 16) | (bytes.charCodeAt(at + 3) << 24)
}

/** SHA-256 of a text in base64url, without padding. */
export function digestOf(text: string): string {
  return inBase64url(sha256(text))
}

function inBase64url(bytes: string): string {
  return base64url.encode(Uint8Array.from(bytes, (byte) => byte.charCodeAt(0)))
}
