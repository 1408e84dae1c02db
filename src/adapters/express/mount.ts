import type { RequestHandler } from 'express'
import type { Endpoints } from '../../endpoints/endpoints.ts'
import { createRouter } from '../../endpoints/router.ts'
import { writeAnswer } from '../node/answer.ts'
import { readNodeBody } from '../node/body.ts'
import { errorOf } from '../node/error.ts'
import { expressWireRequest } from './request.ts'

/**
 * Mounts endpoints. They read bodies with or without a body parser before them. A request to any
 * other path passes to the next handler.
 *
 * @param endpoints What `tokenEndpoints` returns, for example.
 * @returns A middleware for `app.use('/tokens', …)`.
 * @throws TypeError if the argument is not endpoints.
 * @example
 * ```ts
 * import express from 'express'
 * import { createTwinkey, tokenEndpoints } from 'twinkey'
 * import { mount } from 'twinkey/express'
 *
 * express().use('/tokens', mount(tokenEndpoints(createTwinkey())))
 * ```
 */
export function mount(endpoints: Endpoints): RequestHandler {
  const { route, secretQuery } = createRouter(endpoints)
  return (req, res, next) => {
    // Null at the mount point of a target like `foo://host/tokens`.
    const path = (req.path as string | null) ?? '/'
    const answer = route(path, expressWireRequest(req, undefined), (maxBytes) =>
      readNodeBody(req, res, maxBytes),
    )
    if (answer === undefined) return next()
    expressWireRequest(req, secretQuery)
    answer
      .then((written) => writeAnswer(req, res, written))
      .catch((thrown: unknown) => next(errorOf(thrown)))
  }
}
