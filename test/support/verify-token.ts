import type { RefusalReason } from '../../src/core/model/refusal.ts'
import type { TokenClaims } from '../../src/core/tokens/claims.ts'
import {
  createHeaderReader,
  type TokenRules,
  verifyToken as verifyInspected,
} from '../../src/core/tokens/token.ts'

/** Verifies a token from its text alone: header, key, signature and claims. */
export async function verifyToken(
  text: string,
  rules: TokenRules,
  now: number,
): Promise<TokenClaims | RefusalReason> {
  const header = createHeaderReader().read(text)
  return header === undefined ? 'token_malformed' : verifyInspected(text, header, rules, now)
}
