import { once } from 'node:events'
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type ServerResponse,
} from 'node:http'
import type { AddressInfo } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import express from 'express'
import { fastify } from 'fastify'
import { Hono, type MiddlewareHandler } from 'hono'
import type { Endpoints } from 'twinkey'
import { mount as mountExpress } from 'twinkey/express'
import { mount as mountFastify } from 'twinkey/fastify'
import { mount as mountHono } from 'twinkey/hono'
import { mount as mountWeb } from 'twinkey/web'

/** The frameworks that can serve the pane in tests. */
export const PANE_FRAMEWORKS = ['Express', 'Fastify', 'Hono', 'web'] as const
type Framework = (typeof PANE_FRAMEWORKS)[number]

/** How to serve endpoints to a browser. */
export interface PaneHostOptions {
  readonly framework?: Framework
  /** Where the endpoints are mounted: `/`, or a path without a slash at the end. */
  readonly at: string
  /** Middleware for Node before everything else, such as helmet. */
  readonly before?: (request: IncomingMessage, response: ServerResponse, next: () => void) => void
  /** Middleware of Hono before everything else. */
  readonly beforeHono?: MiddlewareHandler
  /** Answers of the application itself, by path. Other paths are 404. */
  readonly pages?: Readonly<Record<string, string>>
}

/** A running server. */
export interface PaneHost {
  readonly port: number
  /** Where the page is, with a slash at the end. */
  readonly url: string
  close(): Promise<void>
}

/** Serves endpoints on a framework, on a port of 127.0.0.1. */
export async function startPaneHost(
  endpoints: Endpoints,
  options: PaneHostOptions,
): Promise<PaneHost> {
  const { framework = 'Express', at, before = (_request, _response, next) => next() } = options
  const listener = await LISTENERS[framework](endpoints, options)
  const server = createServer((request, response) =>
    before(request, response, () => void listener(request, response)),
  )
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    port,
    url: `http://127.0.0.1:${port}${at === '/' ? '' : at}/`,
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

type Listen = (endpoints: Endpoints, options: PaneHostOptions) => Promise<RequestListener>

const LISTENERS: Readonly<Record<Framework, Listen>> = {
  Express: async (endpoints, { at, pages = {} }) => {
    const app = express().disable('x-powered-by')
    // In a router of its own, as in larger applications.
    const [first = '', ...rest] = at.split(/(?=\/)/)
    const router = express.Router().use(rest.join('') || '/', mountExpress(endpoints))
    app.use(first || '/', router)
    for (const [path, html] of Object.entries(pages))
      app.get(path, (_req, res) => void res.send(html))
    return app
  },
  Fastify: async (endpoints, { at, pages = {} }) => {
    const app = fastify()
    app.register(mountFastify(endpoints), { prefix: at === '/' ? '' : at })
    for (const [path, html] of Object.entries(pages))
      app.get(path, async (_request, reply) => reply.type('text/html').send(html))
    await app.ready()
    return (request, response) => app.routing(request, response)
  },
  Hono: async (endpoints, { at, pages = {}, beforeHono }) => {
    const app = new Hono()
    if (beforeHono !== undefined) app.use(beforeHono)
    app.use(at === '/' ? '/*' : `${at}/*`, mountHono(endpoints))
    for (const [path, html] of Object.entries(pages)) app.get(path, (c) => c.html(html))
    return getRequestListener(app.fetch)
  },
  web: async (endpoints, { at, pages = {} }) => {
    const handle = mountWeb(endpoints, at)
    return getRequestListener((request) => {
      const html = pages[new URL(request.url).pathname]
      const own = () =>
        html === undefined
          ? new Response('Not Found', { status: 404 })
          : new Response(html, { headers: { 'content-type': 'text/html' } })
      return handle(request) ?? own()
    })
  },
}
