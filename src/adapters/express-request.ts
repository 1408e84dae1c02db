import { type MatchedRoute, type NodeRequest, NodeWireRequest, ownMember, type WireRequest } from '../wire/request.ts'
import { hideQuery } from './node.ts'

interface ExpressRequest extends NodeRequest {
  url: string
  originalUrl: string
  readonly query: unknown
  readonly params: unknown
  readonly baseUrl: string
  readonly ip?: string | undefined
  readonly route: { readonly path?: unknown } | undefined
}

const MATCHED: MatchedRoute<ExpressRequest> = {
  param: ({ params }, name) => ownMember(params, name),
  template: ({ baseUrl, route }) => typeof route?.path === 'string' && baseUrl + route.path,
  peer: ({ ip }) => ip,
}

/** The request of Node's server that Express's is. Names in the query that hold a credential are taken out of what a handler sees. */
export function wireOf(request: ExpressRequest, secretQuery: readonly string[] | undefined): WireRequest {
  const wire = new NodeWireRequest(request, request, MATCHED)
  // Asked first: Express parses the query anew whenever it is read.
  if (secretQuery !== undefined) hideQuery(request, request.query, secretQuery)
  return wire
}
