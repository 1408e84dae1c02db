import type { AddressInfo } from 'node:net'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import {
  StreamableHTTPClientTransport,
  type StreamableHTTPClientTransportOptions,
} from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import type { AuthInfo } from '@modelcontextprotocol/sdk/server/auth/types.js'
import { createMcpExpressApp } from '@modelcontextprotocol/sdk/server/express.js'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import type { Express, Request, Response } from 'express'

/** Starts an application of the SDK on loopback. The caller adds its routes and knows its URL. */
export async function startMcpApp(
  routes: (app: Express, url: string) => void,
): Promise<{ readonly url: string; close(): Promise<void> }> {
  const app = createMcpExpressApp()
  const server = app.listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  routes(app, url)
  return {
    url,
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** Answers an MCP request that has passed its guard. The one tool returns what it knows of the caller. */
export async function serveMcp(req: Request, res: Response): Promise<void> {
  const server = new McpServer({ name: 'test', version: '1.0.0' })
  server.registerTool('whoami', { description: 'Shows the caller' }, ({ authInfo }) => ({
    content: [{ type: 'text', text: JSON.stringify(authInfo) }],
  }))
  const transport = new StreamableHTTPServerTransport()
  res.once('close', () => void server.close())
  await server.connect(transport)
  await transport.handleRequest(req, res, req.body)
}

/** Connects with the client of the SDK, and calls the tool. */
export async function whoami(
  url: string,
  options: StreamableHTTPClientTransportOptions,
): Promise<AuthInfo> {
  const client = new Client({ name: 'test', version: '1.0.0' })
  await client.connect(new StreamableHTTPClientTransport(new URL(url), options))
  try {
    const { content } = await client.callTool({ name: 'whoami' })
    return JSON.parse((content as { text: string }[])[0]?.text ?? '')
  } finally {
    await client.close()
  }
}

/** Calls the tool with a plain request, to see status, challenge and body. */
export function callWhoami(
  url: string,
  headers: Readonly<Record<string, string>>,
): Promise<globalThis.Response> {
  return fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...headers,
    },
    body: JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method: 'tools/call',
      params: { name: 'whoami' },
    }),
  })
}
