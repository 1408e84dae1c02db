import express, { type ErrorRequestHandler, type Request, type Response } from 'express'
import { atRoot, tokenEndpoints } from 'twinkey'
import { mount, requireAuth } from 'twinkey/express'
import { OAUTH_PATH } from './oauth.ts'
import { PANE_PATH } from './pane.ts'
import { MAX_BODY_BYTES, problem, type Reply, replyTo } from './reply.ts'
import type { Api } from './route.ts'
import type { Listener } from './server.ts'

/** The API of the demo on Express. */
export async function onExpress({
  twinkey,
  open,
  routes,
  tokens,
  pane,
  oauth,
}: Api): Promise<Listener> {
  const app = express()
  app.disable('x-powered-by')
  // As on the other frameworks, `/customers/123/` and `/customers/123` are different paths.
  app.set('strict routing', true)
  const text = express.text({ type: () => true, limit: MAX_BODY_BYTES })

  for (const { path, reply } of open) app.get(path, async (_req, res) => write(res, await reply()))
  for (const { path, options } of tokens) app.use(path, mount(tokenEndpoints(twinkey, options)))
  app.use(mount(atRoot(oauth))).use(OAUTH_PATH, mount(oauth))
  app.use(PANE_PATH, mount(pane.endpoints(({ headers }: Request) => headers.cookie)))
  for (const { method, path, requirement, reply } of routes) {
    app[method === 'GET' ? 'get' : 'post'](
      path,
      requireAuth(twinkey, requirement),
      text,
      async (req, res) => {
        const param = (name: string) => String(req.params[name])
        write(res, await reply({ principal: req.principal, param, body: String(req.body ?? '') }))
      },
    )
  }
  app.use((_req, res) => write(res, problem(404)))
  // Express recognises error handlers by their four parameters.
  const answerError: ErrorRequestHandler = (error: unknown, _req, res, _next) =>
    write(res, replyTo(error))
  app.use(answerError)
  return app
}

// Does not use res.json, which adds a charset and an ETag.
function write(res: Response, { status, headers, body }: Reply): void {
  res.status(status).setHeaders(new Headers(headers)).end(body)
}
