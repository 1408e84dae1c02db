import { Redis } from 'ioredis'
import { createTwinkey } from 'twinkey'
import type { KeyRecord, KeyStore, StoredKey } from 'twinkey/store'
import { type IoRedisClient, type NodeRedisClient, redisStore } from 'twinkey/stores/redis'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { newId, newKey } from '../../src/testing/sample.ts'
import { smallContract } from '../support/contract.ts'
import { errorCodeOf } from '../support/faults.ts'
import {
  openRedis,
  type RedisCluster,
  type RedisServer,
  startRedis,
  startRedisCluster,
} from '../support/redis.ts'

const scope = { tenants: ['t'], environments: '*', workflows: '*' } as const

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

/** A bound that holds on a busy machine too. */
const eventually = <T>(value: () => T) => expect.poll(value, { timeout: 20_000, interval: 10 })

async function connect(library: 'node-redis' | 'ioredis', to: RedisServer | RedisCluster = server) {
  const { client, close } = await openRedis(library, to)
  onTestFinished(close)
  return client
}

/** A client that reports every script with its keys before sending it. */
function told(
  client: NodeRedisClient | IoRedisClient,
  tell: (keys: readonly string[]) => void,
): NodeRedisClient {
  const send = (
    name: 'evalSha' | 'eval',
    script: string,
    call: { keys: string[]; arguments: string[] },
  ) => {
    tell(call.keys)
    if ('evalSha' in client) return client[name](script, call)
    return client[name === 'eval' ? 'eval' : 'evalsha'](
      script,
      call.keys.length,
      ...call.keys,
      ...call.arguments,
    )
  }
  return {
    evalSha: (sha, call) => send('evalSha', sha, call),
    eval: (script, call) => send('eval', script, call),
  }
}

async function listed(store: KeyStore, owner: string): Promise<string[]> {
  return (await store.list({ owner, now: 5, sort: 'oldest', limit: 100 })).keys.map(({ id }) => id)
}

const idsOf = (keys: readonly StoredKey[]) => keys.map(({ id }) => id).sort()

describe.each(['node-redis', 'ioredis'] as const)('with %s', (library) => {
  it('a get is one round trip', async () => {
    const sent: (readonly string[])[] = []
    const store = redisStore(told(await connect(library), (keys) => sent.push(keys)))
    const key = newKey()
    await store.put(key, undefined, undefined)
    await store.recordUse([{ keyId: key.id, secretId: key.primary.id, usedAt: 5 }])
    sent.length = 0
    expect(await store.get(key.id)).toEqual({ ...key, lastUsedAt: { [key.primary.id]: 5 } })
    expect(sent).toEqual([[`twinkey:{${key.id}}`]])
  })

  it('scripts that the server has forgotten are sent again, in the middle of other calls', async () => {
    const store = redisStore(await connect(library))
    const forget = () => server.command('SCRIPT', 'FLUSH')
    for (let round = 0; round < 10; round++) {
      const owner = newId()
      const keys = Array.from({ length: 20 }, () => newKey({ owner, scope }))
      const writes = keys.map((key) => store.put(key, undefined, undefined))
      expect(await forget()).toBe('+OK')
      expect(await Promise.all(writes)).toEqual(keys.map(() => 'stored'))
      await forget()
      expect(await listed(store, owner)).toEqual(idsOf(keys))
      const [first, second, ...rest] = keys as [KeyRecord, KeyRecord, ...KeyRecord[]]
      await forget()
      await store.recordUse([{ keyId: first.id, secretId: first.primary.id, usedAt: 5 }])
      await forget()
      expect(await store.get(first.id)).toEqual({ ...first, lastUsedAt: { [first.primary.id]: 5 } })
      await forget()
      expect(await store.delete(second.id, second.version, undefined)).toBe('deleted')
      expect(await listed(store, owner)).toEqual(idsOf([first, ...rest]))
    }
  })

  it.each([
    ['at the largest', Number.MAX_SAFE_INTEGER],
    ['beyond the digits that Lua prints', 10 ** 15 + 1],
    ['where they grow by a digit', 10 ** 15],
  ])('versions differ to the last digit, %s', async (_, version) => {
    const store = redisStore(await connect(library))
    const key = newKey({ version: version - 1 })
    await store.put(key, undefined, undefined)
    expect(await store.put({ ...key, version }, version, undefined)).toBe('conflict')
    expect(await store.put({ ...key, version }, version - 2, undefined)).toBe('conflict')
    expect(await store.put({ ...key, version }, version - 1, undefined)).toBe('stored')
    expect(await store.delete(key.id, version - 1, undefined)).toBe('conflict')
    expect((await store.get(key.id))?.version).toBe(version)
    expect(await store.delete(key.id, version, undefined)).toBe('deleted')
  })

  it('an acknowledged write survives the kill and restart of a server that writes it down', async () => {
    const durable = await startRedis({ appendonly: 'yes', appendfsync: 'always' })
    onTestFinished(() => durable.stop())
    const store = redisStore(await connect(library, durable))
    const owner = newId()
    const keys = Array.from({ length: 50 }, () => newKey({ owner, scope }))
    await Promise.all(keys.map((key) => store.put(key, undefined, undefined)))
    await durable.crash()
    await durable.start()
    // A call that was in flight when the connection ended may fail. The client reconnects by
    // itself.
    await eventually(() => store.get('none').catch(() => 'down')).toBeUndefined()
    expect(await Promise.all(keys.map(({ id }) => store.get(id)))).toEqual(keys)
    expect(await listed(store, owner)).toEqual(idsOf(keys))
    const [first] = keys as [KeyRecord]
    expect(
      await store.put({ ...first, version: first.version + 1 }, first.version, undefined),
    ).toBe('stored')
  })
})

