import type { Metadata } from '../../core/model/api-key.ts'
import { requireMembers } from '../../core/model/options-checks.ts'
import { isRefusal, REFUSALS } from '../../core/model/refusal.ts'
import { createGuard, isAnswer } from '../../guard/guard.ts'
import type { Requirement } from '../../guard/requirement.ts'
import { jsonAnswer, type Profile } from '../../http/profile.ts'
import { standard } from '../../profiles/standard.ts'
import type { Endpoint, Endpoints } from '../endpoints.ts'
import { requirePath } from '../path.ts'
import { exchangeEndpoint } from './exchange.ts'
import type { TokenService } from './token-service.ts'

/** Options of the token endpoints. */
export interface TokenEndpointOptions {
  /** The wire convention. Default: {@link standard}. */
  readonly profile?: Profile | undefined
  /** Limits refused credentials per peer, as on guarded routes. Default: no limit. */
  readonly throttle?: Requirement['throttle']
}

const JWKS_MAX_AGE_SECONDS = 300

/**
 * Creates the token service: `POST /` exchanges a secret for a token, `GET /test` shows the
 * principal of a credential, and `GET /jwks.json` publishes the public keys that verify tokens. A
 * profile may put the exchange at another path. The exchange reads the body under any Content-Type,
 * and only if the secret is valid. Before that, it reads a form, or any body beside Basic, if no
 * secret is in a header and the profile has client credentials.
 *
 * @param twinkey The Twinkey that issues the tokens. A verifier cannot.
 * @param options A profile (default: the standard profile) and a throttle (default: none).
 * @returns Endpoints for the `mount` of an adapter.
 * @throws TypeError without a Twinkey, without a signing key for a store other than
 *   `memoryStore()`, or if the profile has no valid `exchangePath`.
 * @see RFC 6749 section 5.1, RFC 7517
 * @example
 * ```ts
 * import express from 'express'
 * import { createTwinkey, tokenEndpoints } from 'twinkey'
 * import { mount } from 'twinkey/express'
 *
 * express().use('/tokens', mount(tokenEndpoints(createTwinkey())))
 * ```
 */
export function tokenEndpoints<M extends Metadata>(
  twinkey: TokenService<M>,
  options: TokenEndpointOptions = {},
): Endpoints {
  requireIssuer(twinkey)
  const { profile = standard(), throttle } = requireMembers(
    options,
    ['profile', 'throttle'],
    'The options of tokenEndpoints',
  )
  const exchange = exchangeEndpoint(twinkey, profile, throttle)
  const path = requirePath(profile.exchangePath, 'tokenEndpoints: profile.exchangePath')
  return {
    routes: [
      { method: 'POST', path, handle: exchange },
      { method: 'GET', path: '/test', handle: testEndpoint(twinkey, profile, throttle) },
      { method: 'GET', path: '/jwks.json', handle: jwksEndpoint(twinkey) },
    ],
    secretQuery: [
      ...(profile.secretQuery ?? []),
      ...(profile.clientCredentials ? ['client_secret'] : []),
    ],
    refuse: (refusal) => profile.refuse(refusal),
    flush: () => twinkey.flush(),
  }
}

// Called before the options are read: a verifier, or the arguments of a framework, get this error.
function requireIssuer<M extends Metadata>(twinkey: TokenService<M>): void {
  if (typeof twinkey?.tokens?.issue !== 'function') {
    throw new TypeError(
      'tokenEndpoints: the first argument must be the result of createTwinkey, as in tokenEndpoints(twinkey). A verifier cannot issue tokens.',
    )
  }
  if (!twinkey.tokens.canIssue) {
    throw new TypeError(
      'tokenEndpoints: set tokens.signingKeys. An ephemeral key is used with memoryStore() only. Make a key with generateSigningKey() and configure it on every node.',
    )
  }
}

function testEndpoint<M extends Metadata>(
  twinkey: TokenService<M>,
  profile: Profile,
  throttle: Requirement['throttle'],
): Endpoint['handle'] {
  // Describes tokens for every audience, because their issuer is the one to ask.
  const resource = twinkey.audiences
  const guard = createGuard(twinkey, { profile, anyTarget: true, throttle, resource })
  return async (request) => {
    const outcome = await guard.evaluate(request)
    if (isAnswer(outcome)) return outcome
    if (outcome.principal === undefined) return profile.refuse(REFUSALS.credentialMissing)
    const { principal, headers } = outcome
    const tested = await twinkey.ask(() => profile.tokenTested(principal))
    const answer = isRefusal(tested) ? profile.refuse(tested) : tested
    return headers === undefined
      ? answer
      : { ...answer, headers: { ...headers, ...answer.headers } }
  }
}

function jwksEndpoint<M extends Metadata>(twinkey: TokenService<M>): Endpoint['handle'] {
  return async () =>
    jsonAnswer(200, await twinkey.tokens.jwks(), {
      'cache-control': `public, max-age=${JWKS_MAX_AGE_SECONDS}`,
    })
}
