import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { Redis } from 'ioredis'
import { createClient } from 'redis'
import type { KeyStore } from 'twinkey'
import { type RedisSubscriber, redisStore } from 'twinkey/stores/redis'
import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  it,
  onTestFinished,
  vi,
} from 'vitest'
import { newKey } from '../../src/testing/sample.ts'
import { openRedis, type RedisClient, type RedisServer, startRedis } from '../support/redis.ts'

let server: RedisServer
let redis: RedisClient

beforeAll(async () => {
  server = await startRedis()
  redis = await openRedis('ioredis', server)
})
afterAll(async () => {
  redis.close()
  await server.stop()
})
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
})
afterEach(() => {
  vi.useRealTimers()
})

async function watch(subscriber: () => RedisSubscriber | Promise<RedisSubscriber>) {
  const store = redisStore(redis.client, { subscriber })
  const heard: (string | undefined)[] = []
  onTestFinished(await (store.watch as NonNullable<KeyStore['watch']>)((id) => heard.push(id)))
  return {
    lapses: () => heard.filter((id) => id === undefined).length,
    /** Writes a key, and waits until the watcher has received it. */
    async expectHeard() {
      const key = newKey()
      await store.put(key, undefined, undefined)
      await until(() => heard.includes(key.id))
    },
  }
}

// Waits by the wall clock: the test advances the clock of the store by hand.
const realTimeout = setTimeout

async function until(holds: () => unknown): Promise<void> {
  for (
    const limit = Date.now() + 20_000;
    !(await holds());
    await new Promise((resolve) => realTimeout(resolve, 5))
  ) {
    if (Date.now() > limit) expect.fail(`waited in vain for ${holds}`)
  }
}

describe.each(['node-redis', 'ioredis'] as const)('a connection of %s', (library) => {
  it.each([2, 3] as const)(
    'is kept while it answers, in version %i of the protocol',
    async (version) => {
      const pings = async () =>
        Number(
          /cmdstat_ping:calls=(\d+)/.exec(await server.command('INFO', 'commandstats'))?.[1] ?? 0,
        )
      const subscriber = () =>
        library === 'ioredis'
          ? new Redis(server.port, { protocol: version })
          : createClient({ url: server.url, RESP: version })
      const watcher = await watch(subscriber)
      for (let i = 0; i < 3; i++) {
        const before = await pings()
        vi.advanceTimersByTime(14_999)
        expect(await pings()).toBe(before)
        vi.advanceTimersByTime(1)
        await until(async () => (await pings()) > before)
        await watcher.expectHeard()
      }
      vi.advanceTimersByTime(14_999)
      await watcher.expectHeard()
      expect(watcher.lapses()).toBe(1)
    },
  )

  it('is given up after five seconds without an answer', async () => {
    const between = await startProxy(server.port)
    onTestFinished(between.close)
    const { port } = between
    const subscriber = () =>
      library === 'ioredis'
        ? new Redis(port)
        : createClient({ socket: { host: '127.0.0.1', port } })
    const watcher = await watch(subscriber)
    await watcher.expectHeard()
    between.silence()
    vi.advanceTimersByTime(15_000)
    vi.advanceTimersByTime(4_999)
    expect(watcher.lapses()).toBe(1)
    vi.advanceTimersByTime(1)
    expect(watcher.lapses()).toBe(2)
    between.speak()
    vi.advanceTimersByTime(200)
    await until(() => watcher.lapses() === 3)
    await watcher.expectHeard()
  })
})

it('an invalid subscriber at a later attempt is reported, and another one is requested', async () => {
  const answers = [createClient({ url: server.url }), undefined, createClient({ url: server.url })]
  const [first] = answers
  const failures: string[] = []
  const store = redisStore(redis.client, { subscriber: () => answers.shift() as never })
  const failed = (error: unknown) => failures.push(String(error))
  onTestFinished((await store.watch?.(() => {}, failed)) as () => Promise<void>)
  first?.destroy()
  await until(() => {
    vi.advanceTimersByTime(100)
    return answers.length === 0
  })
  expect(failures).toEqual([
    'TypeError: redisStore: subscriber must return a connection to one server. In a cluster, connect to one of its nodes.',
  ])
})

it('a subscriber that throws, rejects, hangs or comes late is requested again', async () => {
  const late = createClient({ url: server.url })
  let arrive = (_: RedisSubscriber) => {}
  const answers: (() => RedisSubscriber | Promise<RedisSubscriber>)[] = [
    () => {
      throw new TypeError('no node is known yet')
    },
    () => Promise.reject(new Error('no such host')),
    () => new Promise((resolve) => (arrive = resolve)),
    () => createClient({ url: server.url }),
  ]
  let asked = 0
  const watcher = await watch(() => (answers[asked++] as () => RedisSubscriber)())
  vi.advanceTimersByTime(150)
  expect(asked).toBe(2)
  await vi.advanceTimersByTimeAsync(300)
  expect(asked).toBe(3)
  vi.advanceTimersByTime(10_000)
  vi.advanceTimersByTime(600)
  expect(asked).toBe(4)
  await until(() => watcher.lapses() === 1)
  arrive(await late.connect())
  await until(() => !late.isOpen)
  await watcher.expectHeard()
})

/** Forwards everything to a port, until it is told to drop it. */
async function startProxy(to: number) {
  const sockets: Socket[] = []
  let silent = false
  const proxy = createServer((inward) => {
    const outward = connect(to, '127.0.0.1')
    const mine = silent
    const pass = (from: Socket, into: Socket) => {
      from.on('data', (data) => silent || mine || into.write(data))
      from.on('close', () => into.destroy())
      from.on('error', () => {})
    }
    pass(inward, outward)
    pass(outward, inward)
    sockets.push(inward, outward)
  })
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  return {
    port: (proxy.address() as AddressInfo).port,
    silence() {
      silent = true
    },
    speak() {
      silent = false
    },
    close() {
      for (const socket of sockets) socket.destroy()
      proxy.close()
    },
  }
}
