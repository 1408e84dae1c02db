import { Redis } from 'ioredis'
import type { HistoryEntry, KeyRecord, KeyStore } from 'twinkey/store'
import { type IoRedisClient, type NodeRedisClient, redisStore } from 'twinkey/stores/redis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { historyLabelsOf } from '../../src/core/store/history-query.ts'
import { labelsOf } from '../../src/core/store/list-query.ts'
import { newEntry, newId, newKey } from '../../src/testing/sample.ts'
import { createGate, type Gate } from '../support/gate.ts'
import { seeded } from '../support/racing-store.ts'
import {
  openRedis,
  type RedisClient,
  type RedisCluster,
  type RedisServer,
  startRedis,
  startRedisCluster,
} from '../support/redis.ts'
import { everyThird } from '../support/rounds.ts'

type Position = NonNullable<Parameters<KeyStore['list']>[0]['after']>
type Filter = Omit<Parameters<KeyStore['list']>[0], 'limit' | 'after' | 'now' | 'sort'>
type Send = (args: readonly string[], go: () => Promise<unknown>) => Promise<unknown>

/** A client that sends its scripts through `send`, which may delay or drop them. */
function through(client: NodeRedisClient | IoRedisClient, send: Send): NodeRedisClient {
  const go = (
    name: 'evalSha' | 'eval',
    script: string,
    call: { keys: string[]; arguments: string[] },
  ) => {
    if ('evalSha' in client) return client[name](script, call)
    return client[name === 'eval' ? 'eval' : 'evalsha'](
      script,
      call.keys.length,
      ...call.keys,
      ...call.arguments,
    )
  }
  return {
    evalSha: (sha, call) => send(call.arguments, () => go('evalSha', sha, call)),
    eval: (script, call) => go('eval', script, call),
  }
}

const PAGE = { now: 5, sort: 'oldest' } as const

async function listed(store: KeyStore, query: Filter, after?: Position): Promise<string[]> {
  const page = await store.list({ ...PAGE, ...query, limit: 2, after })
  const ids = page.keys.map(({ id }) => id)
  return page.next === undefined ? ids : [...ids, ...(await listed(store, query, page.next))]
}

async function entriesOf(
  store: KeyStore,
  query: { keyId?: string },
  after?: Position,
): Promise<HistoryEntry[]> {
  const page = await store.history({ ...query, sort: 'oldest', limit: 100, after })
  return page.next === undefined
    ? page.entries
    : [...page.entries, ...(await entriesOf(store, query, page.next))]
}

/**
 * The single-label queries that must find a key, without those that find the keys of other tests
 * too.
 */
function queriesOf({ scope, owner, disabledBy }: KeyRecord): Filter[] {
  const [first, ...others] = (scope.tenants as readonly string[]).map((tenant) => ({ tenant }))
  return [
    ...others,
    { ...first, state: disabledBy === null ? 'active' : 'disabled' },
    ...(owner === null ? [{ ...first, owner }] : [{ owner }]),
  ]
}

async function expectListed(store: KeyStore, key: KeyRecord): Promise<void> {
  for (const query of queriesOf(key))
    expect([query, await listed(store, query)]).toEqual([query, expect.arrayContaining([key.id])])
}

const DISABLER = { actor: null, owner: null, tenants: null, at: 5 }

const inTenants = (...tenants: string[]) =>
  ({ tenants, environments: '*', workflows: '*' }) as const
const moved = (key: KeyRecord, ...tenants: string[]): KeyRecord => ({
  ...key,
  version: key.version + 1,
  scope: inTenants(...tenants),
})

