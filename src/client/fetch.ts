import { discard } from './answer.ts'
import { type KeptBody, keepBody, recordBody } from './body.ts'
import type { Credentials } from './credentials.ts'
import type { Grant } from './exchange.ts'
import {
  becomesGet,
  dropBodyHeaders,
  dropCredentials,
  MAX_REDIRECTS,
  mayRedirect,
  redirectTarget,
  refused,
} from './redirect.ts'
import { sendWithToken } from './send.ts'

type Input = Parameters<typeof fetch>[0]

/** One call of `fetch`, copied, so that a later change by the caller has no effect. */
interface Call {
  readonly first: Hop
  /** The request, if the caller made one. It may have members that only the platform can read. */
  readonly request: Request | undefined
  readonly redirect: string
  readonly signal: AbortSignal | null | undefined
  /** A copy of the caller's options, which may include options that only one platform has. */
  readonly init: RequestInit | undefined
}

/** One request of a call. Redirects make further ones. */
interface Hop {
  readonly url: URL
  readonly method: string
  /** Undefined if the caller gave none. */
  readonly headers: Headers | undefined
  readonly body: KeptBody | undefined
  /** Whether all redirects so far stayed on origins that get the token. */
  readonly isTrusted: boolean
}

type SendHop = (hop: Hop) => Promise<Response>

/** Creates a `fetch` that sends the token to the allowed origins. */
export function createFetch(credentials: Credentials, send: typeof fetch): typeof fetch {
  return async (input, init) => {
    const url = urlOf(input)
    if (!credentials.isAllowed(url)) return send(input as string, init)
    const call = readCall(input, init && { ...init }, url)
    const { first, redirect } = call
    if (first.url !== url && !credentials.isAllowed(first.url))
      throw new TypeError('The URL of the request changed while it was read.')
    const sendHop = createSendHop(credentials, send, call)
    const response = await sendHop(first)
    if (redirect === 'manual' || !mayRedirect(response)) return response
    return follow(credentials, sendHop, call, response)
  }
}

function urlOf(input: Input): URL {
  return new URL(input instanceof Request ? input.url : String(input))
}

function readCall(input: Input, init: RequestInit | undefined, url: URL): Call {
  if (input instanceof Request) return readRequest(input, init)
  if (url.username !== '' || url.password !== '')
    throw new TypeError('The URL must not have a user name or a password.')
  const { body, headers, method = 'GET', redirect = 'follow', signal } = init ?? NO_INIT
  const first = {
    url,
    method,
    headers: headers === undefined ? undefined : new Headers(headers),
    body: body === undefined || body === null ? undefined : keepBody(body),
    isTrusted: true,
  }
  return { first, request: undefined, redirect, signal, init }
}

const NO_INIT: RequestInit = {}

function readRequest(input: Request, init: RequestInit | undefined): Call {
  // Read from a copy: the caller may have replaced members of the given request.
  const request = new Request(input, init)
  const { method, redirect, signal } = request
  const first = {
    url: new URL(request.url),
    method,
    headers: new Headers(request.headers),
    body: request.body === null ? undefined : recordBody(request),
    isTrusted: true,
  }
  return { first, request, redirect, signal, init }
}

function createSendHop(credentials: Credentials, send: typeof fetch, call: Call): SendHop {
  const { signal } = call
  const transmit = createTransmit(send, call)
  // One request of a call is repeated, not one of each redirect.
  let isRepeated = false
  return (hop) => {
    const { body, isTrusted } = hop
    if (!isTrusted) return transmit(hop)
    return sendWithToken(credentials, {
      isRepeatable: body === undefined || body.isRepeatable,
      canRepeat: () => !isRepeated && (body === undefined || body.canRepeat()),
      signal,
      send: (grant) => transmit(hop, grant),
      statusOf: ({ status }) => status,
      discard(answer) {
        isRepeated = true
        return discard(answer)
      },
    })
  }
}

function createTransmit(send: typeof fetch, { first, request, init, signal }: Call) {
  let isSent = false
  return ({ url, method, headers, body }: Hop, grant?: Grant): Promise<Response> => {
    const common: RequestInit = {
      ...init,
      headers: grant === undefined ? (headers ?? []) : withToken(headers, grant),
      redirect: 'manual',
    }
    // In some runtimes, null would replace the body of a Request.
    if (common.body !== undefined) Reflect.deleteProperty(common, 'body')
    if (request !== undefined && url === first.url && !(isSent && body !== undefined)) {
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
  { authorization }: Grant,
): Headers | { authorization: string } {
  if (headers === undefined) return { authorization }
  // Copied for each hop. For another origin, credentials are removed from the copy.
  headers.set('authorization', authorization)
  return headers
}

/** Follows the redirects from the answer to the first request of a call. */
async function follow(
  credentials: Credentials,
  sendHop: SendHop,
  { first, redirect }: Call,
  answer: Response,
): Promise<Response> {
  let hop = first
  let response = answer
  for (let redirects = 0; ; redirects++) {
    let next: Hop | undefined
    try {
      next = await nextHop(credentials, hop, response)
      if (next !== undefined && (redirect === 'error' || redirects === MAX_REDIRECTS))
        throw refused('The API redirects, or redirects too often.')
    } catch (error) {
      await discard(response)
      throw error
    }
    if (next === undefined) return redirects === 0 ? response : asRedirected(response)
    await discard(response)
    hop = next
    response = await sendHop(hop)
  }
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
