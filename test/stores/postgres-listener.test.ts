import { inspect } from 'node:util'
import pg from 'pg'
import { createTwinkey, type KeyStore, type TwinkeyEvent, type WarningEvent } from 'twinkey'
import { type PostgresListener, postgresStore } from 'twinkey/stores/postgres'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { newKey } from '../../src/testing/sample.ts'
import { createGate, settled } from '../support/gate.ts'
import { createPool, freePort, type PostgresServer, startPostgres } from '../support/postgres.ts'
import { openProxy } from '../support/silent-proxy.ts'
import { createEar } from './postgres-nodes.ts'

// What the listening connection does when it hangs, and when it is ended.

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
  vi.useRealTimers()
  for (const stop of stops.splice(0)) await stop()
})
afterAll(async () => {
  await pool.end()
  await server.stop()
})

const put = async () => {
  const key = newKey()
  await store.put(key, undefined, undefined)
  return key
}

test('a connection that stops answering is replaced; one that answers is kept', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  const proxy = await openProxy(server.port)
  stops.push(proxy.close)
  const [ear, answers] = [createEar(), createEar()]
  const listen = () => {
    const client = new pg.Client(server.url.replace(String(server.port), String(proxy.port)))
    const query = client.query.bind(client) as (text: string) => Promise<unknown>
    return Object.assign(client, {
      query: (text: string) => query(text).finally(() => answers.changed(text)),
    })
  }
  stops.push((await postgresStore(pool, { listen }).watch?.(ear.changed)) as () => Promise<void>)
  for (let check = 1; check <= 3; check++) {
    // Asked when 15 seconds have gone by since the last answer, not before.
    vi.advanceTimersByTime(14_999)
    expect(answers.heard).toHaveLength(check)
    vi.advanceTimersByTime(1)
    await answers.until((texts) => texts.length === 1 + check)
    await settled()
  }
  expect(ear.heard).toEqual([undefined])
  proxy.fallSilent()
  vi.advanceTimersByTime(15_000)
  expect(ear.heard).toEqual([undefined])
  vi.advanceTimersByTime(5_000)
  expect(ear.heard).toEqual([undefined, undefined])
  vi.advanceTimersByTime(100)
  await ear.until((heard) => heard.length === 3)
  const key = await put()
  await ear.until((heard) => heard.includes(key.id))
})

test('an answer that comes too late has no effect', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  const [ear, late] = [createEar(), createGate()]
  const listen = () => {
    const client = new pg.Client(server.url)
    const query = client.query.bind(client) as (text: string) => Promise<unknown>
    return Object.assign(client, {
      query: async (text: string) => (text === 'select 1' ? late.opened : query(text)),
    })
  }
  stops.push((await postgresStore(pool, { listen }).watch?.(ear.changed)) as () => Promise<void>)
  vi.advanceTimersByTime(20_000)
  expect(ear.heard).toEqual([undefined, undefined])
  late.open()
  await settled()
  vi.advanceTimersByTime(100)
  await ear.until((heard) => heard.length === 3)
})

test('a server that accepts a connection and stays silent is given up and tried again', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  const proxy = await openProxy(server.port)
  stops.push(proxy.close)
  const accepted = proxy.acceptSilently()
  const listen = () => new pg.Client(server.url.replace(String(server.port), String(proxy.port)))
  const ear = createEar()
  const beginning = postgresStore(pool, { listen }).watch?.(ear.changed)
  await accepted
  vi.advanceTimersByTime(10_000)
  stops.push((await beginning) as () => Promise<void>)
  expect(ear.heard).toEqual([undefined])
  vi.advanceTimersByTime(100)
  await ear.until((heard) => heard.length === 2)
})

test('a notification that arrives while the connection is ending is not reported', async () => {
  const [ear, ending, arrived] = [createEar(), createGate(), createEar()]
  const listen = () => {
    const client = new pg.Client(server.url)
    const end = client.end.bind(client)
    client.on('notification', ({ payload }) => arrived.changed(payload))
    return Object.assign(client, { end: () => ending.opened.then(() => end()) })
  }
  const stop = (await postgresStore(pool, { listen }).watch?.(ear.changed)) as () => Promise<void>
  const stopped = stop()
  const key = await put()
  await arrived.until((ids) => ids.includes(key.id))
  ending.open()
  await stopped
  expect(ear.heard).toEqual([undefined])
})

