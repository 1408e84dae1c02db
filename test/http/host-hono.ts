import { createServer } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { serve } from '@hono/node-server'
import { Hono, type MiddlewareHandler } from 'hono'
import { logger } from 'hono/logger'
import { atRoot, redactUrl, type Twinkey, tokenEndpoints } from 'twinkey'
import { mount, requireAuth } from 'twinkey/hono'
import { edited } from './edits.ts'
import type { Application, Host, LogLine } from './hosts.ts'
import { answerOf } from './routes.ts'

/** The application itself, with or without a server. */
export function createHonoApp(
  twinkey: Twinkey,
  { routes, tokens, endpoints = {}, edits, log, accessLog }: Application,
): Hono {
  const app = new Hono()
  if (accessLog !== undefined)
    app.use(
      logger((line, ...rest) => accessLog([redactUrl(line, ['auth-key']), ...rest].join(' '))),
    )
  if (log !== undefined) {
    app.use(async ({ req }, next) => {
      const line = (when: LogLine['when']) =>
        log({ when, urls: [req.url, req.raw.url], query: req.query() })
      line('received')
      await next()
      line('answered')
    })
  }
  if (edits) {
    app.use(async (c, next) => {
      c.req.raw = edited(c.req.raw)
      await next()
    })
  }
  // Ways in which an application may have read a body before the token endpoints.
  const after = (
    read: (context: Parameters<MiddlewareHandler>[0]) => Promise<unknown>,
  ): MiddlewareHandler => {
    return async (c, next) => {
      // A body that cannot be read at all throws before there is a promise.
      await (async () => read(c))().catch(() => undefined)
      await next()
    }
  }
  const before: Record<string, MiddlewareHandler> = {
    '': after(async () => {}),
    '/parsed': after((c) => c.req.json()),
    '/form': after((c) => c.req.parseBody()),
    '/text': after((c) => c.req.text()),
    '/json-first': after(
      async (c) => c.req.header('content-type') === 'application/json' && c.req.json(),
    ),
    '/drained': after((c) => c.req.raw.arrayBuffer()),
  }
  for (const [path, options] of Object.entries(tokens)) {
    for (const [prefix, read] of Object.entries(before))
      app.use(`${prefix}${path}/*`, read, mount(tokenEndpoints(twinkey, options)))
  }
  for (const [path, each] of Object.entries(endpoints)) {
    app.use(`${path}/*`, mount(each))
    if (each.rootRoutes !== undefined) app.use(mount(atRoot(each)))
  }
  for (const { method, path, mounts = [], requirement, answer = answerOf } of routes) {
    const mounted = ([first, ...below]: readonly string[]): Hono => {
      if (first !== undefined) return new Hono().route(first, mounted(below))
      return new Hono().on(method, path, requireAuth(twinkey, requirement), (c) => {
        const { pathname, search } = new URL(c.req.url)
        return c.body(JSON.stringify(answer(c.var.principal, pathname + search)), 200, {
          'content-type': 'application/json; charset=utf-8',
        })
      }) as unknown as Hono
    }
    app.route('/', mounted(mounts))
  }
  return app
}

export async function startHono(
  twinkey: Twinkey,
  application: Application,
  http2 = false,
): Promise<Host> {
  const app = createHonoApp(twinkey, application)
  return new Promise((resolve) => {
    const options = {
      fetch: app.fetch,
      port: 0,
      hostname: '127.0.0.1',
      ...(http2 ? { createServer } : {}),
    }
    const server = serve(options, (address: AddressInfo) => {
      resolve({
        http2,
        port: address.port,
        close: () => new Promise((closed) => server.close(() => closed())),
      })
    })
  })
}
