import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import express from 'express'
import { atRoot, createTwinkey, generateSigningKey, type Scope, type Twinkey } from 'twinkey'
import { mount, requireAuth } from 'twinkey/express'
import { mcpAuthInfo, oauthEndpoints, resourceMetadataUrl } from 'twinkey/oauth'
import { standard } from 'twinkey/profiles'
import { serveMcp } from './mcp-host.ts'

/** An API on loopback with an authorization server, a route and an MCP server. */
export interface OAuthApi {
  readonly twinkey: Twinkey
  readonly issuer: string
  readonly tokenUrl: string
  readonly introspectionUrl: string
  readonly revocationUrl: string
  /** A route for the workflow `customers.read`. Tokens must be for the issuer. */
  readonly customersUrl: string
  /** The MCP server, for the same workflow. Tokens must be for this URL. */
  readonly mcpUrl: string
  /** The requests to the token endpoint so far, by their scheme of authentication. */
  readonly exchanges: string[]
  close(): Promise<void>
}

/** A client, and the scope that it asks for. */
export interface OAuthClient {
  readonly clientId: string
  readonly clientSecret: string
  readonly scope: string
}

/** @param path The path of the issuer. Empty for the root of the host. */
export async function startOAuthApi(path = ''): Promise<OAuthApi> {
  const app = express()
  const server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const issuer = origin + path
  const mcpUrl = `${origin}/mcp`
  const twinkey = createTwinkey({
    environments: ['production'],
    resources: [mcpUrl],
    tokens: { issuer, audience: issuer, signingKeys: [await generateSigningKey()] },
  })
  const oauth = oauthEndpoints(twinkey, { url: `${origin}/oauth` })
  const exchanges: string[] = []

  app.post('/oauth/token', ({ headers: { authorization = 'form' } }, _res, next) => {
    exchanges.push(authorization.split(' ')[0] ?? '')
    next()
  })
  app.use(mount(atRoot(oauth))).use('/oauth', mount(oauth))
  app.get('/customers', requireAuth(twinkey, { workflow: 'customers.read' }), (_req, res) => {
    res.json([])
  })
  const guard = requireAuth(twinkey, {
    workflow: 'customers.read',
    resource: mcpUrl,
    profile: standard({ resourceMetadata: resourceMetadataUrl(mcpUrl) }),
  })
  app.post('/mcp', guard, express.json(), (req, res) =>
    serveMcp(Object.assign(req, { auth: mcpAuthInfo(req.principal, { resource: mcpUrl }) }), res),
  )

  return {
    twinkey,
    issuer,
    tokenUrl: `${origin}/oauth/token`,
    introspectionUrl: `${origin}/oauth/introspect`,
    revocationUrl: `${origin}/oauth/revoke`,
    customersUrl: `${origin}/customers`,
    mcpUrl,
    exchanges,
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      await twinkey.close()
    },
  }
}

/** Creates a key for an OAuth client. */
export async function createClient(
  { twinkey }: OAuthApi,
  { scope = 'customers.read', ...limits }: Partial<Scope> & { readonly scope?: string } = {},
): Promise<OAuthClient & { readonly secondary: string }> {
  const { key, primary, secondary } = await twinkey.keys.create({
    name: 'Report',
    scope: { tenants: ['t1'], workflows: ['customers.read', 'invoices.read'], ...limits },
    secondary: true,
  })
  return { clientId: key.id, clientSecret: primary, secondary: secondary ?? '', scope }
}

/** The status of a call with a token. */
export async function statusOf(url: string, token: string): Promise<number> {
  const response = await fetch(url, { headers: { authorization: `Bearer ${token}` } })
  await response.body?.cancel()
  return response.status
}

/** What a client has seen on its way through the API. */
export interface Chain {
  /** The token endpoint that the metadata of the issuer names. */
  readonly tokenUrl: string
  /** The granted scope. */
  readonly scope: string
  /** The status of the route with the first token. */
  readonly called: number
  /** Whether the second token is another one. */
  readonly isRenewed: boolean
  /** The status of the route with the first token, after its revocation. */
  readonly revoked: number
  /** The status of the route with the second token, after that. */
  readonly renewed: number
  /** The OAuth error that the client reports for a wrong secret. */
  readonly wrongSecret: string
  /** The OAuth error that the client reports for a scope that the key does not have. */
  readonly tooWide: string
}

/** Takes a client through the API: discover, token, call, another token, revoke. */
export type RunChain = (api: OAuthApi, client: OAuthClient) => Promise<Chain>
