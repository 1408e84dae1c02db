import { hideFromUrl, type NodeRequest, withoutQuery } from '../../http/request.ts'
import { hideFromQuery } from '../../http/secret-query.ts'

/** A request of Node's http module, with the properties where frameworks keep its URL. */
export interface ParsedRequest extends NodeRequest {
  url?: string | undefined
  originalUrl?: string
  /** Caches of the parseurl package, which Express uses. It parses again if they are missing. */
  _parsedUrl?: unknown
  _parsedOriginalUrl?: unknown
}

/** Removes secrets from the URL and the parsed query, so that handlers and later logs lack them. */
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

// HTTP/2 repeats the URL in a pseudo-header.
function hidePath({ headers = {}, rawHeaders = [] }: NodeRequest, names: readonly string[]): void {
  const path = headers[':path']
  if (typeof path === 'string') Reflect.set(headers, ':path', withoutQuery(path, names))
  const raw = rawHeaders.indexOf(':path') + 1
  if (raw > 0) Reflect.set(rawHeaders, raw, withoutQuery(rawHeaders[raw] as string, names))
}
