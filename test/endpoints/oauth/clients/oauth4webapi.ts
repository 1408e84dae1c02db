import * as oauth from 'oauth4webapi'
import { type OAuthApi, type OAuthClient, type RunChain, statusOf } from '../oauth-api.ts'

const insecure = { [oauth.allowInsecureRequests]: true }

/** The chain with oauth4webapi. */
export function chainWith(
  algorithm: 'oauth2' | 'oidc',
  method: 'Basic' | 'Post' = 'Basic',
): RunChain {
  return async ({ issuer, customersUrl }, { clientId, clientSecret, scope }) => {
    const url = new URL(issuer)
    const found = await oauth.discoveryRequest(url, { algorithm, ...insecure })
    const server = await oauth.processDiscoveryResponse(url, found)
    const client = { client_id: clientId }
    const authentication = method === 'Basic' ? oauth.ClientSecretBasic : oauth.ClientSecretPost

    async function tokenFor(secret: string, asked: string) {
      const response = await oauth.clientCredentialsGrantRequest(
        server,
        client,
        authentication(secret),
        { scope: asked },
        insecure,
      )
      return oauth.processClientCredentialsResponse(server, client, response)
    }
    // An answer with a challenge is a separate error. Its body is still unread.
    const errorOf = (secret: string, asked: string) =>
      tokenFor(secret, asked).then(
        () => 'none',
        async ({ error, response }) => error ?? (await response.json()).error,
      )

    const first = await tokenFor(clientSecret, scope)
    const called = await oauth.protectedResourceRequest(
      first.access_token,
      'GET',
      new URL(customersUrl),
      undefined,
      undefined,
      insecure,
    )
    const second = await tokenFor(clientSecret, scope)
    await oauth.processRevocationResponse(
      await oauth.revocationRequest(
        server,
        client,
        authentication(clientSecret),
        first.access_token,
        insecure,
      ),
    )
    return {
      tokenUrl: server.token_endpoint ?? '',
      scope: first.scope ?? '',
      called: called.status,
      isRenewed: second.access_token !== first.access_token,
      revoked: await statusOf(customersUrl, first.access_token),
      renewed: await statusOf(customersUrl, second.access_token),
      wrongSecret: await errorOf(`${clientSecret}x`, scope),
      tooWide: await errorOf(clientSecret, 'customers.delete'),
    }
  }
}

async function serverOf({ issuer }: OAuthApi): Promise<oauth.AuthorizationServer> {
  const url = new URL(issuer)
  const found = await oauth.discoveryRequest(url, { algorithm: 'oauth2', ...insecure })
  return oauth.processDiscoveryResponse(url, found)
}

/** Gets a token for a resource. */
export async function tokenForResource(
  api: OAuthApi,
  { clientId, clientSecret, scope }: OAuthClient,
  resource: string,
): Promise<string> {
  const server = await serverOf(api)
  const client = { client_id: clientId }
  const response = await oauth.clientCredentialsGrantRequest(
    server,
    client,
    oauth.ClientSecretBasic(clientSecret),
    { scope, resource },
    insecure,
  )
  return (await oauth.processClientCredentialsResponse(server, client, response)).access_token
}

/** Introspects a token of the owner before and after its revocation. */
export async function introspect(api: OAuthApi, asking: OAuthClient, owner = asking) {
  const server = await serverOf(api)
  const client = { client_id: asking.clientId }
  const authentication = oauth.ClientSecretBasic(asking.clientSecret)
  const token = await tokenForResource(api, owner, api.issuer)
  async function look() {
    const response = await oauth.introspectionRequest(
      server,
      client,
      authentication,
      token,
      insecure,
    )
    return oauth.processIntrospectionResponse(server, client, response)
  }
  const live = await look()
  await oauth.processRevocationResponse(
    await oauth.revocationRequest(server, client, authentication, token, insecure),
  )
  return { live, dead: await look() }
}
