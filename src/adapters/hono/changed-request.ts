import { agreedHost, receivedHeader } from '../../http/headers.ts'
import { type NodeRequest, WebWireRequest, type WireRequest } from '../../http/request.ts'

/** A request on Node whose headers middleware may have changed, or which middleware replaced. */
export class ChangedRequest implements WireRequest {
  private readonly incoming: NodeRequest
  private readonly headers: Headers
  private readonly node: WireRequest
  /** Supplies the method and the URL. */
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

  get native(): unknown {
    return this.node.native
  }

  get requestId(): string | undefined {
    return this.node.requestId
  }

  param(name: string): string | undefined {
    return this.node.param(name)
  }

  header(name: string): string | undefined {
    // A web-standard request has no HTTP/2 pseudo-headers.
    if (name.startsWith(':')) return this.node.header(name)
    const value = this.headers.get(name) ?? undefined
    const received = receivedHeader(this.incoming, name)
    if (value !== received) return name === 'host' ? agreedHost([value], '') : value
    // Hono middleware did not change the header, but the Node request may have been changed before.
    const current = this.node.header(name)
    return name === 'host' && current === received ? this.line.header(name) : current
  }
}
