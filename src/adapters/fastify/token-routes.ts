import type { FastifyInstance, FastifyPluginAsync, FastifySchema } from 'fastify'
import type { Metadata } from '../../core/model/api-key.ts'
import {
  createEndpoints,
  type EndpointOptions,
  type Endpoints,
  type TokenService,
} from '../../endpoints/tokens/endpoints.ts'
import { readNodeBody } from '../node/body.ts'
import { type GuardedReply, sendAnswer } from './reply.ts'
import { fastifyWireRequest, type GuardedRequest } from './request.ts'

/**
 * Creates the token service. `POST /` (`POST /generate` with the Flare profile) exchanges a secret
 * for a token, `GET /test` shows the principal of a credential, and `GET /jwks.json` publishes the
 * public keys. It reads the body under any Content-Type, or none. The document of @fastify/swagger
 * does not list the routes.
 *
 * @param twinkey The Twinkey that issues the tokens. A verifier cannot.
 * @param options A profile (default: the standard profile) and a throttle (default: none).
 * @returns A plugin to register with a prefix: `app.register(tokenRoutes(twinkey), { prefix:
 *   '/tokens' })`.
 * @throws TypeError without a Twinkey, or without a signing key for a store other than
 *   `memoryStore()`.
 */
export function tokenRoutes<M extends Metadata>(
  twinkey: TokenService<M>,
  options?: EndpointOptions,
): FastifyPluginAsync {
  const endpoints = createEndpoints(twinkey, options)
  return (app) => addEndpoints(app, endpoints)
}

// @fastify/swagger reads this.
const HIDDEN: FastifySchema & { readonly hide: true } = { hide: true }

async function addEndpoints(
  app: FastifyInstance,
  { paths, secretQuery }: Endpoints,
): Promise<void> {
  for (const [path, endpoint] of paths) {
    const serve = (on: FastifyInstance) => {
      // Not async: after an async hook, Fastify runs the handler if the answer is sent but has not
      // ended yet.
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
    // Each path is the root of its own prefix. At a root, Fastify also adds the path with a
    // trailing slash if its router distinguishes the two.
    if (path === '/') serve(app)
    else if (!path.endsWith('/'))
      await app.register(async (below) => serve(below), { prefix: path })
  }
}
