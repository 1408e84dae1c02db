import type { Context } from 'hono'
import { toResponse } from '../../endpoints/tokens/endpoints.ts'
import type { WireAnswer } from '../../http/profile.ts'
import { endWhenArrived } from '../node/arrival.ts'
import { incomingOf, onNode } from './incoming.ts'

/** Converts a refusal, or the answer of a token endpoint, to a response. */
export function respond(c: Context, answer: WireAnswer): Response {
  onNode(c, endWhenArrived)
  return toResponse(answer)
}

/** Hands work that continues after the response to `waitUntil`, on hosts that have it. */
export function outliveHonoResponse(c: Context, work: Promise<void> | undefined): void {
  if (work === undefined || incomingOf(c) !== undefined) return
  try {
    c.executionCtx.waitUntil(work)
  } catch {
    // Hono throws where there is no execution context. There, the process outlives the response.
  }
}
