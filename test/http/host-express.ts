import type { AddressInfo } from 'node:net'
import type express from 'express'
import type { IRouter, RequestHandler } from 'express'
import { atRoot, redactUrl, type Twinkey, tokenEndpoints } from 'twinkey'
import { mount, requireAuth } from 'twinkey/express'
import { edit, editableNode } from './edits.ts'
import type { Application, Host, LogLine } from './hosts.ts'
import { answerOf } from './routes.ts'

export async function startExpress(
  framework: typeof express,
  twinkey: Twinkey,
  { routes, tokens, endpoints = {}, edits, trustProxy, log, accessLog }: Application,
): Promise<Host> {
  const app = framework()
  app.disable('x-powered-by')
  app.disable('etag')
  if (trustProxy) app.set('trust proxy', 'loopback')
  if (accessLog !== undefined) {
    app.set('env', 'development')
    app.use((req, res, next) => {
      // The combined format.
      const line = () => {
        const { method, originalUrl, headers } = req
        accessLog(
          `- "${method} ${redactUrl(originalUrl, ['auth-key'])}" ${res.statusCode} "${headers.referer ?? '-'}" "${headers['user-agent'] ?? '-'}"`,
        )
      }
      line()
      res.on('finish', line)
      next()
    })
  }
  if (log !== undefined) {
    app.use((req, res, next) => {
      const line = (when: LogLine['when']) =>
        log({ when, urls: [req.originalUrl, req.url], query: { ...req.query } })
      line('received')
      // Before the last byte is written, so that a caller with the answer finds the line.
      res.on('prefinish', () => line('answered'))
      next()
    })
  }
  if (edits) {
    app.use((req, _res, next) => {
      edit(editableNode(req.headers))
      next()
    })
  }
  // The same token endpoints alone, and behind middleware that an application may put before them.
  const before: Record<string, RequestHandler[]> = {
    '': [],
    '/parsed': [framework.json({ type: () => true, strict: false })],
    '/form': [framework.urlencoded({ extended: true })],
    '/text': [framework.text({ type: () => true })],
    '/json-first': [framework.json()],
    '/drained': [(req, _res, next) => void req.resume().on('end', next)],
  }
  for (const [path, options] of Object.entries(tokens)) {
    for (const [prefix, parsers] of Object.entries(before))
      app.use(prefix + path, ...parsers, mount(tokenEndpoints(twinkey, options)))
  }
  for (const [path, each] of Object.entries(endpoints)) {
    app.use(path, mount(each))
    if (each.rootRoutes !== undefined) app.use(mount(atRoot(each)))
  }
  for (const { method, path, mounts = [], requirement, answer = answerOf } of routes) {
    let on: IRouter = app
    for (const each of mounts) {
      const router = framework.Router({ mergeParams: true })
      on.use(each, router)
      on = router
    }
    on[method === 'GET' ? 'get' : 'post'](path, requireAuth(twinkey, requirement), (req, res) => {
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
