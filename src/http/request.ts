import { REFUSALS, type Refusal } from '../core/model/refusal.ts'
import { agreedHost, currentHeader, type NodeHeaders, receivedHeader } from './headers.ts'
import { isNodeRequest, isWebRequest, requestMistake } from './request-mistake.ts'
import { decode, withoutQuery } from './secret-query.ts'

export { redactUrl, withoutQuery } from './secret-query.ts'

/** An HTTP request as profiles and readers see it, independent of the framework. */
export interface WireRequest {
  readonly method: string
  /** The request target: path and query, or an absolute URL. */
  readonly url: string
  /** The request target with the path of the mount point, if `url` lacks it. */
  readonly originalUrl?: string | undefined
  /** The request target as received, if an earlier guard removed a secret from it. */
  readonly receivedUrl?: string | undefined
  /**
   * Returns the current value of a header: as received, or as the application changed it. The
   * values of a repeated header are joined with `", "`. Undefined without the header.
   *
   * `host` falls back to `:authority` of HTTP/2 and to the host of an absolute URL. If these differ
   * or `Host` is repeated, the value contains a control character and a comma. No name may contain
   * those, so a target that is read from it is refused.
   *
   * @param name In lower case.
   */
  header(name: string): string | undefined
  /**
   * Returns a decoded parameter of the matched route. Undefined if the route has no parameter with
   * that name.
   */
  param(name: string): string | undefined
  /** The template of the matched route with its mount path, such as `/customers/:id/`. */
  readonly template?: string | undefined
  /** What an operator can do if the framework does not expose the template of the route. */
  readonly templateAdvice?: string | undefined
  /** The address of the peer, if the host knows it. Read only on routes with a throttle. */
  readonly peer?: string | undefined
  /**
   * The request as the framework's own handlers get it: the request of Express or Fastify, the
   * context of Hono, or a web-standard Request.
   */
  readonly native?: unknown
  /**
   * The id of the request: the one that the framework or its middleware has set, otherwise the
   * header `X-Request-Id`, which a client can choose. Undefined if it is not 1 to 200 printable
   * ASCII characters.
   */
  readonly requestId?: string | undefined
}

/** The part of a Node request that a wire request reads. Express and Fastify build on it. */
export interface NodeRequest extends NodeHeaders {
  readonly method?: string | undefined
  readonly url?: string | undefined
  /** The stream of HTTP/2. */
  readonly stream?: unknown
  readonly socket?: { readonly remoteAddress?: string | undefined } | undefined
}

/** How a framework exposes the matched route. Called only if a requirement needs it. */
export interface MatchedRoute<F> {
  /** Returns a decoded path parameter. */
  param(of: F, name: string): unknown
  /** Returns the template of the route with its mount path. */
  template(of: F): unknown
  /**
   * Returns the current headers, if the framework keeps its own. Default: those of Node's request.
   */
  headers?(of: F): NodeHeaders['headers']
  /** What an operator can do if the route has no template. */
  advice?(of: F): string | undefined
  /**
   * Returns the peer address, considering trusted proxies. Default: the remote end of the socket.
   */
  peer?(of: F): unknown
  /** Returns the request target with the path of the mount point, if Node's request lacks it. */
  originalUrl?(of: F): unknown
  /** Returns the id that the framework or its middleware has given to the request. */
  requestId?(of: F): unknown
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

  get originalUrl(): string | undefined {
    return textOf(this.route?.originalUrl?.(this.of as F))
  }

  get requestId(): string | undefined {
    const given = this.route?.requestId?.(this.of as F)
    const id = typeof given === 'string' || typeof given === 'number' ? String(given) : ''
    return [id, this.header('x-request-id')].find(isRequestId)
  }

  abstract header(name: string): string | undefined

  protected socketPeer(): string | undefined {
    return undefined
  }
}

// The header may be anything, and the id is kept in the history.
function isRequestId(id: string | undefined): id is string {
  return id !== undefined && /^[\x20-\x7e]{1,200}$/.test(id)
}

/**
 * A request of Node's http or http2 module. Reading `headers` costs nothing extra: Node's server
 * has already built them to check the host.
 */
export class NodeWireRequest<F = undefined> extends MatchedRequest<F> implements WireRequest {
  private readonly request: NodeRequest
  /** A snapshot. Later changes to the request do not affect it. */
  readonly url: string
  readonly receivedUrl: string | undefined

  /** @throws TypeError for a web-standard request. */
  constructor(request: NodeRequest, of?: F, route?: MatchedRoute<F>) {
    super(of, route)
    if (!isNodeRequest(request)) throw requestMistake(request)
    this.request = request
    this.url = request.url ?? '/'
    this.receivedUrl = receivedUrlOf(request)
  }

  get method(): string {
    return this.request.method ?? 'GET'
  }

  get native(): unknown {
    return this.of ?? this.request
  }

  protected override socketPeer(): string | undefined {
    return this.request.socket?.remoteAddress
  }

  header(name: string): string | undefined {
    const { request, route } = this
    const headers = route?.headers === undefined ? request.headers : route.headers(this.of as F)
    const value = currentHeader(request, headers, name)
    if (name !== 'host') return value
    // If the application has set or removed the host, nothing else counts.
    if (value !== receivedHeader(request, name)) return agreedHost([value], '')
    return agreedHost([value, currentHeader(request, headers, ':authority')], this.url)
  }
}

// Keeps the received URL for the next guard after a guard removed a secret from it. The value is a
// function, so that code that prints a request does not print the secret. The symbol is registered,
// because the next guard may come from another copy of the package.
const AS_RECEIVED = Symbol.for('twinkey.received-url')

/**
 * Removes parameters from the URL of a request, and keeps the received URL for later guards.
 *
 * @param into The object that keeps the received URL. Default: the request.
 * @returns The URL without the parameters. The caller assigns it.
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

/** A web-standard request. Its Headers already join repeated fields. */
export class WebWireRequest<F = undefined> extends MatchedRequest<F> implements WireRequest {
  private readonly request: Request

  /** @throws TypeError for a request of Node or of a framework. */
  constructor(request: Request, of?: F, route?: MatchedRoute<F>) {
    super(of, route)
    if (!isWebRequest(request)) throw requestMistake(request)
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

  get native(): unknown {
    return this.of ?? this.request
  }

  header(name: string): string | undefined {
    const value = this.request.headers.get(name) ?? undefined
    return name === 'host' ? agreedHost([value], this.request.url) : value
  }
}

/**
 * Reads one query parameter strictly: percent-encoding must be valid UTF-8, and a repeated name is
 * refused. The name is also refused after a `#` or after a `;` in the path. That is no query, but
 * Fastify may show it to a handler as one.
 *
 * @returns The decoded value; undefined without the parameter; or a refusal.
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

/** Reads a header. Refuses a comma, and characters other than printable ASCII. */
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

/** Returns an own member of an object, never an inherited one. */
export function ownMember(of: unknown, name: string): unknown {
  return typeof of === 'object' && of !== null && Object.hasOwn(of, name)
    ? (of as Record<string, unknown>)[name]
    : undefined
}

// Express returns the segments of a wildcard as a list.
function textOf(value: unknown): string | undefined {
  return Array.isArray(value) ? value.join('/') : typeof value === 'string' ? value : undefined
}
