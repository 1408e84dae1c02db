import type { Refusal } from '../../core/model/refusal.ts'
import { type BodySource, collectBody, unreadBody } from '../../http/body.ts'
import { receivedHeader } from '../../http/headers.ts'
import type { NodeRequest } from '../../http/request.ts'
import { type ArrivingRequest, closeUnlessArrived, type NodeResponse } from './arrival.ts'

/** A request of Node's http module. Its body is in the stream, or a parser has taken it. */
export interface NodeBodyRequest extends ArrivingRequest {
  iterator(options: { destroyOnReturn: boolean }): AsyncIterableIterator<Uint8Array>
  readonly body?: unknown
  readonly readableDidRead: boolean
}

/**
 * Reads the body of a request: raw from the stream, under any Content-Type, or as a body parser has
 * parsed it. Refuses a body that was announced and is in neither place.
 */
export async function readNodeBody(
  request: NodeBodyRequest,
  response: NodeResponse,
  maxBytes?: number,
): Promise<BodySource | Refusal> {
  if (!request.readableDidRead) {
    // Destroying the stream of a body that is too large would close the connection before the
    // answer is written.
    const body = await collectBody(request.iterator({ destroyOnReturn: false }), maxBytes)
    closeUnlessArrived(request, response)
    return body
  }
  if (request.body !== undefined && request.body !== null) return { parsed: request.body }
  return takenBody(request)
}

/** Describes a body that is no longer available: empty, or refused if it may have had content. */
export function takenBody(request: NodeRequest): BodySource | Refusal {
  // HTTP/2 announces a body by leaving the stream open after the headers, not by a header.
  if ((request.stream as { endAfterHeaders?: boolean } | undefined)?.endAfterHeaders === true)
    return { bytes: new Uint8Array() }
  // The received headers, because a parser may have removed the one that announced the body.
  return unreadBody(
    { header: (name) => receivedHeader(request, name) },
    request.httpVersionMajor === 1 ? 'http/1' : 'other',
  )
}
