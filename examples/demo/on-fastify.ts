import { type FastifyReply, type FastifyRequest, fastify } from 'fastify'
import { atRoot, tokenEndpoints } from 'twinkey'
import { mount, requireAuth } from 'twinkey/fastify'
import { OAUTH_PATH } from './oauth.ts'
import { PANE_PATH } from './pane.ts'
import { MAX_BODY_BYTES, problem, type Reply, replyTo } from './reply.ts'
import type { Api } from './route.ts'
import type { Listener } from './server.ts'

/** The API of the demo on Fastify. */
export async function onFastify({
  twinkey,
  open,
  routes,
  tokens,
  pane,
  oauth,
}: Api): Promise<Listener> {
  const app = fastify({
    bodyLimit: MAX_BODY_BYTES,
    frameworkErrors: (error, _request, reply) => void write(reply, replyTo(error)),
  })
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => done(null, body))

  for (const { path, reply: answer } of open)
    app.get(path, async (_request, reply) => write(reply, await answer()))
  for (const { path, options } of tokens)
    await app.register(mount(tokenEndpoints(twinkey, options)), { prefix: path })
  await app.register(mount(atRoot(oauth)))
  await app.register(mount(oauth), { prefix: OAUTH_PATH })
  await app.register(mount(pane.endpoints(({ headers }: FastifyRequest) => headers.cookie)), {
    prefix: PANE_PATH,
  })
  for (const { method, path, requirement, reply: answer } of routes) {
    app.route({
      method,
      url: path,
      onRequest: requireAuth(twinkey, requirement),
      async handler(request, reply) {
        const param = (name: string) => (request.params as Record<string, string>)[name] ?? ''
        return write(
          reply,
          await answer({ principal: request.principal, param, body: String(request.body ?? '') }),
        )
      },
    })
  }
  app.setNotFoundHandler((_request, reply) => write(reply, problem(404)))
  app.setErrorHandler((error, _request, reply) => write(reply, replyTo(error)))
  await app.ready()
  return app.routing
}

// Sends bytes, because Fastify adds a charset to text.
function write(reply: FastifyReply, { status, headers, body }: Reply): FastifyReply {
  return reply.code(status).headers(headers).send(Buffer.from(body))
}
