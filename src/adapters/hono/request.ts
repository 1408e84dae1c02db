import type { Context } from 'hono'
import { agreedHost, receivedHeader } from '../../http/headers.ts'
import {
  type MatchedRoute,
  type NodeRequest,
  NodeWireRequest,
  WebWireRequest,
  type WireRequest,
} from '../../http/request.ts'

/**
 * The request of a context, read from Node's own where that is all there is, so that no
 * web-standard one has to be made for it.
 */
export function requestOf(
  c: Context,
  incoming: NodeRequest | undefined,
  route: MatchedRoute<Context>,
): WireRequest {
  if (incoming === undefined) return new WebWireRequest(c.req.raw, c, route)
  const node = new NodeWireRequest(incoming, c, route)
  const state = bodyStateOf(c.req.raw, incoming)
  if (state === 'untouched') return node
  return new ChangedRequest(incoming, c.req.raw, node, state === 'replaced')
}

// The server's request holds Node's, and makes its headers when they are first asked for: from then
// on somebody may have changed them. One that does not hold Node's was put in its place. Any other
// shape counts as replaced, which is slower and reads the same.
function bodyStateOf(raw: Request, incoming: NodeRequest): 'untouched' | 'read' | 'replaced' {
  let holds = false
  let read = false
  for (const symbol of Object.getOwnPropertySymbols(raw)) {
    const value = (raw as unknown as Record<symbol, unknown>)[symbol]
    if (value === incoming) holds = true
    else if (value instanceof Headers) read = true
  }
  if (!holds) return 'replaced'
  return read ? 'read' : 'untouched'
}

/**
 * A request on Node that middleware of Hono may have changed, or has put in the place of the
 * server's.
 */
class ChangedRequest implements WireRequest {
  private readonly incoming: NodeRequest
  private readonly headers: Headers
  private readonly node: WireRequest
  /** What the method and the URL are read from. */
  private readonly line: WireRequest

  constructor(incoming: NodeRequest, raw: Request, node: WireRequest, replaced: boolean) {
    this.incoming = incoming
    this.headers = raw.headers
    this.node = node
    this.line = replaced ? new WebWireRequest(raw) : node
  }

  get method(): string {
    return this.line.method
  }

  get url(): string {
    return this.line.url
  }

  get receivedUrl(): string | undefined {
    return this.line.receivedUrl
  }

  get template(): string | undefined {
    return this.node.template
  }

  get peer(): string | undefined {
    return this.node.peer
  }

  param(name: string): string | undefined {
    return this.node.param(name)
  }

  header(name: string): string | undefined {
    // Pseudo headers of HTTP/2 are in no web-standard request.
    if (name.startsWith(':')) return this.node.header(name)
    const value = this.headers.get(name) ?? undefined
    const received = receivedHeader(this.incoming, name)
    if (value !== received) return name === 'host' ? agreedHost([value], '') : value
    // What Hono's middleware has left as it came may have been changed in Node's request before.
    const current = this.node.header(name)
    return name === 'host' && current === received ? this.line.header(name) : current
  }
}
