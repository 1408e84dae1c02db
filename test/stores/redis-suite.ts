import type { KeyStore } from 'twinkey'
import { redisStore } from 'twinkey/stores/redis'
import { afterAll, beforeAll, describe, test } from 'vitest'
import type { Contract } from '../support/contract.ts'
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

/** A contract of a store, on two clients of each kind. */
export function describeRedis(kinds: readonly Kind[], contract: Contract): void {
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

    test.each(contract)('$name', ({ run }) => run(async () => stores[opened++ % 2] as KeyStore))
  })
}
