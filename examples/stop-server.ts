import type { IncomingMessage, Server, ServerResponse } from 'node:http'

const LOOK_EVERY_MILLISECONDS = 50

/**
 * Stops a server of Node: it takes no new connections, and answers every request that it has
 * received.
 *
 * `server.close()` alone waits for keep-alive clients until they stop sending. Here each answer
 * tells its client to close the connection, and connections without a request are closed.
 *
 * @param deadlineSeconds When to cut off the requests that are still under way. Let it be less than
 *   your supervisor waits before it kills.
 */
export async function stopServer(server: Server, deadlineSeconds = 10): Promise<void> {
  server.prependListener('request', (_request: IncomingMessage, response: ServerResponse) =>
    response.setHeader('connection', 'close'),
  )
  const look = setInterval(() => server.closeIdleConnections(), LOOK_EVERY_MILLISECONDS)
  const deadline = setTimeout(() => server.closeAllConnections(), deadlineSeconds * 1000)
  await new Promise<void>((resolve) => server.close(() => resolve()))
  clearInterval(look)
  clearTimeout(deadline)
}
