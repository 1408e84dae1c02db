import type { TokenVerifier } from '../decision/token-verifier.ts'
import { isTwinkeyError, TwinkeyError } from '../model/error.ts'
import type { Emit } from '../model/events.ts'
import type { Refused } from '../model/principal.ts'
import { REFUSALS } from '../model/refusal.ts'
import { tokenRevoked } from '../model/transitions.ts'
import { redactError } from '../store/store-error.ts'
import type { TokenClaims } from '../tokens/claims.ts'
import type { KeyChange, KeyWrites } from './key-writes.ts'

/** The result of a revocation. */
export interface TokenRevocation {
  readonly ok: true
  /** False if the text is not a token that is valid here, or is a token of another key. */
  readonly revoked: boolean
}

/** What the revocation of tokens needs. */
export interface TokenRevocationParts {
  readonly verifier: TokenVerifier
  readonly writes: KeyWrites
  readonly emit: Emit | undefined
  readonly now: () => number
}

/** Implements `tokens.revoke`. */
export function createTokenRevocation({ verifier, writes, emit, now }: TokenRevocationParts) {
  const outcome = (revoked: boolean): TokenRevocation => ({ ok: true, revoked })

  // Whether the key is active does not matter: a disabled key may be enabled again.
  async function claimsOf(token: string) {
    const header = typeof token === 'string' ? verifier.inspect(token) : 'token_malformed'
    if (typeof header === 'string') return undefined
    const found = await verifier.verify(token, header)
    return typeof found === 'string' ? undefined : found.claims
  }

  function changeOf({ tokenId, expiresAt }: TokenClaims): KeyChange {
    return {
      check() {},
      transition(key) {
        const next = tokenRevoked(key, tokenId, expiresAt, now())
        if (next === undefined)
          throw new TwinkeyError('store_unavailable', 'Too many tokens of this key are revoked.')
        return next
      },
      // The pane and the history show only changes to keys, not to single tokens.
      entry: () => undefined,
    }
  }

  function unavailable(error: TwinkeyError): Refused {
    const message = 'A token may not have been revoked.'
    emit?.({ type: 'warning.store_unavailable', at: now(), message, error: redactError(error) })
    return { ok: false, refusal: REFUSALS.unavailable }
  }

  return async (
    token: string,
    { keyId }: { readonly keyId?: string | undefined } = {},
  ): Promise<TokenRevocation | Refused> => {
    try {
      const claims = await claimsOf(token)
      if (claims === undefined || (keyId !== undefined && claims.keyId !== keyId))
        return outcome(false)
      await writes.updateWithRetry(claims.keyId, changeOf(claims))
      return outcome(true)
    } catch (error) {
      if (!isTwinkeyError(error)) throw error
      // The tokens of a deleted key are no longer valid.
      return error.code === 'key_not_found' ? outcome(false) : unavailable(error)
    }
  }
}
