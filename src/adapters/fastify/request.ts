import type { RawRequestDefaultExpression, RawServerBase } from 'fastify'
import {
  type MatchedRoute,
  type NodeRequest,
  NodeWireRequest,
  ownMember,
  type WireRequest,
  withoutQuery,
} from '../../http/request.ts'
import { hideNodeQuery } from '../node/query.ts'

/** The part of Fastify's request that a guard reads. It fits any server, logger and route type. */
export interface GuardedRequest {
  readonly raw: RawRequestDefaultExpression<RawServerBase>
  readonly params: unknown
  readonly query: unknown
  readonly headers: NodeRequest['headers']
  readonly ip: string
  readonly id: unknown
  readonly routeOptions: { readonly url?: string | undefined }
  principal: unknown
}

const MATCHED: MatchedRoute<GuardedRequest> = {
  param: ({ params }, name) => ownMember(params, name),
  template: ({ routeOptions }) => routeOptions.url,
  // Fastify's own headers, because a hook may have replaced them without changing Node's request.
  headers: ({ headers }) => headers,
  peer: ({ ip }) => ip,
  requestId: ({ id }) => id,
}

/**
 * Creates the wire request of a Fastify request.
 *
 * @param secretQuery Query parameters that hold a credential. They are removed from the request
 *   that handlers see.
 */
export function fastifyWireRequest(
  request: GuardedRequest,
  secretQuery: readonly string[] | undefined,
): WireRequest {
  const wire = new NodeWireRequest(request.raw, request, MATCHED)
  if (secretQuery === undefined) return wire
  hideNodeQuery(request.raw, request.query, secretQuery)
  // Fastify caches the original URL under a private symbol once it is read.
  const kept = request as unknown as Record<symbol, unknown>
  for (const symbol of Object.getOwnPropertySymbols(request)) {
    const value = kept[symbol]
    if (typeof value === 'string') kept[symbol] = withoutQuery(value, secretQuery)
  }
  return wire
}
