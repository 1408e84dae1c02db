// An application that also has requests with another kind of principal. It is compiled and never
// run.
import express from 'express'
import { fastify } from 'fastify'
import { createTwinkey, type Principal } from 'twinkey'
import { requireAuth } from 'twinkey/express'
import { requireAuth as onFastify } from 'twinkey/fastify'

interface User {
  readonly kind: 'user'
  readonly email: string
}

declare module 'twinkey/express' {
  interface RequestTypes {
    principal: Principal | User
  }
}

declare module 'twinkey/fastify' {
  interface RequestTypes {
    principal: Principal | User
  }
}

export function nameOf(principal: Principal | User): string {
  return 'kind' in principal ? principal.email : principal.name
}

const signIn: express.RequestHandler = (req, _res, next) => {
  req.principal = { kind: 'user', email: 'a@b.test' }
  next()
}

const twinkey = createTwinkey()
express()
  .get('/session', signIn, (req, res) => void res.json(nameOf(req.principal)))
  .get('/key', requireAuth(twinkey), (req, res) => {
    // @ts-expect-error: the principal may be a user
    void req.principal.tenant
    res.json(nameOf(req.principal))
  })
fastify().get('/key', { onRequest: onFastify(twinkey) }, async ({ principal }) => {
  // @ts-expect-error: the principal may be a user
  void principal.tenant
  return nameOf(principal)
})
