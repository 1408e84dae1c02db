import type { WireAnswer } from '../../http/profile.ts'
import { jsonAnswer } from '../../http/profile.ts'
import { isSecureUrl } from '../../http/secure-url.ts'
import type { Endpoint } from '../endpoints.ts'
import { requirePath } from '../path.ts'

const MAX_AGE_SECONDS = 300
const AUTHORIZATION_SERVER = '/.well-known/oauth-authorization-server'
const OPENID = '/.well-known/openid-configuration'
const PROTECTED_RESOURCE = '/.well-known/oauth-protected-resource'
const CLIENT_METHODS = ['client_secret_basic', 'client_secret_post']

/** What the metadata says. All URLs are absolute. */
export interface MetadataParts {
  readonly issuer: string
  /** The URL of the mount point, without a slash at the end. */
  readonly url: string
  /** The audiences that tokens can be for. */
  readonly audiences: readonly string[]
  readonly scopesSupported: readonly string[] | undefined
  /** The servers that issue tokens for the resources. */
  readonly authorizationServers: readonly string[]
}

/**
 * Returns the URL of the metadata of a resource: the well-known path goes between host and path.
 *
 * @param resource The URI of the resource, one of `tokens.audience` and `resources`.
 * @throws TypeError if the resource is not an https URL. On loopback, http is possible too.
 * @see RFC 9728, section 3.1
 * @example
 * ```ts
 * import { resourceMetadataUrl } from 'twinkey/oauth'
 * import { standard } from 'twinkey/profiles'
 *
 * const resource = 'https://api.example.com/mcp'
 * const profile = standard({ resourceMetadata: resourceMetadataUrl(resource) })
 * console.log(profile.name)
 * ```
 */
export function resourceMetadataUrl(resource: string): string {
  if (!isSecureUrl(resource))
    throw new TypeError(
      'resourceMetadataUrl: the resource must be an https URL like https://api.example.com/mcp, without a query. On loopback, http is possible too.',
    )
  const { origin } = new URL(resource)
  return `${origin}${PROTECTED_RESOURCE}${pathOf(resource)}`
}

/**
 * The endpoints below `/.well-known/`. The issuer and all URLs come from the configuration, never
 * from the request.
 *
 * @see RFC 8414, RFC 9728
 */
export function metadataEndpoints(parts: MetadataParts): Endpoint[] {
  const path = pathOf(parts.issuer)
  const server = authorizationServerOf(parts)
  const documents = new Map<string, unknown>()
  for (const place of [AUTHORIZATION_SERVER, OPENID])
    for (const suffix of ['', path]) documents.set(`${place}${suffix}`, server)
  // The place of OpenID Connect Discovery, section 4.
  documents.set(`${path}${OPENID}`, server)
  const resources = parts.audiences.filter((each) => isHere(each, parts.url))
  for (const resource of resources)
    documents.set(`${PROTECTED_RESOURCE}${pathOf(resource)}`, resourceOf(resource, parts))
  // If no resource is the root, the first one is served there too, because clients that know no
  // path look there.
  const [first] = resources
  if (first !== undefined && !documents.has(PROTECTED_RESOURCE))
    documents.set(PROTECTED_RESOURCE, resourceOf(first, parts))
  const known = [...documents].map(([at, document]) => endpoint(at, () => published(document)))
  const unknown = [AUTHORIZATION_SERVER, OPENID, PROTECTED_RESOURCE].flatMap((place) =>
    ['', '/:first', '/:first/:second']
      .map((suffix) => `${place}${suffix}`)
      .filter((at) => !documents.has(at))
      .map((at) => endpoint(at, notFound)),
  )
  return [...known, ...unknown]
}

function endpoint(path: string, answer: () => WireAnswer): Endpoint {
  return { method: 'GET', path, handle: async () => answer() }
}

function published(document: unknown): WireAnswer {
  return jsonAnswer(200, document, {
    'cache-control': `public, max-age=${MAX_AGE_SECONDS}`,
    'access-control-allow-origin': '*',
  })
}

// Clients that search for the metadata continue after a 404, and some fail if it is not JSON.
function notFound(): WireAnswer {
  return jsonAnswer(404, { error: 'not_found' }, { 'access-control-allow-origin': '*' })
}

function authorizationServerOf({ issuer, url, scopesSupported }: MetadataParts) {
  return {
    issuer,
    // There is no authorization by a user. Some clients reject metadata without these two members.
    authorization_endpoint: `${url}/authorize`,
    response_types_supported: [],
    token_endpoint: `${url}/token`,
    token_endpoint_auth_methods_supported: CLIENT_METHODS,
    grant_types_supported: ['client_credentials'],
    jwks_uri: `${url}/jwks.json`,
    introspection_endpoint: `${url}/introspect`,
    introspection_endpoint_auth_methods_supported: CLIENT_METHODS,
    revocation_endpoint: `${url}/revoke`,
    revocation_endpoint_auth_methods_supported: CLIENT_METHODS,
    ...(scopesSupported && { scopes_supported: scopesSupported }),
  }
}

function resourceOf(
  resource: string,
  { authorizationServers, scopesSupported }: MetadataParts,
): unknown {
  return {
    resource,
    authorization_servers: authorizationServers,
    bearer_methods_supported: ['header'],
    ...(scopesSupported && { scopes_supported: scopesSupported }),
  }
}

// Empty for the root. Routers would read some other characters, like a colon, as a pattern.
function pathOf(url: string): string {
  const path = new URL(url).pathname.replace(/\/$/, '')
  return path === '' ? path : requirePath(path, `The path of ${url}`)
}

// Another host publishes the metadata of its own resources.
function isHere(resource: string, url: string): boolean {
  return isSecureUrl(resource) && new URL(resource).origin === new URL(url).origin
}
