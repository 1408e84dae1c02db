import { createTwinkey } from 'twinkey'
import { redisStore } from 'twinkey/stores/redis'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { openRedis, type RedisServer, startRedis } from '../support/redis.ts'

let server: RedisServer

beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.stop())

it.each(['node-redis', 'ioredis'] as const)(
  'writes and pages that send many commands at once raise no warning of the process, on %s',
  async (library) => {
    const warnings: string[] = []
    const listen = ({ name, message }: Error) => void warnings.push(`${name}: ${message}`)
    process.on('warning', listen)
    const { client, close } = await openRedis(library, server)
    try {
      const { keys } = createTwinkey({ store: redisStore(client, { prefix: library }) })
      const tenants = Array.from({ length: 20 }, (_, i) => `t${i}`)
      for (let i = 0; i < 20; i++)
        await keys.create({ name: `key ${i}`, scope: { tenants, workflows: '*' } })
      expect((await keys.list({ limit: 20 })).keys).toHaveLength(20)
      expect((await keys.history({ limit: 20 })).entries).toHaveLength(20)
      // Warnings are emitted in a later turn.
      await new Promise((resolve) => setImmediate(resolve))
    } finally {
      close()
      process.off('warning', listen)
    }
    expect(warnings).toEqual([])
  },
)
