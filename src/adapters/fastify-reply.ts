import type { WireAnswer } from '../wire/profile.ts'

/** The part of Fastify's reply that a refusal is written to. */
export interface GuardedReply {
  code(status: number): unknown
  header(name: string, value: string): unknown
  headers(values: Readonly<Record<string, string>>): unknown
  send(body: Uint8Array): unknown
}

/** Writes an answer to a reply, as bytes: to text Fastify would add a charset of its own. */
export function sendAnswer(reply: GuardedReply, { status, headers, body }: WireAnswer): void {
  reply.code(status)
  reply.headers(headers)
  reply.send(new TextEncoder().encode(body))
}
