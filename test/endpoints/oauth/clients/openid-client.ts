import * as client from 'openid-client'
import { type OAuthApi, type OAuthClient, type RunChain, statusOf } from '../oauth-api.ts'

/** The chain with openid-client. */
export function chainWith(algorithm: 'oauth2' | 'oidc', method: 'Basic' | 'Post'): RunChain {
  return async ({ issuer, customersUrl }, { clientId, clientSecret, scope }) => {
    const authentication = method === 'Basic' ? client.ClientSecretBasic : client.ClientSecretPost
    const discover = (secret: string) =>
      client.discovery(new URL(issuer), clientId, secret, authentication(secret), {
        algorithm,
        execute: [client.allowInsecureRequests],
      })
    // An answer with a challenge is a separate error. Its body is still unread.
    const errorOf = async (secret: string, asked: string) =>
      client.clientCredentialsGrant(await discover(secret), { scope: asked }).then(
        () => 'none',
        async ({ error, response }) => error ?? (await response.json()).error,
      )

    const config = await discover(clientSecret)
    const first = await client.clientCredentialsGrant(config, { scope })
    const called = await client.fetchProtectedResource(
      config,
      first.access_token,
      new URL(customersUrl),
      'GET',
    )
    const second = await client.clientCredentialsGrant(config, { scope })
    await client.tokenRevocation(config, first.access_token)
    return {
      tokenUrl: config.serverMetadata().token_endpoint ?? '',
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

/** Introspects a token of the owner before and after its revocation. */
export async function introspect({ issuer }: OAuthApi, asking: OAuthClient, owner = asking) {
  const configOf = ({ clientId, clientSecret }: OAuthClient) =>
    client.discovery(new URL(issuer), clientId, clientSecret, undefined, {
      execute: [client.allowInsecureRequests],
    })
  const { access_token: token } = await client.clientCredentialsGrant(await configOf(owner), {
    scope: owner.scope,
  })
  const config = await configOf(asking)
  const live = await client.tokenIntrospection(config, token)
  await client.tokenRevocation(config, token)
  return { live, dead: await client.tokenIntrospection(config, token) }
}
