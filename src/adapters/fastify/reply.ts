import type { RawReplyDefaultExpression, RawRequestDefaultExpression, RawServerBase } from 'fastify'
import type { WireAnswer } from '../../http/profile.ts'
import { endWhenArrived } from '../node/arrival.ts'

/** The part of Fastify's reply that answers are written to. */
export interface GuardedReply {
  readonly raw: RawReplyDefaultExpression<RawServerBase>
  readonly request: { readonly raw: RawRequestDefaultExpression<RawServerBase> }
  code(status: number): unknown
  header(name: string, value: string | readonly string[]): unknown
  send(body: Uint8Array): unknown
  callNotFound(): unknown
}

/** Writes an answer as bytes, because Fastify adds a charset to the Content-Type of text. */
export function sendAnswer(reply: GuardedReply, { status, headers, body }: WireAnswer): void {
  endWhenArrived(reply.request.raw, reply.raw)
  reply.code(status)
  for (const name in headers) reply.header(name, headers[name] ?? '')
  reply.send(new TextEncoder().encode(body))
}
