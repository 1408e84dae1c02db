import { Redis } from 'ioredis'
import type { HistoryEntry, KeyRecord, KeyStore } from 'twinkey/store'
import { type NodeRedisClient, type RedisStore, redisStore } from 'twinkey/stores/redis'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { historyLabelsOf } from '../../src/core/store/history-query.ts'
import { NOW, newEntry, newKey, tenantScope } from '../../src/testing/sample.ts'
import { openRedis, type RedisClient, type RedisServer, startRedis } from '../support/redis.ts'

let server: RedisServer
let redis: RedisClient
let raw: Redis
let store: RedisStore

beforeAll(async () => {
  server = await startRedis()
  redis = await openRedis('node-redis', server)
  raw = new Redis(server.port)
  store = redisStore(redis.client)
})
beforeEach(async () => {
  await server.command('FLUSHALL')
})
afterAll(async () => {
  redis.close()
  raw.disconnect()
  await server.stop()
})

async function entriesOf(of: KeyStore, filter: object = {}): Promise<HistoryEntry[]> {
  const entries: HistoryEntry[] = []
  let after: { at: number; id: string } | undefined
  do {
    const page = await of.history({ ...filter, sort: 'oldest', limit: 100, after })
    entries.push(...page.entries)
    after = page.next
  } while (after !== undefined)
  return entries
}

it('forgotten entries leave nothing in Redis, and the others stay', async () => {
  const keys = Array.from({ length: 40 }, (_, i) =>
    newKey({ id: `k${i}`, owner: `o${i % 3}`, scope: tenantScope(`t${i % 4}`, 'all') }),
  )
  const last = newEntry(keys[0] as KeyRecord, { at: NOW })
  for (const key of keys)
    for (let i = 0; i < 30; i++) {
      const [old, next] = [
        { ...key, version: i + 1 },
        { ...key, version: i + 2 },
      ]
      await store.put(next, i === 0 ? undefined : old.version, newEntry(next, { at: 1000 + i }))
    }
  const first = keys[0] as KeyRecord
  await store.put({ ...first, version: 99 }, 31, last)
  let forgotten = 0
  for (let count = -1; count !== 0; forgotten += count) count = await store.forgetHistory(NOW)
  expect(forgotten).toBe(1200)
  expect(await entriesOf(store)).toEqual([last])
  expect((await raw.keys('twinkey:history:*')).sort()).toEqual(
    historyLabelsOf(last)
      .map((label) => `twinkey:history:${encodeURIComponent(label)}`)
      .sort(),
  )
  expect(await raw.keys('twinkey:*:history')).toEqual([`twinkey:{${first.id}}:history`])
})

it('stores that forget at the same time forget each entry once, and none stops early', async () => {
  const key = newKey()
  for (let i = 0; i < 1300; i++) {
    const next = { ...key, version: i + 1 }
    await store.put(next, i === 0 ? undefined : i, newEntry(next, { at: 1000 + i }))
  }
  const counts = await Promise.all(
    Array.from({ length: 4 }, async () => {
      let sum = 0
      for (let count = -1; count !== 0; sum += count) count = await store.forgetHistory(NOW)
      expect(await entriesOf(store)).toEqual([])
      return sum
    }),
  )
  expect(counts.reduce((a, b) => a + b)).toBe(1300)
})

it('a forgotten entry whose removal was interrupted at any command is forgotten by the next call', async () => {
  const client = redis.client as NodeRedisClient
  let interruptions = 0
  for (let last = 0; ; last++) {
    await server.command('FLUSHALL')
    const key = newKey({ owner: 'o', scope: tenantScope('t', 'u') })
    await store.put(key, undefined, newEntry(key, { at: 5 }))
    let sent = 0
    const dying = redisStore({
      evalSha: (sha, call) =>
        sent++ < last ? client.evalSha(sha, call) : Promise.reject(new Error('interrupted')),
      eval: client.eval.bind(client),
    })
    const outcome = await dying.forgetHistory(NOW).catch(() => 'interrupted')
    await store.forgetHistory(NOW)
    expect(await raw.keys('twinkey:*history*')).toEqual([])
    if (outcome !== 'interrupted') break
    interruptions++
  }
  expect(interruptions).toBeGreaterThan(5)
})

it('the index member of a write in flight survives forgetHistory', async () => {
  const client = redis.client as NodeRedisClient
  const key = newKey()
  const entry = newEntry(key, { at: NOW })
  const slow = redisStore({
    async evalSha(sha, call) {
      if (call.keys.length === 2) expect(await store.forgetHistory(NOW + 1)).toBe(0)
      return client.evalSha(sha, call)
    },
    eval: client.eval.bind(client),
  })
  expect(await slow.put(key, undefined, entry)).toBe('stored')
  expect(await entriesOf(store)).toEqual([entry])
  expect(await store.forgetHistory(NOW + 1)).toBe(1)
  expect(await raw.keys('twinkey:*history*')).toEqual([])
})
