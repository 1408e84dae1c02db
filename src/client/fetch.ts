import { discard } from './answer.ts'
import { type KeptBody, keepBody, recordBody } from './body.ts'
import type { Credentials } from './credentials.ts'
import {
  becomesGet,
  dropBodyHeaders,
  dropCredentials,
  MAX_REDIRECTS,
  redirectTarget,
  refused,
} from './redirect.ts'
import { sendWithToken } from './send.ts'

type Input = Parameters<typeof fetch>[0]

/** One call of `fetch`, copied, so that a later change by the caller has no effect. */
interface Call {
  readonly url: URL
  readonly method: string
  /** Undefined if the caller gave none. */
  readonly headers: Headers | undefined
  readonly body: KeptBody | undefined
  /** The request, if the caller made one. It may have members that only the platform can read. */
  readonly request: Request | undefined
  readonly redirect: string
  readonly signal: AbortSignal | null | undefined
  /** The other members of the caller, which may be those of a platform only. */
  readonly init: RequestInit
}

/** One request of a call. Redirects make further ones. */
interface Hop {
  readonly url: URL
  readonly method: string
  readonly headers: Headers | undefined
  readonly body: KeptBody | undefined
  /** Whether the redirects have not led to another origin that gets no token. */
  readonly isTrusted: boolean
}

/** Creates a `fetch` that sends the token to the allowed origins. */
export function createFetch(credentials: Credentials, send: typeof fetch): typeof fetch {
  return async (input, init) => {
    const url = urlOf(input)
    if (!credentials.isAllowed(url)) return send(input as string, init)
    const call = readCall(input, init, url)
    if (call.url !== url && !credentials.isAllowed(call.url))
      throw new TypeError('The URL of the request changed while it was read.')
    return follow(credentials, send, call)
  }
}

function urlOf(input: Input): URL {
  return new URL(input instanceof Request ? input.url : String(input))
}

function readCall(input: Input, init: RequestInit | undefined, url: URL): Call {
  if (input instanceof Request) return readRequest(input, init)
  const { body, headers, method = 'GET', redirect = 'follow', signal, ...rest } = { ...init }
  if (url.username !== '' || url.password !== '')
    throw new TypeError('The URL must not have a user name or a password.')
  return {
    url,
    method,
    headers: headers === undefined ? undefined : new Headers(headers),
    body: body === undefined || body === null ? undefined : keepBody(body),
    request: undefined,
    redirect,
    signal,
    init: rest,
  }
}

function readRequest(input: Request, init: RequestInit | undefined): Call {
  // Read from a request of our own: members of the given one may be replaced.
  const request = new Request(input, init)
  const {
    body: _body,
    headers: _headers,
    method: _method,
    redirect: _redirect,
    ...rest
  } = { ...init }
  return {
    url: new URL(request.url),
    method: request.method,
    headers: new Headers(request.headers),
    body: request.body === null ? undefined : recordBody(request),
    request,
    redirect: request.redirect,
    signal: request.signal,
    init: rest,
  }
}

async function follow(credentials: Credentials, send: typeof fetch, call: Call): Promise<Response> {
  const transmit = createTransmit(send, call)
  let hop: Hop = { ...call, isTrusted: true }
  // One request of a call is repeated, not one of each redirect.
  let isRepeated = false
  const sendHop = (hop: Hop): Promise<Response> => {
    if (!hop.isTrusted) return transmit(hop)
    return sendWithToken(credentials, {
      isRepeatable: hop.body?.isRepeatable ?? true,
      canRepeat: () => !isRepeated && (hop.body?.canRepeat() ?? true),
      signal: call.signal,
      send: (token) => transmit(hop, token),
      statusOf: ({ status }) => status,
      discard(answer) {
        isRepeated = true
        return discard(answer)
      },
    })
  }
  for (let redirects = 0; ; redirects++) {
    const response = await sendHop(hop)
    if (call.redirect === 'manual') return response
    let next: Hop | undefined
    try {
      next = await nextHop(credentials, hop, response)
      if (next !== undefined && (call.redirect === 'error' || redirects === MAX_REDIRECTS))
        throw refused('The API redirects, or redirects too often.')
    } catch (error) {
      await discard(response)
      throw error
    }
    if (next === undefined) return redirects === 0 ? response : asRedirected(response)
    await discard(response)
    hop = next
  }
}

function createTransmit(send: typeof fetch, call: Call) {
  const { request, init, signal } = call
  let isSent = false
  return ({ url, method, headers, body }: Hop, token?: string): Promise<Response> => {
    const common: RequestInit = { ...init, redirect: 'manual' }
    const sent = token === undefined ? headers : withToken(headers, token)
    if (sent !== undefined) common.headers = sent
    if (request !== undefined && url === call.url && !(isSent && body !== undefined)) {
      isSent = true
      return send(request, common)
    }
    common.method = method
    if (signal) common.signal = signal
    const next = body?.next()
    // Fetch requires `duplex` for streams.
    if (next !== undefined) Object.assign(common, { body: next, duplex: 'half' })
    return send(url.href, common)
  }
}

// Without headers of the caller, an object costs less than Headers.
function withToken(
  headers: Headers | undefined,
  token: string,
): Headers | { authorization: string } {
  const authorization = `Bearer ${token}`
  if (headers === undefined) return { authorization }
  // Copied for each hop, and dropped from the copy on the way to another origin.
  headers.set('authorization', authorization)
  return headers
}

async function nextHop(
  credentials: Credentials,
  hop: Hop,
  response: Response,
): Promise<Hop | undefined> {
  const { url, method, isTrusted } = hop
  const to = redirectTarget(response, url)
  if (to === undefined) return undefined
  const headers = new Headers(hop.headers)
  if (to.origin !== url.origin) dropCredentials(headers)
  // After a redirect through another origin, which could choose any URL, the token is not sent again.
  const next = { url: to, headers, isTrusted: isTrusted && credentials.isAllowed(to) }
  if (becomesGet(response.status, method.toUpperCase())) {
    dropBodyHeaders(headers)
    return { ...next, method: 'GET', body: undefined }
  }
  if (hop.body !== undefined && !(await hop.body.canRepeat()))
    throw refused('The API redirects a request whose body cannot be sent again.')
  return { ...next, method, body: hop.body }
}

function asRedirected(response: Response): Response {
  return Object.defineProperty(response, 'redirected', { value: true })
}
