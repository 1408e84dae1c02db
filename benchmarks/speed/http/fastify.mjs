import fastify from 'fastify'
import { requireAuth } from 'twinkey/fastify'
import { PATH, WORKFLOW } from '../keys.mjs'
import { requirement } from '../warm.mjs'

/** Serves the route behind the hook that `install` returns or the plugin that it registers. */
export async function serve(install) {
  const app = fastify()
  const onRequest = await install(app)
  app.get(PATH, onRequest === undefined ? {} : { onRequest }, (_request, reply) => {
    reply.send({ ok: true })
  })
  await app.listen({ port: 0, host: '127.0.0.1' })
  return app.server.address().port
}

export const noOp = () => (_request, _reply, done) => done()

export const guard = (twinkey) => () => requireAuth(twinkey, requirement)

/** A check of the header by hand, as a hook. */
export const fromCheck = (check) => (app) => {
  app.decorateRequest('principal', null)
  return (request, reply, done) => {
    const conclude = (found) => {
      if (found === undefined) return void reply.code(401).send()
      request.principal = found
      done()
    }
    const found = check(request.headers.authorization, request.params.tenant, WORKFLOW)
    if (found instanceof Promise) found.then(conclude, done)
    else conclude(found)
  }
}
