import { Cluster, Redis } from 'ioredis'
import { createCluster } from 'redis'
import { redisStore } from 'twinkey/stores/redis'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, test } from 'vitest'
import { newKey } from '../../src/testing/sample.ts'
import { openRedis, type RedisServer, startRedis } from '../support/redis.ts'
import { shown } from '../support/shown.ts'

let server: RedisServer

beforeAll(async () => {
  server = await startRedis()
})
afterAll(async () => {
  await server.stop()
})

const client = new Redis({ lazyConnect: true })

const PAGE = { now: 5, sort: 'oldest', limit: 100 } as const

describe('a prefix', () => {
  const ODD = [
    '*',
    '?',
    '[a]',
    '\\',
    '"',
    "'",
    '%',
    '%7B',
    '$1',
    '--',
    '(',
    '~'.repeat(64),
    'app:keys',
  ]
  // Parts of the names that other prefixes have.
  const OWN_WORDS = [
    't',
    't:label',
    't:label:key',
    't:label:tenant',
    't:label:tenant%3At',
    't:index',
    't:index:key',
    't:history',
    't:history:entry',
    't:changed',
    'twinkey',
    'twinkey:label',
  ]

  it('keeps stores apart, whatever its characters', async () => {
    const { client: own, close } = await openRedis('node-redis', server)
    onTestFinished(close)
    const stores = [...ODD, ...OWN_WORDS].map((prefix) => redisStore(own, { prefix }))
    // Names that, unescaped, would equal those of slots and labels.
    const names = ['t', '{id}', 'label:key', 'key', 'tenant:t', ':', '}{', '*']
    const kept = stores.map((_, i) =>
      names.map((name, j) =>
        newKey({
          id: j === 0 ? 'id' : `id${j}`,
          name: `${i}`,
          scope: { tenants: [name], environments: '*', workflows: '*' },
        }),
      ),
    )
    for (const [i, keys] of kept.entries())
      for (const key of keys) expect(await stores[i]?.put(key, undefined, undefined)).toBe('stored')
    for (const [i, keys] of kept.entries()) {
      for (const [j, key] of keys.entries()) {
        expect(await stores[i]?.get(key.id)).toEqual(key)
        expect(await stores[i]?.list({ ...PAGE, tenant: names[j] })).toEqual({
          keys: [key],
          next: undefined,
        })
      }
      expect((await stores[i]?.list(PAGE))?.keys).toEqual(keys)
    }
  })

  it.each(['', ' ', 'a b', 'a{b', 'a}', '{a}', '\u00e9', '\n', '\0', 'x'.repeat(65), 5, null, {}])(
    'of %j is refused',
    (prefix) => {
      expect(() => redisStore(client, { prefix: prefix as string })).toThrow(TypeError)
      expect(() => redisStore(client, { prefix: prefix as string })).toThrow(
        'prefix must have 1 to 64',
      )
    },
  )
})

describe.each(['node-redis', 'ioredis'] as const)(
  'a refusal by the server is reported without the record, by %s',
  (library) => {
    // Once by the digest of the script, and once in full because the server has not seen it yet.
    it.each(['seen', 'unseen'])('and by a script that it has %s', async (script) => {
      const full = await startRedis()
      onTestFinished(() => full.stop())
      const { client: own, close } = await openRedis(library, full)
      onTestFinished(close)
      const store = redisStore(own)
      if (script === 'seen') await store.put(newKey({ id: 'first' }), undefined, undefined)
      const { client: operator, close: closeOperator } = await openRedis('ioredis', full)
      onTestFinished(closeOperator)
      await (operator as Redis).config('SET', 'maxmemory', '1')
      const key = newKey()
      const error = await store.put(key, undefined, undefined).catch((reason: unknown) => reason)
      expect(String(error)).toContain('OOM')
      expect(shown(error)).not.toContain(key.primary.digest)
      expect(shown(error)).not.toContain(key.id)
    })
  },
)

describe('invalid arguments are rejected when the store is created', () => {
  test.each([undefined, null, 'redis://localhost', {}, { call() {} }])(
    'a client of %j',
    (given) => {
      expect(() => redisStore(given as unknown as Redis)).toThrow(
        new TypeError(
          'redisStore: the client must be a client or cluster of node-redis or ioredis.',
        ),
      )
    },
  )

  test('an option that is unknown or has an invalid form', () => {
    expect(() => redisStore(client, { prefx: 'a' } as object)).toThrow('cannot have "prefx"')
    expect(() => redisStore(client, 'app' as unknown as object)).toThrow(TypeError)
    expect(() => redisStore(client, null as unknown as object)).toThrow(TypeError)
    expect(() => redisStore(client, { subscriber: client as unknown as () => Redis })).toThrow(
      'subscriber must be a function',
    )
  })

  test('a cluster as subscriber, already by its type', async () => {
    const cluster = new Cluster([{ host: server.host, port: server.port }], { lazyConnect: true })
    const other = createCluster({ rootNodes: [] })
    const stores = [
      // @ts-expect-error A cluster moves its subscription to another server without reporting it.
      redisStore(client, { subscriber: () => cluster }),
      // @ts-expect-error That of node-redis, too.
      redisStore(client, { subscriber: () => other }),
    ]
    for (const store of stores)
      await expect(store.watch?.(() => {})).rejects.toThrow(
        'subscriber must return a connection to one server',
      )
  })
})

test('a store without a subscriber has no watch', () => {
  expect('watch' in redisStore(client)).toBe(false)
  expect('watch' in redisStore(client, { subscriber: undefined })).toBe(false)
  expect(redisStore(client, { subscriber: () => new Redis() }).watch).toBeTypeOf('function')
})
