import type { Endpoints, Keys, Twinkey } from 'twinkey'
import { oauthEndpoints, resourceMetadataUrl } from 'twinkey/oauth'
import { standard } from 'twinkey/profiles'
import { json } from './reply.ts'
import type { Chapter } from './route.ts'

/** The path of the OAuth endpoints. */
export const OAUTH_PATH = '/oauth'
/** The path of the resource that OAuth clients read. */
export const RESOURCE_PATH = '/v1/report'

/** A client, and the addresses that it needs. It can also discover them from the resource. */
export interface OAuthSample {
  readonly issuer: string
  readonly tokenUrl: string
  readonly introspectionUrl: string
  readonly revocationUrl: string
  /** The id of a key. */
  readonly clientId: string
  /** A secret of the key. */
  readonly clientSecret: string
  /** A route that needs the workflow customers.read. */
  readonly resourceUrl: string
}

/** The authorization server of the demo, and its resource. */
export function createOAuth(twinkey: Twinkey, url: string): Chapter & { endpoints: Endpoints } {
  const resource = `${url}${RESOURCE_PATH}`
  return {
    endpoints: oauthEndpoints(twinkey, {
      url: `${url}${OAUTH_PATH}`,
      scopesSupported: ['customers.read'],
    }),
    routes: [
      {
        method: 'GET',
        path: RESOURCE_PATH,
        requirement: {
          environment: 'Production',
          workflow: 'customers.read',
          // A token for the whole API, or for this resource only.
          resource: [url, resource],
          profile: standard({ resourceMetadata: resourceMetadataUrl(resource) }),
        },
        reply: ({ principal: { tenant, name } }) => json(200, { tenant, for: name, customers: 2 }),
      },
    ],
    listed: [
      {
        product: 'standard',
        method: 'GET',
        path: RESOURCE_PATH,
        about: 'A report, for OAuth clients too. Needs the workflow customers.read.',
      },
    ],
  }
}

/** Creates the key of the sample client. */
export async function createOAuthSample(keys: Keys, url: string): Promise<OAuthSample> {
  const { key, primary } = await keys.create({
    name: 'oauthClient',
    owner: 'demo',
    scope: { tenants: ['acme'], environments: ['Production'], workflows: ['customers.read'] },
  })
  const endpoint = (name: string) => `${url}${OAUTH_PATH}/${name}`
  return {
    issuer: url,
    tokenUrl: endpoint('token'),
    introspectionUrl: endpoint('introspect'),
    revocationUrl: endpoint('revoke'),
    clientId: key.id,
    clientSecret: primary,
    resourceUrl: `${url}${RESOURCE_PATH}`,
  }
}
