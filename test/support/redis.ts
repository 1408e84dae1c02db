import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Cluster, Redis } from 'ioredis'
import { createClient, createCluster } from 'redis'
import type { IoRedisClient, NodeRedisClient, RedisSubscriber } from 'twinkey/stores/redis'
import { debianProgram } from './debian.ts'

// By default, a command of node-redis fails after 5 seconds, which a busy machine may need.
const commandOptions = { timeout: 60_000 }

/** The persistence of a server, in the words of redis.conf. */
export interface RedisOptions {
  /** Default: `no`, where all data is lost with the server. */
  readonly appendonly?: 'yes' | 'no'
  readonly appendfsync?: 'always' | 'everysec' | 'no'
  /** More lines of redis.conf, each as name and value. */
  readonly config?: Readonly<Record<string, string>>
}

/** A server of this process. It ends with the process, even if the process is killed. */
export interface RedisServer {
  readonly host: string
  readonly port: number
  readonly url: string
  /**
   * Sends one command without a client library and returns the raw reply. Its words contain no
   * spaces.
   */
  command(...words: readonly string[]): Promise<string>
  /** Kills it with `kill -9`, as a power cut would. Data in the kernel's buffers survives. */
  crash(): Promise<void>
  /** Starts it again, on the same data and the same port. */
  start(): Promise<void>
  /** Ends it and removes its data. */
  stop(): Promise<void>
}

/** Servers that share the slots of one cluster. */
export interface RedisCluster {
  readonly masters: readonly RedisServer[]
  readonly replicas: readonly RedisServer[]
  stop(): Promise<void>
}

/** A client, and the connection on which it would receive changes. */
export interface RedisClient {
  readonly client: NodeRedisClient | IoRedisClient
  subscriber(): RedisSubscriber | Promise<RedisSubscriber>
  close(): void
}

const HOST = '127.0.0.1'
const READY_WITHIN_MILLISECONDS = 30_000

// The server must end with this process, even if the process is killed: then the pipe closes, and
// the shell, which reads from it, ends the server.
const KEEPER =
  '"$@" & server=$!; read -r word; kill -9 $server; wait $server; [ "$word" = keep ] || rm -rf "$DATA"'

/** Starts a server on a free port with its own data. */
export async function startRedis(options: RedisOptions = {}): Promise<RedisServer> {
  const data = mkdtempSync(join(tmpdir(), 'twinkey-redis-'))
  for (let attempt = 1; ; attempt++) {
    const server = redisServer(await freePort(), data, options)
    try {
      await server.start()
      return server
    } catch (error) {
      // Another process may have taken the port in the meantime.
      if (attempt === 5) throw error
    }
  }
}

/**
 * Starts a cluster that serves all slots, with this many masters and this many replicas of each.
 */
export async function startRedisCluster(
  { masters = 3, replicas = 0, ...options } = {} as RedisOptions & {
    readonly masters?: number
    readonly replicas?: number
  },
): Promise<RedisCluster> {
  const replication = { 'repl-diskless-sync-delay': '0', 'repl-ping-replica-period': '1' }
  const config = {
    ...replication,
    'cluster-enabled': 'yes',
    'cluster-node-timeout': '2000',
    ...options.config,
  }
  const servers = await Promise.all(
    Array.from({ length: masters * (1 + replicas) }, () => startRedis({ ...options, config })),
  )
  const [first] = servers as [RedisServer, ...RedisServer[]]
  const all = { masters: servers.slice(0, masters), replicas: servers.slice(masters) }
  for (const [i, server] of all.masters.entries()) {
    const from = Math.ceil((16384 * i) / masters)
    const to = Math.ceil((16384 * (i + 1)) / masters) - 1
    await expectOk(server, 'CLUSTER', 'ADDSLOTSRANGE', String(from), String(to))
    await expectOk(server, 'CLUSTER', 'SET-CONFIG-EPOCH', String(i + 1))
  }
  for (const server of servers.slice(1))
    await expectOk(first, 'CLUSTER', 'MEET', HOST, String(server.port))
  for (const [i, server] of all.replicas.entries()) {
    const master = all.masters[i % masters] as RedisServer
    const id = await idOf(master)
    await until(
      `${server.port} follows ${master.port}`,
      async () => (await server.command('CLUSTER', 'REPLICATE', id)) === '+OK',
    )
  }
  // The view of clients: a replica joins the cluster when it has the data of its master.
  for (const server of servers) {
    await until(`${server.port} sees the whole cluster`, async () => {
      const slots = await server.command('CLUSTER', 'SLOTS')
      return servers.every(({ port }) => slots.includes(`:${port}\r`)) && (await isServing(server))
    })
  }
  return {
    ...all,
    async stop() {
      await Promise.all(servers.map((server) => server.stop()))
    },
  }
}

