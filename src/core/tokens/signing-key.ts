import type { CryptoKey, JWK } from 'jose'
import { exportJWK } from 'jose/key/export'
import { generateKeyPair } from 'jose/key/generate/keypair'
import { importJWK } from 'jose/key/import'
import { isPlainObject } from '../model/checks.ts'
import { copyJson } from '../model/copy.ts'
import { TwinkeyError } from '../model/error.ts'
import { digestOf } from '../secrets/digest.ts'
import {
  ed25519PrivateProblem,
  ed25519Problem,
  p256PrivateProblem,
  p256Problem,
  rsaPrivateProblem,
  rsaProblem,
} from './key-numbers.ts'

/** The algorithms that tokens can be signed with (RFC 7518, RFC 8037). */
export type SigningAlgorithm = 'ES256' | 'EdDSA' | 'RS256' | 'PS256'

/** A key that verifies tokens. It also signs them if it has a private part. */
export interface SigningKey {
  /** RFC 7638 thumbprint. */
  readonly kid: string
  readonly algorithm: SigningAlgorithm
  readonly publicJwk: JWK
  /** Whether it has a private part. */
  readonly canSign: boolean
  /** From the member `iat`, which says when a JWK was made. Epoch milliseconds. */
  readonly createdAt: number | undefined
  /** Imports the verification key once. */
  verifying(): Promise<CryptoKey>
  /** Imports the private key once. Resolves to undefined for a public JWK. */
  signing(): Promise<CryptoKey | undefined>
}

interface KeyKind {
  readonly kty: string
  readonly crv?: string
  /** The members of the thumbprint, in the order of RFC 7638, section 3.2. */
  readonly members: readonly (keyof JWK)[]
  readonly problem: (jwk: JWK) => string | undefined
  readonly privateProblem: (jwk: JWK) => string | undefined
}

const RSA: KeyKind = {
  kty: 'RSA',
  members: ['e', 'kty', 'n'],
  problem: rsaProblem,
  privateProblem: rsaPrivateProblem,
}
const KINDS: Readonly<Record<SigningAlgorithm, KeyKind>> = {
  ES256: {
    kty: 'EC',
    crv: 'P-256',
    members: ['crv', 'kty', 'x', 'y'],
    problem: p256Problem,
    privateProblem: p256PrivateProblem,
  },
  EdDSA: {
    kty: 'OKP',
    crv: 'Ed25519',
    members: ['crv', 'kty', 'x'],
    problem: ed25519Problem,
    privateProblem: ed25519PrivateProblem,
  },
  RS256: RSA,
  PS256: RSA,
}
/** Maximum nesting depth of a JWK. */
export const MAX_JWK_DEPTH = 3

/**
 * Generates a private signing key. Store it with the other secrets of your deployment, and
 * configure it on every node.
 *
 * @param algorithm Default: ES256. RSA keys have 2048 bits.
 * @returns The private JWK with its `alg`, without `iat`: no clock is read. Add `iat`, the time in
 *   seconds, so that `npx twinkey doctor` can tell its age. `npx twinkey signing-key` adds it.
 *   `tokens.jwks()` publishes only the public part.
 * @throws TypeError for another algorithm.
 * @see RFC 7517, RFC 7518
 * @example
 * ```ts
 * import { generateSigningKey } from 'twinkey'
 *
 * const iat = Math.floor(Date.now() / 1000)
 * console.log(JSON.stringify({ ...(await generateSigningKey()), iat }))
 * ```
 */
export async function generateSigningKey(algorithm: SigningAlgorithm = 'ES256'): Promise<JWK> {
  if (!isAlgorithm(algorithm))
    throw new TypeError('generateSigningKey: algorithm must be ES256, EdDSA, RS256 or PS256')
  const { privateKey } = await generateKeyPair(algorithm, {
    extractable: true,
    modulusLength: 2048,
  })
  return { ...(await exportJWK(privateKey)), alg: algorithm }
}

/**
 * Reads one JWK. Checks that its numbers are a secure key, and that a private part belongs to the
 * public part.
 *
 * @param where Name of the JWK in error messages.
 * @param known Keys that were read before. A known public key is returned without a new check.
 * @throws TypeError for anything but a valid key of a supported algorithm.
 */
