import pg from 'pg'
import { createTwinkey, type KeyStore } from 'twinkey'
import { type PostgresListener, postgresStore } from 'twinkey/stores/postgres'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { newId, newKey } from '../../src/testing/sample.ts'
import { createPool, freePort, type PostgresServer, startPostgres } from '../support/postgres.ts'
import { endChildren, startChild } from './postgres-child.ts'
import { createEar } from './postgres-nodes.ts'

let server: PostgresServer
let pool: pg.Pool
let store: KeyStore
const stops: (() => Promise<unknown>)[] = []

beforeAll(async () => {
  server = await startPostgres()
  pool = createPool(server.url)
  store = postgresStore(pool)
  await postgresStore(pool).migrate()
})
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop()
})
afterAll(async () => {
  endChildren()
  await pool.end()
  await server.stop()
})

/** Watches with a connection that has a name of its own on the server. */
async function watch() {
  const name = `ear_${newId()}`
  const ear = createEar()
  const listening = postgresStore(pool, {
    listen: () => new pg.Client(`${server.url}?application_name=${name}`),
  })
  const stop = (await listening.watch?.(ear.changed)) as () => Promise<void>
  stops.push(stop)
  const onServer = async () =>
    (
      await pool.query(
        'select pid, state, query from pg_stat_activity where application_name = $1',
        [name],
      )
    ).rows
  return { ...ear, stop, onServer }
}

const put = async () => {
  const key = newKey()
  await store.put(key, undefined, undefined)
  return key
}

test('a store without a connection to listen on has no feed', () => {
  expect('watch' in postgresStore(pool)).toBe(false)
})

test('every write and deletion is reported with its id, including aliases; unchanged records and uses are not', async () => {
  const { heard, until } = await watch()
  const key = await put()
  await store.put(key, undefined, undefined)
  await store.put({ ...key, version: 7 }, 5, undefined)
  await store.delete(key.id, 5, undefined)
  await store.recordUse([{ keyId: key.id, secretId: 's', usedAt: 5 }])
  await store.put({ ...key, version: 7 }, key.version, undefined)
  await store.put({ kind: 'alias', id: 'alias', version: 1, keyId: key.id }, undefined, undefined)
  await store.delete('alias', 1, undefined)
  await store.delete(key.id, 7, undefined)
  await until(() => heard.length >= 6)
  expect(heard).toEqual([undefined, key.id, key.id, 'alias', 'alias', key.id])
})

test('a watcher receives nothing from stores of another prefix or schema', async () => {
  const { heard, until } = await watch()
  for (const names of [{ tablePrefix: 'other' }, { schema: 'other' }]) {
    const other = postgresStore(pool, names)
    await other.migrate()
    await other.put(newKey(), undefined, undefined)
  }
  const key = await put()
  await until(() => heard.includes(key.id))
  expect(heard).toEqual([undefined, key.id])
})

test('a manual change of tables can tell all nodes to forget everything', async () => {
  const { heard, until } = await watch()
  await pool.query('notify ".twinkey"')
  await until(() => heard.length >= 2)
  expect(heard).toEqual([undefined, undefined])
})

test('a connection that the server ends is replaced, and the watcher reports a possible gap', async () => {
  const { heard, until, onServer } = await watch()
  for (let round = 1; round <= 3; round++) {
    await pool.query('select pg_terminate_backend($1)', [(await onServer())[0].pid])
    // Once when it is lost, and once when the next one listens.
    await until(() => heard.length === 1 + 3 * round - 1)
    expect(heard.slice(-2)).toEqual([undefined, undefined])
    const key = await put()
    await until(() => heard.includes(key.id))
  }
})

test('a watcher receives changes again after the server has crashed and restarted', async () => {
  const { heard, until } = await watch()
  await server.crash()
  await until(() => heard.length === 2)
  await server.start()
  await until(() => heard.length === 3)
  const key = await put()
  await until(() => heard.includes(key.id))
  expect(heard).toEqual([undefined, undefined, undefined, key.id])
})

