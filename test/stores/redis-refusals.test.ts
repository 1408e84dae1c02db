import { readFileSync } from 'node:fs'
import { Redis } from 'ioredis'
import { createClient } from 'redis'
import { createTwinkey, type KeyStore, type TwinkeyEvent } from 'twinkey'
import {
  type IoRedisClient,
  type NodeRedisClient,
  type RedisSubscriber,
  redisStore,
} from 'twinkey/stores/redis'
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { newEntry, newId, newKey } from '../../src/testing/sample.ts'
import { smallContract } from '../support/contract.ts'
import { createGate, settled } from '../support/gate.ts'
import { openRedis, type RedisServer, startRedis } from '../support/redis.ts'
import { openProxy } from '../support/silent-proxy.ts'

// What Redis refuses, which rights it must grant, and which settings cause warnings.

const INPUT = { name: 'n', scope: { tenants: ['t'], workflows: '*' }, secondary: false } as const
const LIBRARIES = ['node-redis', 'ioredis'] as const
type Library = (typeof LIBRARIES)[number]
const EVERYTHING = ['~*', '&*', '+@all'] as const

let server: RedisServer

beforeAll(async () => {
  server = await startRedis()
})
beforeEach(async () => {
  await server.command('FLUSHALL')
})
afterAll(() => server.stop())

interface Connection {
  readonly client: NodeRedisClient | IoRedisClient
  subscriber(): RedisSubscriber
  close(): void
}

/** Connects to a server as a user of its own with these rights. */
async function connect(
  library: Library,
  rights: readonly string[] = EVERYTHING,
  to = server,
  port = to.port,
): Promise<Connection> {
  const username = `u${newId()}`
  expect(await to.command('ACL', 'SETUSER', username, 'on', '>secret', ...rights)).toBe('+OK')
  if (library === 'ioredis') {
    const client = new Redis(port, { username, password: 'secret' }).on('error', () => {})
    onTestFinished(() => client.disconnect())
    await new Promise((resolve) => client.once('ready', resolve))
    return { client, subscriber: () => client.duplicate(), close: () => client.disconnect() }
  }
  const client = createClient({
    url: `redis://127.0.0.1:${port}`,
    username,
    password: 'secret',
  }).on('error', () => {})
  onTestFinished(() => (client.isOpen ? client.destroy() : undefined))
  await client.connect()
  return { client, subscriber: () => client.duplicate(), close: () => client.destroy() }
}

const isRefused = async (client: NodeRedisClient | IoRedisClient, message: RegExp) =>
  expect(createTwinkey({ store: redisStore(client) }).keys.create(INPUT)).rejects.toMatchObject({
    code: 'store_unavailable',
    message: expect.stringMatching(message),
  })

/** The string that keeps the pre-release out is written together with the index. */
const expectNothingWritten = async () =>
  expect(['*0', '*1\r\n$17\r\ntwinkey:label:key']).toContain(await server.command('KEYS', '*'))

