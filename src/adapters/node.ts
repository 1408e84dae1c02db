import type { Refusal } from '../core/refusal.ts'
import { type BodySource, collectBody, unreadBody } from '../wire/body.ts'
import type { WireAnswer } from '../wire/profile.ts'
import { hideFromUrl, type NodeRequest, NodeWireRequest, withoutQuery } from '../wire/request.ts'
import { type ArrivingRequest, closeUnlessArrived, endWhenArrived, type NodeResponse } from './node-answer.ts'

/** A request of Node's http module whose body may still stand in the stream, or may have been taken by a parser. */
interface NodeBodyRequest extends ArrivingRequest {
  iterator(options: { destroyOnReturn: boolean }): AsyncIterableIterator<Uint8Array>
  readonly body?: unknown
  readonly readableDidRead: boolean
}

/**
 * The body of a request, whoever has read it. What is still in the stream is read raw, under any Content-Type; what a parser took is used as it
 * was parsed; what was announced and is in neither form is refused.
 */
export async function bodyOf(request: NodeBodyRequest, response: NodeResponse): Promise<BodySource | Refusal> {
  if (!request.readableDidRead) {
    // Not destroyed where more comes than is read: that would take the connection away before the answer is written.
    const body = await collectBody(request.iterator({ destroyOnReturn: false }))
    closeUnlessArrived(request, response)
    return body
  }
  if (request.body !== undefined && request.body !== null) return { parsed: request.body }
  return takenBody(request)
}

/** What a body that is no longer there has been: nothing, or something that cannot be read. */
export function takenBody(request: NodeRequest): BodySource | Refusal {
  return unreadBody(new NodeWireRequest(request), request.httpVersionMajor === 1 ? 'http/1' : 'other')
}

/** Writes an answer to Node's response. */
export function writeAnswer(request: ArrivingRequest, response: NodeResponse, { status, headers, body }: WireAnswer): void {
  endWhenArrived(request, response)
  response.statusCode = status
  for (const name in headers) response.setHeader(name, headers[name] as string)
  response.end(body)
}

/** Takes secrets out of the URL and of the parsed query, so that neither a handler nor a log written after it sees them. */
export function hideQuery(request: { url?: string | undefined; originalUrl?: string }, query: unknown, names: readonly string[]): void {
  if (request.url !== undefined) request.url = hideFromUrl(request, names)
  if (request.originalUrl !== undefined) request.originalUrl = withoutQuery(request.originalUrl, names)
  for (const name of Object.keys(query as object)) {
    // As in the URL: whatever its case, its value may be a secret.
    if (names.includes(name.toLowerCase())) delete (query as Record<string, unknown>)[name]
  }
}
