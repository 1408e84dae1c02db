import { connect, createServer, type Socket } from 'node:net'

/**
 * A proxy that can stop forwarding without closing a connection, like a network that drops
 * everything.
 */
export interface SilentProxy {
  readonly port: number
  /** Stops forwarding on all present connections. New connections work. */
  fallSilent(): void
  /** Forwards nothing on the next connection. Resolves when that connection is open. */
  acceptSilently(): Promise<void>
  close(): Promise<void>
}

export async function openProxy(port: number): Promise<SilentProxy> {
  const clients = new Set<Socket>()
  const silent = new Set<Socket>()
  let accepted: (() => void) | undefined
  const proxy = createServer((client) => {
    const upstream = connect(port, '127.0.0.1')
    for (const socket of [client, upstream]) socket.on('error', () => {})
    clients.add(client)
    if (accepted !== undefined) silent.add(client)
    accepted?.()
    accepted = undefined
    client.on('data', (data) => silent.has(client) || upstream.write(data))
    upstream.on('data', (data) => silent.has(client) || client.write(data))
    client.on('close', () => upstream.destroy())
    upstream.on('close', () => silent.has(client) || client.destroy())
  })
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  return {
    port: (proxy.address() as { port: number }).port,
    fallSilent() {
      for (const client of clients) silent.add(client)
    },
    acceptSilently: () =>
      new Promise((resolve) => {
        accepted = resolve
      }),
    async close() {
      for (const client of clients) client.destroy()
      await new Promise((resolve) => proxy.close(resolve))
    },
  }
}
