import type { AddressInfo } from 'node:net'
import {
  type FastifyInstance,
  type FastifyRequest,
  type FastifyServerOptions,
  fastify,
} from 'fastify'
import { atRoot, redactUrl, type Twinkey, tokenEndpoints } from 'twinkey'
import { mount, requireAuth } from 'twinkey/fastify'
import { edit, editableNode } from './edits.ts'
import type { Application, Host, LogLine } from './hosts.ts'
import { answerOf } from './routes.ts'

export async function startFastify(
  twinkey: Twinkey,
  { routes, tokens, endpoints = {}, edits, trustProxy, log, accessLog }: Application,
  http2 = false,
): Promise<Host> {
  // As long as a name may be: Fastify itself answers 404 to a parameter that is longer than this.
  const options: FastifyServerOptions = {
    routerOptions: { maxParamLength: 500 },
    logger: accessLog === undefined ? false : loggerTo(accessLog),
    ...(trustProxy && { trustProxy: 'loopback' }),
  }
  const app = fastify({ ...options, ...(http2 && { http2 }) } as FastifyServerOptions)
  if (log !== undefined) {
    const line = (when: LogLine['when'], { raw, url, originalUrl, query }: FastifyRequest) => {
      log({ when, urls: [raw.url ?? '', url, originalUrl], query: { ...(query as object) } })
    }
    app.addHook('onRequest', async (request) => line('received', request))
    // Before the first byte is written, so that a caller with the answer finds the line.
    app.addHook('onSend', async (request) => line('answered', request))
  }
  if (edits) app.addHook('onRequest', async ({ raw }) => edit(editableNode(raw.headers)))
  // Layers that an application may put before the token endpoints: parsers of its own, and a hook
  // that has consumed the body.
  const before: Record<string, (scope: FastifyInstance) => void> = {
    '': () => {},
    '/parsed': (scope) =>
      scope.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) =>
        done(null, JSON.parse(String(body))),
      ),
    '/form': (scope) =>
      scope.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) =>
        done(null, body),
      ),
    '/text': (scope) =>
      scope.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) =>
        done(null, body),
      ),
    '/json-first': (scope) => scope.removeContentTypeParser('text/plain'),
    '/drained': (scope) =>
      scope.addHook('onRequest', ({ raw }, _reply, done) => void raw.resume().on('end', done)),
  }
  for (const [path, options] of Object.entries(tokens)) {
    for (const [prefix, prepare] of Object.entries(before)) {
      await app.register(async (scope) => {
        prepare(scope)
        await scope.register(mount(tokenEndpoints(twinkey, options)), { prefix: prefix + path })
      })
    }
  }
  for (const [prefix, each] of Object.entries(endpoints)) {
    app.register(mount(each), { prefix })
    if (each.rootRoutes !== undefined) app.register(mount(atRoot(each)))
  }
  for (const { method, path, mounts = [], requirement, answer = answerOf } of routes) {
    const mounted = async (
      on: FastifyInstance,
      [prefix, ...below]: readonly string[],
    ): Promise<void> => {
      if (prefix !== undefined)
        return void (await on.register(async (scope) => mounted(scope, below), { prefix }))
      on.route({
        method,
        url: path,
        onRequest: requireAuth(twinkey, requirement),
        handler: async (request) => answer(request.principal, request.originalUrl),
      })
    }
    await mounted(app, mounts)
  }
  await app.listen({ port: 0, host: '127.0.0.1' })
  return { http2, port: (app.server.address() as AddressInfo).port, close: () => app.close() }
}

// Everything that Fastify logs, with the serializer that the documentation requires for keys in
// queries.
function loggerTo(write: (line: string) => void): NonNullable<FastifyServerOptions['logger']> {
  return {
    level: 'trace',
    stream: { write },
    serializers: {
      req: ({ method, url }: FastifyRequest) => ({ method, url: redactUrl(url, ['auth-key']) }),
    },
  }
}
