import type { FastifyInstance, FastifySchema } from 'fastify'
import type { Endpoints } from '../../endpoints/tokens/endpoints.ts'
import { readNodeBody } from '../node/message.ts'
import { type GuardedReply, sendAnswer } from './reply.ts'
import { fastifyWireRequest, type GuardedRequest } from './request.ts'

// For @fastify/swagger.
const HIDDEN: FastifySchema & { readonly hide: true } = { hide: true }

/** Adds the routes of the token service to a plugin. */
export async function addEndpoints(
  app: FastifyInstance,
  { paths, secretQuery }: Endpoints,
): Promise<void> {
  for (const [path, endpoint] of paths) {
    const serve = (on: FastifyInstance) => {
      // Not async: Fastify goes on to the handler behind a hook that has sent its answer and not
      // yet ended it.
      const onRequest = (
        request: GuardedRequest,
        reply: GuardedReply,
        done: (error?: Error) => void,
      ) => {
        const answer = endpoint(fastifyWireRequest(request, secretQuery), () =>
          readNodeBody(request.raw, reply.raw),
        )
        answer.then((written) => sendAnswer(reply, written)).catch(done)
      }
      on.all('/', { onRequest, schema: HIDDEN }, () => {})
    }
    // Each at the root of a prefix: there Fastify itself adds the path with a slash at the end,
    // where its router tells the two apart.
    if (path === '/') serve(app)
    else if (!path.endsWith('/'))
      await app.register(async (below) => serve(below), { prefix: path })
  }
}
