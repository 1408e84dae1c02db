import type { KeyStore } from 'twinkey'
import { redisStore } from 'twinkey/stores/redis'
import { storeContract } from 'twinkey/testing'
import { afterAll, beforeAll, describe, test } from 'vitest'
import {
  openRedis,
  type RedisClient,
  type RedisCluster,
  type RedisServer,
  startRedis,
  startRedisCluster,
} from '../support/redis.ts'

let server: RedisServer
let cluster: RedisCluster

beforeAll(async () => {
  server = await startRedis()
  cluster = await startRedisCluster()
})
afterAll(async () => {
  await server.stop()
  await cluster.stop()
})

const places = { 'one server': () => server, 'a cluster': () => cluster }
const kinds = (['node-redis', 'ioredis'] as const).flatMap((library) =>
  (['one server', 'a cluster'] as const).map((place) => ({ library, place })),
)

describe.each(kinds)('the store on $library and $place', ({ library, place }) => {
  let clients: RedisClient[] = []
  let stores: KeyStore[] = []
  let opened = 0

  beforeAll(async () => {
    clients = [await openRedis(library, places[place]()), await openRedis(library, places[place]())]
    stores = clients.map(({ client, subscriber }) =>
      redisStore(client, { prefix: library, subscriber }),
    )
  })
  afterAll(() => {
    for (const { close } of clients) close()
  })

  test.each(storeContract)('$name', ({ run }) => run(async () => stores[opened++ % 2] as KeyStore))
})
