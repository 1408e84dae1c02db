import type { Credentials } from './credentials.ts'
import type { Grant } from './exchange.ts'

/** One request, as each way to send it describes itself. */
export interface Sending<A> {
  /** Whether the request can be sent again. It may change while the request is sent. */
  readonly canRepeat: () => boolean | Promise<boolean>
  /** Whether it is certain from the start that the request can be sent again. */
  readonly isRepeatable: boolean
  readonly signal: AbortSignal | null | undefined
  send(grant: Grant): Promise<A>
  statusOf(answer: A): number | undefined
  /** Discards a response that is not read. */
  discard(answer: A): unknown
}

/**
 * Sends a request with a token. If the API answers 401, gets another token and sends the request once
 * more, if it can be sent again. Otherwise returns the 401, and renews the token for the next request.
 */
export async function sendWithToken<A>(
  credentials: Credentials,
  { canRepeat, isRepeatable, signal, send, statusOf, discard }: Sending<A>,
): Promise<A> {
  const given = credentials.grant(!isRepeatable, signal)
  const grant = 'token' in given ? given : await given
  const answer = await send(grant)
  if (statusOf(answer) !== 401) return answer
  if (!(await canRepeat())) {
    credentials.afterRefusal(grant).catch(() => {})
    return answer
  }
  let next: Grant | undefined
  try {
    next = await credentials.afterRefusal(grant, signal)
  } catch (error) {
    discard(answer)
    throw error
  }
  if (next === undefined) return answer
  discard(answer)
  return send(next)
}
