import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import express from 'express'
import { tokenEndpoints } from 'twinkey'
import { type Client, type ClientOptions, createClient } from 'twinkey/client'
import { mount, requireAuth } from 'twinkey/express'
import { onTestFinished } from 'vitest'
import { type Bench, createBench } from '../support/bench.ts'
import { type Clock, createClock } from '../support/clock.ts'

/** A request as a server has seen it. */
export interface Seen {
  readonly method: string
  /** The path and the query. */
  readonly url: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

/** Answers a request. The body has arrived. */
export type Answer = (response: ServerResponse, seen: Seen) => unknown

/** A server on this machine that gives the answers of a test, and records every request. */
export interface Server {
  readonly origin: string
  readonly seen: Seen[]
  /** The requests for a path. */
  at(path: string): Seen[]
  close(): void
}

/** Starts a server that ends with the test. */
export async function serve(answer: Answer): Promise<Server> {
  const seen: Seen[] = []
  const server = createServer(async (request, response) => {
    const noted = await read(request)
    seen.push(noted)
    answer(response, noted)
  })
  return { ...(await started(server)), seen, at: (path) => seen.filter(({ url }) => url === path) }
}

async function read(request: IncomingMessage): Promise<Seen> {
  const parts: Buffer[] = []
  try {
    for await (const part of request) parts.push(part as Buffer)
  } catch {
    // The caller has closed the connection.
  }
  const { method = '', url = '', headers } = request
  return { method, url, headers, body: Buffer.concat(parts).toString() }
}

async function started(server: ReturnType<typeof createServer>) {
  server.listen(0, '127.0.0.1', 4096)
  await once(server, 'listening')
  const close = () => {
    server.close()
    server.closeAllConnections()
  }
  onTestFinished(close)
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close }
}

/** Answers with JSON. */
export function json(
  response: ServerResponse,
  status: number,
  body: object,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers })
  response.end(JSON.stringify(body))
}

/** Answers with a redirect. */
export function redirect(response: ServerResponse, status: number, location: string): void {
  response.writeHead(status, { location, 'content-type': 'text/plain' })
  response.end('elsewhere')
}

export const PRIMARY = `acme_${'P'.repeat(65)}`
export const SECONDARY = `acme_${'S'.repeat(65)}`

/**
 * A token service and an API that fail on demand. By default the service grants `token-1`, `token-2`
 * and so on, and the API accepts the newest.
 */
export interface Hostile extends Server {
  readonly clock: Clock
  readonly client: Client
  /** A further client of the same service, with the same options by default. */
  another(options?: Partial<ClientOptions>): Client
  /** Answers exchanges instead of `grant`. */
  onExchange: Answer
  /** Answers all other requests. */
  onCall: Answer
  /** The secrets of all exchanges, in turn. */
  exchanges(): string[]
  /** Answers an exchange with the next token. */
  grant(response: ServerResponse, lifetimeSeconds?: number): void
  /** The path of the API as a URL. */
  url(path: string): string
}

export async function hostile(options: Partial<ClientOptions> = {}): Promise<Hostile> {
  const clock = createClock()
  let granted = 0
  const scene: Partial<Hostile> = {}
  const server = await serve((response, seen) => {
    if (seen.url === '/tokens') scene.onExchange?.(response, seen)
    else scene.onCall?.(response, seen)
  })
  const another = (more: Partial<ClientOptions> = {}) => {
    const client = createClient({
      tokenUrl: `${server.origin}/tokens`,
      secrets: [PRIMARY, SECONDARY],
      origins: [server.origin],
      now: clock.now,
      ...options,
      ...more,
    })
    onTestFinished(() => client.close())
    return client
  }
  const grant = (response: ServerResponse, seconds = 3600) =>
    json(response, 200, {
      access_token: `token-${++granted}`,
      token_type: 'Bearer',
      expires_in: seconds,
    })
  return Object.assign(scene, server, {
    clock,
    another,
    grant,
    client: another(),
    url: (path: string) => server.origin + path,
    exchanges: () =>
      server
        .at('/tokens')
        .map(({ headers }) => String(headers.authorization).slice('Bearer '.length)),
    onExchange: (response: ServerResponse) => grant(response),
    onCall: (response: ServerResponse, { headers, body }: Seen) =>
      headers.authorization === `Bearer token-${granted}`
        ? json(response, 200, { body })
        : json(response, 401, { code: 'credential_invalid' }),
  }) as Hostile
}

/** A real Twinkey on Express, with one key, and a client of it. They share the clock. */
export interface Real extends Omit<Bench, 'another'> {
  readonly origin: string
  readonly secrets: readonly [primary: string, secondary: string]
  readonly keyId: string
  readonly client: Client
  /** A further client with the same options by default. */
  another(options: Partial<ClientOptions>): Client
  /** The requests that reached the application: `METHOD /path`. */
  readonly seen: string[]
}

export async function real(): Promise<Real> {
  const bench = createBench({ environments: ['production'], resources: ['https://mcp.example'] })
  const created = await bench.twinkey.keys.create({
    name: 'service',
    scope: { tenants: ['t1'], workflows: ['customers.read', 'customers.write'] },
  })
  const secrets: Real['secrets'] = [created.primary, created.secondary as string]
  const seen: string[] = []
  const app = express()
  app.use((request, _response, next) => {
    seen.push(`${request.method} ${request.url}`)
    next()
  })
  app.use('/tokens', mount(tokenEndpoints(bench.twinkey)))
  const tokenOnly = { accept: ['token'] as const }
  app.get(
    '/customers',
    requireAuth(bench.twinkey, { workflow: 'customers.read', ...tokenOnly }),
    (request, response) => void response.json({ via: request.principal.via }),
  )
  app.post(
    '/customers',
    requireAuth(bench.twinkey, { workflow: 'customers.write', ...tokenOnly }),
    express.text({ type: '*/*' }),
    (request, response) => void response.json({ body: request.body }),
  )
  app.get(
    '/orders',
    requireAuth(bench.twinkey, { workflow: 'orders.read' }),
    (_request, response) => void response.json({}),
  )
  const { origin } = await started(createServer(app))
  const another = (options: Partial<ClientOptions>) => {
    const client = createClient({
      tokenUrl: `${origin}/tokens`,
      secrets,
      origins: [origin],
      now: bench.clock.now,
      ...options,
    })
    onTestFinished(() => client.close())
    return client
  }
  return { ...bench, origin, secrets, keyId: created.key.id, client: another({}), another, seen }
}
