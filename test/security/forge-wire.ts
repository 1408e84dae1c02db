import { converse } from '../http/converse.ts'
import type { HostileToken } from './forge-token.ts'

/** The response of a server to a hostile token, and to a good one right behind it. */
export interface Answered {
  readonly token: HostileToken
  /** The status, or undefined where the connection was closed without one. */
  readonly status: number | undefined
  /**
   * The status for the good token on the same connection. Undefined if the server had closed it.
   */
  readonly next: number | undefined
}

/**
 * Sends hostile tokens over real connections, each followed by the good one, and opens a new
 * connection when one is closed.
 */
export async function sendAll(
  port: number,
  path: string,
  tokens: readonly HostileToken[],
  good: string,
): Promise<Answered[]> {
  const answered: Answered[] = []
  while (answered.length < tokens.length) {
    const rest = tokens.slice(answered.length)
    const heard = await converse(
      port,
      rest.flatMap(({ text }) => [
        { bytes: requestFor(path, text) },
        { bytes: requestFor(path, good) },
      ]),
    )
    for (const [index, token] of rest.entries()) {
      const [status, next] = [heard[index * 2]?.status, heard[index * 2 + 1]?.status]
      answered.push({ token, status, next })
      if (next === undefined) break
    }
  }
  return answered
}

/** One request, as its bytes go over the socket. */
function requestFor(path: string, credential: string): string {
  const value = Buffer.from(credential, 'utf8').toString('latin1')
  return `GET ${path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${value}\r\n\r\n`
}
