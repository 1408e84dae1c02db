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
  for (const name in headers) response.setHeader(name, headers[name] as string)
  response.end(body)
}
