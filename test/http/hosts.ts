import type { AddressInfo } from 'node:net'
import express from 'express'
import express4 from 'express4'
import type { Twinkey } from 'twinkey'
import { requireAuth, tokenRoutes } from 'twinkey/express'
import { answerOf, routes } from './routes.ts'

/** A running server with the test application. */
export interface Host {
  readonly port: number
  close(): Promise<void>
}

/** How to start the test application, by name of the host. */
export const hosts: Readonly<Record<string, (twinkey: Twinkey) => Promise<Host>>> = {
  'Express 5': (twinkey) => startExpress(express, twinkey),
  'Express 4': (twinkey) => startExpress(express4, twinkey),
}

async function startExpress(framework: typeof express, twinkey: Twinkey): Promise<Host> {
  const app = framework()
  app.disable('x-powered-by')
  app.disable('etag')
  for (const { method, path, requirement } of routes) {
    app[method === 'GET' ? 'get' : 'post'](path, requireAuth(twinkey, requirement), (req, res) => {
      res.json(answerOf(req.principal))
    })
  }
  app.use('/tokens', tokenRoutes(twinkey))
  app.use('/parsed/tokens', framework.json({ type: () => true, strict: false }), tokenRoutes(twinkey))
  app.use('/form/tokens', framework.urlencoded({ extended: true }), tokenRoutes(twinkey))
  app.use('/text/tokens', framework.text({ type: () => true }), tokenRoutes(twinkey))
  app.use('/json-first/tokens', framework.json(), tokenRoutes(twinkey))
  app.use(
    '/drained/tokens',
    (req, _res, next) => {
      req.resume().on('end', next)
    },
    tokenRoutes(twinkey),
  )
  const server = app.listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  }
}
