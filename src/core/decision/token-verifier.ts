import type { RefusalReason } from '../model/refusal.ts'
import {
  createHeaderReader,
  isIssuedBy,
  type TokenHeader,
  type TokenRules,
  verifyToken,
} from '../tokens/token.ts'
import { createTokenMemory, type RememberedToken, tokenDigest } from './token-memory.ts'

/** Verifies tokens and remembers valid ones. Does not check whether their key is active. */
export interface TokenVerifier {
  /**
   * Returns a token that was verified before and has not expired. Does not wait.
   *
   * @param age Default: `fresh`. `any` also returns a token while the set of signing keys is due to
   *   be fetched again.
   */
  recall(text: string, at: number, age?: 'fresh' | 'any'): RememberedToken | undefined
  /**
   * Checks form, header and `kid`, without waiting. Returns the header, or why the token cannot
   * have been issued here.
   */
  inspect(text: string): TokenHeader | RefusalReason
  /**
   * Checks signature and claims. Returns the token, or the reason for its refusal. Does not wait for
   * a token that is remembered, unless the set of signing keys is due to be fetched again.
   */
  verify(
    text: string,
    header: TokenHeader,
  ): RememberedToken | Promise<RememberedToken | RefusalReason>
  /** Whether a text names our issuer. Unverified: a forged token may name it too. */
  isOwn(text: string): boolean
  /** Forgets every token: a signing key was withdrawn. */
  forget(): void
}

/** The rules, and how signing keys are found. */
export interface TokenVerifierParts extends TokenRules {
  /** False if no key has that id. Does not wait, so true if that is not known yet. */
  readonly mayHaveKey: (kid: string) => boolean
  /**
   * Whether the set of signing keys is recent enough to trust its earlier verifications. Default:
   * always.
   */
  readonly areKeysUsable?: () => boolean
  /** Resolves when the set of signing keys is recent enough. */
  readonly refreshKeys?: () => Promise<void>
  /** How many tokens are remembered. */
  readonly maxTokens: number
  readonly now: () => number
}

export function createTokenVerifier(parts: TokenVerifierParts): TokenVerifier {
  const {
    issuer,
    clockToleranceSeconds,
    mayHaveKey,
    areKeysUsable = () => true,
    refreshKeys,
    maxTokens,
    now,
  } = parts
  const headers = createHeaderReader()
  let memory = createTokenMemory(maxTokens, clockToleranceSeconds * 1000)

  async function verifyAnew(
    text: string,
    header: TokenHeader,
    digest: string | undefined,
    isRemembered: boolean,
  ): Promise<RememberedToken | RefusalReason> {
    // The set of signing keys is due to be fetched. If it still has all of them, the token is still
    // remembered.
    if (isRemembered) await refreshKeys?.()
    const remembered = isRemembered ? memory.recall(digest, now()) : undefined
    if (remembered !== undefined) return remembered
    const asked = memory
    const claims = await verifyToken(text, header, parts, now())
    if (typeof claims === 'string') return claims
    headers.remember(text, header)
    // Does not keep the token if a signing key was withdrawn meanwhile, because that key may have
    // verified it.
    return digest !== undefined && asked === memory
      ? memory.keep(digest, claims)
      : { claims, identity: undefined }
  }

  return {
    recall(text, at, age = 'fresh') {
      const token = memory.recall(tokenDigest(text), at)
      return token !== undefined && age === 'fresh' && !areKeysUsable() ? undefined : token
    },
    inspect(text) {
      const header = headers.read(text)
      if (header === undefined) return 'token_malformed'
      if (mayHaveKey(header.kid)) return header
      return isIssuedBy(text, issuer) ? 'token_key_unknown' : 'token_issuer_unknown'
    },
    verify(text, header) {
      const digest = tokenDigest(text)
      const remembered = memory.recall(digest, now())
      return remembered !== undefined && areKeysUsable()
        ? remembered
        : verifyAnew(text, header, digest, remembered !== undefined)
    },
    isOwn: (text) => isIssuedBy(text, issuer),
    forget() {
      memory = createTokenMemory(maxTokens, clockToleranceSeconds * 1000)
    },
  }
}
