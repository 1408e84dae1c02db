// An MCP server for API keys and OAuth clients: npm run example mcp
//
// Starts the server of server.ts, and calls it with the client of the MCP SDK and with plain requests.
import { ClientCredentialsProvider } from '@modelcontextprotocol/sdk/client/auth-extensions.js'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import {
  StreamableHTTPClientTransport,
  type StreamableHTTPClientTransportOptions,
} from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { call, part, show } from '../call.ts'
import { startServer } from './server.ts'

const { url, resource, twinkey, stop } = await startServer()

/** Connects with the client of the SDK, calls the tool, and prints what it answers. */
async function listCustomers(
  what: string,
  options: StreamableHTTPClientTransportOptions,
): Promise<void> {
  const client = new Client({ name: 'tour', version: '1.0.0' })
  await client.connect(new StreamableHTTPClientTransport(new URL(resource), options))
  const { content } = await client.callTool({ name: 'list_customers' })
  console.log(`  ${what}: ${(content as { text: string }[])[0]?.text}`)
  await client.close()
}

/** Calls the tool with a plain request. */
const tool = (credential?: string, to = resource, headers: Record<string, string> = {}) =>
  call(to, {
    method: 'POST',
    credential,
    headers: { accept: 'application/json, text/event-stream', ...headers },
    body: { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'list_customers' } },
  })

const create = (workflow: string) =>
  twinkey.keys.create({
    name: 'Assistant',
    scope: { tenants: ['t1'], workflows: [workflow] },
  })

const tokenFor = async (secret: string, audience: string) => {
  const issued = await twinkey.tokens.issue(secret, { resource: audience })
  return issued.ok ? issued.token : issued.refusal.code
}

try {
  const { key, primary } = await create('customers.read')

  part('A key, which the client sends with each request')
  await listCustomers('its customers', {
    requestInit: { headers: { authorization: `Bearer ${primary}` } },
  })
  await show('in the header X-API-Key', tool(undefined, resource, { 'x-api-key': primary }))

  part('An OAuth client, which finds the token endpoint and gets a token')
  const provider = new ClientCredentialsProvider({
    clientId: key.id,
    clientSecret: primary,
    scope: 'customers.read',
    expectedIssuer: url,
  })
  await listCustomers('its customers', { authProvider: provider })
  const token = provider.tokens()?.access_token ?? ''
  console.log(`  the scope of its token: ${provider.tokens()?.scope}`)
  await show('its token', tool(token))

  part('Refused')
  await show('no credential', tool())
  await show('a credential in the URL', tool(undefined, `${resource}?access_token=${token}`))
  await show('a token for another resource', tool(await tokenFor(primary, url)))
  const { primary: other } = await create('invoices.read')
  await show('a key without the workflow', tool(other))
  await show('a token without the workflow', tool(await tokenFor(other, resource)))

  part('A token is revoked, then the key')
  await show(
    'the client revokes its token',
    call(`${url}/oauth/revoke`, {
      method: 'POST',
      headers: { authorization: `Basic ${btoa(`${key.id}:${primary}`)}` },
      body: { token },
    }),
  )
  await show('the token', tool(token))
  const next = await tokenFor(primary, resource)
  await show('another token', tool(next))
  await twinkey.keys.revoke(key.id)
  await show('the other token, after its key is revoked', tool(next))
  await show('the key', tool(primary))
} finally {
  await stop()
}
