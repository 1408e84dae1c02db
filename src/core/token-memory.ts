import { sha256 } from '#hash'
import { MAX_TOKEN_LENGTH } from './bounds.ts'
import { frontOf } from './cache.ts'
import type { Identity } from './identity.ts'
import type { TokenClaims } from './tokens.ts'

/** A token that was verified before. */
export interface RememberedToken {
  readonly claims: TokenClaims
  /** Whose token it was when somebody last looked. */
  identity: Identity | undefined
}

/** Tokens whose signature and claims were verified before, so that they need not be verified again. Whether their key is live is asked each time. */
export interface TokenMemory {
  /** A token that was verified before and has not expired; undefined where it must be verified. */
  recall(text: string, now: number): RememberedToken | undefined
  /** Keeps what a token says that has just been verified. */
  keep(text: string, claims: TokenClaims): void
}

/**
 * Remembers tokens by the digest of their whole text: nothing is kept that could be sent by somebody else, and another spelling of the same token
 * is another text, to be verified by itself.
 *
 * @param maxTokens How many are remembered; the one kept longest makes room.
 * @param skewMilliseconds How far the clock that issued a token may be ahead, as for its verification.
 */
export function createTokenMemory(maxTokens: number, skewMilliseconds: number): TokenMemory {
  const kept = new Map<string, RememberedToken>()
  const oldest = frontOf(kept)
  return {
    recall(text, now) {
      if (kept.size === 0 || text.length > MAX_TOKEN_LENGTH) return undefined
      const digest = sha256(text)
      const remembered = kept.get(digest)
      if (remembered === undefined) return undefined
      const { issuedAt, expiresAt } = remembered.claims
      // The clock may have gone back since, or on past the end.
      if (now < expiresAt && issuedAt <= now + skewMilliseconds) return remembered
      kept.delete(digest)
      return undefined
    },
    keep(text, claims) {
      if (kept.size >= maxTokens) kept.delete(oldest.first() as string)
      else oldest.grown()
      kept.set(sha256(text), { claims, identity: undefined })
    },
  }
}
