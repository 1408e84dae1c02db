// nginx and Caddy in front of a service in Python: npm run example gateway
//
// Starts both proxies with the configurations of this folder, and calls the service through them.
import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import type { Express } from 'express'
import { createTwinkey } from 'twinkey'
import type { GatewayProxy } from 'twinkey/gateway'
import { caddy, nginx } from '../../test/support/proxy-server.ts'
import { startPython } from '../../test/support/python.ts'
import { part, show } from '../call.ts'
import { gateway } from './server.ts'

const PROXIES = [
  ['nginx', nginx, 'nginx.conf', 'nginx'],
  ['Caddy', caddy, 'Caddyfile', 'forwarded'],
] as const

const twinkey = createTwinkey({ prefixes: ['acme'], environments: ['production'] })
const { primary } = await twinkey.keys.create({
  name: 'Billing',
  scope: { tenants: ['t1'], workflows: ['customers.read'] },
})

process.env['PORT'] = '0'
const service = await startPython([fileURLToPath(new URL('service.py', import.meta.url))])
try {
  for (const [name, start, file, proxy] of PROXIES) {
    const server = await listen(gateway(twinkey, proxy satisfies GatewayProxy))
    const { port } = server.address() as AddressInfo
    const config = readFileSync(new URL(file, import.meta.url), 'utf8')
    // The configuration has the ports of a deployment.
    const running = await start((own) =>
      config
        .replaceAll('127.0.0.1:3000', `127.0.0.1:${port}`)
        .replaceAll('127.0.0.1:4000', `127.0.0.1:${service.port}`)
        .replace('8080', String(own)),
    )
    try {
      await tour(name, running.url)
    } finally {
      await running.stop()
      server.closeAllConnections()
      server.close()
    }
  }
} finally {
  await service.stop()
  await twinkey.close()
}

async function tour(name: string, url: string): Promise<void> {
  const ask = (path: string, headers: Record<string, string> = { 'x-api-key': primary }) =>
    fetch(url + path, { headers }).then(async (response) => {
      const text = await response.text()
      return { status: response.status, body: JSON.parse(text) as { code?: string } }
    })
  const forged = { 'x-api-key': primary, 'x-twinkey-tenant': 't2', 'x-twinkey-name': 'Root' }

  part(`Through ${name}`)
  await show('without a key, a route that needs none', ask('/health', {}))
  await show('without a key', ask('/tenants/t1/customers', {}))
  await show('a tenant of the key', ask('/tenants/t1/customers'))
  await show('another tenant', ask('/tenants/t2/customers'))
  await show('a path without a route', ask('/tenants/t1/invoices'))
  await show('a path that servers read in different ways', ask('/tenants/t1/customers/c1;x'))
  const { body } = await ask('/tenants/t1/customers', forged)
  console.log(`  With forged headers, the service sees ${JSON.stringify(body)}`)
}

async function listen(app: Express): Promise<Server> {
  const server = createServer(app).listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  return server
}
