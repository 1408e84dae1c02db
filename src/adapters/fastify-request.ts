import type { RawRequestDefaultExpression, RawServerBase } from 'fastify'
import { type MatchedRoute, NodeWireRequest, ownMember, type WireRequest } from '../wire/request.ts'
import { hideQuery } from './node.ts'

/** The part of Fastify's request that a guard reads, whatever the server, the logger and the route say of its types. */
export interface GuardedRequest {
  readonly raw: RawRequestDefaultExpression<RawServerBase>
  readonly params: unknown
  readonly query: unknown
  readonly ip: string
  readonly routeOptions: { readonly url?: string | undefined }
  principal: unknown
}

const MATCHED: MatchedRoute<GuardedRequest> = {
  param: ({ params }, name) => ownMember(params, name),
  template: ({ routeOptions }) => routeOptions.url,
  peer: ({ ip }) => ip,
}

/** The request of Node's server behind Fastify's. Names in the query that hold a credential are taken out of what a handler sees. */
export function wireOf(request: GuardedRequest, secretQuery: readonly string[] | undefined): WireRequest {
  const wire = new NodeWireRequest(request.raw, request, MATCHED)
  if (secretQuery === undefined) return wire
  hideQuery(request.raw, request.query, secretQuery)
  // Fastify may have kept it, for a log say.
  Object.defineProperty(request, 'originalUrl', { value: request.raw.url, configurable: true })
  return wire
}
