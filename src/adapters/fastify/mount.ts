import type { FastifyInstance, FastifyPluginAsync, FastifySchema } from 'fastify'
import type { Endpoints } from '../../endpoints/endpoints.ts'
import { createRouter, type Router } from '../../endpoints/router.ts'
import { readNodeBody } from '../node/body.ts'
import { errorOf } from '../node/error.ts'
import { type GuardedReply, sendAnswer } from './reply.ts'
import { fastifyWireRequest, type GuardedRequest } from './request.ts'

/**
 * Mounts endpoints. They read bodies under any Content-Type, or none. The document of
 * @fastify/swagger does not list them.
 *
 * @param endpoints What `tokenEndpoints` returns, for example.
 * @returns A plugin to register with a prefix.
 * @throws TypeError if the argument is not endpoints.
 * @example
 * ```ts
 * import fastify from 'fastify'
 * import { createTwinkey, tokenEndpoints } from 'twinkey'
 * import { mount } from 'twinkey/fastify'
 *
 * fastify().register(mount(tokenEndpoints(createTwinkey())), { prefix: '/tokens' })
 * ```
 */
export function mount(endpoints: Endpoints): FastifyPluginAsync {
  const router = createRouter(endpoints)
  return (app) => addPaths(app, router)
}

// @fastify/swagger reads this.
const HIDDEN: FastifySchema & { readonly hide: true } = { hide: true }

async function addPaths(app: FastifyInstance, { paths, secretQuery }: Router): Promise<void> {
  for (const { path, answer } of paths) {
    const serve = (on: FastifyInstance) => {
      // Not async: after an async hook, Fastify runs the handler if the answer is sent but has not
      // ended yet.
      const onRequest = (
        request: GuardedRequest,
        reply: GuardedReply,
        done: (error?: Error) => void,
      ) => {
        const answered = answer(fastifyWireRequest(request, secretQuery), (maxBytes) =>
          readNodeBody(request.raw, reply.raw, maxBytes),
        )
        if (answered === undefined) return void reply.callNotFound()
        answered
          .then((written) => sendAnswer(reply, written))
          .catch((thrown: unknown) => done(errorOf(thrown)))
      }
      on.all('/', { onRequest, schema: HIDDEN }, () => {})
      if (path === '/*') on.all('/*', { onRequest, schema: HIDDEN }, () => {})
    }
    // Each path is the root of its own prefix. At a root, Fastify also adds the path with a
    // trailing slash if its router distinguishes the two.
    if (path === '/' || path === '/*') serve(app)
    else await app.register(async (below) => serve(below), { prefix: path })
  }
}
