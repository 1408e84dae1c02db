import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A server that publishes what a test sets, and counts its requests. */
export interface Source {
  readonly url: string
  /** How many requests it has received. */
  readonly requests: () => number
  /** Its answer from now on: a body as JSON, or the output of a handler. */
  answer(with_: object | ((request: IncomingMessage, response: ServerResponse) => void)): void
  close(): Promise<void>
}

export async function createSource(first: Parameters<Source['answer']>[0]): Promise<Source> {
  let requests = 0
  let current = first
  const server = createServer((request, response) => {
    requests++
    if (typeof current === 'function') return current(request, response)
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify(current))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks.json`,
    requests: () => requests,
    answer(with_) {
      current = with_
    },
    close() {
      server.closeAllConnections()
      return new Promise((resolve) => void server.close(() => resolve()))
    },
  }
}
