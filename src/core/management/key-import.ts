import * as base64url from 'jose/base64url'
import type { Metadata, StoredSecret } from '../model/api-key.ts'
import {
  hintProblem,
  isPlainObject,
  MAX_SECRET_LENGTH,
  membersProblem,
  timeOf,
  timeProblem,
} from '../model/checks.ts'
import { copyMembers } from '../model/copy.ts'
import { readInput, requireInput, TwinkeyError } from '../model/error.ts'
import type { CreateKeyInput } from '../model/key-input.ts'
import { digestUnder, isDigest, type Pepper, storedDigest } from '../secrets/digest.ts'
import { ALGORITHM_PROBLEM, type ImportedSecretFormat } from '../secrets/imported-secrets.ts'
import { hasOurPrefix, hintOf, mintId } from '../secrets/secret.ts'

/** The digest of a secret that another system issued. */
export interface ImportedDigest {
  /**
   * 32 bytes in the given encoding. Base64 ends with `=`, base64url has no padding, and hex may use
   * either case. In base64 and base64url, the unused bits of the last character must be zero.
   */
  readonly digest: string
  readonly encoding: 'hex' | 'base64' | 'base64url'
  readonly algorithm: 'sha-256' | 'hmac-sha-256'
  /** Only with `hmac-sha-256`: the name in `pepper.keys` of the other system's HMAC key. */
  readonly pepper?: string | undefined
  /** Bits of entropy that the other system's generator put into the secret. At least 112. */
  readonly entropyBits: number
  /** Up to four last characters of the secret, to show to people. No control characters. */
  readonly hint?: string | undefined
  /** When this secret expires: epoch milliseconds or a `Date`. Default: null, for never. */
  readonly expiresAt?: number | Date | null | undefined
}

/** A secret that another system issued, in plain text. Only its digest is stored. */
export interface ImportedSecret {
  /** 16 to 256 visible ASCII characters without a comma. */
  readonly secret: string
  /** Bits of entropy that the other system's generator put into the secret. At least 112. */
  readonly entropyBits: number
  /** When this secret expires: epoch milliseconds or a `Date`. Default: null, for never. */
  readonly expiresAt?: number | Date | null | undefined
}

/** A key whose secrets another system issued. */
export interface ImportKeyInput<M extends Metadata = Metadata>
  extends Omit<CreateKeyInput<M>, 'secondary'> {
  readonly primary: ImportedDigest | ImportedSecret
  readonly secondary?: ImportedDigest | ImportedSecret | undefined
}

// Below this, SP 800-63B requires a salted password hash instead of a plain digest.
const MIN_ENTROPY_BITS = 112
// The most that one visible ASCII character can carry: log2(94).
const MAX_BITS_PER_CHARACTER = 6.56
const SECRET_MEMBERS = ['secret', 'entropyBits', 'expiresAt']
const DIGEST_MEMBERS = [
  'digest',
  'encoding',
  'algorithm',
  'pepper',
  'entropyBits',
  'hint',
  'expiresAt',
]
const VISIBLE = /^[\x21-\x2b\x2d-\x7e]{16,256}$/

/** The options that imported secrets are checked against. */
export interface ImportRules {
  readonly importedSecrets: readonly ImportedSecretFormat[]
  readonly prefixes: readonly string[]
  readonly pepper: Pepper | undefined
}

/**
 * Checks an imported secret, and returns what to store for it.
 *
 * @param slot Name of the secret in error messages.
 */
