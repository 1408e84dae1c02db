import type { Metadata } from '../../core/model/api-key.ts'
import type { Principal } from '../../core/model/principal.ts'
import { mayHoldSecret } from '../../core/secrets/secret.ts'
import { isTokenLike } from '../../core/tokens/token.ts'
import { jsonAnswer, type WireAnswer } from '../../http/profile.ts'
import type { Parameters } from '../tokens/client.ts'
import { oauthError, oauthRefusal } from '../tokens/oauth-answers.ts'
import type { TokenService } from '../tokens/token-service.ts'

/**
 * Revokes one token of the caller. The answer does not reveal whether the token existed.
 *
 * @see RFC 7009
 */
export async function revoked<M extends Metadata>(
  twinkey: TokenService<M>,
  { keyId }: Principal<Metadata>,
  { token }: Parameters,
): Promise<WireAnswer> {
  if (typeof token !== 'string') return oauthError('invalid_request', 'Send the token as token=...')
  if (!isTokenLike(token) && mayHoldSecret(token))
    return oauthError(
      'unsupported_token_type',
      'Only tokens can be revoked here. Renew or revoke the key to end a secret.',
    )
  const outcome = await twinkey.tokens.revoke(token, { keyId })
  return outcome.ok ? DONE : oauthRefusal(outcome.refusal)
}

// Clients ignore the body, but simple-oauth2 fails if it is not JSON.
const DONE = jsonAnswer(200, {})
