import { REFUSALS, type Refusal } from '../core/model/refusal.ts'
import { type BodySource, collectBody, unreadBody } from './body.ts'
import type { WireAnswer } from './profile.ts'
import { WebWireRequest } from './request.ts'

/** Converts an answer to a web-standard response. */
export function toResponse({ status, headers, body }: WireAnswer): Response {
  const written = new Headers()
  for (const name in headers)
    for (const value of [headers[name] ?? []].flat()) written.append(name, value)
  return new Response(body === '' ? null : body, { status, headers: written })
}

// The iteration of streams (Streams standard, section 4.2.5), which TypeScript's own types lack.
interface KeptStream {
  values(options: { preventCancel: boolean }): AsyncIterableIterator<Uint8Array>
}

/** Reads the body of a web-standard request. Returns a refusal if it was already read. */
export async function readWebBody(
  request: Request,
  maxBytes?: number,
): Promise<BodySource | Refusal> {
  if (request.bodyUsed) return unreadBody(new WebWireRequest(request), 'other')
  let body: Request['body']
  try {
    body = request.body
  } catch {
    // @hono/node-server builds the Request only now, and throws if the URL has a user name.
    return REFUSALS.requestMalformed
  }
  // Does not cancel the rest of an oversized body: a server may then close the connection before
  // the response is written.
  return body === null
    ? { bytes: new Uint8Array() }
    : collectBody((body as unknown as KeptStream).values({ preventCancel: true }), maxBytes)
}
