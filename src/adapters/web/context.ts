import { hideFromUrl, withoutQuery } from '../../http/request.ts'

/**
 * Hands what goes on after the answer to a context with `waitUntil`, where the host passes one:
 * Workers end with the response.
 */
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
 * A response that no shared cache keeps, unless it says otherwise. One from elsewhere has headers
 * that cannot be changed, so it is made anew.
 */
export function withoutCaching(response: Response): Response {
  // A response that only switches protocols cannot be made anew, and is cached nowhere.
  if (response.status < 200 || response.headers.has('cache-control')) return response
  const headers = new Headers(response.headers)
  headers.set('cache-control', 'no-store')
  return new Response(response.body, {
    status: response.status,
    statusText: response.statusText,
    headers,
  })
}

const USER = /^([a-z][a-z0-9+.-]*:\/\/)[^/?#]*@/i

/**
 * The request as a handler gets to see it: without secrets in its URL. One that holds none is left
 * as it is.
 */
export function hideWebQuery(request: Request, names: readonly string[]): Request {
  const url = withoutQuery(request.url, names)
  if (url === request.url) return request
  const seen = withUrl(request, url)
  hideFromUrl(request, names, seen)
  return seen
}

function withUrl(request: Request, url: string): Request {
  try {
    return request.bodyUsed || request.body?.locked
      ? withUsedBody(request, url)
      : new Request(url, request)
  } catch {
    // Fetch makes no request of some methods, and none of a URL with the name of a user in it, but
    // a server may have got one all the same.
    const { method, headers, signal } = request
    return Object.defineProperty(
      new Request(url.replace(USER, '$1'), { headers, signal }),
      'method',
      { value: method },
    )
  }
}

// A body that somebody has read cannot be handed on. The new request says of its own that it was
// read, so that nobody takes it for empty.
function withUsedBody({ method, headers, signal }: Request, url: string): Request {
  const seen = new Request(url, { method, headers, signal, body: ' ' })
  seen.body?.cancel().catch(() => {})
  return seen
}
