import type { RawRequestDefaultExpression, RawServerBase } from 'fastify'
import {
  type MatchedRoute,
  type NodeRequest,
  NodeWireRequest,
  ownMember,
  type WireRequest,
  withoutQuery,
} from '../../http/request.ts'
import { hideNodeQuery } from '../node/message.ts'

/**
 * The part of Fastify's request that a guard reads, whatever the server, the logger and the route
 * say of its types.
 */
export interface GuardedRequest {
  readonly raw: RawRequestDefaultExpression<RawServerBase>
  readonly params: unknown
  readonly query: unknown
  readonly headers: NodeRequest['headers']
  readonly ip: string
  readonly routeOptions: { readonly url?: string | undefined }
  principal: unknown
}

const MATCHED: MatchedRoute<GuardedRequest> = {
  param: ({ params }, name) => ownMember(params, name),
  template: ({ routeOptions }) => routeOptions.url,
  // What a hook assigns to it does not reach Node's request.
  headers: ({ headers }) => headers,
  peer: ({ ip }) => ip,
}

/**
 * The request of Node's server behind Fastify's. Names in the query that hold a credential are
 * taken out of what a handler sees.
 */
export function fastifyWireRequest(
  request: GuardedRequest,
  secretQuery: readonly string[] | undefined,
): WireRequest {
  const wire = new NodeWireRequest(request.raw, request, MATCHED)
  if (secretQuery === undefined) return wire
  hideNodeQuery(request.raw, request.query, secretQuery)
  // Fastify keeps the original URL under a symbol of its own once that was read.
  const kept = request as unknown as Record<symbol, unknown>
  for (const symbol of Object.getOwnPropertySymbols(request)) {
    const value = kept[symbol]
    if (typeof value === 'string') kept[symbol] = withoutQuery(value, secretQuery)
  }
  return wire
}