describe.each(LIBRARIES)(
  'a refusal by Redis is store_unavailable, and never outcome_unknown, by %s:',
  (library) => {
    test.each(['evalsha', 'zadd', 'hset', 'hget', 'publish', 'set', 'type'])(
      'a command that the user may not run: %s',
      async (command) => {
        const { client } = await connect(library, [...EVERYTHING, `-${command}`])
        await isRefused(client, /NOPERM|can't run this command/)
        await expectNothingWritten()
      },
    )

    test('a channel that the user may not use, and then the record is not written either', async () => {
      const { client } = await connect(library, ['~*', '+@all', 'resetchannels'])
      await isRefused(client, /NOPERM|can't|channel/)
      await expectNothingWritten()
    })

    test.each([
      ['maxmemory', '1', '0', /OOM/],
      ['min-replicas-to-write', '1', '0', /NOREPLICAS/],
      ['replicaof', '127.0.0.1', 'no', /READONLY/],
    ] as const)('a server that takes no writes: %s', async (setting, value, usual, message) => {
      const { client } = await connect(library)
      const set = (to: string) =>
        setting === 'replicaof'
          ? server.command('REPLICAOF', to, to === 'no' ? 'one' : '1')
          : server.command('CONFIG', 'SET', setting, to)
      onTestFinished(async () => void (await set(usual)))
      await set(value)
      await isRefused(client, message)
    })

    test('a closed client', async () => {
      const { client, close } = await connect(library)
      close()
      if (library === 'ioredis')
        await new Promise((resolve) => (client as Redis).once('end', resolve))
      await isRefused(client, /client.* is closed/)
    })

    test('but a connection that falls silent is outcome_unknown', async () => {
      const proxy = await openProxy(server.port)
      onTestFinished(proxy.close)
      const { client, close } = await connect(library, EVERYTHING, server, proxy.port)
      const store = redisStore(client)
      const twinkey = createTwinkey({ deadlineSeconds: 0.1, store })
      expect(await store.get('x')).toBe(undefined)
      proxy.fallSilent()
      await expect(twinkey.keys.create(INPUT)).rejects.toMatchObject({ code: 'outcome_unknown' })
      close()
    })
  },
)

test('a store stops at the deadline: what is unsent by then is never sent', async () => {
  const { client } = await connect('node-redis')
  const [late, arrived] = [createGate(), createGate()]
  const sent: string[] = []
  const send = async (
    how: 'evalSha' | 'eval',
    script: string,
    call: { keys: string[]; arguments: string[] },
  ) => {
    sent.push(call.arguments[0] as string)
    const answer = await (client as NodeRedisClient)[how](script, call)
    if (call.arguments[0] === 'ZADD') {
      arrived.open()
      await late.opened
    }
    return answer
  }
  const held: NodeRedisClient = {
    evalSha: (sha, call) => send('evalSha', sha, call),
    eval: (script, call) => send('eval', script, call),
  }
  const creating = createTwinkey({ deadlineSeconds: 0.2, store: redisStore(held) })
    .keys.create(INPUT)
    .catch((error: unknown) => error)
  await arrived.opened
  expect(await creating).toMatchObject({ code: 'outcome_unknown' })
  const before = sent.length
  late.open()
  for (let turn = 0; turn < 10; turn++) await settled()
  expect(sent.slice(before)).toEqual([])
  expect(await server.command('KEYS', 'twinkey:{*')).toBe('*0')
})

test.each(LIBRARIES)(
  'a command that waits for the connection to come back is not sent after the deadline, by %s',
  async (library) => {
    const { client, close } = await openRedis(library, server)
    onTestFinished(close)
    const store = redisStore(client)
    const [gone, kept] = [newKey(), newKey()]
    for (const key of [gone, kept]) await store.put(key, undefined, undefined)
    const lost = new Promise((resolve) => (client as Redis).once('reconnecting', resolve))
    await server.command('CLIENT', 'KILL', 'TYPE', 'normal')
    await lost
    const deadline = new AbortController()
    const late = store
      .delete(kept.id, kept.version, undefined, deadline.signal)
      .catch((error: unknown) => error)
    const inTime = store.delete(gone.id, gone.version, undefined, new AbortController().signal)
    await settled()
    deadline.abort()
    expect(await inTime).toBe('deleted')
    expect(await late).toBeInstanceOf(Error)
    expect([await store.get(kept.id), await store.get(gone.id)]).toEqual([kept, undefined])
  },
)

describe('the rights that docs/stores.md names', () => {
  const page = readFileSync(new URL('../../docs/stores.md', import.meta.url), 'utf8')
  const [, rights = ''] = /ACL SETUSER twinkey on >\S+ (.*)/.exec(page) ?? []

  test.each(LIBRARIES)('are enough for everything, with %s', async (library) => {
    const { client, subscriber } = await connect(library, rights.split(' '))
    const store = (): KeyStore => redisStore(client, { subscriber })
    for (const { run } of smallContract) await run(async () => store())
    expect(await store().inspect?.()).toEqual([expect.stringContaining('appendonly')])
  })

  test('are each needed: without one, something fails', async () => {
    const all = rights.split(' ')
    for (const right of all.filter(
      (each) => each.startsWith('+') && !['+ping', '+eval'].includes(each),
    )) {
      await server.command('FLUSHALL')
      const { client, subscriber } = await connect(
        'node-redis',
        all.filter((each) => each !== right),
      )
      const store = redisStore(client, { subscriber })
      const problems: unknown[] = []
      const note = (error: unknown) => problems.push(error)
      const key = newKey()
      const stop = await store.watch?.(() => {}, note)
      await store.put(key, undefined, newEntry(key)).catch(note)
      await store.put({ ...key, version: key.version + 1 }, key.version, undefined).catch(note)
      await store.get(key.id).catch(note)
      for (const sort of ['newest', 'oldest'] as const)
        await store.list({ now: 5, sort, limit: 1 }).catch(note)
      await store.history({ sort: 'oldest', limit: 1 }).catch(note)
      const next = { ...key, version: key.version + 1 }
      await store.delete(key.id, next.version, newEntry(next)).catch(note)
      await store.forgetHistory(Number.MAX_SAFE_INTEGER).catch(note)
      await store.migrate().catch(note)
      await store.recordUse([{ keyId: key.id, secretId: 's', usedAt: 5 }]).catch(note)
      if (right === '+info') expect(await store.inspect?.()).toEqual([])
      else expect([right, problems.length > 0]).toEqual([right, true])
      await stop?.()
    }
  })
})

describe('an operator gets one warning of settings under which Redis loses keys', () => {
  async function warningsOf(rights?: readonly string[]): Promise<string[]> {
    const events: TwinkeyEvent[] = []
    const { client } = await connect('ioredis', rights)
    const twinkey = createTwinkey({
      store: redisStore(client),
      onEvent: (event) => events.push(event),
    })
    const { primary } = await twinkey.keys.create(INPUT)
    await twinkey.keys.list()
    expect(await twinkey.keys.verify(primary)).toMatchObject({ ok: true })
    await twinkey.close()
    return events.flatMap((event) => (event.type === 'warning.store_unsafe' ? [event.message] : []))
  }

  test.each(['allkeys-lru', 'allkeys-lfu', 'allkeys-random'])(
    'maxmemory-policy %s',
    async (policy) => {
      await server.command('CONFIG', 'SET', 'maxmemory-policy', policy)
      onTestFinished(
        async () => void (await server.command('CONFIG', 'SET', 'maxmemory-policy', 'noeviction')),
      )
      const [first, second, ...more] = await warningsOf()
      expect(first).toMatch(new RegExp(`maxmemory-policy ${policy}.*noeviction`))
      expect(second).toMatch(/appendonly/)
      expect(more).toEqual([])
    },
  )

  test('and none of policies that spare keys without a time to live, with an append-only file', async () => {
    await server.command('CONFIG', 'SET', 'appendonly', 'yes')
    onTestFinished(async () => void (await server.command('CONFIG', 'SET', 'appendonly', 'no')))
    for (const policy of ['volatile-lru', 'volatile-ttl', 'noeviction']) {
      await server.command('CONFIG', 'SET', 'maxmemory-policy', policy)
      expect(await warningsOf()).toEqual([])
    }
  })

  test('and none if the server does not say, which breaks nothing', async () => {
    expect(await warningsOf([...EVERYTHING, '-config', '-info'])).toEqual([])
  })
})