export function readImported(
  given: ImportedDigest | ImportedSecret,
  slot: string,
  rules: ImportRules,
  now: number,
): StoredSecret {
  const input = readInput(() => copyMembers(given, [...SECRET_MEMBERS, ...DIGEST_MEMBERS]), slot) as
    | ImportedDigest
    | ImportedSecret
  requireInput(
    isPlainObject(input) ? undefined : 'must be an object with a digest or a secret',
    slot,
  )
  requireInput(membersProblem(input, 'secret' in input ? SECRET_MEMBERS : DIGEST_MEMBERS), slot)
  const { entropyBits } = input
  const expiresAt = timeOf(input.expiresAt ?? null)
  requireInput(
    typeof entropyBits === 'number' && entropyBits >= MIN_ENTROPY_BITS
      ? undefined
      : `must state entropyBits of at least ${MIN_ENTROPY_BITS}: a weaker secret can be guessed from its digest. Issue a new one instead`,
    slot,
  )
  requireInput(expiresAt === null ? undefined : timeProblem(expiresAt), `${slot}.expiresAt`)
  const { digest, hint } =
    'secret' in input ? digestOfSecret(input, slot, rules) : digestAsGiven(input, slot, rules)
  return { id: mintId(), digest, hint, createdAt: now, expiresAt }
}

function digestOfSecret(
  { secret, entropyBits }: ImportedSecret,
  slot: string,
  { importedSecrets, prefixes, pepper }: ImportRules,
): Pick<StoredSecret, 'digest' | 'hint'> {
  requireInput(
    typeof secret === 'string' && VISIBLE.test(secret)
      ? undefined
      : `must be 16 to ${MAX_SECRET_LENGTH} visible ASCII characters without a comma`,
    `${slot}.secret`,
  )
  requireInput(
    hasOurPrefix(secret, prefixes)
      ? 'begins with one of `prefixes`, so it would never be looked up'
      : undefined,
    `${slot}.secret`,
  )
  requireInput(
    secret.length * MAX_BITS_PER_CHARACTER < entropyBits
      ? 'is too short to have that many entropyBits'
      : undefined,
    `${slot}.secret`,
  )
  const kind = importedSecrets.find(
    ({ minLength, maxLength }) => secret.length >= minLength && secret.length <= maxLength,
  )
  if (kind === undefined) throw notLookedUp(slot)
  return { digest: digestUnder(kind.pepper, secret, pepper) as string, hint: hintOf(secret) }
}

function digestAsGiven(
  input: ImportedDigest,
  slot: string,
  { importedSecrets, pepper }: ImportRules,
): Pick<StoredSecret, 'digest' | 'hint'> {
  const { algorithm, hint = '' } = input
  const name = algorithm === 'hmac-sha-256' ? input.pepper : undefined
  requireInput(
    algorithm === 'sha-256' || algorithm === 'hmac-sha-256' ? undefined : ALGORITHM_PROBLEM,
    `${slot}.algorithm`,
  )
  requireInput(hintProblem(hint), `${slot}.hint`)
  if (algorithm === 'hmac-sha-256') {
    requireInput(
      typeof name === 'string' && pepper !== undefined && Object.hasOwn(pepper.keys, name)
        ? undefined
        : 'must name one of pepper.keys',
      `${slot}.pepper`,
    )
  }
  if (!importedSecrets.some((kind) => kind.algorithm === algorithm && kind.pepper === name))
    throw notLookedUp(slot)
  const encoded = base64urlOf(input)
  const digest = encoded && storedDigest(name, encoded)
  requireInput(
    isDigest(digest)
      ? undefined
      : 'must be 32 bytes in the given encoding (hex, base64 or base64url), and unused bits of the last character must be zero',
    `${slot}.digest`,
  )
  return { digest: digest as string, hint }
}

function base64urlOf({ digest, encoding }: ImportedDigest): string | undefined {
  if (typeof digest !== 'string') return undefined
  if (encoding === 'base64url') return digest
  if (encoding === 'base64') {
    return /^[A-Za-z0-9+/]{43}=$/.test(digest)
      ? digest.slice(0, -1).replaceAll('+', '-').replaceAll('/', '_')
      : undefined
  }
  if (encoding !== 'hex' || !/^[0-9A-Fa-f]{64}$/.test(digest)) return undefined
  return base64url.encode(
    Uint8Array.from(digest.match(/../g) as string[], (byte) => Number.parseInt(byte, 16)),
  )
}

function notLookedUp(slot: string): TwinkeyError {
  return new TwinkeyError(
    'invalid_input',
    `${slot} would never be looked up: add an entry to the option \`importedSecrets\` that fits its algorithm, pepper and length.`,
  )
}
