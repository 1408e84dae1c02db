import { Redis } from 'ioredis'
import type { HistoryEntry, KeyStore } from 'twinkey/store'
import { type NodeRedisClient, type RedisStore, redisStore } from 'twinkey/stores/redis'
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { changedKey, NOW, newEntry, newKey, tenantScope } from '../../src/testing/sample.ts'
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

/** Connects as a user without a right. */
async function without(right: string): Promise<KeyStore> {
  await server.command('ACL', 'SETUSER', right, 'on', '>secret', '~*', '&*', '+@all', `-${right}`)
  const client = new Redis({ port: server.port, username: right, password: 'secret' })
  onTestFinished(() => client.disconnect())
  return redisStore(client)
}

async function setting(name: string, value: string, usual: string): Promise<void> {
  onTestFinished(async () => void (await server.command('CONFIG', 'SET', name, usual)))
  expect(await server.command('CONFIG', 'SET', name, value)).toBe('+OK')
}

describe('no change without its entry, and no entry without its change:', () => {
  const key = newKey({ owner: 'anna', scope: tenantScope('acme') })
  const next = changedKey(key)
  const first = newEntry(key)

  /** Tries a change and a delete, which must fail and leave everything as it was. */
  async function expectRefused(through: KeyStore, message: RegExp): Promise<void> {
    await expect(through.put(next, key.version, newEntry(next))).rejects.toThrow(message)
    await expect(through.delete(key.id, key.version, newEntry(key))).rejects.toThrow(message)
    const other = newKey()
    await expect(through.put(other, undefined, newEntry(other))).rejects.toThrow(message)
    expect(await store.get(other.id)).toBe(undefined)
    expect(await store.get(key.id)).toEqual(key)
    expect(await entriesOf(store)).toEqual([first])
    expect(await raw.hkeys(`twinkey:{${key.id}}:history`)).toEqual([first.id])
  }

  beforeEach(async () => {
    await store.put(key, undefined, first)
  })

  it.each(['hset', 'publish', 'hget', 'hmget', 'zadd'])(
    'without the right to %s',
    async (right) => {
      await expectRefused(await without(right), /NOPERM|can't run|ACL/)
    },
  )

  it('without the right to del', async () => {
    const through = await without('del')
    await expect(through.delete(key.id, key.version, newEntry(key))).rejects.toMatchObject({
      code: 'not_written',
    })
    expect(await store.get(key.id)).toEqual(key)
    expect(await raw.hkeys(`twinkey:{${key.id}}:history`)).toEqual([first.id])
    expect(await store.delete(key.id, key.version, undefined)).toBe('deleted')
  })

  it('if the memory is used up', async () => {
    await setting('maxmemory', '1', '0')
    await expectRefused(store, /OOM/)
  })

  it('if the memory is used up between the index and the record', async () => {
    const client = redis.client as NodeRedisClient
    let isFull = false
    const full = redisStore({
      async evalSha(sha, call) {
        if (call.keys.length === 2 && !isFull) {
          isFull = true
          await setting('maxmemory', '1', '0')
        }
        return client.evalSha(sha, call)
      },
      eval: client.eval.bind(client),
    })
    await expect(full.put(next, key.version, newEntry(next))).rejects.toThrow(/OOM/)
    expect(await raw.hkeys(`twinkey:{${key.id}}:history`)).toEqual([first.id])
    await server.command('CONFIG', 'SET', 'maxmemory', '0')
    isFull = false
    await expect(full.delete(key.id, key.version, newEntry(key))).rejects.toThrow(/OOM/)
    expect(await raw.hkeys(`twinkey:{${key.id}}:history`)).toEqual([first.id])
    expect(await store.get(key.id)).toEqual(key)
  })

  it('if too few replicas are connected', async () => {
    await setting('min-replicas-to-write', '1', '0')
    await expectRefused(store, /NOREPLICAS/)
  })

  it('if the server is a replica', async () => {
    onTestFinished(async () => void (await server.command('REPLICAOF', 'no', 'one')))
    await server.command('REPLICAOF', '127.0.0.1', '1')
    const error = await store.put(next, key.version, newEntry(next)).catch((reason) => reason)
    expect(String(error)).toContain('READONLY')
    expect(await raw.hkeys(`twinkey:{${key.id}}:history`)).toEqual([first.id])
  })

  it('if something else is stored under the name of the history', async () => {
    await raw.set(`twinkey:{${key.id}}:history`, 'text')
    await expect(store.put(next, key.version, newEntry(next))).rejects.toThrow('WRONGTYPE')
    await expect(store.delete(key.id, key.version, newEntry(key))).rejects.toThrow('WRONGTYPE')
    expect(await store.get(key.id)).toEqual(key)
  })

  it('if another change came first', async () => {
    expect(await store.put(next, key.version + 5, newEntry(next))).toBe('conflict')
    expect(await store.delete(key.id, key.version + 5, newEntry(key))).toBe('conflict')
    expect(await store.delete('none', 1, newEntry(newKey({ id: 'none' })))).toBe('missing')
    expect(await entriesOf(store)).toEqual([first])
    // The withdrawn members are removed.
    expect(await raw.zcard('twinkey:history:entry')).toBe(1)
  })
})

it('a client that sends everything twice gets the outcome of the first attempt, and writes each entry once', async () => {
  const client = redis.client as NodeRedisClient
  const twice = redisStore({
    evalSha: (sha, call) => client.evalSha(sha, call).then(() => client.evalSha(sha, call)),
    eval: (script: string, call: Parameters<NodeRedisClient['eval']>[1]) =>
      client.eval(script, call).then(() => client.eval(script, call)),
  })
  const key = newKey({ scope: tenantScope('twice') })
  const next = changedKey(key)
  const entries = [0, 1, 2].map((i) => newEntry(key, { at: NOW + i }))
  expect(await twice.put(key, undefined, entries[0])).toBe('stored')
  expect(await twice.put(next, key.version, entries[1])).toBe('stored')
  expect(await twice.put(changedKey(next), key.version, newEntry(key))).toBe('conflict')
  expect(await twice.delete(key.id, next.version, entries[2])).toBe('deleted')
  expect(await store.get(key.id)).toBe(undefined)
  for (const filter of [{}, { keyId: key.id }, { tenant: 'twice' }])
    expect(await entriesOf(store, filter)).toEqual(entries)
})

it('a repeated write with the same entry does not hide the entry of the first attempt', async () => {
  const key = newKey()
  const entry = newEntry(key)
  expect(await store.put(key, undefined, entry)).toBe('stored')
  const next = changedKey(key)
  await store.put(next, key.version, newEntry(next, { at: NOW + 1 }))
  expect(await store.put(key, undefined, entry)).toBe('stored')
  expect(await store.get(key.id)).toEqual(next)
  expect((await entriesOf(store)).map(({ id }) => id)).toContain(entry.id)
  expect(await entriesOf(store)).toHaveLength(2)
})

it.each(['newest', 'oldest'] as const)(
  'thousands of keys and entries of one millisecond are read in order, the %s first, from any place',
  async (sort) => {
    const id = (i: number) => `${'-_aAzZ09'[i % 8]}${i}`
    const keys = Array.from({ length: 3000 }, (_, i) => newKey({ id: id(i), createdAt: 9 }))
    // Ids that begin with the id of another key, and neighbouring times.
    keys.push(...['a', 'a-', 'a_', 'aa', 'a0'].map((each) => newKey({ id: each, createdAt: 9 })))
    keys.push(newKey({ id: 'before', createdAt: 8 }), newKey({ id: '-after', createdAt: 10 }))
    for (let at = 0; at < keys.length; at += 500)
      await Promise.all(
        keys.slice(at, at + 500).map((key) => {
          const entry = newEntry(key, { id: key.id, at: key.createdAt })
          return store.put(key, undefined, entry)
        }),
      )
    const sorted = keys
      .map((key) => ({ at: key.createdAt, id: key.id }))
      .sort((a, b) => a.at - b.at || (a.id < b.id ? -1 : 1))
    if (sort === 'newest') sorted.reverse()
    const found: string[] = []
    let after: { at: number; id: string } | undefined
    do {
      const page = await store.list({ now: 0, sort, limit: 100, after })
      found.push(...page.keys.map((key) => key.id))
      after = page.next
    } while (after !== undefined)
    expect(found).toEqual(sorted.map((each) => each.id))
    for (const place of [0, 1, 2, 1500, 1501, 3004, 3005, 3006]) {
      const query = { now: 0, sort, limit: 3, after: sorted[place] } as const
      const expected = sorted.slice(place + 1, place + 4).map((each) => each.id)
      expect((await store.list(query)).keys.map((key) => key.id)).toEqual(expected)
      expect((await store.history(query)).entries.map((entry) => entry.id)).toEqual(expected)
    }
  },
)

it('a key that was created again with another time is listed once, whatever the index has left', async () => {
  const key = newKey({ id: 'again', createdAt: 5 })
  await store.put(key, undefined, undefined)
  const members = await raw.zrange('twinkey:index:key', '0', '-1')
  await store.delete(key.id, key.version, undefined)
  const later = newKey({ id: 'again', createdAt: 6 })
  await store.put(later, undefined, undefined)
  for (const member of members) await raw.zadd('twinkey:index:key', 0, member)
  const { keys } = await store.list({ now: 0, sort: 'oldest', limit: 9 })
  expect(keys).toEqual([later])
})
