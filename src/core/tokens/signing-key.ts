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

/** A key of the token service: signs where it is private, verifies in any case. */
export interface SigningKey {
  /** RFC 7638 thumbprint. */
  readonly kid: string
  readonly algorithm: SigningAlgorithm
  readonly publicJwk: JWK
  /** Resolves to the key that verifies. Imported once. */
  verifying(): Promise<CryptoKey>
  /**
   * Resolves to the key that signs, or undefined where only the public half is here. Imported once.
   */
  signing(): Promise<CryptoKey | undefined>
}

interface KeyKind {
  readonly kty: string
  readonly crv?: string
  /**
   * The required members in the order of RFC 7638, section 3.2: what the thumbprint is computed
   * over.
   */
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
/** How many levels a JWK may have. */
export const MAX_JWK_DEPTH = 3

/**
 * Makes a private signing key to keep, as a JWK: store it where the deployment keeps its secrets,
 * and give it to every node.
 *
 * @param algorithm ES256 unless said otherwise.
 * @returns The private JWK with its `alg`. Its public half is what `tokens.jwks()` publishes.
 * @see RFC 7517, RFC 7518
 * @example
 * ```ts
 * import { generateSigningKey } from 'twinkey'
 *
 * console.log(JSON.stringify(await generateSigningKey()))
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
 * Reads one signing key, and checks that it can prove something: its numbers, and that a private
 * part belongs to its public one.
 *
 * @param known Keys that were read before. One of them is answered again, which saves the check.
 * @throws TypeError with what to do, where it is no JWK of a kind that can sign tokens.
 */
export function readSigningKey(
  given: unknown,
  where: string,
  known?: ReadonlyMap<string, SigningKey>,
): SigningKey {
  // The private part is imported when the first token is signed. By then the application may have
  // changed the object, or removed the part from it.
  const value = copyJson(given, MAX_JWK_DEPTH)
  if (!isPlainObject(value)) {
    throw new TypeError(
      `${where} must be a JWK object. Make one with generateSigningKey(), or export a KeyObject with { format: 'jwk' }. A string is not guessed at.`,
    )
  }
  const jwk: JWK = value
  if (jwk.kty === 'oct') {
    throw new TypeError(
      `${where} is a symmetric key. Whoever can verify with it can also forge, so it is not accepted: use generateSigningKey().`,
    )
  }
  const algorithm = jwk.alg ?? defaultAlgorithm(jwk)
  if (!isAlgorithm(algorithm)) {
    throw new TypeError(
      `${where} must say its "alg": ES256 for P-256, EdDSA for Ed25519, RS256 or PS256 for RSA. One key has one algorithm.`,
    )
  }
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
    : 'that takes P-256 for ES256, Ed25519 for EdDSA, and RSA of at least 2048 bits for RS256 and PS256'
  if (problem !== undefined)
    throw new TypeError(`${where} is not a key for ${algorithm}: ${problem}.`)
  const privateProblem = jwk.d === undefined ? undefined : kind.privateProblem(jwk)
  if (privateProblem !== undefined)
    throw new TypeError(
      `${where} has a private part that ${privateProblem}. Make a new one with generateSigningKey().`,
    )
  const publicJwk = Object.freeze({ ...members, alg: algorithm, use: 'sig', kid })
  // `key_ops` and `use` of the given JWK are dropped: the private half may sign, the public half
  // may verify, and nothing else is done with them.
  const verifying = once(() => imported(members, algorithm, where))
  const signing = once(async () => {
    if (jwk.d === undefined) return undefined
    const { key_ops: _operations, use: _use, ext: _extractable, ...rest } = jwk
    return imported(rest, algorithm, where)
  })
  return { kid, algorithm, publicJwk, verifying, signing }
}

// What a platform cannot do it says only when it is asked, and it answers later.
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

/** The keys of the token service. The first signs, all verify. */
export interface SigningKeys {
  /** Whether there is a first one. */
  readonly canSign: boolean
  first(): Promise<SigningKey>
  all(): Promise<readonly SigningKey[]>
  find(kid: string): SigningKey | undefined
}

/** The keys that are configured: at least one. */
export function configuredSigningKeys(keys: readonly SigningKey[]): SigningKeys {
  const byKid = new Map(keys.map((key) => [key.kid, key]))
  return {
    canSign: true,
    first: async () => keys[0] as SigningKey,
    all: async () => keys,
    find: (kid) => byKid.get(kid),
  }
}

/** One key that is made when it is first needed and dies with the process. */
export function ephemeralSigningKeys(made: () => void): SigningKeys {
  let current: SigningKey | undefined
  const make = once(async () => {
    current = readSigningKey(await generateSigningKey(), 'The ephemeral signing key')
    made()
    return current
  })
  return {
    canSign: true,
    first: make,
    all: async () => [await make()],
    find: (kid) => (current?.kid === kid ? current : undefined),
  }
}

/** No key at all: nothing can be signed, and no token is ours. */
export function noSigningKeys(): SigningKeys {
  return {
    canSign: false,
    async first() {
      throw new TwinkeyError(
        'signing_key_missing',
        'Tokens need tokens.signingKeys: an ephemeral key serves memoryStore() only. Make a key with generateSigningKey() and give it to every node.',
      )
    },
    all: async () => [],
    find: () => undefined,
  }
}
