import type { FastifyReply, FastifyRequest } from 'fastify'
import type { WireAnswer } from '../wire/profile.ts'
import { type MatchedRoute, NodeWireRequest, ownMember, type WireRequest } from '../wire/request.ts'
import { hideQuery } from './node.ts'
import { endWhenArrived } from './node-answer.ts'

const MATCHED: MatchedRoute<FastifyRequest> = {
  param: ({ params }, name) => ownMember(params, name),
  template: ({ routeOptions }) => routeOptions.url,
  peer: ({ ip }) => ip,
}

/** The request of Node's server behind Fastify's. Names in the query that hold a credential are taken out of what a handler sees. */
export function wireOf(request: FastifyRequest, secretQuery: readonly string[] | undefined): WireRequest {
  const wire = new NodeWireRequest(request.raw, request, MATCHED)
  if (secretQuery === undefined) return wire
  hideQuery(request.raw, request.query, secretQuery)
  // Fastify may have kept it, for a log say.
  Object.defineProperty(request, 'originalUrl', { value: request.raw.url, configurable: true })
  return wire
}

/** Writes an answer to a reply. As bytes: to text Fastify would add a charset of its own. */
export function sendAnswer(reply: FastifyReply, { status, headers, body }: WireAnswer): FastifyReply {
  endWhenArrived(reply.request.raw, reply.raw)
  return reply.code(status).headers(headers).send(new TextEncoder().encode(body))
}
