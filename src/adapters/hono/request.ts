import type { Context } from 'hono'
import {
  type MatchedRoute,
  type NodeRequest,
  NodeWireRequest,
  WebWireRequest,
  type WireRequest,
} from '../../http/request.ts'
import { ChangedRequest } from './changed-request.ts'

/**
 * Creates the wire request of a context. Reads Node's request directly if middleware cannot have
 * changed anything. That saves building a web-standard request.
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

// The server's request holds Node's request under a symbol. It creates its Headers on first access,
// after which middleware may have changed them. A request that does not hold Node's request
// replaced it. An unknown shape also counts as replaced, which is slower but gives the same result.
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
