import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { stopServer } from '../stop-server.ts'

/** The request listener that a framework creates for the API. */
export type Listener = (req: IncomingMessage, res: ServerResponse) => unknown

/** A server that listens. */
export interface Serving {
  readonly url: string
  /** Starts to answer requests. Earlier requests wait until then. */
  serve(app: Listener): void
  /** Accepts no new connections, and resolves when all current requests are answered. */
  close(): Promise<void>
}

const HOST = '127.0.0.1'
const PATIENCE_SECONDS = 5

/**
 * Listens on the loopback interface only. The app comes later, because it needs to know the address.
 */
export async function listen(port: number): Promise<Serving> {
  let serve: Serving['serve'] = () => {}
  const served = new Promise<Listener>((resolve) => {
    serve = resolve
  })
  const server = createServer(async (req, res) => (await served)(req, res))
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const why = error.code === 'EADDRINUSE' ? 'it is in use' : (error.code ?? error.message)
      reject(
        new Error(
          `Cannot listen on ${HOST}:${port}: ${why}. Set PORT to another port, or unset it to use a free one.`,
        ),
      )
    })
    server.listen(port, HOST, resolve)
  })
  return {
    serve,
    url: `http://${HOST}:${(server.address() as AddressInfo).port}`,
    close: () => stopServer(server, PATIENCE_SECONDS),
  }
}
