import { getRequestListener } from '@hono/node-server'
import { type Context, Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { atRoot, tokenEndpoints } from 'twinkey'
import { mount, requireAuth } from 'twinkey/hono'
import { OAUTH_PATH } from './oauth.ts'
import { PANE_PATH } from './pane.ts'
import { MAX_BODY_BYTES, problem, type Reply, replyTo } from './reply.ts'
import type { Api } from './route.ts'
import type { Listener } from './server.ts'

/** The API of the demo on Hono. */
export async function onHono({
  twinkey,
  open,
  routes,
  tokens,
  pane,
  oauth,
}: Api): Promise<Listener> {
  const app = new Hono()
  const limit = bodyLimit({ maxSize: MAX_BODY_BYTES, onError: () => written(problem(413)) })

  for (const { path, reply } of open) app.get(path, async () => written(await reply()))
  for (const { path, options } of tokens)
    app.use(`${path}/*`, mount(tokenEndpoints(twinkey, options)))
  app.use(mount(atRoot(oauth))).use(`${OAUTH_PATH}/*`, mount(oauth))
  app.use(`${PANE_PATH}/*`, mount(pane.endpoints((c: Context) => c.req.header('cookie'))))
  for (const { method, path, requirement, reply } of routes) {
    app.on(method, path, requireAuth(twinkey, requirement), limit, async (c) => {
      const param = (name: string) => c.req.param(name) ?? ''
      return written(await reply({ principal: c.var.principal, param, body: await c.req.text() }))
    })
  }
  app.notFound(() => written(problem(404)))
  app.onError((error) => written(replyTo(error)))
  return getRequestListener(app.fetch)
}

function written({ status, headers, body }: Reply): Response {
  return new Response(body, { status, headers })
}
