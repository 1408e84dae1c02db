import type { Metadata } from '../../core/model/api-key.ts'
import { copyList } from '../../core/model/copy.ts'
import { requireMembers } from '../../core/model/options-checks.ts'
import type { Requirement } from '../../guard/requirement.ts'
import { requireSecureUrl } from '../../http/secure-url.ts'
import { standard } from '../../profiles/standard.ts'
import type { Endpoint, Endpoints } from '../endpoints.ts'
import { oauthError, oauthRefusal } from '../tokens/oauth-answers.ts'
import { tokenEndpoints } from '../tokens/token-endpoints.ts'
import type { TokenService } from '../tokens/token-service.ts'
import { clientAuthentication } from './client-authentication.ts'
import { type Introspect, introspected } from './introspection.ts'
import { metadataEndpoints } from './metadata.ts'
import { revoked } from './revocation.ts'

/** Options of the OAuth endpoints. */
export interface OAuthEndpointOptions {
  /**
   * The URL at which the endpoints are mounted, like `https://api.example.com/oauth`. The metadata
   * names it. On loopback, http is possible too.
   */
  readonly url: string
  /**
   * Returns audiences if the key belongs to a resource server. The key may ask about tokens for
   * these audiences. Every key may ask about its own tokens. Default: no key may ask about others.
   *
   * @see RFC 7662, section 2.1
   */
  readonly introspect?: Introspect | undefined
  /** Limits refused credentials per peer, as on guarded routes. Default: no limit. */
  readonly throttle?: Requirement['throttle']
  /** The scopes that the metadata names, for example `['customers.read']`. Default: none. */
  readonly scopesSupported?: readonly string[] | undefined
  /**
   * The authorization servers that the metadata of the resources names. Add your own server for
   * interactive users here. Default: `tokens.issuer`.
   *
   * @see RFC 9728, section 2
   */
  readonly authorizationServers?: readonly string[] | undefined
}

/**
 * Creates an authorization server for clients that act for themselves. The `client_id` is the id of
 * a key, and both of its secrets are valid as `client_secret`.
 *
 * Below the mount point: `POST /token` (grant `client_credentials`, or the exchange of the standard
 * profile), `POST /introspect`, `POST /revoke` and `GET /jwks.json`. `GET /authorize` answers 400,
 * because clients expect it to exist. `rootRoutes` are the metadata of the server and of its
 * resources below `/.well-known/`: mount them with `atRoot`.
 *
 * @param twinkey The Twinkey that issues the tokens.
 * @param options The URL of the mount point is required.
 * @throws TypeError without a signing key, without an issuer that is an https URL, or for a wrong
 *   option. The message says what to do.
 * @see RFC 6749, RFC 7009, RFC 7662, RFC 8414, RFC 8707, RFC 9728
 * @example
 * ```ts
 * import express from 'express'
 * import { atRoot, createTwinkey } from 'twinkey'
 * import { mount } from 'twinkey/express'
 * import { oauthEndpoints } from 'twinkey/oauth'
 *
 * const origin = 'https://api.example.com'
 * const twinkey = createTwinkey({ tokens: { issuer: origin, audience: origin } })
 * const oauth = oauthEndpoints(twinkey, { url: `${origin}/oauth` })
 *
 * express().use(mount(atRoot(oauth))).use('/oauth', mount(oauth))
 * ```
 */
export function oauthEndpoints<M extends Metadata>(
  twinkey: TokenService<M>,
  options: OAuthEndpointOptions,
): Endpoints {
  const { url, introspect, throttle, scopesSupported, authorizationServers } = checkedOptions(
    options,
    twinkey,
  )
  const profile = standard()
  const tokens = tokenEndpoints(twinkey, { profile, throttle }).routes
  const endpointAt = (path: string) => tokens.find((each) => each.path === path) as Endpoint
  const counted = clientAuthentication(twinkey, profile, throttle)
  // A stolen token can use up the limits of its key. The key must still be able to revoke it.
  const uncounted = clientAuthentication(twinkey, profile, throttle, 0)
  return {
    routes: [
      { ...endpointAt(profile.exchangePath), path: '/token' },
      endpointAt('/jwks.json'),
      {
        method: 'POST',
        path: '/introspect',
        handle: counted((principal, parameters) =>
          introspected(twinkey, introspect, principal, parameters),
        ),
      },
      {
        method: 'POST',
        path: '/revoke',
        handle: uncounted((principal, parameters) => revoked(twinkey, principal, parameters)),
      },
      { method: 'GET', path: '/authorize', handle: async () => NO_AUTHORIZATION },
    ],
    rootRoutes: metadataEndpoints({
      issuer: twinkey.tokens.issuer,
      url,
      audiences: twinkey.audiences ?? [],
      scopesSupported,
      authorizationServers,
    }),
    secretQuery: ['client_secret'],
    refuse: oauthRefusal,
    flush: () => twinkey.flush(),
  }
}

const NO_AUTHORIZATION = oauthError(
  'unsupported_response_type',
  'This server has no authorization by a user. Use the grant client_credentials.',
)

const MEMBERS = ['url', 'introspect', 'throttle', 'scopesSupported', 'authorizationServers']

function checkedOptions<M extends Metadata>(given: OAuthEndpointOptions, twinkey: TokenService<M>) {
  if (typeof twinkey?.tokens?.issue !== 'function')
    throw new TypeError(
      'oauthEndpoints: the first argument must be the result of createTwinkey, as in oauthEndpoints(twinkey, { url }).',
    )
  const options = requireMembers(given, MEMBERS, 'The options of oauthEndpoints')
  const { introspect, throttle } = options
  requireSecureUrl(twinkey.tokens.issuer, 'oauthEndpoints: tokens.issuer of createTwinkey')
  if (introspect !== undefined && typeof introspect !== 'function')
    throw new TypeError(
      'oauthEndpoints: introspect must be a function from a principal to a list of audiences.',
    )
  return {
    url: requireSecureUrl(options.url, 'oauthEndpoints: url'),
    introspect,
    throttle,
    scopesSupported: namesOf(options.scopesSupported, 'scopesSupported'),
    authorizationServers: namesOf(options.authorizationServers, 'authorizationServers') ?? [
      twinkey.tokens.issuer,
    ],
  }
}

function namesOf(given: unknown, what: string): readonly string[] | undefined {
  if (given === undefined) return undefined
  const names = copyList(given)
  const isList = Array.isArray(names) && names.length > 0
  if (!isList || names.some((each) => typeof each !== 'string' || !/^[!#-[\]-~]+$/.test(each)))
    throw new TypeError(
      `oauthEndpoints: ${what} must be a list of texts without spaces, with at least one.`,
    )
  return Object.freeze(names)
}
