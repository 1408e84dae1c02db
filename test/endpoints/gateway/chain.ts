import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import express from 'express'
import type { Twinkey } from 'twinkey'
import { mount } from 'twinkey/express'
import { type GatewayOptions, type GatewayProxy, gatewayEndpoints } from 'twinkey/gateway'
import { caddy, nginx, type ProxyConfig, type ProxyServer } from '../../support/proxy-server.ts'
import { startPython } from '../../support/python.ts'
import { newFolder } from '../../support/sqlite.ts'

const example = (name: string) =>
  readFileSync(new URL(`../../../examples/gateway/${name}`, import.meta.url), 'utf8')

/** The configurations of the example, which are those of docs/gateway.md. */
export const CONFIGS = { nginx: example('nginx.conf'), caddy: example('Caddyfile') }
const STARTS = { nginx, caddy: (sites: ProxyConfig) => caddy(sites, HTTP2) }
const PROXIES: Readonly<Record<keyof typeof CONFIGS, GatewayProxy>> = {
  nginx: 'nginx',
  caddy: 'forwarded',
}

/** A request that reached the service. */
export interface Served {
  readonly method: string
  readonly target: string
  /** The route that it leads to, by how a server may read the path. */
  readonly readings: Readonly<Record<string, string | null>>
  readonly headers: readonly (readonly [name: string, value: string])[]
}

/** The proxies with HTTP/2 and without TLS, beside HTTP/1 or in its place. */
const HTTP2 = 'servers {\n protocols h1 h2c\n }'
export const withHttp2 = (config: string) => config.replace('listen 8080;', 'listen 8080 http2;')

/** A proxy in front of a gateway and a service in Python. */
export interface Chain {
  readonly port: number
  stopGateway(): void
  /** What the service received, in the order of arrival. */
  served(): readonly Served[]
  stop(): Promise<void>
}

export async function startChain(
  name: keyof typeof CONFIGS,
  twinkey: Pick<Twinkey, 'decide' | 'flush'>,
  options: Omit<GatewayOptions, 'proxy'>,
  edit: (config: string) => string = (config) => config,
): Promise<Chain> {
  const folder = newFolder()
  const routes = join(folder, 'routes.json')
  const record = join(folder, 'served.jsonl')
  writeFileSync(record, '')
  writeFileSync(routes, JSON.stringify(Object.keys(options.routes)))
  const program = fileURLToPath(new URL('service.py', import.meta.url))
  const service = await startPython([program, routes, record])
  const app = express().use(
    '/auth',
    mount(gatewayEndpoints(twinkey, { ...options, proxy: PROXIES[name] })),
  )
  const server = createServer(app).listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const ports: Record<string, number> = {
    3000: (server.address() as AddressInfo).port,
    4000: service.port,
  }
  const proxy: ProxyServer = await STARTS[name]((port) =>
    edit(CONFIGS[name]).replace(/\b(?:3000|4000|8080)\b/g, (each) => `${ports[each] ?? port}`),
  )
  const stopGateway = () => {
    server.closeAllConnections()
    server.close()
  }
  return {
    port: proxy.port,
    served: () =>
      readFileSync(record, 'utf8')
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line) as Served),
    stopGateway,
    async stop() {
      await proxy.stop()
      stopGateway()
      await service.stop()
      rmSync(folder, { recursive: true })
    },
  }
}
