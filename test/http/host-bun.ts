import type { Twinkey } from 'twinkey'
import { createHonoApp } from './host-hono.ts'
import { createWebApp } from './host-web.ts'
import type { Application, Host } from './hosts.ts'

/**
 * The part of Bun that a server needs. It exists when these files run on Bun: see
 * bun.interop.test.ts.
 */
export interface BunRuntime {
  serve(options: {
    port: number
    hostname: string
    fetch: (request: Request) => Response | Promise<Response>
  }): {
    readonly port: number
    stop(closeActiveConnections: boolean): Promise<void>
  }
}

/** Bun itself, or undefined on Node. */
export const bun = (globalThis as { Bun?: BunRuntime }).Bun

/** `twinkey/web` behind `Bun.serve`, with a router of its own. */
export async function startWeb(twinkey: Twinkey, application: Application): Promise<Host> {
  return listen(createWebApp(twinkey, application))
}

/** Hono behind `Bun.serve`. */
export async function startHonoOnBun(twinkey: Twinkey, application: Application): Promise<Host> {
  return listen(createHonoApp(twinkey, application).fetch)
}

function listen(fetch: (request: Request) => Response | Promise<Response>): Host {
  if (bun === undefined) throw new Error('This host runs on Bun only.')
  const server = bun.serve({ port: 0, hostname: '127.0.0.1', fetch: (request) => fetch(request) })
  return { port: server.port, close: () => server.stop(true) }
}
