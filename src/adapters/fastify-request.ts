import type { FastifyReply, FastifyRequest } from 'fastify'
import type { WireAnswer } from '../wire/profile.ts'
import { type MatchedRoute, NodeWireRequest, ownMember, type WireRequest, withoutQuery } from '../wire/request.ts'
import { hideQuery } from './node.ts'
import { endWhenArrived } from './node-answer.ts'

const MATCHED: MatchedRoute<FastifyRequest> = {
  param: ({ params }, name) => ownMember(params, name),
  template: ({ routeOptions }) => routeOptions.url,
  // What a hook assigns to it does not reach Node's request.
  headers: ({ headers }) => headers,
  peer: ({ ip }) => ip,
}

/** The request of Node's server behind Fastify's. Names in the query that hold a credential are taken out of what a handler sees. */
export function wireOf(request: FastifyRequest, secretQuery: readonly string[] | undefined): WireRequest {
  const wire = new NodeWireRequest(request.raw, request, MATCHED)
  if (secretQuery === undefined) return wire
  hideQuery(request.raw, request.query, secretQuery)
  // Fastify keeps the original URL under a symbol of its own once that was read.
  const kept = request as unknown as Record<symbol, unknown>
  for (const symbol of Object.getOwnPropertySymbols(request)) {
    const value = kept[symbol]
    if (typeof value === 'string') kept[symbol] = withoutQuery(value, secretQuery)
  }
  return wire
}

/** Writes an answer to a reply. As bytes: to text Fastify would add a charset of its own. */
export function sendAnswer(reply: FastifyReply, { status, headers, body }: WireAnswer): FastifyReply {
  endWhenArrived(reply.request.raw, reply.raw)
  return reply.code(status).headers(headers).send(new TextEncoder().encode(body))
}
