import { discoverOAuthServerInfo } from '@modelcontextprotocol/sdk/client/auth.js'
import { ClientCredentialsProvider } from '@modelcontextprotocol/sdk/client/auth-extensions.js'
import { whoami } from '../mcp-host.ts'
import type { OAuthApi, OAuthClient, RunChain } from '../oauth-api.ts'

/** A provider of the SDK for a client of the API. */
export function providerFor({ issuer }: OAuthApi, { clientId, clientSecret, scope }: OAuthClient) {
  return new ClientCredentialsProvider({ clientId, clientSecret, scope, expectedIssuer: issuer })
}

/** The chain with the MCP SDK, which does the discovery and gets both tokens. */
export const chain: RunChain = async (api, client) => {
  const { mcpUrl, revocationUrl } = api
  const { authorizationServerMetadata: metadata } = await discoverOAuthServerInfo(mcpUrl)
  const provider = providerFor(api, client)
  const tokenOf = () => provider.tokens()?.access_token ?? ''
  const errorOf = (other: Partial<OAuthClient>) =>
    whoami(mcpUrl, { authProvider: providerFor(api, { ...client, ...other }) }).then(
      () => 'none',
      (error) => error.errorCode ?? String(error),
    )

  const { clientId } = await whoami(mcpUrl, { authProvider: provider })
  const first = tokenOf()
  const scope = provider.tokens()?.scope ?? ''
  // The SDK has no function for it.
  await fetch(revocationUrl, {
    method: 'POST',
    headers: { authorization: `Basic ${btoa(`${client.clientId}:${client.clientSecret}`)}` },
    body: new URLSearchParams({ token: first }),
  })
  const revoked = await whoami(mcpUrl, {
    requestInit: { headers: { authorization: `Bearer ${first}` } },
  }).then(
    () => 200,
    (error) => error.code,
  )
  const again = await whoami(mcpUrl, { authProvider: provider })
  return {
    tokenUrl: metadata?.token_endpoint ?? '',
    scope,
    called: clientId === client.clientId ? 200 : 0,
    isRenewed: tokenOf() !== first,
    revoked,
    renewed: again.clientId === client.clientId ? 200 : 0,
    wrongSecret: await errorOf({ clientSecret: `${client.clientSecret}x` }),
    tooWide: await errorOf({ scope: 'customers.delete' }),
  }
}
