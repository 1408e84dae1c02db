import type { RequestHandler } from 'express'
import type { Metadata } from '../../core/model/api-key.ts'
import {
  createEndpoints,
  type EndpointOptions,
  type TokenService,
} from '../../endpoints/tokens/endpoints.ts'
import { writeAnswer } from '../node/answer.ts'
import { readNodeBody } from '../node/body.ts'
import { expressWireRequest } from './request.ts'

/**
 * Creates the token service. `POST /` (`POST /generate` with the Flare profile) exchanges a secret
 * for a token, `GET /test` shows the principal of a credential, and `GET /jwks.json` publishes the
 * public keys. It reads the body under any Content-Type, with or without a body parser before it.
 *
 * @param twinkey The Twinkey that issues the tokens. A verifier cannot.
 * @param options A profile (default: the standard profile) and a throttle (default: none).
 * @returns A middleware to mount with `app.use('/tokens', …)`.
 * @throws TypeError without a Twinkey, or without a signing key for a store other than
 *   `memoryStore()`.
 */
export function tokenRoutes<M extends Metadata>(
  twinkey: TokenService<M>,
  options?: EndpointOptions,
): RequestHandler {
  const { route, secretQuery } = createEndpoints(twinkey, options)
  return (req, res, next) => {
    const answer = route(req.path, expressWireRequest(req, undefined), () => readNodeBody(req, res))
    if (answer === undefined) return next()
    expressWireRequest(req, secretQuery)
    answer.then((written) => writeAnswer(req, res, written)).catch(next)
  }
}
