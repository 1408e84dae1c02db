import { once } from 'node:events'
import { Redis } from 'ioredis'
import { createClient } from 'redis'
import { createTwinkey, type KeyStore, type TwinkeyEvent } from 'twinkey'
import { type RedisSubscriber, redisStore } from 'twinkey/stores/redis'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { newKey } from '../../src/testing/sample.ts'
import { openRedis, type RedisServer, startRedis, startRedisCluster } from '../support/redis.ts'

const libraries = ['node-redis', 'ioredis'] as const

let server: RedisServer

beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.stop())

/** A bound that holds on a busy machine too. */
const eventually = <T>(value: () => T) => expect.poll(value, { timeout: 20_000, interval: 10 })

async function open(
  library: (typeof libraries)[number],
  to = server as Parameters<typeof openRedis>[1],
) {
  const redis = await openRedis(library, to)
  onTestFinished(redis.close)
  return redis
}

/** What a watcher receives, in order. */
async function watch(store: KeyStore) {
  const heard: (string | undefined)[] = []
  const stop = await (store.watch as NonNullable<KeyStore['watch']>)((id) => heard.push(id))
  onTestFinished(stop)
  return { heard, stop, lapses: () => heard.filter((id) => id === undefined).length }
}

/** Writes a key, and waits until the watcher has received it. */
async function expectHeard(
  writer: KeyStore,
  { heard }: { heard: (string | undefined)[] },
): Promise<void> {
  const key = newKey()
  await writer.put(key, undefined, undefined)
  await eventually(() => heard).toContain(key.id)
}

const subscribers = async (to = server) =>
  (await to.command('CLIENT', 'LIST', 'TYPE', 'pubsub')).match(/\bid=/g)?.length ?? 0

describe.each(libraries)('with a subscriber of %s', (library) => {
  it.each(libraries)(
    'a change by a store of %s is reported with the id of the key, and a use is not',
    async (other) => {
      const writer = redisStore((await open(other)).client)
      const { client, subscriber } = await open(library)
      const { heard } = await watch(redisStore(client, { subscriber }))
      expect(heard).toEqual([undefined])
      const [key, last] = [newKey(), newKey()]
      await writer.put(key, undefined, undefined)
      await writer.recordUse([{ keyId: key.id, secretId: key.primary.id, usedAt: 5 }])
      await writer.put({ ...key, version: key.version + 1 }, key.version, undefined)
      await writer.put({ ...key, version: key.version + 2 }, key.version, undefined)
      await writer.delete(key.id, key.version, undefined)
      await writer.delete(key.id, key.version + 1, undefined)
      await writer.put(last, undefined, undefined)
      await eventually(() => heard).toContain(last.id)
      expect(heard).toEqual([undefined, key.id, key.id, key.id, last.id])
    },
  )

  it('a change of a key in any slot of a cluster is reported, through whichever node', async () => {
    const cluster = await startRedisCluster()
    onTestFinished(() => cluster.stop())
    const { client, subscriber } = await open(library, cluster)
    const watchers = [await watch(redisStore(client, { subscriber }))]
    for (const master of cluster.masters) {
      const one =
        library === 'ioredis'
          ? () => new Redis(master.port)
          : () => createClient({ url: master.url })
      watchers.push(await watch(redisStore(client, { subscriber: one })))
    }
    const store = redisStore(client)
    const keys = Array.from({ length: 30 }, () => newKey())
    for (const key of keys) await store.put(key, undefined, undefined)
    // Messages of several nodes arrive in any order.
    const ids = keys.map(({ id }) => id).sort()
    for (const { heard } of watchers)
      await eventually(() => heard.filter((id) => id !== undefined).sort()).toEqual(ids)
    expect(watchers.map(({ lapses }) => lapses())).toEqual([1, 1, 1, 1])
  })

  it('a killed connection is reported at once, and again when the next one listens', async () => {
    const { client, subscriber } = await open(library)
    const store = redisStore(client, { subscriber })
    const watcher = await watch(store)
    for (let kills = 1; kills <= 3; kills++) {
      expect(await server.command('CLIENT', 'KILL', 'TYPE', 'pubsub')).toBe(':1')
      await eventually(watcher.lapses).toBe(1 + 2 * kills)
      await expectHeard(store, watcher)
    }
    expect(watcher.lapses()).toBe(7)
  })

  it('a watcher receives changes again after the server was killed and restarted', async () => {
    const own = await startRedis({ appendonly: 'yes', appendfsync: 'always' })
    onTestFinished(() => own.stop())
    const { client, subscriber } = await open(library, own)
    const store = redisStore(client, { subscriber })
    const watcher = await watch(store)
    await own.crash()
    await eventually(watcher.lapses).toBe(2)
    await own.start()
    await eventually(watcher.lapses).toBe(3)
    await expectHeard(store, watcher)
  })

  it('a watcher receives changes when a server that was down comes up, and nothing if it stops before', async () => {
    const own = await startRedis()
    onTestFinished(() => own.stop())
    const { client, subscriber } = await open(library, own)
    await own.crash()
    let attempts = 0
    const counted = () => {
      attempts++
      return subscriber()
    }
    const stopped = await watch(redisStore(client, { subscriber: counted }))
    await stopped.stop()
    const before = attempts
    const store = redisStore(client, { subscriber })
    const watcher = await watch(store)
    expect(watcher.heard).toEqual([])
    await own.start()
    await eventually(() => watcher.heard).toEqual([undefined])
    await expectHeard(store, watcher)
    expect([stopped.heard, attempts]).toEqual([[], before])
  })

  it('an operator gets one warning for each outage, with the reason', async () => {
    const own = await startRedis()
    onTestFinished(() => own.stop())
    const { client, subscriber } = await open(library, own)
    await own.crash()
    const events: TwinkeyEvent[] = []
    let attempts = 0
    const counted = () => {
      attempts++
      return subscriber()
    }
    const store = redisStore(client, { subscriber: counted })
    const twinkey = createTwinkey({ store, onEvent: (event) => events.push(event) })
    onTestFinished(() => twinkey.close())
    for (const outages of [1, 2]) {
      const before = attempts
      await eventually(() => attempts).toBeGreaterThanOrEqual(before + 4)
      expect(events).toHaveLength(outages)
      expect(events.at(-1)).toMatchObject({
        type: 'warning.store_unavailable',
        error: { code: 'ECONNREFUSED' },
      })
      await own.start()
      await eventually(() => subscribers(own)).toBe(1)
      if (outages === 1) await own.crash()
    }
  })

  it('a stopped watcher receives nothing more, and the connection is closed', async () => {
    const { client, subscriber } = await open(library)
    const store = redisStore(client, { subscriber })
    const [watcher, other] = [await watch(store), await watch(store)]
    expect(await subscribers()).toBe(2)
    await watcher.stop()
    await expectHeard(store, other)
    expect(watcher.heard).toEqual([undefined])
    await eventually(() => subscribers()).toBe(1)
    await watcher.stop()
    await other.stop()
    await eventually(() => subscribers()).toBe(0)
  })

  it('a watcher that stops in the middle of many messages receives none of the rest', async () => {
    const { client, subscriber } = await open(library)
    const store = redisStore(client, { subscriber })
    const heard: string[] = []
    const stop = (await store.watch?.((id) => {
      if (id === undefined) return
      heard.push(id)
      void stop()
    })) as () => Promise<void>
    const other = await watch(store)
    const raw = new Redis(server.port)
    onTestFinished(() => raw.disconnect())
    await raw.eval("for i = 1, 100 do redis.call('PUBLISH', 'twinkey:changed', i) end", 0)
    await eventually(() => other.heard).toContain('100')
    expect(heard).toEqual(['1'])
  })
})

