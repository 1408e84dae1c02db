import { readFileSync } from 'node:fs'
import { Cluster, Redis } from 'ioredis'
import { createTwinkey } from 'twinkey'
import type { KeyRecord, KeyStore } from 'twinkey/store'
import { type NodeRedisClient, redisStore } from 'twinkey/stores/redis'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { newEntry, newKey, tenantScope } from '../../src/testing/sample.ts'
import { errorCodeOf } from '../support/faults.ts'
import {
  openRedis,
  type RedisClient,
  type RedisCluster,
  type RedisServer,
  startRedis,
  startRedisCluster,
} from '../support/redis.ts'
import { everyThird } from '../support/rounds.ts'
import { OLD, OLD_KEYS, type OldRecord, oldRecord, oldStore, seedOld } from './redis-old.ts'

const CALL_MIGRATE = 'Call migrate() of the store.'

async function listed(store: KeyStore, filter: object = {}): Promise<string[]> {
  const ids: string[] = []
  let after: { at: number; id: string } | undefined
  do {
    const page = await store.list({ ...filter, now: 0, sort: 'oldest', limit: 100, after })
    ids.push(...page.keys.map(({ id }) => id))
    after = page.next
  } while (after !== undefined)
  return ids
}

const inOrder = (keys: readonly OldRecord[]) =>
  [...keys].sort((a, b) => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1)).map(({ id }) => id)

