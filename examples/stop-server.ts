import type { IncomingMessage, Server, ServerResponse } from 'node:http'

const LOOK_EVERY_MILLISECONDS = 50

/**
 * Stops a Node server: it accepts no new connections and answers every request that it has
 * received.
 *
 * `server.close()` alone waits as long as keep-alive clients continue to send. This function tells
 * clients to close the connection after the next answer, and closes idle connections.
 *
 * @param deadlineSeconds Seconds until the remaining requests are cut off, default: 10. Choose less
 *   than your supervisor waits before it kills the process.
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