export function readSigningKey(
  given: unknown,
  where: string,
  known?: ReadonlyMap<string, SigningKey>,
): SigningKey {
  const { jwk, algorithm } = readJwk(given, where)
  const kind = KINDS[algorithm]
  const members: JWK = Object.fromEntries(kind.members.map((name) => [name, jwk[name]]))
  const isKind =
    jwk.kty === kind.kty &&
    (kind.crv ?? jwk.crv) === jwk.crv &&
    Object.values(members).every((each) => typeof each === 'string')
  const kid = isKind ? digestOf(JSON.stringify(members)) : ''
  const before = known?.get(kid)
  if (before?.algorithm === algorithm && jwk.d === undefined) return before
  const problem = isKind
    ? kind.problem(jwk)
    : 'use P-256 for ES256, Ed25519 for EdDSA, and RSA of at least 2048 bits for RS256 and PS256'
  if (problem !== undefined)
    throw new TypeError(`${where} is not a key for ${algorithm}: ${problem}.`)
  const privateProblem = jwk.d === undefined ? undefined : kind.privateProblem(jwk)
  if (privateProblem !== undefined)
    throw new TypeError(
      `${where} has a private part that ${privateProblem}. Make a new one with generateSigningKey().`,
    )
  const publicJwk = Object.freeze({ ...members, alg: algorithm, use: 'sig', kid })
  // Drops `key_ops` and `use` of the given JWK: they could forbid the import for signing or
  // verification.
  const verifying = once(() => imported(members, algorithm, where))
  const signing = once(async () => {
    if (jwk.d === undefined) return undefined
    const { key_ops: _operations, use: _use, ext: _extractable, ...rest } = jwk
    return imported(rest, algorithm, where)
  })
  return {
    kid,
    algorithm,
    publicJwk,
    canSign: jwk.d !== undefined,
    createdAt: createdAtOf(jwk),
    verifying,
    signing,
  }
}

// The types of jose do not have the member.
function createdAtOf({ iat }: JWK & { readonly iat?: unknown }): number | undefined {
  return typeof iat === 'number' ? iat * 1000 : undefined
}

function readJwk(given: unknown, where: string): { jwk: JWK; algorithm: SigningAlgorithm } {
  // The private part is imported when the first token is signed. The application may have changed
  // the object by then.
  const value = copyJson(given, MAX_JWK_DEPTH)
  if (!isPlainObject(value)) {
    throw new TypeError(
      `${where} must be a JWK object. Make one with generateSigningKey(), or export a KeyObject with { format: 'jwk' }. Parse JSON text first.`,
    )
  }
  const jwk: JWK = value
  if (jwk.kty === 'oct') {
    throw new TypeError(
      `${where} is a symmetric key, which is not accepted: every service that can verify with it can also forge tokens. Use generateSigningKey().`,
    )
  }
  const algorithm = jwk.alg ?? defaultAlgorithm(jwk)
  if (!isAlgorithm(algorithm)) {
    throw new TypeError(
      `${where} must have an "alg": ES256 for P-256, EdDSA for Ed25519, RS256 or PS256 for RSA. One key has one algorithm.`,
    )
  }
  return { jwk, algorithm }
}

// Platforms report an unsupported algorithm only when a key is imported.
async function imported(jwk: JWK, algorithm: SigningAlgorithm, where: string): Promise<CryptoKey> {
  try {
    return (await importJWK(jwk, algorithm)) as CryptoKey
  } catch (cause) {
    throw new TwinkeyError(
      'signing_key_invalid',
      `${where} is a key for ${algorithm} that this platform cannot use. Choose another algorithm for generateSigningKey().`,
      { cause },
    )
  }
}

function isAlgorithm(value: unknown): value is SigningAlgorithm {
  return typeof value === 'string' && Object.hasOwn(KINDS, value)
}

function defaultAlgorithm(jwk: JWK): SigningAlgorithm | undefined {
  if (jwk.kty === 'EC') return 'ES256'
  return jwk.kty === 'OKP' ? 'EdDSA' : undefined
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined
  return () => {
    made ??= make()
    return made
  }
}

/** The keys of the token service. The first key signs, and all keys verify. */
export interface SigningKeys {
  /** False if there are no keys. Then `first` rejects with `signing_key_missing`. */
  readonly canSign: boolean
  first(): Promise<SigningKey>
  all(): Promise<readonly SigningKey[]>
  find(kid: string): SigningKey | undefined
}

/** The keys of `tokens.signingKeys`: at least one. */
export function configuredSigningKeys(keys: readonly SigningKey[]): SigningKeys {
  const byKid = new Map(keys.map((key) => [key.kid, key]))
  return {
    canSign: true,
    first: async () => keys[0] as SigningKey,
    all: async () => keys,
    find: (kid) => byKid.get(kid),
  }
}

/**
 * One key that is generated at first use and is lost when the process ends.
 *
 * @param onGenerated Called once the key exists.
 */
export function ephemeralSigningKeys(onGenerated: () => void): SigningKeys {
  let current: SigningKey | undefined
  const make = once(async () => {
    current = readSigningKey(await generateSigningKey(), 'The ephemeral signing key')
    onGenerated()
    return current
  })
  return {
    canSign: true,
    first: make,
    all: async () => [await make()],
    find: (kid) => (current?.kid === kid ? current : undefined),
  }
}

/** No keys: issuing rejects, and no token verifies. */
export function noSigningKeys(): SigningKeys {
  return {
    canSign: false,
    async first() {
      throw new TwinkeyError(
        'signing_key_missing',
        'Set tokens.signingKeys to issue tokens. An ephemeral key is used with memoryStore() only. Make a key with generateSigningKey() and configure it on every node.',
      )
    },
    all: async () => [],
    find: () => undefined,
  }
}
