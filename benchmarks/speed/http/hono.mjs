import { serve as serveOnNode } from '@hono/node-server'
import { Hono } from 'hono'
import { requireAuth } from 'twinkey/hono'
import { PATH, WORKFLOW } from '../keys.mjs'
import { requirement } from '../warm.mjs'

/** Serves the route behind the middlewares that `install` returns: none, one or several. */
export async function serve(install) {
  const app = new Hono()
  app.get(PATH, ...[(await install(app)) ?? []].flat(), (c) => c.json({ ok: true }))
  return new Promise((resolve) => {
    serveOnNode({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }, ({ port }) => resolve(port))
  })
}

export const noOp = () => (_c, next) => next()

export const guard = (twinkey) => () => requireAuth(twinkey, requirement)

/** A check of the header by hand, as a middleware. */
export const fromCheck = (check) => () => (c, next) => {
  const conclude = (found) => {
    if (found === undefined) return c.body(null, 401)
    c.set('principal', found)
    return next()
  }
  const found = check(c.req.header('authorization'), c.req.param('tenant'), WORKFLOW)
  return found instanceof Promise ? found.then(conclude) : Promise.resolve(conclude(found))
}
