import type { Context } from 'hono'
import type { NodeRequest } from '../../http/request.ts'
import type { ArrivingRequest, NodeResponse } from '../node/arrival.ts'

/** Returns the request of Node's server, or undefined if Hono runs elsewhere. */
export function incomingOf(c: Context): NodeRequest | undefined {
  const incoming = (c.env as { incoming?: NodeRequest } | undefined)?.incoming
  return Array.isArray(incoming?.rawHeaders) ? incoming : undefined
}

/** Calls a function with the request and response of Node's server, if Hono runs on one. */
export function onNode(
  c: Context,
  act: (incoming: ArrivingRequest, outgoing: NodeResponse) => void,
): void {
  const { incoming, outgoing } = (c.env ?? {}) as {
    incoming?: ArrivingRequest
    outgoing?: NodeResponse
  }
  if (incomingOf(c) !== undefined && typeof outgoing?.end === 'function')
    act(incoming as ArrivingRequest, outgoing)
}
