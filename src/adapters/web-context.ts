import { hideFromUrl, withoutQuery } from '../wire/request.ts'

/** Hands what goes on after the answer to a context with `waitUntil`, where the host passes one: Workers end with the response. */
export function outlive(work: Promise<void> | undefined, rest: readonly unknown[]): void {
  const context = work && rest.find((each) => typeof (each as { waitUntil?: unknown } | null | undefined)?.waitUntil === 'function')
  if (context) (context as { waitUntil(work: Promise<void>): void }).waitUntil(work)
}

/** A response that no shared cache keeps, unless it says otherwise. One from elsewhere has headers that cannot be changed, so it is made anew. */
export function withoutCaching(response: Response): Response {
  // A response that only switches protocols cannot be made anew, and is cached nowhere.
  if (response.status < 200 || response.headers.has('cache-control')) return response
  const headers = new Headers(response.headers)
  headers.set('cache-control', 'no-store')
  return new Response(response.body, { status: response.status, statusText: response.statusText, headers })
}

/** The request as a handler gets to see it: without secrets in its URL. One that holds none is left as it is. */
export function hideQuery(request: Request, names: readonly string[]): Request {
  const url = withoutQuery(request.url, names)
  if (url === request.url) return request
  const seen = request.bodyUsed || request.body?.locked ? withUsedBody(request, url) : remade(request, url)
  hideFromUrl(request, names, seen)
  return seen
}

// Fetch makes no request of some methods, but a server may have got one all the same and have put its method there. Such a request has no body.
function remade(request: Request, url: string): Request {
  const { method, headers, signal } = request
  if (!/^(?:CONNECT|TRACE|TRACK)$/i.test(method)) return new Request(url, request)
  return Object.defineProperty(new Request(url, { headers, signal }), 'method', { value: method })
}

// A body that somebody has read cannot be handed on. The new request says of its own that it was read, so that nobody takes it for empty.
function withUsedBody({ method, headers, signal }: Request, url: string): Request {
  const seen = new Request(url, { method, headers, signal, body: ' ' })
  seen.body?.cancel().catch(() => {})
  return seen
}