it.each<[string, () => RedisSubscriber | Promise<RedisSubscriber>]>([
  [
    'is connected already, by node-redis',
    async () =>
      createClient({ url: server.url })
        .on('error', () => {})
        .connect(),
  ],
  [
    'is connecting, by node-redis',
    () => connecting(createClient({ url: server.url }).on('error', () => {})),
  ],
  [
    'queues nothing, by node-redis',
    () => createClient({ url: server.url, disableOfflineQueue: true }),
  ],
  ['is connected already, by ioredis', () => ready(new Redis(server.port))],
  ['connects when it is asked to, by ioredis', () => new Redis(server.port, { lazyConnect: true })],
  ['queues nothing, by ioredis', () => new Redis(server.port, { enableOfflineQueue: false })],
  ['never connects again, by ioredis', () => new Redis(server.port, { retryStrategy: () => null })],
])('a connection that %s, is one to listen on', async (_, subscriber) => {
  const { client } = await open('ioredis')
  const store = redisStore(client, { subscriber })
  const watcher = await watch(store)
  await expectHeard(store, watcher)
  expect(await server.command('CLIENT', 'KILL', 'TYPE', 'pubsub')).toBe(':1')
  await eventually(watcher.lapses).toBe(3)
  await expectHeard(store, watcher)
})

describe('two nodes', () => {
  async function createNode(onEvent: (event: TwinkeyEvent) => void = () => {}) {
    const { client, subscriber } = await open('ioredis')
    // Only the feed can report a change in time.
    const twinkey = createTwinkey({
      store: redisStore(client, { subscriber }),
      cache: { maxAgeSeconds: 3600 },
      onEvent,
    })
    onTestFinished(() => twinkey.close())
    return twinkey
  }

  it('refuse a secret promptly after the other one has disabled its key, also after the feed was cut', async () => {
    const [one, two] = [await createNode(), await createNode()]
    await eventually(() => subscribers()).toBe(2)
    for (let round = 0; round < 3; round++) {
      const { key, primary } = await one.keys.create({
        name: 'n',
        scope: { tenants: ['t'], workflows: '*' },
      })
      expect(await two.keys.verify(primary)).toMatchObject({ ok: true })
      await one.keys.disable(key.id)
      await eventually(async () => (await two.keys.verify(primary)).ok).toBe(false)
      await one.keys.enable(key.id)
      await eventually(async () => (await two.keys.verify(primary)).ok).toBe(true)
      await server.command('CLIENT', 'KILL', 'TYPE', 'pubsub')
      // Changed while nothing listens.
      await one.keys.revoke(key.id)
      await eventually(async () => (await two.keys.verify(primary)).ok).toBe(false)
      await eventually(() => subscribers()).toBe(2)
    }
    await one.close()
    await two.close()
    await eventually(() => subscribers()).toBe(0)
  })

  it('warn of a subscriber that is not a connection', async () => {
    const { client } = await open('ioredis')
    const events: TwinkeyEvent[] = []
    const subscriber = () => ({}) as unknown as RedisSubscriber
    const twinkey = createTwinkey({
      store: redisStore(client, { subscriber }),
      onEvent: (event) => events.push(event),
    })
    onTestFinished(() => twinkey.close())
    const message =
      'redisStore: subscriber must return a connection to one server. In a cluster, connect to one of its nodes.'
    await eventually(() => events).toMatchObject([
      { type: 'warning.store_unavailable', error: new TypeError(message) },
    ])
  })
})

function connecting<T extends { connect(): Promise<unknown> }>(client: T): T {
  void client.connect()
  return client
}

async function ready(redis: Redis): Promise<Redis> {
  await once(redis, 'ready')
  return redis
}
