import { connect, createServer, type Server, type Socket } from 'node:net'
import { freePort } from '../../test/support/postgres.ts'

/** What becomes of the connections between a client and its server. */
export type Weather =
  /** Everything passes. */
  | 'clear'
  /** Connections are ended, and new ones are refused. */
  | 'refused'
  /** Connections are ended as soon as the server answers. */
  | 'cut'
  /** Half of an answer passes, and then the connection is ended. */
  | 'cut in the middle'
  /** Nothing passes. What has been sent arrives when it clears up. */
  | 'frozen'
  /**
   * Nothing passes, and a connection that was open meanwhile is silent for ever: neither side is
   * told.
   */
  | 'silent'
  /** Half of an answer passes, and then the connection is silent for ever. */
  | 'silent in the middle'
  /** Every answer is late. */
  | 'slow'
  /** Every answer is made of other bytes. */
  | 'garbled'

/** A proxy for TCP in which the weather changes. */
export interface WeatherProxy {
  readonly port: number
  become(weather: Weather): Promise<void>
  /** Leads to another server from now on. Ends all connections. */
  lead(port: number): void
  close(): Promise<void>
}

interface Link {
  readonly client: Socket
  readonly server: Socket
  /** Whether nothing will ever pass again. */
  dead: boolean
}

const HOST = '127.0.0.1'

/**
 * Starts a proxy before a server of this machine. @param lateMilliseconds How late a slow answer
 * is.
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
        // All are as late, so that they arrive in order.
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
