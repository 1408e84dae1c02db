import { Cluster, Redis } from 'ioredis'
import { createClient, createCluster } from 'redis'
import type { KeyStore } from 'twinkey'
import { redisStore } from 'twinkey/stores/redis'
import { expect, onTestFinished, test } from 'vitest'
import type { Contract } from '../support/contract.ts'
import { type RedisServer, startRedis, startRedisCluster } from '../support/redis.ts'

/** A contract of a store, on clients that put a prefix of their own before every key. */
export function describePrefixes(contract: Contract): void {
  test.each(['node-redis', 'ioredis'] as const)(
    'the contract holds if %s puts a prefix of its own before every key',
    async (library) => {
      const server = await startRedis()
      onTestFinished(() => server.stop())
      const keyPrefix = 'own:{x}:'
      const open = async (): Promise<KeyStore> => {
        if (library === 'ioredis') {
          const own = new Redis(server.port, { keyPrefix })
          onTestFinished(() => own.disconnect())
          return redisStore(own, { prefix: library, subscriber: () => own.duplicate() })
        }
        const own = createClient({ url: server.url, keyPrefix }).on('error', () => {})
        onTestFinished(() => own.destroy())
        await own.connect()
        return redisStore(own, { prefix: library, subscriber: () => own.duplicate() })
      }
      const store = await open()
      for (const { run } of contract) await run(async () => store)
      expect(await server.command('EXISTS', `${keyPrefix}${library}:index:key`)).toBe(':1')
    },
  )
}

/** A contract of a store, on clients that send reads to replicas. */
export function describeReplicas(contract: Contract): void {
  test('a replica is never read, not even by a client that sends reads to replicas', async () => {
    const pair = await startRedisCluster({ masters: 1, replicas: 1 })
    onTestFinished(() => pair.stop())
    const [master, replica] = [pair.masters[0], pair.replicas[0]] as [RedisServer, RedisServer]
    const ioredis = new Cluster([{ host: master.host, port: master.port }], { scaleReads: 'slave' })
    const nodeRedis = createCluster({ rootNodes: [{ url: master.url }], useReplicas: true }).on(
      'error',
      () => {},
    )
    onTestFinished(() => ioredis.disconnect())
    onTestFinished(() => nodeRedis.destroy())
    await nodeRedis.connect()
    const asked = async (command: string) => {
      const found = new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(
        await replica.command('INFO', 'commandstats'),
      )
      return Number(found?.[1] ?? 0)
    }
    for (const [prefix, each] of Object.entries({ ioredis, nodeRedis })) {
      const store = redisStore(each, { prefix })
      for (const { run } of contract) await run(async () => store)
    }
    for (const command of ['eval', 'evalsha', 'hgetall', 'hmget', 'zrangebylex', 'zrevrangebylex'])
      expect([command, await asked(command)]).toEqual([command, 0])
    // These clients do read from replicas.
    for (const read of [() => ioredis.hgetall('x'), () => nodeRedis.hGetAll('x')]) {
      const before = await asked('hgetall')
      for (let i = 0; i < 50; i++) await read()
      expect(await asked('hgetall')).toBeGreaterThan(before)
    }
  })
}
