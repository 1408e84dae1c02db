import type { Context } from 'hono'
import type { Refusal } from '../../core/model/refusal.ts'

import { type BodySource, unreadBody } from '../../http/body.ts'
import { readWebBody } from '../../http/web.ts'
import { closeUnlessArrived } from '../node/arrival.ts'
import { takenBody } from '../node/body.ts'
import { honoWireRequest } from './context.ts'
import { incomingOf, onNode } from './incoming.ts'

/** Reads the body of a request. If middleware has read it, uses the copy that Hono caches. */
export async function readHonoBody(c: Context, maxBytes?: number): Promise<BodySource | Refusal> {
  const { req } = c
  if (!req.raw.bodyUsed)
    return readWebBody(req.raw, maxBytes).finally(() => onNode(c, closeUnlessArrived))
  if ('formData' in req.bodyCache) return { parsed: await req.formData() }
  const buffer = await req.arrayBuffer().catch(() => undefined)
  if (buffer !== undefined) return { bytes: new Uint8Array(buffer) }
  const incoming = incomingOf(c)
  return incoming === undefined
    ? unreadBody(honoWireRequest(c, undefined), 'other')
    : takenBody(incoming)
}