it('all keys of a script are in one slot', async () => {
  const sent: (readonly string[])[] = []
  const store = redisStore(told(await connect('ioredis', cluster), (keys) => sent.push(keys)))
  for (const { run } of smallContract) await run(async () => store)
  expect(sent.length).toBeGreaterThan(1000)
  const slotOf = (key: string) => /\{(.*?)\}/.exec(key)?.[1] ?? key
  expect(sent.filter((keys) => new Set(keys.map(slotOf)).size !== 1)).toEqual([])
})

it('a write that a client repeats after a lost connection answers what the first attempt did', async () => {
  const client = (await connect('node-redis')) as NodeRedisClient
  const twice: NodeRedisClient = {
    evalSha: (sha, call) => client.evalSha(sha, call).then(() => client.evalSha(sha, call)),
    eval: (script, call) => client.eval(script, call).then(() => client.eval(script, call)),
  }
  const store = redisStore(twice)
  const owner = newId()
  const key = newKey({ owner, scope })
  const next = { ...key, version: key.version + 1 }
  expect(await store.put(key, undefined, undefined)).toBe('stored')
  expect(await store.put(next, key.version, undefined)).toBe('stored')
  expect(await store.put({ ...key, version: key.version + 2 }, key.version, undefined)).toBe(
    'conflict',
  )
  expect(await listed(store, owner)).toEqual([key.id])
  expect(await store.delete(key.id, next.version, undefined)).toBe('missing')
  expect(await store.get(key.id)).toBeUndefined()
})

it('a record of an invalid form is malformed, in a list too, and no other error', async () => {
  const raw = new Redis(server.port)
  onTestFinished(() => raw.disconnect())
  const store = redisStore(raw)
  const { keys } = createTwinkey({ store })
  const spoilt = [
    ...['{', '', '"text"', 'null', '5', '{"kind":"key"}'].map((text) => ['record', text] as const),
    ['use:x', 'never'] as const,
  ]
  for (const [field, value] of spoilt) {
    const tenant = newId()
    const { key } = await keys.create({ name: 'n', scope: { tenants: [tenant], workflows: '*' } })
    await raw.hset(`twinkey:{${key.id}}`, field, value)
    expect(await errorCodeOf(keys.get(key.id))).toBe('store_malformed')
    expect(await errorCodeOf(keys.list({ tenant }))).toBe('store_malformed')
  }
  const id = newId()
  await raw.hset(`twinkey:{${id}}`, 'record', '{')
  expect(await store.get(id)).toBe('{')
})

it('uses are kept to the millisecond, for hundreds of keys at once', async () => {
  const store = redisStore(await connect('ioredis', cluster))
  const keys = Array.from({ length: 300 }, () => newKey())
  await Promise.all(keys.map((key) => store.put(key, undefined, undefined)))
  for (const usedAt of [8.64e15 - 1, 8.64e15, 8.64e15 - 2]) {
    await store.recordUse(
      keys.map(({ id, primary }) => ({ keyId: id, secretId: primary.id, usedAt })),
    )
  }
  const found = await Promise.all(keys.map(({ id }) => store.get(id)))
  expect(found).toEqual(keys.map((key) => ({ ...key, lastUsedAt: { [key.primary.id]: 8.64e15 } })))
})
