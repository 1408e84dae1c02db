import { connect, createServer, type Server, type Socket } from 'node:net'
import { freePort } from '../../test/support/postgres.ts'

/** The behaviour of the connections between a client and its server. */
export type Weather =
  /** All data passes. */
  | 'clear'
  /** Connections are closed, and new ones are refused. */
  | 'refused'
  /** A connection is closed as soon as the server answers. */
  | 'cut'
  /** Half of an answer passes, and then the connection is closed. */
  | 'cut in the middle'
  /** No data passes. It is delivered when the weather clears. */
  | 'frozen'
  /** No data passes. Connections that were open in this weather stay open and silent forever. */
  | 'silent'
  /** Half of an answer passes, and then the connection stays silent. */
  | 'silent in the middle'
  /** Every answer is delayed. */
  | 'slow'
  /** Every answer has other bytes. */
  | 'garbled'

/** A TCP proxy with changeable weather. */
export interface WeatherProxy {
  readonly port: number
  become(weather: Weather): Promise<void>
  /** Connects to another server from now on. Closes all connections. */
  lead(port: number): void
  close(): Promise<void>
}

interface Link {
  readonly client: Socket
  readonly server: Socket
  /** True if no data will pass again. */
  dead: boolean
}

const HOST = '127.0.0.1'

/**
 * Starts a proxy in front of a local server.
 *
 * @param lateMilliseconds The delay of a slow answer.
 */
export async function startProxy(target: number, lateMilliseconds: number): Promise<WeatherProxy> {
  const port = await freePort()
  const links = new Set<Link>()
  let weather: Weather = 'clear'
  let leadsTo = target
  let listening: Server | undefined

  const end = (link: Link) => {
    links.delete(link)
    link.client.destroy()
    link.server.destroy()
  }
  const endAll = () => {
    for (const link of links) end(link)
  }

  function accept(client: Socket): void {
    const link: Link = { client, server: connect(leadsTo, HOST), dead: false }
    links.add(link)
    for (const socket of [client, link.server]) {
      socket.setNoDelay(true)
      socket.on('error', () => end(link))
      socket.on('close', () => end(link))
    }
    client.on('data', (bytes) => link.dead || link.server.write(bytes))
    link.server.on('data', (bytes) => answer(link, bytes))
    if (weather === 'silent') link.dead = true
    if (weather === 'frozen') freeze(link)
  }

  function answer(link: Link, bytes: Buffer): void {
    if (link.dead) return
    const half = bytes.subarray(0, Math.floor(bytes.length / 2))
    switch (weather) {
      case 'cut':
        end(link)
        return
      case 'cut in the middle':
        link.client.write(half, () => end(link))
        return
      case 'silent in the middle':
        link.dead = true
        link.client.write(half)
        return
      case 'slow':
        // The delay is constant, so the order is kept.
        setTimeout(() => link.client.destroyed || link.client.write(bytes), lateMilliseconds)
        return
      case 'garbled':
        link.client.write(crypto.getRandomValues(bytes))
        return
      default:
        link.client.write(bytes)
    }
  }

  async function listen(): Promise<void> {
    const server = createServer(accept)
    await new Promise<void>((resolve, reject) =>
      server.once('error', reject).listen(port, HOST, resolve),
    )
    listening = server
  }

  async function refuse(): Promise<void> {
    const server = listening
    listening = undefined
    const closed = new Promise<void>((resolve) =>
      server === undefined ? resolve() : server.close(() => resolve()),
    )
    endAll()
    await closed
  }

  await listen()
  return {
    port,
    async become(next) {
      const before = weather
      weather = next
      if (next === 'refused') return refuse()
      if (before === 'refused') await listen()
      for (const link of links) {
        if (next === 'silent') link.dead = true
        if (next === 'frozen') freeze(link)
        if (before === 'frozen') thaw(link)
      }
    },
    lead(to) {
      leadsTo = to
      endAll()
    },
    close: refuse,
  }
}

function freeze({ client, server }: Link): void {
  client.pause()
  server.pause()
}

function thaw({ client, server }: Link): void {
  client.resume()
  server.resume()
}
