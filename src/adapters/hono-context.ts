import type { Context } from 'hono'
import { REFUSALS, type Refusal } from '../core/refusal.ts'
import type { BodySource } from '../wire/body.ts'
import { bodyOf as bodyOfRequest } from '../wire/endpoints.ts'
import { type MatchedRoute, type NodeRequest, NodeWireRequest, WebWireRequest, type WireRequest } from '../wire/request.ts'

const MATCHED: MatchedRoute<Context> = { param: ({ req }, name) => req.param(name), template: ({ req }) => req.routePath }

/** The request of a context. On Node the server's own is read, so that no web-standard one has to be made for it. */
export function wireOf(c: Context): WireRequest {
  const incoming = incomingOf(c)
  return incoming === undefined ? new WebWireRequest(c.req.raw, c, MATCHED) : new NodeWireRequest(incoming, c, MATCHED)
}

/** The body of a context, whether it was read before or not: Hono keeps what was read. */
export async function bodyOf({ req }: Context): Promise<BodySource | Refusal> {
  if (!req.raw.bodyUsed) return bodyOfRequest(req.raw)
  if ('formData' in req.bodyCache) return { parsed: await req.formData() }
  const buffer = await req.arrayBuffer().catch(() => undefined)
  return buffer === undefined ? REFUSALS.requestMalformed : { bytes: new Uint8Array(buffer) }
}

/** Hands what goes on after the answer to a host that would end with it. A context has such a host or throws. */
export function outlive(c: Context, work: Promise<void> | undefined): void {
  if (work === undefined || incomingOf(c) !== undefined) return
  try {
    c.executionCtx.waitUntil(work)
  } catch {
    // No such host: the process goes on, and so does the work.
  }
}

function incomingOf(c: Context): NodeRequest | undefined {
  const incoming = (c.env as { incoming?: NodeRequest } | undefined)?.incoming
  return Array.isArray(incoming?.rawHeaders) ? incoming : undefined
}
