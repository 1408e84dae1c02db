import type { RefusalReason } from '../model/refusal.ts'
import type { TokenHeader } from '../tokens/token.ts'
import { matchedToken } from './credential-match.ts'
import { type CredentialDenial, invalid } from './denial.ts'
import type { FreshRecords } from './fresh-records.ts'
import type { Identity } from './identity.ts'
import type { Credential } from './route-requirement.ts'
import { type Steps, wait } from './steps.ts'
import type { TokenVerifier } from './token-verifier.ts'

/** A token whose header and `kid` are possible here. Its signature is not verified yet. */
export interface InspectedToken {
  readonly kind: 'token'
  readonly text: string
  readonly kinds: Credential['kinds']
  readonly header: TokenHeader
}

/** Identifies a caller by a token. */
export interface TokenIdentifier {
  /** Checks header and `kid`, without waiting. */
  inspect(text: string, kinds: Credential['kinds']): InspectedToken | CredentialDenial
  /** Verifies the token and finds its key. */
  identify(token: InspectedToken, since: number): Steps<Identity | CredentialDenial>
}

export function createTokenIdentifier(
  tokens: TokenVerifier,
  records: FreshRecords,
  now: () => number,
): TokenIdentifier {
  // If a secret is accepted too, a text that names another issuer is not an imported secret either.
  function refused(
    text: string,
    kinds: Credential['kinds'],
    reason: RefusalReason,
  ): CredentialDenial {
    const issuedElsewhere = !tokens.isOwn(text)
    const shown = issuedElsewhere && kinds !== 'token' ? 'prefix_unknown' : reason
    return invalid(shown, undefined, issuedElsewhere)
  }

  return {
    inspect(text, kinds) {
      const header = tokens.inspect(text)
      return typeof header === 'string'
        ? refused(text, kinds, header)
        : { kind: 'token', text, kinds, header }
    },
    *identify({ text, kinds, header }, since) {
      const verified = tokens.verify(text, header)
      const token = 'then' in verified ? yield* wait(verified) : verified
      if (typeof token === 'string') return refused(text, kinds, token)
      const { keyId, expiresAt } = token.claims
      if (now() >= expiresAt) return invalid('token_expired', keyId)
      return yield* records.settle(keyId, text, since, (cached, at) =>
        matchedToken(token, cached, at),
      )
    },
  }
}
