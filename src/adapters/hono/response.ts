import type { Context } from 'hono'
import type { WireAnswer } from '../../http/profile.ts'
import { toResponse } from '../../http/web.ts'
import { endWhenArrived } from '../node/arrival.ts'
import { incomingOf, onNode } from './incoming.ts'

/** Converts a refusal, or the answer of a token endpoint, to a response. */
export function respond(c: Context, answer: WireAnswer): Response {
  onNode(c, endWhenArrived)
  // Keeps the headers that middleware has set before, as Express and Fastify do: cookies, for
  // example.
  const body = answer.body === '' ? null : answer.body
  return c.newResponse(body, toResponse(answer) as { status: 200; headers: Headers })
}

/** Calls `waitUntil`, if the host has it, with the work that continues after the response. */
export function outliveHonoResponse(c: Context, work: Promise<void> | undefined): void {
  if (work === undefined || incomingOf(c) !== undefined) return
  try {
    c.executionCtx.waitUntil(work)
  } catch {
    // Hono throws if the host has no execution context. On such a host, the process outlives the
    // response.
  }
}

/** Adds headers to the response of the handler, unless it has them. */
export function addHeaders(c: Context, headers: readonly (readonly [string, string])[]): void {
  for (const [name, value] of headers) if (!c.res.headers.has(name)) c.header(name, value)
}
