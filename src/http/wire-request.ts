import { WebWireRequest, type WireRequest } from './request.ts'
import { requestMistake } from './request-mistake.ts'

/**
 * Returns the wire request of a request, which may be one already.
 *
 * @throws TypeError for anything else, such as a request of Node or of a framework. The message
 *   says what to pass instead.
 */
export function wireRequestOf(request: Request | WireRequest): WireRequest {
  const { header, param } = (request ?? {}) as Partial<WireRequest>
  if (typeof header !== 'function') return new WebWireRequest(request as Request)
  // Requests of Express have such methods too, but theirs hide repeated headers.
  if (typeof param !== 'function' || 'rawHeaders' in request) throw requestMistake(request)
  return request as WireRequest
}
