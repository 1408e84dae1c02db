import { REFUSALS, type Refusal } from '../core/refusal.ts'

/** An HTTP request as the profiles read it, whatever the framework made of it. */
export interface WireRequest {
  readonly method: string
  /** The request target: path and query, or in absolute form. */
  readonly url: string
  /** The request target as it was received, where an earlier guard has taken a secret out of it. */
  readonly receivedUrl?: string | undefined
  /** The value of a header, by lower-case name; the values of a repeated one joined by `", "`; undefined where there is none. */
  header(name: string): string | undefined
  /** A parameter of the matched route, decoded; undefined where the route has none of that name. */
  param(name: string): string | undefined
  /** The template of the matched route with its mount point, as in `/customers/:id/`; undefined where there is none. */
  readonly template?: string | undefined
  /** What an operator can do where the framework does not tell the template of the route. */
  readonly templateAdvice?: string | undefined
  /** The address of the peer, as far as the host knows it. Read only where a route has a throttle. */
  readonly peer?: string | undefined
}

/** What is read of a request of Node's http module, and so of Express and Fastify. */
export interface NodeRequest {
  readonly method?: string | undefined
  readonly url?: string | undefined
  readonly httpVersionMajor?: number
  /** Names and values in turn, as they were received. Only this shows a repeated `Authorization`. */
  readonly rawHeaders?: readonly string[]
  /** Read only where there are no raw headers. */
  readonly headers?: Readonly<Record<string, string | string[] | undefined>>
  readonly socket?: { readonly remoteAddress?: string | undefined } | undefined
}

/** How a framework tells of the route that it matched. Asked only where a requirement reads it. */
export interface MatchedRoute<F> {
  /** A parameter of the path, decoded. */
  param(of: F, name: string): unknown
  /** The template of the route, with its mount point. */
  template(of: F): unknown
  /** What an operator can do where there is a route and no template of it. */
  advice?(of: F): string | undefined
  /** The address of the peer, by what the framework was told of proxies; left out, it is the other end of the socket, where there is one. */
  peer?(of: F): unknown
}

abstract class MatchedRequest<F> {
  private readonly of: F | undefined
  private readonly route: MatchedRoute<F> | undefined

  constructor(of: F | undefined, route: MatchedRoute<F> | undefined) {
    this.of = of
    this.route = route
  }

  param(name: string): string | undefined {
    return this.route === undefined ? undefined : textOf(this.route.param(this.of as F, name))
  }

  get template(): string | undefined {
    return this.route === undefined ? undefined : textOf(this.route.template(this.of as F))
  }

  get templateAdvice(): string | undefined {
    return this.route?.advice?.(this.of as F)
  }

  get peer(): string | undefined {
    return this.route?.peer === undefined ? this.socketPeer() : textOf(this.route.peer(this.of as F))
  }

  protected socketPeer(): string | undefined {
    return undefined
  }
}

/** A request of Node's http module, read from what the parser left and without making Node build its header objects. */
export class NodeWireRequest<F = undefined> extends MatchedRequest<F> implements WireRequest {
  private readonly request: NodeRequest
  /** As it stands now, whatever is done to the request afterwards. */
  readonly url: string
  readonly receivedUrl: string | undefined

  constructor(request: NodeRequest, of?: F, route?: MatchedRoute<F>) {
    super(of, route)
    this.request = request
    this.url = request.url ?? '/'
    this.receivedUrl = receivedUrlOf(request)
  }

  get method(): string {
    return this.request.method ?? 'GET'
  }

  protected override socketPeer(): string | undefined {
    return this.request.socket?.remoteAddress
  }

  header(name: string): string | undefined {
    const { rawHeaders, headers } = this.request
    // Some hosts make requests up without them. Nothing can stand twice there.
    if (rawHeaders === undefined || rawHeaders.length === 0) return joined(ownMember(headers, name))
    let found: string | undefined
    for (let i = 0; i < rawHeaders.length; i += 2) {
      const each = rawHeaders[i] as string
      if (each.length !== name.length || (each !== name && each.toLowerCase() !== name)) continue
      found = found === undefined ? (rawHeaders[i + 1] as string) : `${found}, ${rawHeaders[i + 1]}`
    }
    return found
  }
}

// Where a secret was taken out of the URL of a request, the URL as it came in is kept here for the next guard; no log shows it.
const AS_RECEIVED = Symbol('url as received')

/** Takes parameters out of the URL of a request, and keeps for later guards what it was. Answers the URL that is left. */
export function hideFromUrl(request: object & { url?: string | undefined }, names: readonly string[], into: object = request): string {
  const received = receivedUrlOf(request) ?? request.url ?? '/'
  Object.defineProperty(into, AS_RECEIVED, { value: received, configurable: true })
  return withoutQuery(request.url ?? '/', names)
}

function receivedUrlOf(request: object): string | undefined {
  return (request as { [AS_RECEIVED]?: string })[AS_RECEIVED]
}

