import type { Metadata } from '../../core/model/api-key.ts'
import type { Principal } from '../../core/model/principal.ts'
import { toScopeString } from '../../core/model/scope.ts'
import { jsonAnswer, type WireAnswer } from '../../http/profile.ts'
import type { Parameters } from '../tokens/client.ts'
import { oauthError, oauthRefusal } from '../tokens/oauth-answers.ts'
import type { TokenService } from '../tokens/token-service.ts'

/** Returns the audiences of the tokens that a key may ask about; undefined for none. */
export type Introspect = (principal: Principal) => readonly string[] | undefined

/**
 * Answers whether a token is active. Decides as a guard does: the key, its secret and its owner
 * count. Every token that the caller may not ask about gets the same inactive answer.
 *
 * @see RFC 7662
 */
export async function introspected<M extends Metadata>(
  twinkey: TokenService<M>,
  introspect: Introspect | undefined,
  principal: Principal<Metadata>,
  { token }: Parameters,
): Promise<WireAnswer> {
  if (typeof token !== 'string') return oauthError('invalid_request', 'Send the token as token=...')
  // Before the token is checked: a failure of the function must not reveal anything about it.
  const known = audiencesOf(introspect?.(principal as Principal))
  const found = await twinkey.tokens.verify(token, { networks: 'not checked here' })
  if (!found.ok)
    return found.refusal.code === 'unavailable' ? oauthRefusal(found.refusal) : inactive()
  const { key, scope, audience, tokenId, issuedAt, expiresAt } = found
  if (key.id !== principal.keyId && !known.includes(audience)) return inactive()
  return jsonAnswer(200, {
    active: true,
    scope: toScopeString(scope),
    ...scope,
    client_id: key.id,
    sub: key.id,
    ...(key.owner === null ? {} : { owner: key.owner }),
    token_type: 'Bearer',
    iss: twinkey.tokens.issuer,
    aud: audience,
    iat: issuedAt / 1000,
    exp: Math.floor(expiresAt / 1000),
    jti: tokenId,
    // The resource server sees the client. This endpoint does not.
    ...(key.networks === null ? {} : { networks: key.networks }),
  })
}

// The method `includes` of a text would find an audience in a longer one.
function audiencesOf(known: readonly string[] | undefined): readonly string[] {
  if (known === undefined) return []
  if (Array.isArray(known)) return known
  throw new TypeError(
    'oauthEndpoints: introspect must return a list of audiences, or undefined. It cannot be async.',
  )
}

function inactive(): WireAnswer {
  return jsonAnswer(200, { active: false })
}
