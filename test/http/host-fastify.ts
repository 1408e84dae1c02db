import type { AddressInfo } from 'node:net'
import { type FastifyInstance, fastify } from 'fastify'
import type { Twinkey } from 'twinkey'
import { requireAuth, tokenRoutes } from 'twinkey/fastify'
import type { Application, Host } from './hosts.ts'
import { answerOf } from './routes.ts'

export async function startFastify(twinkey: Twinkey, { routes, tokens }: Application): Promise<Host> {
  // As long as a name may be: Fastify itself answers 404 to a parameter that is longer than this.
  const app = fastify({ routerOptions: { maxParamLength: 500 } })
  // What an application may have put before the token endpoints: parsers of its own, and a hook that has taken the body away.
  const before: Record<string, (scope: FastifyInstance) => void> = {
    '': () => {},
    '/parsed': (scope) =>
      scope.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => done(null, JSON.parse(String(body)))),
    '/form': (scope) => scope.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body)),
    '/text': (scope) => scope.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => done(null, body)),
    '/json-first': (scope) => scope.removeContentTypeParser('text/plain'),
    '/drained': (scope) => scope.addHook('onRequest', ({ raw }, _reply, done) => void raw.resume().on('end', done)),
  }
  for (const [mount, options] of Object.entries(tokens)) {
    for (const [prefix, prepare] of Object.entries(before)) {
      await app.register(async (scope) => {
        prepare(scope)
        await scope.register(tokenRoutes(twinkey, options), { prefix: prefix + mount })
      })
    }
  }
  for (const { method, path, requirement, answer = answerOf } of routes) {
    app.route({
      method,
      url: path,
      onRequest: requireAuth(twinkey, requirement),
      handler: async (request) => answer(request.principal, request.originalUrl),
    })
  }
  await app.listen({ port: 0, host: '127.0.0.1' })
  return { port: (app.server.address() as AddressInfo).port, close: () => app.close() }
}