function joined(value: unknown): string | undefined {
  return Array.isArray(value) ? value.join(', ') : typeof value === 'string' ? value : undefined
}

/** A web-standard request. Its Headers join repeated fields by themselves. */
export class WebWireRequest<F = undefined> extends MatchedRequest<F> implements WireRequest {
  private readonly request: Request

  constructor(request: Request, of?: F, route?: MatchedRoute<F>) {
    super(of, route)
    this.request = request
  }

  get method(): string {
    return this.request.method
  }

  get url(): string {
    return this.request.url
  }

  get receivedUrl(): string | undefined {
    return receivedUrlOf(this.request)
  }

  header(name: string): string | undefined {
    return this.request.headers.get(name) ?? undefined
  }
}

/**
 * Reads one parameter of the query, strictly: percent-encoding must be valid UTF-8, a name given twice is refused, and what stands behind a `#`
 * is no query.
 *
 * @returns The decoded value, undefined where there is none, or a refusal.
 */
export function readQuery(url: string, name: string): string | Refusal | undefined {
  const fragment = url.indexOf('#')
  const target = fragment < 0 ? url : url.slice(0, fragment)
  const start = target.indexOf('?')
  if (start < 0) return undefined
  let found: string | Refusal | undefined
  for (const pair of target.slice(start + 1).split('&')) {
    const split = pair.indexOf('=')
    if (decode(writtenNameOf(pair)) !== name) continue
    if (found !== undefined) return REFUSALS.targetRepeated
    found = decode(split < 0 ? '' : pair.slice(split + 1)) ?? REFUSALS.requestMalformed
  }
  return found
}

/**
 * The URL without some parameters of the query, whatever their spelling: how a handler gets to see it.
 *
 * @param url Path and query, or an absolute URL.
 * @param names Names of parameters.
 */
export function withoutQuery(url: string, names: readonly string[]): string {
  const start = url.indexOf('?')
  if (start < 0) return url
  // As readQuery reads it: what that finds must not be left.
  const fragment = url.indexOf('#', start)
  const end = fragment < 0 ? url.length : fragment
  const pairs = url
    .slice(start + 1, end)
    .split('&')
    .filter((pair) => !isOneOf(names, nameOf(pair)))
  return `${url.slice(0, start)}${pairs.length === 0 ? '' : `?${pairs.join('&')}`}${url.slice(end)}`
}

/**
 * The URL for a log: the value of every `auth-key` in the query, whatever its spelling, is replaced.
 *
 * @param url Path and query, an absolute URL, or a line with one such in it.
 * @param names The parameters to redact: `auth-key` unless given.
 * @returns The URL with `[redacted]` in their place.
 * @example
 * ```ts
 * import { redactUrl } from 'twinkey'
 *
 * console.log(redactUrl('/customers/1/?auth-key=secret&_profile=Test'))
 * // /customers/1/?auth-key=[redacted]&_profile=Test
 * ```
 */
export function redactUrl(url: string, names: readonly string[] = ['auth-key']): string {
  const start = url.indexOf('?') + 1
  if (start === 0) return url
  // What stands behind a blank may be the rest of a line, or more of a query that nobody has escaped. No line is made of other blanks than those of ASCII.
  const rest = url
    .slice(start)
    .replace(/[^&# \t\n\v\f\r]+/g, (pair) => (isOneOf(names, nameOf(pair)) ? `${writtenNameOf(pair)}=[redacted]` : pair))
  return url.slice(0, start) + rest
}

/** Reads a header that must stand once and in ASCII. */
export function readHeader(request: WireRequest, name: string): string | Refusal | undefined {
  const value = request.header(name)
  if (value === undefined) return undefined
  if (value.includes(',')) return REFUSALS.targetRepeated
  return /[^\x20-\x7e]/.test(value) ? REFUSALS.requestMalformed : value
}

// Without regard to case: a name that is only nearly right is not read, and its value may be a secret all the same.
function isOneOf(names: readonly string[], name: string): boolean {
  return names.some((each) => each.toLowerCase() === name.toLowerCase())
}

// The name of a parameter: decoded, where that can be done.
function nameOf(pair: string): string {
  const written = writtenNameOf(pair)
  return decode(written) ?? written
}

function writtenNameOf(pair: string): string {
  const split = pair.indexOf('=')
  return split < 0 ? pair : pair.slice(0, split)
}

/** A member of an object that is its own, as parameters are: not one that it inherits. */
export function ownMember(of: unknown, name: string): unknown {
  return typeof of === 'object' && of !== null && Object.hasOwn(of, name) ? (of as Record<string, unknown>)[name] : undefined
}

// Express gives the segments of a wildcard as a list.
function textOf(value: unknown): string | undefined {
  return Array.isArray(value) ? value.join('/') : typeof value === 'string' ? value : undefined
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return undefined
  }
}
