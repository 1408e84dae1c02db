// An MCP server with one tool. API keys and tokens both work on it.
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createMcpExpressApp } from '@modelcontextprotocol/sdk/server/express.js'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import { atRoot, createTwinkey, generateSigningKey } from 'twinkey'
import { mount, requireAuth } from 'twinkey/express'
import { mcpAuthInfo, mcpPrincipal, oauthEndpoints, resourceMetadataUrl } from 'twinkey/oauth'
import { standard } from 'twinkey/profiles'
import { stopServer } from '../stop-server.ts'

const CUSTOMERS = [
  { tenant: 't1', name: 'Ada Lovelace' },
  { tenant: 't1', name: 'Charles Babbage' },
  { tenant: 't2', name: 'Grace Hopper' },
]

export async function startServer() {
  const app = createMcpExpressApp()
  const server = app.listen(0)
  await once(server, 'listening')
  const url = `http://localhost:${(server.address() as AddressInfo).port}`
  const resource = `${url}/mcp`

  const twinkey = createTwinkey({
    prefixes: ['acme'],
    environments: ['production'],
    // Tokens for the MCP server have an audience of their own.
    resources: [resource],
    tokens: { issuer: url, audience: url, signingKeys: [await generateSigningKey()] },
  })

  const oauth = oauthEndpoints(twinkey, {
    url: `${url}/oauth`,
    scopesSupported: ['customers.read'],
  })
  app.use(mount(atRoot(oauth))) // /.well-known/oauth-protected-resource/mcp, for example
  app.use('/oauth', mount(oauth)) // POST /oauth/token, for example

  const guard = requireAuth(twinkey, {
    workflow: 'customers.read',
    resource,
    profile: standard({ resourceMetadata: resourceMetadataUrl(resource) }),
  })
  app.post('/mcp', guard, async (req, res) => {
    const mcp = createMcpServer()
    const transport = new StreamableHTTPServerTransport()
    res.once('close', () => mcp.close())
    await mcp.connect(transport)
    const auth = mcpAuthInfo(req.principal, { resource })
    await transport.handleRequest(Object.assign(req, { auth }), res, req.body)
  })
  // Without sessions, there is no event stream to open and no session to delete.
  app.all('/mcp', guard, (_req, res) => {
    res.set('allow', 'POST').sendStatus(405)
  })

  return {
    url,
    resource,
    twinkey,
    async stop(): Promise<void> {
      await stopServer(server)
      await twinkey.close()
    },
  }
}

function createMcpServer(): McpServer {
  const mcp = new McpServer({ name: 'customers', version: '1.0.0' })
  mcp.registerTool(
    'list_customers',
    { description: 'Lists the customers of the caller' },
    ({ authInfo }) => {
      const { tenant } = mcpPrincipal(authInfo)
      const names = CUSTOMERS.filter((each) => each.tenant === tenant).map(({ name }) => name)
      return { content: [{ type: 'text', text: names.join(', ') }] }
    },
  )
  return mcp
}
