import express from 'express'
import { requireAuth } from 'twinkey/express'
import { PATH, WORKFLOW } from '../keys.mjs'
import { requirement } from '../warm.mjs'

/** Serves the route behind the middlewares that `install` returns: none, one or several. */
export async function serve(install) {
  const app = express()
  // In other environments Express prints each refusal that a peer throws.
  app.set('env', 'test')
  app.get(PATH, ...[(await install(app)) ?? []].flat(), (_req, res) => {
    res.json({ ok: true })
  })
  const server = app.listen(0, '127.0.0.1')
  await new Promise((resolve, reject) => server.once('listening', resolve).once('error', reject))
  return server.address().port
}

export const noOp = () => (_req, _res, next) => next()

export const guard = (twinkey) => () => requireAuth(twinkey, requirement)

/** A check of the header by hand, as a middleware. */
export const fromCheck = (check) => () => (req, res, next) => {
  const conclude = (found) => {
    if (found === undefined) return void res.status(401).end()
    req.principal = found
    next()
  }
  const found = check(req.headers.authorization, req.params.tenant, WORKFLOW)
  if (found instanceof Promise) found.then(conclude, next)
  else conclude(found)
}
