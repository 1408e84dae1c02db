import type { Context } from 'hono'
import type { Refusal } from '../../core/model/refusal.ts'
import { readWebBody, toResponse } from '../../endpoints/tokens/endpoints.ts'
import { type BodySource, unreadBody } from '../../http/body.ts'
import type { WireAnswer } from '../../http/profile.ts'
import type { MatchedRoute, NodeRequest, WireRequest } from '../../http/request.ts'
import {
  type ArrivingRequest,
  closeUnlessArrived,
  endWhenArrived,
  type NodeResponse,
} from '../node/answer.ts'
import { hideNodeQuery, takenBody } from '../node/message.ts'
import { hideWebQuery } from '../web/context.ts'
import { requestOf } from './request.ts'
import { readTemplate } from './template.ts'

const MATCHED: MatchedRoute<Context> = { param: readParam, template: readTemplate }

/**
 * The request of a context. Names in the query that hold a credential are taken out of what a
 * handler sees.
 */
export function honoWireRequest(
  c: Context,
  secretQuery: readonly string[] | undefined,
): WireRequest {
  const incoming = incomingOf(c)
  const wire = requestOf(c, incoming, MATCHED)
  if (secretQuery !== undefined) {
    c.req.raw = hideWebQuery(c.req.raw, secretQuery)
    if (incoming !== undefined) hideNodeQuery(incoming, undefined, secretQuery)
  }
  return wire
}

/** The body of a context, whether it was read before or not: Hono keeps what was read. */
export async function readHonoBody(c: Context): Promise<BodySource | Refusal> {
  const { req } = c
  if (!req.raw.bodyUsed) return readWebBody(req.raw).finally(() => onNode(c, closeUnlessArrived))
  if ('formData' in req.bodyCache) return { parsed: await req.formData() }
  const buffer = await req.arrayBuffer().catch(() => undefined)
  if (buffer !== undefined) return { bytes: new Uint8Array(buffer) }
  const incoming = incomingOf(c)
  return incoming === undefined
    ? unreadBody(honoWireRequest(c, undefined), 'other')
    : takenBody(incoming)
}

/**
 * Hands what goes on after the answer to a host that would end with it. A context has such a host
 * or throws.
 */
export function outliveHonoResponse(c: Context, work: Promise<void> | undefined): void {
  if (work === undefined || incomingOf(c) !== undefined) return
  try {
    c.executionCtx.waitUntil(work)
  } catch {
    // No such host: the process goes on, and so does the work.
  }
}

/** A refusal, or what a token endpoint answers, as a response. */
export function respond(c: Context, answer: WireAnswer): Response {
  onNode(c, endWhenArrived)
  return toResponse(answer)
}

function onNode(
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

// Hono leaves a parameter as it stands where it cannot be decoded; as a name that would be another
// one than on other hosts.
function readParam({ req }: Context, name: string): string | undefined {
  const value = req.param(name)
  if (!value?.includes('%')) return value
  try {
    decodeURIComponent(req.raw.url.split('?', 1)[0] as string)
    return value
  } catch {
    return ''
  }
}

function incomingOf(c: Context): NodeRequest | undefined {
  const incoming = (c.env as { incoming?: NodeRequest } | undefined)?.incoming
  return Array.isArray(incoming?.rawHeaders) ? incoming : undefined
}
