import { REFUSALS, type Refusal } from '../core/model/refusal.ts'
import { agreedHost, currentHeader, type NodeHeaders, receivedHeader } from './headers.ts'
import { decode, withoutQuery } from './secret-query.ts'

export { redactUrl, withoutQuery } from './secret-query.ts'

/** An HTTP request as the profiles read it, whatever the framework made of it. */
export interface WireRequest {
  readonly method: string
  /** The request target: path and query, or in absolute form. */
  readonly url: string
  /** The request target as it was received, where an earlier guard has taken a secret out of it. */
  readonly receivedUrl?: string | undefined
  /**
   * The value of a header as it stands now, by lower-case name: as it was received, or as the
   * application left it. The values of a repeated one are joined by `", "`; undefined where there
   * is none.
   *
   * `host` falls back to `:authority` of HTTP/2 and to the host of an absolute URL. Where these
   * differ, or `Host` is repeated, the answer is a text with a control character and a comma in it,
   * which no name may contain: a target that is read from it is refused.
   */
  header(name: string): string | undefined
  /** A parameter of the matched route, decoded; undefined where the route has none of that name. */
  param(name: string): string | undefined
  /**
   * The template of the matched route with its mount point, as in `/customers/:id/`; undefined
   * where there is none.
   */
  readonly template?: string | undefined
  /** What an operator can do where the framework does not tell the template of the route. */
  readonly templateAdvice?: string | undefined
  /**
   * The address of the peer, as far as the host knows it. Read only where a route has a throttle.
   */
  readonly peer?: string | undefined
}

/** What is read of a request of Node's http module, and so of Express and Fastify. */
export interface NodeRequest extends NodeHeaders {
  readonly method?: string | undefined
  readonly url?: string | undefined
  /** The stream of HTTP/2. */
  readonly stream?: unknown
  readonly socket?: { readonly remoteAddress?: string | undefined } | undefined
}

/** How a framework tells of the route that it matched. Asked only where a requirement reads it. */
export interface MatchedRoute<F> {
  /** A parameter of the path, decoded. */
  param(of: F, name: string): unknown
  /** The template of the route, with its mount point. */
  template(of: F): unknown
  /**
   * The current headers, where the framework keeps its own; left out, they are those of Node's
   * request.
   */
  headers?(of: F): NodeHeaders['headers']
  /** What an operator can do where there is a route and no template of it. */
  advice?(of: F): string | undefined
  /**
   * The address of the peer, by what the framework was told of proxies; left out, it is the other
   * end of the socket, where there is one.
   */
  peer?(of: F): unknown
}

abstract class MatchedRequest<F> {
  protected readonly of: F | undefined
  protected readonly route: MatchedRoute<F> | undefined

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
    return this.route?.peer === undefined
      ? this.socketPeer()
      : textOf(this.route.peer(this.of as F))
  }

  protected socketPeer(): string | undefined {
    return undefined
  }
}

/**
 * A request of Node's http or http2 module. Node has built its header object by now: its server
 * looks at the host of every request.
 */
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
    const { request, route } = this
    const headers = route?.headers === undefined ? request.headers : route.headers(this.of as F)
    const value = currentHeader(request, headers, name)
    if (name !== 'host') return value
    // A host that the application has set or removed is the one that counts.
    if (value !== receivedHeader(request, name)) return agreedHost([value], '')
    return agreedHost([value, currentHeader(request, headers, ':authority')], this.url)
  }
}

// Where a secret was taken out of the URL of a request, the URL as it came in is kept here for the
// next guard. It is a function, so that nothing that walks or prints a request finds the secret.
// Registered, because the next guard may be of another copy of the package.
const AS_RECEIVED = Symbol.for('twinkey.received-url')

/**
 * Takes parameters out of the URL of a request, and keeps for later guards what it was. Answers the
 * URL that is left.
 */
export function hideFromUrl(
  request: object & { url?: string | undefined },
  names: readonly string[],
  into: object = request,
): string {
  const received = receivedUrlOf(request) ?? request.url ?? '/'
  Object.defineProperty(into, AS_RECEIVED, { value: () => received, configurable: true })
  return withoutQuery(request.url ?? '/', names)
}

function receivedUrlOf(request: object): string | undefined {
  return (request as { [AS_RECEIVED]?: () => string })[AS_RECEIVED]?.()
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
    const value = this.request.headers.get(name) ?? undefined
    return name === 'host' ? agreedHost([value], this.request.url) : value
  }
}

/**
 * Reads one parameter of the query, strictly: percent-encoding must be valid UTF-8, and a name
 * given twice is refused. What stands behind a `#`, or behind a `;` in the path, is no query, but
 * Fastify may show it to a handler as one: the name is refused there.
 *
 * @returns The decoded value, undefined where there is none, or a refusal.
 */
export function readQuery(url: string, name: string): string | Refusal | undefined {
  const [target, fragment] = splitAt(url, '#')
  const [path, query] = splitAt(target, '?')
  const isNamed = (pair: string) => decode(writtenNameOf(pair)) === name
  if (queryPairs(fragment).some(isNamed) || queryPairs(splitAt(path, ';')[1]).some(isNamed))
    return REFUSALS.requestMalformed
  let found: string | Refusal | undefined
  for (const pair of queryPairs(query)) {
    if (!isNamed(pair)) continue
    if (found !== undefined) return REFUSALS.targetRepeated
    const split = pair.indexOf('=')
    found = decode(split < 0 ? '' : pair.slice(split + 1)) ?? REFUSALS.requestMalformed
  }
  return found
}

function splitAt(text: string, sign: string): [before: string, behind: string | undefined] {
  const at = text.indexOf(sign)
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)]
}

function queryPairs(query: string | undefined): string[] {
  return query === undefined ? [] : query.split('&')
}

/** Reads a header that must stand once and in ASCII. */
export function readHeader(request: WireRequest, name: string): string | Refusal | undefined {
  const value = request.header(name)
  if (value === undefined) return undefined
  if (value.includes(',')) return REFUSALS.targetRepeated
  return /[^\x20-\x7e]/.test(value) ? REFUSALS.requestMalformed : value
}

function writtenNameOf(pair: string): string {
  const split = pair.indexOf('=')
  return split < 0 ? pair : pair.slice(0, split)
}

/** A member of an object that is its own, as parameters are: not one that it inherits. */
export function ownMember(of: unknown, name: string): unknown {
  return typeof of === 'object' && of !== null && Object.hasOwn(of, name)
    ? (of as Record<string, unknown>)[name]
    : undefined
}

// Express gives the segments of a wildcard as a list.
function textOf(value: unknown): string | undefined {
  return Array.isArray(value) ? value.join('/') : typeof value === 'string' ? value : undefined
}
