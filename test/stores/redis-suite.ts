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

/** A client library, and what it connects to. */
export interface Kind {
  readonly library: 'node-redis' | 'ioredis'
  readonly place: keyof typeof places
}

/** The contract of a store, on two clients of each kind. */
export function describeRedis(kinds: readonly Kind[]): void {
  describe.each(kinds)('the store on $library and $place', ({ library, place }) => {
    let clients: RedisClient[] = []
    let stores: KeyStore[] = []
    let opened = 0

    beforeAll(async () => {
      clients = [
        await openRedis(library, places[place]()),
        await openRedis(library, places[place]()),
      ]
      stores = clients.map(({ client, subscriber }) =>
        redisStore(client, { prefix: library, subscriber }),
      )
    })
    afterAll(() => {
      for (const { close } of clients) close()
    })

    test.each(storeContract)('$name', ({ run }) =>
      run(async () => stores[opened++ % 2] as KeyStore),
    )
  })
}