describe.each(everyThird(['a cluster', 'one server'] as const))('on %s', (place) => {
  let to: RedisServer | RedisCluster
  let raw: Redis | Cluster
  let clients: RedisClient[]
  let store: ReturnType<typeof redisStore>
  let old: ReturnType<typeof oldStore>

  beforeAll(async () => {
    to = place === 'one server' ? await startRedis() : await startRedisCluster()
    const masters = 'masters' in to ? to.masters : [to]
    const nodes = masters.map(({ host, port }) => ({ host, port }))
    raw = place === 'one server' ? new Redis(nodes[0]?.port as number) : new Cluster(nodes)
    clients = [await openRedis('node-redis', to), await openRedis('ioredis', to)]
    store = redisStore((clients[0] as RedisClient).client)
    old = oldStore(raw)
  })
  afterAll(async () => {
    raw.disconnect()
    for (const { close } of clients) close()
    await to.stop()
  })
  beforeEach(async () => {
    for (const server of 'masters' in to ? to.masters : [to]) await server.command('FLUSHALL')
  })

  it('the keys of the pre-release are listed by every filter after the migration, with their stored text', async () => {
    await seedOld(raw)
    await store.migrate()
    expect(await listed(store)).toEqual(inOrder(OLD_KEYS))
    const filters: [object, (key: OldRecord) => boolean][] = [
      [{ tenant: 'acme' }, ({ scope }) => scope.tenants.includes('acme')],
      [{ owner: 'anna' }, ({ owner }) => owner === 'anna'],
      [{ owner: null }, ({ owner }) => owner === null],
      [{ state: 'revoked' }, ({ revokedAt }) => revokedAt !== null],
      [{ state: 'disabled' }, ({ enabled }) => !enabled],
      [{ pepper: 'p1' }, ({ name }) => name === 'Peppered'],
      [{ name: 'unic' }, () => false],
      [{ name: '\u{1f511} \u30ad' }, ({ owner }) => owner === 'é \u{1f511}'],
    ]
    for (const [filter, holds] of filters)
      expect([filter, await listed(store, filter)]).toEqual([
        filter,
        inOrder(OLD_KEYS.filter(holds)),
      ])
    for (const [name, { record }] of Object.entries(OLD.hashes))
      expect(await raw.hget(name, 'record')).toBe(record)
    const twinkey = createTwinkey({ store })
    expect(await twinkey.keys.verify(OLD.secret)).toMatchObject({ ok: true })
  })

  it('list and put refuse before the migration, and a secret is verified', async () => {
    await seedOld(raw)
    await expect(listed(store)).rejects.toThrow(CALL_MIGRATE)
    const key = newKey()
    await expect(store.put(key, undefined, newEntry(key))).rejects.toMatchObject({
      code: 'not_written',
      message: expect.stringContaining(CALL_MIGRATE),
    })
    expect(await store.get(key.id)).toBe(undefined)
    const twinkey = createTwinkey({ store })
    expect(await errorCodeOf(twinkey.keys.list())).toBe('store_unavailable')
    expect(await twinkey.keys.verify(OLD.secret)).toMatchObject({ ok: true })
  })

  it('a migrated key is changed and deleted, and listed by its new labels', async () => {
    await seedOld(raw)
    await store.migrate()
    const { id } = oldRecord({})
    const found = (await store.get(id)) as KeyRecord
    const next = newKey({ ...found, id, version: found.version + 1, scope: tenantScope('moved') })
    expect(await store.put(next, found.version, newEntry(next))).toBe('stored')
    expect(await listed(store, { tenant: 'moved' })).toEqual([id])
    expect(await listed(store, { tenant: 'acme' })).not.toContain(id)
    expect(await store.delete(id, next.version, newEntry(next))).toBe('deleted')
    expect(await listed(store)).toEqual(inOrder(OLD_KEYS.filter((key) => key.id !== id)))
  })

  it('a process of the pre-release changes, deletes and lists nothing afterwards, and still reads and records uses', async () => {
    await seedOld(raw)
    await store.migrate()
    const { id, version, primary } = oldRecord({})
    const changed = oldRecord({ version: version + 1, name: 'Overwritten' })
    await expect(old.put(changed, version)).rejects.toThrow('WRONGTYPE')
    await expect(old.put(oldRecord({ id: 'new' }), undefined)).rejects.toThrow('WRONGTYPE')
    expect(await store.get('new')).toBe(undefined)
    expect(await old.delete(id, version)).toBe('conflict')
    for (const label of Object.keys(OLD.sets).map((name) => name.split(':')[2] as string))
      await expect(old.list(decodeURIComponent(label))).rejects.toThrow('WRONGTYPE')
    expect(await old.get(id)).toMatchObject({ id, name: 'Enabled', enabled: true })
    await old.recordUse(id, primary.id, 77)
    expect(await store.get(id)).toMatchObject({ version, lastUsedAt: { [primary.id]: 77 } })
  })

  it('without a migration, the first write of a new store keeps the pre-release out', async () => {
    const key = newKey()
    expect(await store.put(key, undefined, newEntry(key))).toBe('stored')
    await store.migrate()
    expect(await listed(store)).toEqual([key.id])
    await expect(old.put(oldRecord({}), undefined)).rejects.toThrow('WRONGTYPE')
    expect(await old.delete(key.id, key.version)).toBe('conflict')
    expect(await store.get(key.id)).toEqual(key)
  })

  it('a write of the pre-release that is in flight during the migration does not succeed after it', async () => {
    await seedOld(raw)
    const created = oldRecord({ id: 'created' })
    const changed = oldRecord({ version: 5_000_000, scope: { tenants: ['late'] } })
    await old.add(created, 'write-1')
    await old.add(changed, 'write-2')
    await store.migrate()
    expect(await old.write(created, undefined, 'write-1')).toBe('conflict')
    expect(await old.write(changed, oldRecord({}).version, 'write-2')).toBe('conflict')
    expect(await store.get('created')).toBe(undefined)
    expect(await listed(store)).toEqual(inOrder(OLD_KEYS))
    expect(await raw.ttl('twinkey:{created}')).toBeGreaterThan(60)
    // The id is free for this version, and then the record does not expire.
    const key = newKey({ id: 'created' })
    expect(await store.delete('created', 1, undefined)).toBe('missing')
    expect(await store.put(key, undefined, newEntry(key))).toBe('stored')
    expect(await raw.ttl('twinkey:{created}')).toBe(-1)
    expect(await listed(store)).toContain('created')
  })

  it('eight stores migrate at once, while processes of the pre-release write', async () => {
    await seedOld(raw)
    const many = Array.from({ length: 1500 }, (_, i) => oldRecord({ id: `m${i}`, createdAt: 7 }))
    await Promise.all(many.map((record) => old.put(record, undefined)))
    const late = Array.from({ length: 100 }, (_, i) => oldRecord({ id: `late${i}`, createdAt: 8 }))
    const stores = Array.from({ length: 8 }, (_, i) =>
      redisStore((clients[i % 2] as RedisClient).client),
    )
    const writing = late.map((record) => old.put(record, undefined).catch(() => 'refused'))
    await Promise.all(stores.map((each) => each.migrate()))
    const outcomes = await Promise.all(writing)
    const stored = late.filter((_, i) => outcomes[i] === 'stored')
    expect(await listed(store)).toEqual(inOrder([...OLD_KEYS, ...many, ...stored]))
    expect(await listed(store, { tenant: 'acme' })).toEqual(
      inOrder(
        [...OLD_KEYS, ...many, ...stored].filter(({ scope }) => scope.tenants.includes('acme')),
      ),
    )
    expect(await raw.type('twinkey:label:key')).toBe('string')
  })

  it('a migration that is interrupted at any command is completed by the next one', async () => {
    const client = (clients[0] as RedisClient).client as NodeRedisClient
    let interruptions = 0
    for (let last = 0; ; last++) {
      for (const server of 'masters' in to ? to.masters : [to]) await server.command('FLUSHALL')
      await seedOld(raw)
      let sent = 0
      const go = async (how: 'evalSha' | 'eval', ...call: Parameters<NodeRedisClient['eval']>) => {
        if (sent++ >= last) throw new Error('interrupted')
        return client[how](...call)
      }
      const dying = redisStore({
        evalSha: (...call) => go('evalSha', ...call),
        eval: client.eval.bind(client),
      })
      const outcome = await dying.migrate().then(
        () => 'done',
        () => 'interrupted',
      )
      const before = await listed(store).catch((error: Error) => error.message)
      if (typeof before === 'string') expect(before).toContain(CALL_MIGRATE)
      else expect(before).toEqual(inOrder(OLD_KEYS))
      await store.migrate()
      expect(await listed(store)).toEqual(inOrder(OLD_KEYS))
      expect(await listed(store, { owner: 'carl' })).toHaveLength(2)
      if (outcome === 'done') break
      interruptions++
    }
    expect(interruptions).toBeGreaterThan(20)
  })

  it('a malformed record ends the migration with an error that names it, and nothing is missed', async () => {
    await seedOld(raw)
    const { id } = oldRecord({})
    const name = `twinkey:{${id}}`
    const text = (await raw.hget(name, 'record')) as string
    for (const malformed of ['{', '{"kind":"key"}', 'null']) {
      await raw.hset(name, 'record', malformed)
      await expect(store.migrate()).rejects.toThrow(`the record in ${name} is malformed`)
      await expect(listed(store)).rejects.toThrow(CALL_MIGRATE)
    }
    await raw.hset(name, 'record', text)
    await store.migrate()
    expect(await listed(store)).toEqual(inOrder(OLD_KEYS))
  })
})

