import { hideFromUrl, withoutQuery } from '../../http/request.ts'

/** Hands work that continues after the response to `waitUntil`, if the host passes a context. */
export function outliveWebResponse(
  work: Promise<void> | undefined,
  rest: readonly unknown[],
): void {
  const context =
    work &&
    rest.find(
      (each) =>
        typeof (each as { waitUntil?: unknown } | null | undefined)?.waitUntil === 'function',
    )
  if (context) (context as { waitUntil(work: Promise<void>): void }).waitUntil(work)
}

/**
 * Adds the headers that a response does not have. Copies the response, because the headers of a
 * fetched one are immutable.
 */
export function withHeaders(
  response: Response,
  added: readonly (readonly [name: string, value: string])[],
): Response {
  const missing = added.filter(([name]) => !response.headers.has(name))
  // A response that switches protocols cannot be copied, and no cache stores it.
  if (response.status < 200 || missing.length === 0) return response
  const headers = new Headers(response.headers)
  for (const [name, value] of missing) headers.set(name, value)
  return new Response(response.body, {
    status: response.status,
    statusText: response.statusText,
    headers,
  })
}

const USER = /^([a-z][a-z0-9+.-]*:\/\/)[^/?#]*@/i

/** Returns the request for the handler: without secrets in its URL. Copies it only if needed. */
export function hideWebQuery(request: Request, names: readonly string[]): Request {
  const url = withoutQuery(request.url, names)
  if (url === request.url) return request
  const seen = withUrl(request, url)
  hideFromUrl(request, names, seen)
  // Bun passes the path parameters on the request, where a copy has none.
  const { params } = request as { params?: unknown }
  if (params !== undefined)
    Object.defineProperty(seen, 'params', { value: params, configurable: true, enumerable: true })
  return seen
}

function withUrl(request: Request, url: string): Request {
  try {
    return request.bodyUsed || request.body?.locked
      ? withUsedBody(request, url)
      : new Request(url, request)
  } catch {
    // The Request constructor rejects some methods, and URLs with user information. A server may
    // still receive such a request.
    const { method, headers, signal } = request
    return Object.defineProperty(
      new Request(url.replace(USER, '$1'), { headers, signal }),
      'method',
      { value: method },
    )
  }
}

// A body that was read cannot be passed on. The body of the new request is marked as read, so that
// the handler does not mistake it for an empty one.
function withUsedBody({ method, headers, signal }: Request, url: string): Request {
  const seen = new Request(url, { method, headers, signal, body: ' ' })
  seen.body?.cancel().catch(() => {})
  return seen
}
