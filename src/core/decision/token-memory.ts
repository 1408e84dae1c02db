import { sha256 } from '#hash'
import { frontOf } from '../cache/front.ts'
import { MAX_TOKEN_LENGTH } from '../model/checks.ts'
import type { TokenClaims } from '../tokens/token.ts'
import type { Identity } from './identity.ts'

/** A token that was verified before. */
export interface RememberedToken {
  readonly claims: TokenClaims
  /** Whose token it was when somebody last looked. */
  identity: Identity | undefined
}

/**
 * Tokens whose signature and claims were verified before, so that they need not be verified again.
 * Whether their key is live is asked each time.
 */
export interface TokenMemory {
  /**
   * The token of that digest, which was verified before and has not expired; undefined where it
   * must be verified.
   */
  recall(digest: string | undefined, now: number): RememberedToken | undefined
  /** Keeps the claims of the token of that digest, which has just been verified. */
  keep(digest: string, claims: TokenClaims): RememberedToken
}

/**
 * What a token is remembered by: the digest of its whole text. Undefined where that is longer than
 * any token.
 */
export function tokenDigest(text: string): string | undefined {
  return text.length > MAX_TOKEN_LENGTH ? undefined : sha256(text)
}

/**
 * Remembers tokens by the digest of their whole text: nothing is kept that could be sent by
 * somebody else, and another spelling of the same token is another text, to be verified by itself.
 *
 * @param maxTokens How many are remembered; the one kept longest makes room.
 * @param clockToleranceMilliseconds How far the clock that issued a token may be ahead, as for its
 *   verification.
 */
export function createTokenMemory(
  maxTokens: number,
  clockToleranceMilliseconds: number,
): TokenMemory {
  const kept = new Map<string, RememberedToken>()
  const oldest = frontOf(kept)
  return {
    recall(digest, now) {
      const remembered = digest && kept.get(digest)
      if (!remembered) return undefined
      const { issuedAt, expiresAt } = remembered.claims
      // The clock may have gone back since, or on past the end.
      if (now < expiresAt && issuedAt <= now + clockToleranceMilliseconds) return remembered
      kept.delete(digest)
      return undefined
    },
    keep(digest, claims) {
      if (kept.size >= maxTokens) kept.delete(oldest.first() as string)
      else oldest.grown()
      const token = { claims, identity: undefined }
      kept.set(digest, token)
      return token
    },
  }
}