it('the rights that docs/stores.md names are enough for the migration', async () => {
  const page = readFileSync(new URL('../../docs/stores.md', import.meta.url), 'utf8')
  const [, rights = ''] = /ACL SETUSER twinkey on >\S+ (.*)/.exec(page) ?? []
  const [, more = ''] = /\(upgrading.md#redis\) also needs `(.*)`/.exec(page) ?? []
  const server = await startRedis()
  const raw = new Redis(server.port)
  const all = [...rights.split(' '), ...more.split(' ')]
  for (const missing of [undefined, ...more.split(' ')]) {
    await raw.flushall()
    await seedOld(raw)
    await oldStore(raw).add(oldRecord({ id: 'crashed' }), 'write')
    const username = `u${missing ?? ''}`
    const given = all.filter((right) => right !== missing)
    await raw.call('ACL', 'SETUSER', username, 'reset', 'on', '>secret', ...given)
    const own = new Redis({ port: server.port, username, password: 'secret' })
    const migrating = redisStore(own).migrate()
    if (missing === undefined) await migrating
    else expect([missing, await migrating.catch(String)]).not.toEqual([missing, undefined])
    own.disconnect()
  }
  raw.disconnect()
  await server.stop()
})

it('a user without the right to write sets changes nothing in the index of the pre-release', async () => {
  const server = await startRedis()
  const raw = new Redis(server.port)
  await seedOld(raw)
  await server.command('ACL', 'SETUSER', 'u', 'on', '>secret', '~*', '&*', '+@all', '-sadd')
  const own = new Redis({ port: server.port, username: 'u', password: 'secret' })
  await expect(redisStore(own).migrate()).rejects.toThrow(/NOPERM|can't run|ACL/)
  expect(await raw.zrange('twinkey:label:key', '0', '-1')).toEqual(OLD.sets['twinkey:label:key'])
  raw.disconnect()
  own.disconnect()
  await server.stop()
})
