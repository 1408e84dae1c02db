import type { WireAnswer } from '../../http/profile.ts'
import type { WireRequest } from '../../http/request.ts'
import { expressWireRequest } from '../express/request.ts'
import { type GuardedReply, sendAnswer } from '../fastify/reply.ts'
import { fastifyWireRequest, type GuardedRequest } from '../fastify/request.ts'
import { writeAnswer } from '../node/answer.ts'

type ExpressRequest = Parameters<typeof expressWireRequest>[0] & Parameters<typeof writeAnswer>[0]
type ExpressResponse = Parameters<typeof writeAnswer>[1]

/** A request of Express or of Fastify. */
export type PlatformRequest = (ExpressRequest | GuardedRequest) & { principal?: unknown }

/** The response to it. */
export type PlatformResponse = ExpressResponse | GuardedReply

/**
 * Creates the wire request of a request of Express or of Fastify.
 *
 * @param secretQuery Query parameters that hold a credential. They are removed from the request
 *   that handlers see.
 */
export function nestWireRequest(
  request: PlatformRequest,
  secretQuery: readonly string[] | undefined,
): WireRequest {
  return 'raw' in request
    ? fastifyWireRequest(request, secretQuery)
    : expressWireRequest(request, secretQuery)
}

/** Writes a refusal. */
export function respond(
  request: PlatformRequest,
  response: PlatformResponse,
  answer: WireAnswer,
): void {
  if ('raw' in response) sendAnswer(response, answer)
  else writeAnswer(request as ExpressRequest, response, answer)
}

/** Sets a header of the response. The handler may change it. */
export function setHeader(
  response: PlatformResponse,
  name: string,
  value: string | readonly string[],
): void {
  if ('raw' in response) response.header(name, value)
  else response.setHeader(name, value)
}
