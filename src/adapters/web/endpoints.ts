import type { Metadata } from '../../core/model/api-key.ts'
import {
  createEndpoints,
  type EndpointOptions,
  readWebBody,
  type TokenService,
  toResponse,
} from '../../endpoints/tokens/endpoints.ts'
import type { WireAnswer } from '../../http/profile.ts'
import { WebWireRequest } from '../../http/request.ts'
import { outliveWebResponse } from './context.ts'

/** A handler of the token service. `rest` may contain a context with `waitUntil`. */
export type EndpointHandler = (request: Request, ...rest: unknown[]) => Promise<Response>

/**
 * Creates the token service as web-standard handlers. Mount each one at a path of your choice.
 *
 * @param twinkey The Twinkey that issues the tokens. A verifier cannot.
 * @param options A profile (default: the standard profile) and a throttle (default: none).
 * @returns Three handlers: `exchange` for POST, `test` and `jwks` for GET.
 * @throws TypeError without a Twinkey, or without a signing key for a store other than
 *   `memoryStore()`.
 * @see RFC 6749 section 5.1, RFC 7517
 */
export function webEndpoints<M extends Metadata>(
  twinkey: TokenService<M>,
  options?: EndpointOptions,
): Readonly<Record<'exchange' | 'test' | 'jwks', EndpointHandler>> {
  const { exchange, test, jwks } = createEndpoints(twinkey, options)
  const answered = async (
    answer: Promise<WireAnswer>,
    rest: readonly unknown[],
  ): Promise<Response> => {
    const written = await answer
    outliveWebResponse(twinkey.flush(), rest)
    return toResponse(written)
  }
  return {
    exchange: (request, ...rest) =>
      answered(
        exchange(new WebWireRequest(request), () => readWebBody(request)),
        rest,
      ),
    test: (request, ...rest) => answered(test(new WebWireRequest(request)), rest),
    jwks: (request, ...rest) => answered(jwks(new WebWireRequest(request)), rest),
  }
}
