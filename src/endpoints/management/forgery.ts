import type { WireRequest } from '../../http/request.ts'

const DEFAULT_PORTS: Readonly<Record<string, string>> = { 'http:': '80', 'https:': '443' }

/**
 * Whether a request may have been made by a page of another site, in the name of a user who knows
 * nothing of it. Such a page can send the cookies of the user and a form. It cannot set `X-Twinkey`
 * without a permission that only a CORS policy gives, and hosts may have a generous one. So a request
 * that says that it comes from another site is refused in any case.
 *
 * @param origins Origins of the page itself, for hosts behind a proxy that changes `Host`.
 * @see Fetch Metadata Request Headers, section 2.3; RFC 6454, section 7
 */
export function isForged(request: WireRequest, origins: readonly string[]): boolean {
  const site = request.header('sec-fetch-site')
  const origin = request.header('origin')
  if (site !== undefined && site !== 'same-origin' && site !== 'none') return true
  if (site === undefined && origin !== undefined && !isOwn(origin, request, origins)) return true
  // A browser that says nothing may still be one: an old one that loads an image, for example.
  if (isSafe(request)) return site === undefined && origin === undefined && !isMarked(request)
  return !isMarked(request)
}

/**
 * Whether a change may have been sent by a form: its type is not that of JSON. Such a request is
 * refused even if it is marked.
 */
export function isUntyped(request: WireRequest): boolean {
  return !isSafe(request) && !isJson(request)
}

/** Whether a text is the value of an `Origin` header, like `https://api.example.com`. */
export function isOrigin(text: unknown): text is string {
  return (
    typeof text === 'string' &&
    /^https?:/.test(text) &&
    URL.canParse(text) &&
    new URL(text).origin === text
  )
}

function isOwn(origin: string, request: WireRequest, origins: readonly string[]): boolean {
  if (!isOrigin(origin)) return false
  if (origins.includes(origin)) return true
  const { protocol } = new URL(origin)
  // A proxy that ends TLS says so. Without it, the scheme of the request is not known.
  const forwarded = request.header('x-forwarded-proto') ?? ''
  if (protocol === 'http:' && /^https\b/i.test(forwarded || request.url)) return false
  const host = request.header('host') ?? ''
  return URL.canParse(`http://${host}`) && portOf(origin) === portOf(`${protocol}//${host}`)
}

function portOf(url: string): string {
  const { hostname, port, protocol } = new URL(url)
  return `${hostname}:${port || DEFAULT_PORTS[protocol]}`
}

function isSafe({ method }: WireRequest): boolean {
  return method === 'GET' || method === 'HEAD'
}

function isMarked(request: WireRequest): boolean {
  return request.header('x-twinkey') === '1'
}

function isJson(request: WireRequest): boolean {
  const [type = ''] = (request.header('content-type') ?? '').split(';')
  return type.trim().toLowerCase() === 'application/json'
}
