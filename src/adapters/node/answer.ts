import type { WireAnswer } from '../../http/profile.ts'
import { type ArrivingRequest, endWhenArrived, type NodeResponse } from './arrival.ts'

/** Writes an answer to a Node response. */
export function writeAnswer(
  request: ArrivingRequest,
  response: NodeResponse,
  { status, headers, body }: WireAnswer,
): void {
  endWhenArrived(request, response)
  response.statusCode = status
  for (const name in headers) {
    const value = headers[name] ?? ''
    // The cookies that the host has set before stay, as on the other hosts.
    if (name === 'set-cookie') response.appendHeader(name, value)
    else response.setHeader(name, value)
  }
  response.end(body)
}