test('a watch that starts while the server is down reports a possible gap, and receives changes when it is up', async () => {
  await server.crash()
  const { heard, until } = await watch()
  expect(heard).toEqual([undefined])
  await server.start()
  await until(() => heard.length === 2)
  const key = await put()
  await until(() => heard.includes(key.id))
  expect(heard).toEqual([undefined, undefined, key.id])
})

test('after a stop the connection ends and nothing more is reported, whether the server is up or down', async () => {
  const { heard, stop, onServer } = await watch()
  await stop()
  await stop()
  while ((await onServer()).length > 0);
  await put()
  await server.crash()
  const down = await watch()
  await down.stop()
  await server.start()
  await put()
  expect(await down.onServer()).toEqual([])
  expect([heard, down.heard]).toEqual([[undefined], [undefined]])
})

test('two watchers of one store both receive changes, and one continues when the other stops', async () => {
  const listening = postgresStore(pool, { listen: () => new pg.Client(server.url) })
  const [one, two] = [createEar(), createEar()]
  const [stopOne, stopTwo] = await Promise.all([
    listening.watch?.(one.changed),
    listening.watch?.(two.changed),
  ])
  stops.push(stopTwo as () => Promise<void>)
  const first = await put()
  await Promise.all([
    one.until((heard) => heard.includes(first.id)),
    two.until((heard) => heard.includes(first.id)),
  ])
  await stopOne?.()
  const second = await put()
  await two.until((heard) => heard.includes(second.id))
  expect(one.heard).toEqual([undefined, first.id])
})

test('a connection that is not a new one is rejected, and a pool is not ended', async () => {
  for (const wrong of [pool, undefined, {}, { query() {} }]) {
    const listening = postgresStore(pool, { listen: () => wrong as unknown as PostgresListener })
    await expect(listening.watch?.(() => {})).rejects.toThrow(
      /listen must create a new connection for each call.*not a pool/,
    )
  }
  expect((await pool.query('select 1 as one')).rows).toEqual([{ one: 1 }])
})

test('a process that watches a server that is down can exit', async () => {
  const child = startChild('forget', `postgres://postgres@127.0.0.1:${await freePort()}/postgres`)
  expect(await child.said).toBe('watching')
  expect(await child.ended).toBe('0')
})

test('a node refuses a key that another node disabled as soon as the feed reports it', async () => {
  const ear = createEar()
  const listen = () => new pg.Client(server.url)
  const poolB = createPool(server.url)
  stops.push(() => poolB.end())
  const [storeA, storeB] = [postgresStore(pool, { listen }), postgresStore(poolB, { listen })]
  const heardB: KeyStore = {
    ...storeB,
    watch: async (changed) =>
      (await storeB.watch?.((id) => {
        changed(id)
        ear.changed(id)
      })) as () => Promise<void>,
  }
  // So long that only the feed can report the change.
  const cache = { maxAgeSeconds: 3600 }
  const [nodeA, nodeB] = [
    createTwinkey({ store: storeA, cache }),
    createTwinkey({ store: heardB, cache }),
  ]
  stops.unshift(nodeA.close, nodeB.close)
  await ear.until((heard) => heard.length === 1)
  const { key, primary } = await nodeA.keys.create({
    name: 'n',
    scope: { tenants: '*', workflows: '*' },
  })
  expect(await nodeB.keys.verify(primary)).toMatchObject({ ok: true })
  ear.heard.length = 0
  const began = performance.now()
  await nodeA.keys.disable(key.id)
  await ear.until((heard) => heard.includes(key.id))
  expect(performance.now() - began).toBeLessThan(2_000)
  expect(await nodeB.keys.verify(primary)).toMatchObject({
    ok: false,
    refusal: { code: 'credential_invalid' },
  })
})
