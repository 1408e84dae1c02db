import type { RawReplyDefaultExpression, RawRequestDefaultExpression, RawServerBase } from 'fastify'
import type { WireAnswer } from '../../http/profile.ts'
import { endWhenArrived } from '../node/answer.ts'

/** The part of Fastify's reply that a refusal is written to. */
export interface GuardedReply {
  readonly raw: RawReplyDefaultExpression<RawServerBase>
  readonly request: { readonly raw: RawRequestDefaultExpression<RawServerBase> }
  code(status: number): unknown
  header(name: string, value: string): unknown
  headers(values: Readonly<Record<string, string>>): unknown
  send(body: Uint8Array): unknown
}

/** Writes an answer to a reply, as bytes: to text Fastify would add a charset of its own. */
export function sendAnswer(reply: GuardedReply, { status, headers, body }: WireAnswer): void {
  endWhenArrived(reply.request.raw, reply.raw)
  reply.code(status)
  reply.headers(headers)
  reply.send(new TextEncoder().encode(body))
}
