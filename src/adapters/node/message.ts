import type { Refusal } from '../../core/model/refusal.ts'
import { type BodySource, collectBody, unreadBody } from '../../http/body.ts'
import { receivedHeader } from '../../http/headers.ts'
import type { WireAnswer } from '../../http/profile.ts'
import { hideFromUrl, type NodeRequest, withoutQuery } from '../../http/request.ts'
import { hideFromQuery } from '../../http/secret-query.ts'
import {
  type ArrivingRequest,
  closeUnlessArrived,
  endWhenArrived,
  type NodeResponse,
} from './answer.ts'

/**
 * A request of Node's http module whose body may still stand in the stream, or may have been taken
 * by a parser.
 */
interface NodeBodyRequest extends ArrivingRequest {
  iterator(options: { destroyOnReturn: boolean }): AsyncIterableIterator<Uint8Array>
  readonly body?: unknown
  readonly readableDidRead: boolean
}

/**
 * The body of a request, whoever has read it. What is still in the stream is read raw, under any
 * Content-Type; what a parser took is used as it was parsed; what was announced and is in neither
 * form is refused.
 */
export async function readNodeBody(
  request: NodeBodyRequest,
  response: NodeResponse,
): Promise<BodySource | Refusal> {
  if (!request.readableDidRead) {
    // Not destroyed where more comes than is read: that would take the connection away before the
    // answer is written.
    const body = await collectBody(request.iterator({ destroyOnReturn: false }))
    closeUnlessArrived(request, response)
    return body
  }
  if (request.body !== undefined && request.body !== null) return { parsed: request.body }
  return takenBody(request)
}

/** What a body that is no longer there has been: nothing, or something that cannot be read. */
export function takenBody(request: NodeRequest): BodySource | Refusal {
  // HTTP/2 announces a body by no header, but by not ending the stream with the headers.
  if ((request.stream as { endAfterHeaders?: boolean } | undefined)?.endAfterHeaders === true)
    return { bytes: new Uint8Array() }
  // As received: what has read a body may have removed the header that announced it.
  return unreadBody(
    { header: (name) => receivedHeader(request, name) },
    request.httpVersionMajor === 1 ? 'http/1' : 'other',
  )
}

/** Writes an answer to Node's response. */
export function writeAnswer(
  request: ArrivingRequest,
  response: NodeResponse,
  { status, headers, body }: WireAnswer,
): void {
  endWhenArrived(request, response)
  response.statusCode = status
  for (const name in headers) response.setHeader(name, headers[name] as string)
  response.end(body)
}

/** A request of Node's http module, with what frameworks keep in it of its URL. */
interface ParsedRequest extends NodeRequest {
  url?: string | undefined
  originalUrl?: string
  /** What the package parseurl remembers, and so Express. It parses anew where they are missing. */
  _parsedUrl?: unknown
  _parsedOriginalUrl?: unknown
}

/**
 * Takes secrets out of the URL and of the parsed query, so that neither a handler nor a log written
 * after it sees them.
 */
export function hideNodeQuery(
  request: ParsedRequest,
  query: unknown,
  names: readonly string[],
): void {
  const { url, originalUrl } = request
  if (url !== undefined) request.url = hideFromUrl(request, names)
  if (originalUrl !== undefined) request.originalUrl = withoutQuery(originalUrl, names)
  hideFromQuery(query, names)
  if (request.url === url && request.originalUrl === originalUrl) return
  delete request._parsedUrl
  delete request._parsedOriginalUrl
  if (request.httpVersionMajor === 2) hidePath(request, names)
}

// On HTTP/2 the URL is a header, too.
function hidePath({ headers = {}, rawHeaders = [] }: NodeRequest, names: readonly string[]): void {
  const path = headers[':path']
  if (typeof path === 'string') Reflect.set(headers, ':path', withoutQuery(path, names))
  const raw = rawHeaders.indexOf(':path') + 1
  if (raw > 0) Reflect.set(rawHeaders, raw, withoutQuery(rawHeaders[raw] as string, names))
}
