import { sha256 } from '#hash'
import { frontOf } from '../cache/front.ts'
import { MAX_TOKEN_LENGTH } from '../model/checks.ts'
import type { TokenClaims } from '../tokens/claims.ts'
import type { Identity } from './identity.ts'

/** A verified token. */
export interface RememberedToken {
  readonly claims: TokenClaims
  /** The identity at the last use. */
  identity: Identity | undefined
}

/**
 * Remembers tokens whose signature and claims were verified, so that they are not verified again.
 * Does not know whether their key is active.
 */
export interface TokenMemory {
  /** The unexpired token with that digest; undefined if it must be verified. */
  recall(digest: string | undefined, now: number): RememberedToken | undefined
  /** Keeps the claims of a token that has just been verified. */
  keep(digest: string, claims: TokenClaims): RememberedToken
}

/** The digest of the whole text of a token. Undefined if the text is longer than any token. */
export function tokenDigest(text: string): string | undefined {
  return text.length > MAX_TOKEN_LENGTH ? undefined : sha256(text)
}

/**
 * Keys tokens by the SHA-256 of their whole text, so no replayable token is stored. Another
 * spelling of the same token is verified separately.
 *
 * @param maxTokens How many tokens are remembered. A full memory drops the oldest entry.
 * @param clockToleranceMilliseconds How far the clock of the issuer may be ahead. The same as for
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
      // The token may have expired, or the clock may have gone back since it was verified.
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