test('a connection that cannot be made is tried again, whatever it throws or answers', async () => {
  const ear = createEar()
  let calls = 0
  const listen = () => {
    if (++calls === 1) throw new Error('no name')
    if (calls === 2) return undefined as never
    return calls === 3 ? Promise.reject(new Error('no password')) : new pg.Client(server.url)
  }
  const stop = await postgresStore(pool, { listen }).watch?.(ear.changed)
  stops.push(stop as () => Promise<void>)
  await ear.until((heard) => heard.length === 2)
  expect(calls).toBe(4)
})

test('the reason of an outage is reported once: at the first attempt, or at the first one after a loss', async () => {
  const [ear, why] = [createEar(), createEar()]
  const steps = [
    'no name',
    'no password',
    'listens',
    'no route',
    'no name',
    'listens',
    'listens',
    'no password',
    'listens',
  ]
  const open: pg.Client[] = []
  const listen = () => {
    const step = steps.shift()
    if (step !== 'listens') throw new Error(step)
    open.push(new pg.Client(server.url))
    return open.at(-1) as pg.Client
  }
  const failed = (error: unknown) => why.changed((error as Error).message)
  stops.push(
    (await postgresStore(pool, { listen }).watch?.(ear.changed, failed)) as () => Promise<void>,
  )
  expect(why.heard).toEqual(['no name'])
  // Reported when it is lost, and when the next one listens.
  for (const [round, told] of [
    ['no name'],
    ['no name', 'no route'],
    ['no name', 'no route'],
    ['no name', 'no route', 'no password'],
  ].entries()) {
    await ear.until((heard) => heard.length === 2 + 2 * round)
    expect(why.heard).toEqual(told)
    if (steps.length > 0) await (open.at(-1) as pg.Client).end()
  }
  expect(steps).toEqual([])
})

test('a connection that hangs, and an invalid one, are reported too', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  const why = createEar()
  const failed = (error: unknown) => why.changed((error as Error).message)
  const hanging = postgresStore(pool, { listen: () => new Promise(() => {}) }).watch?.(
    () => {},
    failed,
  )
  vi.advanceTimersByTime(10_000)
  stops.push((await hanging) as () => Promise<void>)
  const client = new pg.Client(server.url)
  const answers = [client, pool as never]
  const listen = () => answers.shift() as PostgresListener
  stops.push(
    (await postgresStore(pool, { listen }).watch?.(() => {}, failed)) as () => Promise<void>,
  )
  await client.end()
  await vi.advanceTimersByTimeAsync(100)
  expect(why.heard).toEqual([
    'The connection was closed, or did not answer in time.',
    'postgresStore: listen must create a new connection for each call, like () => new pg.Client(url), and not a pool.',
  ])
})

test('an operator gets one warning that the feed cannot be opened, with the reason and without a password', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  const events: TwinkeyEvent[] = []
  const url = `postgres://ada:s3cret@127.0.0.1:${await freePort()}/postgres`
  let attempts = 0
  const listen = () => {
    attempts++
    return new pg.Client(url)
  }
  const twinkey = createTwinkey({
    store: postgresStore(pool, { listen }),
    onEvent: (event) => events.push(event),
  })
  stops.push(twinkey.close)
  for (
    const realTime = performance.now();
    attempts < 4 && performance.now() - realTime < 20_000;
    await settled()
  )
    vi.advanceTimersByTime(100)
  expect(attempts).toBe(4)
  expect(events).toMatchObject([
    { type: 'warning.store_unavailable', error: { code: 'ECONNREFUSED' } },
  ])
  expect(String((events[0] as WarningEvent).error)).toContain('connect ECONNREFUSED 127.0.0.1')
  expect(inspect(events, { depth: 9 })).not.toContain('s3cret')
})

test('while the server is down it is tried again after 0.1 seconds, then less and less often, at least every 5 seconds, without end', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  let calls = 0
  const listen = () => {
    calls++
    throw new Error('down')
  }
  stops.push((await postgresStore(pool, { listen }).watch?.(() => {})) as () => Promise<void>)
  await vi.advanceTimersByTimeAsync(100)
  expect(calls).toBeGreaterThanOrEqual(2)
  await vi.advanceTimersByTimeAsync(60_000)
  expect(calls).toBeGreaterThanOrEqual(15)
  expect(calls).toBeLessThanOrEqual(32)
  const before = calls
  await vi.advanceTimersByTimeAsync(3_600_000)
  expect(calls - before).toBeGreaterThanOrEqual(720)
  expect(calls - before).toBeLessThanOrEqual(1440)
})