/** Connects as the documentation of each client library says. */
export async function openRedis(
  library: 'node-redis' | 'ioredis',
  to: RedisServer | RedisCluster,
): Promise<RedisClient> {
  const cluster = 'masters' in to ? to.masters : undefined
  const [{ port, url }] = (cluster ?? [to]) as [RedisServer]
  if (library === 'ioredis') {
    const client = cluster
      ? new Cluster(cluster.map((each) => ({ host: HOST, port: each.port })))
      : new Redis(port, HOST)
    client.on('error', () => {})
    if (client.status !== 'ready') await once(client, 'ready')
    const close = () => client.disconnect()
    return {
      client,
      close,
      subscriber: () =>
        ('nodes' in client ? (client.nodes('master')[0] as Redis) : client).duplicate(),
    }
  }
  if (cluster === undefined) {
    const client = createClient({ url, commandOptions }).on('error', () => {})
    await client.connect()
    return { client, close: () => client.destroy(), subscriber: () => client.duplicate() }
  }
  const rootNodes = cluster.map((each) => ({ url: each.url }))
  const client = createCluster({ rootNodes, commandOptions }).on('error', () => {})
  await client.connect()
  const subscriber = async () => (await client.nodeClient(client.getRandomNode())).duplicate()
  return { client, close: () => client.destroy(), subscriber }
}

function redisServer(
  port: number,
  data: string,
  { appendonly = 'no', appendfsync = 'everysec', config = {} }: RedisOptions,
): RedisServer {
  let end: ((word: string) => Promise<void>) | undefined
  const settings = {
    port: String(port),
    bind: HOST,
    dir: data,
    save: '',
    appendonly,
    appendfsync,
    ...config,
  }
  return {
    host: HOST,
    port,
    url: `redis://${HOST}:${port}`,
    command: (...words) => send(port, words),
    async start() {
      const { path, env } = await debianProgram('redis-server', '--version')
      const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value])
      const log = openSync(join(data, 'log'), 'a')
      const keeper = spawn('sh', ['-c', KEEPER, 'sh', path, ...args], {
        stdio: ['pipe', log, log],
        env: { ...process.env, ...env, DATA: data },
      })
      closeSync(log)
      const ended = once(keeper, 'exit')
      keeper.stdin?.on('error', () => {})
      end = async (word) => {
        end = undefined
        keeper.stdin?.end(word)
        await ended
      }
      try {
        await until(`Redis on port ${port} answers`, async () => {
          // Checks that the server on this port is the one with this data.
          const answer = await send(port, ['CONFIG', 'GET', 'dir'])
          // It answers this command even while it still loads its data.
          return answer.includes(data) && (await send(port, ['PING'])) === '+PONG'
        })
      } catch (error) {
        await end('keep\n')
        throw new Error(`${String(error)}\n${readFileSync(join(data, 'log'), 'utf8').slice(-2000)}`)
      }
    },
    async crash() {
      await end?.('keep\n')
    },
    async stop() {
      await end?.('')
      rmSync(data, { recursive: true, force: true })
    },
  }
}

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const limit = Date.now() + READY_WITHIN_MILLISECONDS
  while (!(await holds().catch(() => false))) {
    if (Date.now() > limit) throw new Error(`waited in vain until ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

async function expectOk(server: RedisServer, ...words: readonly string[]): Promise<void> {
  const answer = await server.command(...words)
  if (answer !== '+OK') throw new Error(`${words.join(' ')}: ${answer}`)
}

const idOf = async (server: RedisServer) =>
  (await server.command('CLUSTER', 'MYID')).split('\r\n').at(-1) as string
const isServing = async (server: RedisServer) =>
  (await server.command('CLUSTER', 'INFO')).includes('cluster_state:ok')

// Sends one command, and returns all output until the connection closes.
function send(port: number, words: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, HOST)
    let answer = ''
    socket.setEncoding('utf8')
    socket.setTimeout(5000, () => socket.destroy(new Error(`${words.join(' ')}: no answer`)))
    socket.on('data', (text: string) => {
      answer += text
    })
    socket.on('error', reject)
    socket.on('close', () => {
      const [, reply] = /^([\s\S]*?)(?:\r\n)?\+OK\r\n$/.exec(answer) ?? []
      if (reply === undefined) reject(new Error(`${words.join(' ')}: the connection ended`))
      else resolve(reply)
    })
    socket.write(`${words.join(' ')}\r\nQUIT\r\n`)
  })
}

// Below the range that the kernel uses for outgoing connections, so that a restarted server gets
// its port again. A member of a cluster also listens on a port 10,000 higher.
async function freePort(): Promise<number> {
  for (;;) {
    const port = 10_000 + Math.floor(Math.random() * 10_000)
    if ((await isFree(port)) && (await isFree(port + 10_000))) return port
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer()
    probe.once('error', () => resolve(false))
    probe.listen(port, HOST, () => probe.close(() => resolve(true)))
  })
}
