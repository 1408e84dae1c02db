import type { Redis } from 'ioredis'
import type { Twinkey } from 'twinkey'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { blockWith, createGuideRunner } from '../support/guide.ts'
import { type RedisServer, startRedis } from '../support/redis.ts'

const { load, remove } = createGuideRunner()
const program = blockWith('fleet', 'REDIS_URL')
let server: RedisServer
beforeAll(async () => {
  server = await startRedis({ appendonly: 'yes', appendfsync: 'always' })
  vi.stubEnv('REDIS_URL', server.url)
})
afterAll(async () => {
  vi.unstubAllEnvs()
  await server.stop()
  remove()
})

test('two processes with the program of docs/fleet.md see each change of the other, without waiting for the cache', async () => {
  vi.spyOn(console, 'log').mockImplementation(() => {})
  const open = () => load<{ twinkey: Twinkey; client: Redis }>(`${program}\nexport { client }`)
  const [one, other] = [await open(), await open()]
  const { key, primary } = await one.twinkey.keys.create({
    name: 'billing',
    scope: { tenants: ['t1'], environments: ['production'], workflows: '*' },
  })
  expect(await other.twinkey.keys.verify(primary)).toMatchObject({ ok: true })
  await one.twinkey.keys.disable(key.id)
  // The cache alone would take up to five seconds.
  const seen = () => other.twinkey.keys.verify(primary)
  await expect.poll(seen, { timeout: 4000 }).toMatchObject({ ok: false })
  await Promise.all([one, other].map(({ twinkey }) => twinkey.close()))
  for (const { client } of [one, other]) client.disconnect()
})