describe.each(everyThird(['a cluster', 'one server'] as const))('on %s', (place) => {
  let to: RedisServer | RedisCluster
  let clients: [RedisClient, RedisClient]
  let stores: [KeyStore, KeyStore]

  beforeAll(async () => {
    to = place === 'one server' ? await startRedis() : await startRedisCluster()
    clients = [await openRedis('node-redis', to), await openRedis('ioredis', to)]
    stores = [redisStore(clients[0].client), redisStore(clients[1].client)]
  })
  afterAll(async () => {
    for (const { close } of clients) close()
    await to.stop()
  })

  /** The number of all members in an index of a prefix. */
  async function membersOf(prefix: string, index: 'index' | 'history'): Promise<number> {
    let entries = 0
    for (const { port } of 'masters' in to ? to.masters : [to]) {
      const raw = new Redis(port)
      for (const label of await raw.keys(`${prefix}:${index}:*`)) entries += await raw.zcard(label)
      raw.disconnect()
    }
    return entries
  }

  it('every label of a key finds it, during and after changes by many concurrent writers', async () => {
    const random = seeded(7)
    const prefix = newId()
    const [steady, owner] = [newId(), newId()]
    // Each step of a write is delayed by some turns, so that the writers overtake each other at
    // every step.
    const late: Send = async (_, go) => {
      for (let turns = Math.floor(random() ** 4 * 20); turns > 0; turns--)
        await new Promise(setImmediate)
      return go()
    }
    const writers = Array.from({ length: 8 }, (_, i) =>
      redisStore(through((clients[i % 2] as RedisClient).client, late), { prefix }),
    )
    const quiet = redisStore(clients[0].client, { prefix })
    const keys = Array.from({ length: 6 }, () =>
      newKey({ owner, scope: inTenants(steady, `${steady}-0`) }),
    )
    const [passing, ...staying] = keys.map(({ id }) => id) as [string, ...string[]]
    for (const key of keys) await quiet.put(key, undefined, undefined)
    const won = { put: 0, delete: 0 }
    const entries: HistoryEntry[] = []

    async function write(store: KeyStore): Promise<void> {
      for (let round = 0; round < 60; round++) {
        const { id } = keys[Math.floor(random() * keys.length)] as KeyRecord
        const found = (await store.get(id)) as KeyRecord | undefined
        const version = (found?.version ?? 0) + 1 + Math.floor(random() * 1e9)
        const tenants = [
          steady,
          ...['a', 'b', 'c'].filter(() => random() < 0.5).map((name) => `${steady}-${name}`),
        ]
        const next = newKey({
          id,
          version,
          scope: inTenants(...tenants),
          owner: random() < 0.5 ? owner : null,
          disabledBy: random() < 0.5 ? DISABLER : null,
        })
        if (found !== undefined && id === passing && random() < 0.5) {
          const entry = newEntry(found)
          if ((await store.delete(id, found.version, entry)) !== 'deleted') continue
          won.delete++
          entries.push(entry)
        } else {
          const entry = newEntry(next)
          if ((await store.put(next, found?.version, entry)) !== 'stored') continue
          won.put++
          entries.push(entry)
        }
      }
    }
    let writing = true
    async function look(): Promise<number> {
      let looks = 0
      for (; writing; looks++) {
        const seen = (await listed(quiet, { tenant: steady })).filter((id) => id !== passing)
        expect(seen).toEqual([...staying].sort())
      }
      return looks
    }
    const written = Promise.all(writers.map(write)).finally(() => {
      writing = false
    })
    const [looks] = await Promise.all([look(), written])

    expect(looks).toBeGreaterThan(20)
    expect(won.put).toBeGreaterThan(100)
    expect(won.delete).toBeGreaterThan(10)
    const left = (await Promise.all(keys.map(({ id }) => quiet.get(id)))).filter(
      (key): key is KeyRecord => key !== undefined,
    )
    for (const key of left) await expectListed(quiet, key)
    // Nothing else remains, and every change left its entry.
    expect(await membersOf(prefix, 'index')).toBe(left.flatMap(labelsOf).length)
    expect(await membersOf(prefix, 'history')).toBe(entries.flatMap(historyLabelsOf).length)
    const found = await entriesOf(quiet, {})
    expect(found.map(({ id }) => id).sort()).toEqual(entries.map(({ id }) => id).sort())
  })

  /**
   * A store whose write reaches the gate before it removes outdated entries, and waits until the
   * gate opens.
   */
  function tidiesLate(): { slow: KeyStore; reached: Promise<void>; gate: Gate } {
    const [gate, reached] = [createGate(), createGate()]
    const send: Send = async ([command], go) => {
      if (command !== 'ZREM') return go()
      reached.open()
      await gate.opened
      return go()
    }
    return { slow: redisStore(through(clients[0].client, send)), reached: reached.opened, gate }
  }

  it('a writer that removes an old label late does not remove it after another writer has put it back', async () => {
    const { slow, reached, gate } = tidiesLate()
    const [before, after] = [newId(), newId()]
    const key = newKey({ owner: newId(), scope: inTenants(before) })
    await stores[0].put(key, undefined, undefined)
    const away = slow.put(moved(key, after), key.version, undefined)
    await reached
    const back = { ...moved(key, before), version: key.version + 2 }
    expect(await stores[1].put(back, key.version + 1, undefined)).toBe('stored')
    gate.open()
    expect(await away).toBe('stored')
    await expectListed(stores[1], back)
    expect(await listed(stores[1], { tenant: after })).toEqual([])
  })

  it('a losing writer that is late does not remove the label of the winner', async () => {
    const { slow, reached, gate } = tidiesLate()
    const tenant = newId()
    const key = newKey({ owner: newId(), scope: inTenants(newId()) })
    await stores[0].put(key, undefined, undefined)
    const next = { ...moved(key, newId()), version: key.version + 9 }
    await stores[0].put(next, key.version, undefined)
    // The same record at the same version: the core repeats a write whose outcome is unknown.
    const wanted = { ...next, version: next.version + 1, scope: inTenants(tenant) }
    const lost = slow.put(wanted, key.version, undefined)
    await reached
    expect(await stores[1].put(wanted, next.version, undefined)).toBe('stored')
    gate.open()
    expect(await lost).toBe('conflict')
    await expectListed(stores[1], wanted)
  })

  it('a delete that cleans up late does not hide a key that was created again meanwhile', async () => {
    const { slow, reached, gate } = tidiesLate()
    const key = newKey({ owner: newId(), scope: inTenants(newId()) })
    await stores[0].put(key, undefined, undefined)
    const gone = slow.delete(key.id, key.version, undefined)
    await reached
    expect(await stores[1].put(key, undefined, undefined)).toBe('stored')
    gate.open()
    expect(await gone).toBe('deleted')
    await expectListed(stores[1], key)
  })

  it('a completed write is acknowledged, even if its cleanup fails', async () => {
    const send: Send = async ([command], go) =>
      command === 'ZREM' ? Promise.reject(new Error('no connection')) : go()
    const store = redisStore(through(clients[0].client, send))
    const key = newKey({ owner: newId(), scope: inTenants(newId()) })
    const next = moved(key, newId())
    expect(await store.put(key, undefined, undefined)).toBe('stored')
    expect(await store.put(next, key.version, undefined)).toBe('stored')
    expect(await store.put(moved(key, newId()), key.version, undefined)).toBe('conflict')
    await expectListed(stores[1], next)
    expect(await store.delete(key.id, next.version, undefined)).toBe('deleted')
    expect(await listed(stores[1], { owner: key.owner })).toEqual([])
  })

  it.each(['before it is sent', 'after it is done'])(
    'after a crash at any command, %s, every existing key is still listed',
    async (when) => {
      const [sound] = stores
      let crashes = 0
      const steps = {
        create: (store: KeyStore, key: KeyRecord) => store.put(key, undefined, newEntry(key)),
        move: async (store: KeyStore, key: KeyRecord) =>
          store.put(moved(key, newId(), newId()), key.version, newEntry(key)),
        lose: (store: KeyStore, key: KeyRecord) =>
          store.put(moved(key, newId()), key.version - 1, newEntry(key)),
        delete: (store: KeyStore, key: KeyRecord) =>
          store.delete(key.id, key.version, newEntry(key)),
      }
      for (const [name, step] of Object.entries(steps)) {
        for (let last = 0; last < 24; last++) {
          let sent = 0
          const dying = redisStore(
            through(clients[1].client, async (_, go) => {
              if (++sent <= last) return go()
              if (sent === last + 1 && when === 'after it is done') await go()
              throw new Error('crashed')
            }),
          )
          const key = newKey({ owner: newId(), scope: inTenants(newId(), newId()) })
          if (name !== 'create') await sound.put(key, undefined, undefined)
          const before = name === 'create' ? undefined : key.version
          const outcome = await step(dying, key).catch(() => 'crashed')
          if (outcome === 'crashed') crashes++
          const found = (await sound.get(key.id)) as KeyRecord | undefined
          if (outcome === 'stored' || outcome === 'conflict') expect(found).toBeDefined()
          if (outcome === 'deleted') expect(found).toBeUndefined()
          if (found !== undefined) await expectListed(sound, found)
          // The entry exists exactly if the change was made, and is found at once.
          const hasChanged = name === 'delete' ? found === undefined : found?.version !== before
          expect(await entriesOf(sound, { keyId: key.id })).toHaveLength(Number(hasChanged))
          // The next caller finds everything in order.
          const next = moved(found ?? key, newId())
          expect(await sound.put(next, found?.version, undefined)).toBe('stored')
          await expectListed(sound, next)
          expect(
            await listed(sound, { tenant: (key.scope.tenants as string[])[0] as string }),
          ).toEqual([])
        }
      }
      expect(crashes).toBeGreaterThan(20)
    },
  )
})

it('a filter that matches few of many keys answers in time, and continues where it stopped', async () => {
  const server = await startRedis()
  const { client, close } = await openRedis('ioredis', server)
  const store = redisStore(client)
  const owner = newId()
  const keys = Array.from({ length: 6000 }, (_, i) =>
    newKey({
      id: `k${String(i).padStart(5, '0')}`,
      owner,
      disabledBy: i === 5999 ? DISABLER : null,
    }),
  )
  for (let at = 0; at < keys.length; at += 200)
    await Promise.all(keys.slice(at, at + 200).map((key) => store.put(key, undefined, undefined)))
  const first = await store.list({ ...PAGE, owner, state: 'disabled', limit: 10 })
  expect(first.keys).toEqual([])
  expect(first.next).toBeDefined()
  const found: KeyRecord[] = []
  let [next, calls] = [first.next, 1]
  for (; next !== undefined; calls++) {
    const page: Awaited<ReturnType<KeyStore['list']>> = await store.list({
      ...PAGE,
      owner,
      state: 'disabled',
      limit: 10,
      after: next,
    })
    found.push(...page.keys)
    next = page.next
  }
  expect(found).toEqual([keys[5999]])
  expect(calls).toBeLessThan(5)
  close()
  await server.stop()
})
