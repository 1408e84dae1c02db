import type { AddressInfo } from 'node:net'
import express, { type RequestHandler } from 'express'
import express4 from 'express4'
import type { EndpointOptions, Twinkey } from 'twinkey'
import { requireAuth, tokenRoutes } from 'twinkey/express'
import { answerOf, type Route } from './routes.ts'

/** A running server with the test application. */
export interface Host {
  readonly port: number
  close(): Promise<void>
}

/** What a server serves: guarded routes that answer with who was let in, and token endpoints by mount point. */
export interface Application {
  readonly routes: readonly Route[]
  readonly tokens: Readonly<Record<string, EndpointOptions | undefined>>
}

/** How to start an application, by name of the host. */
export const hosts: Readonly<Record<string, (twinkey: Twinkey, application: Application) => Promise<Host>>> = {
  'Express 5': (twinkey, application) => startExpress(express, twinkey, application),
  'Express 4': (twinkey, application) => startExpress(express4, twinkey, application),
}

async function startExpress(framework: typeof express, twinkey: Twinkey, { routes, tokens }: Application): Promise<Host> {
  const app = framework()
  app.disable('x-powered-by')
  app.disable('etag')
  // The same token endpoints once by themselves, and behind what an application may have put before them.
  const before: Record<string, RequestHandler[]> = {
    '': [],
    '/parsed': [framework.json({ type: () => true, strict: false })],
    '/form': [framework.urlencoded({ extended: true })],
    '/text': [framework.text({ type: () => true })],
    '/json-first': [framework.json()],
    '/drained': [(req, _res, next) => void req.resume().on('end', next)],
  }
  for (const [mount, options] of Object.entries(tokens)) {
    for (const [prefix, parsers] of Object.entries(before)) app.use(prefix + mount, ...parsers, tokenRoutes(twinkey, options))
  }
  for (const { method, path, requirement, answer = answerOf } of routes) {
    app[method === 'GET' ? 'get' : 'post'](path, requireAuth(twinkey, requirement), (req, res) => {
      res.json(answer(req.principal, req.originalUrl))
    })
  }
  const server = app.listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  }
}
