import { readdirSync, readFileSync } from 'node:fs'
import { PGlite } from '@electric-sql/pglite'
import { memoryStore, type Twinkey, type TwinkeyOptions } from 'twinkey'
import type { KeyRecord, KeyStore, StoredKey } from 'twinkey/store'
import { postgresStore } from 'twinkey/stores/postgres'
import { redisStore } from 'twinkey/stores/redis'
import { sqliteStore } from 'twinkey/stores/sqlite'
import { requireAuth } from 'twinkey/web'
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { mintId, mintSecret } from '../../src/core/secrets/secret.ts'
import { createBench } from '../support/bench.ts'
import { errorCodeOf } from '../support/faults.ts'
import { settled } from '../support/gate.ts'
import { openRedis, startRedis } from '../support/redis.ts'
import { anyTarget, byHeaders, codeOf, sent, verdict } from '../support/sent.ts'
import { withBed } from '../support/sqlite.ts'

const INPUT = { name: 'n', owner: 'ada', scope: { tenants: ['t'], workflows: '*' } } as const
afterEach(() => void vi.useRealTimers())

/** A key that is in the store and not in the cache. */
async function createScene(options: TwinkeyOptions = {}) {
  const bench = createBench(options)
  const created = await bench.twinkey.keys.create(INPUT)
  bench.clock.advance(10_000)
  const record = (await bench.spy.inner.get(created.key.id)) as KeyRecord
  const down = { get: () => Promise.reject(new Error('down')) }
  return { ...bench, ...created, record, down, ask: () => verdict(bench.twinkey, created.primary) }
}

describe('H1: what callers send reaches a database only as a parameter, and a list compares names exactly', () => {
  const hostile = [
    "'; drop table twinkey_keys; --",
    '%',
    '_',
    "x' or '1'='1",
    '\\',
    '"',
    '?',
    '{id}',
    "$1) or ('1'='1",
  ]

  async function holds(store: KeyStore): Promise<void> {
    const { twinkey } = createBench({ store })
    await twinkey.keys.create(INPUT)
    for (const text of hostile) {
      await twinkey.keys.create({
        name: text,
        owner: text,
        scope: { tenants: [text], workflows: '*' },
      })
      expect((await twinkey.keys.list({ owner: text })).keys.map(({ name }) => name)).toEqual([
        text,
      ])
      expect((await twinkey.keys.list({ tenant: text })).keys.map(({ name }) => name)).toEqual([
        text,
      ])
      expect(await twinkey.keys.get(text)).toBeUndefined()
      expect(await verdict(twinkey, `tk_${text}`)).not.toBe('let in')
    }
    expect((await twinkey.keys.list()).keys).toHaveLength(1 + hostile.length)
  }

  it('in SQLite', () =>
    withBed('@libsql/client', async (bed) => {
      const store = sqliteStore((await bed.open()).database)
      await store.migrate()
      await holds(store)
    }))

  it('in PostgreSQL', async () => {
    const database = new PGlite()
    onTestFinished(() => database.close())
    const store = postgresStore(database)
    await store.migrate()
    await holds(store)
  })

  it('in Redis', async () => {
    const server = await startRedis()
    onTestFinished(() => server.stop())
    const { client, close } = await openRedis('node-redis', server)
    onTestFinished(close)
    await holds(redisStore(client))
  })

  it('and no statement has a pattern, which would need escaping', () => {
    const files = ['postgres', 'sqlite'].flatMap((store) =>
      readdirSync(`src/stores/${store}`).map((name) => `src/stores/${store}/${name}`),
    )
    expect(files.length).toBeGreaterThan(8)
    for (const file of files)
      expect(readFileSync(file, 'utf8'), file).not.toMatch(
        /\b(?:like|ilike|similar to|glob|regexp) (?:[$?'%]|any)/i,
      )
  })
})

it('H2: of two changes from the same version one is written, and the other fails', async () => {
  const { twinkey, another, key, primary, record, spy } = await createScene()
  const [first, second] = [
    { ...record, version: record.version + 1 },
    { ...record, version: record.version + 2 },
  ]
  expect([
    await spy.inner.put(first, record.version, undefined),
    await spy.inner.put(second, record.version, undefined),
  ]).toEqual(['stored', 'conflict'])
  const rotate = (node: Twinkey) => node.keys.rotate(key.id, { replace: 'secondary' })
  const rotations = await Promise.allSettled([rotate(twinkey), rotate(another())])
  const [lost] = rotations.flatMap((each) => (each.status === 'rejected' ? [each.reason] : []))
  expect(lost).toMatchObject({ code: 'version_conflict' })
  // Whichever came first, the secret that was in use is still valid.
  expect(await verdict(twinkey, primary)).toBe('let in')
})

it('H3: a store that fails or answers nonsense is 503 with Retry-After, accepts nobody, and nothing of it is kept', async () => {
  const { twinkey, spy, primary, record, ask } = await createScene()
  const guarded = requireAuth(twinkey, anyTarget, () => new Response('in'))
  const wrong: unknown[] = [
    null,
    {},
    'x',
    { ...record, id: 'otherkey00000000' },
    { ...record, disabledBy: 'yes' },
    { ...record, tokens: 'yes' },
    { ...record, format: 3 },
    // A record of the pre-release has `enabled` and no format.
    { ...record, format: undefined, enabled: 'yes' },
    { ...record, scope: { ...record.scope, tenants: undefined } },
    { ...record, revokedAt: undefined },
    { ...record, primary: { ...record.primary, digest: 'sha-256:short' } },
    { ...record, primary: null },
  ]
  const answers: KeyStore['get'][] = [
    () => Promise.reject(new Error('down')),
    ...wrong.map((each) => async () => each as StoredKey),
  ]
  for (const get of answers) {
    spy.override({ get })
    const response = await guarded(
      new Request('https://api.example/', { headers: { authorization: `Bearer ${primary}` } }),
    )
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, '2'])
  }
  spy.override({})
  expect(await ask()).toBe('let in')
})

it('H4: a hanging store is awaited until the deadline, 2 seconds by default, and asked again after it', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  const { spy, ask } = await createScene()
  spy.override({ get: () => new Promise(() => {}) })
  let answer = 'none yet'
  const asking = ask().then((code) => {
    answer = code
  })
  await vi.advanceTimersByTimeAsync(1999)
  expect(answer).toBe('none yet')
  await vi.advanceTimersByTimeAsync(1)
  await asking
  expect(answer).toBe('unavailable')
  spy.override({})
  expect(await ask()).toBe('let in')
})

it('H4: the same holds for every other call of the port, and a change that hung is reported as neither made nor failed', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  const { twinkey, spy, key } = await createScene({ deadlineSeconds: 1 })
  const never = () => new Promise<never>(() => {})
  spy.override({ get: never, put: never, delete: never, list: never, recordUse: never })
  const calls = {
    get: () => twinkey.keys.get(key.id),
    list: () => twinkey.keys.list(),
    create: () => twinkey.keys.create(INPUT),
    rotate: () => twinkey.keys.rotate(key.id, { replace: 'secondary' }),
    revoke: () => twinkey.keys.revoke(key.id),
    delete: () => twinkey.keys.delete(key.id),
  }
  const codes: Record<string, unknown> = {}
  const asked = Object.entries(calls).map(async ([name, call]) => {
    codes[name] = await errorCodeOf(call())
  })
  // A write is read back to find out whether it happened: two calls, with a deadline each.
  await vi.advanceTimersByTimeAsync(2000)
  await Promise.all(asked)
  const unread = 'store_unavailable'
  expect(codes).toEqual({
    get: unread,
    list: unread,
    create: 'outcome_unknown',
    rotate: unread,
    revoke: unread,
    delete: unread,
  })
  expect(vi.getTimerCount()).toBe(0)
})

it('H5: a listener that throws and a failed write of a last use change no decision and leave no rejection behind', async () => {
  const unhandled = vi.fn()
  process.on('unhandledRejection', unhandled)
  const listeners: TwinkeyOptions['onEvent'][] = [
    () => {
      throw new Error('listener')
    },
    () => Promise.reject(new Error('listener')),
    () => new Promise(() => {}),
  ]
  for (const onEvent of listeners) {
    const { twinkey, spy, ask } = await createScene({ onEvent })
    spy.override({ recordUse: () => Promise.reject(new Error('down')) })
    expect([await ask(), await verdict(twinkey, mintSecret('tk', mintId()))]).toEqual([
      'let in',
      'credential_invalid',
    ])
    await settled()
  }
  process.off('unhandledRejection', unhandled)
  expect(unhandled).not.toHaveBeenCalled()
})

it('H6: SQLite is set to be durable, the documents state this of the other stores, and revocation is a member of the record', async () => {
  await withBed('@libsql/client', async (bed) => {
    const { database, all } = await bed.open()
    const store = sqliteStore(database)
    await store.migrate()
    await createBench({ store }).twinkey.keys.create(INPUT)
    expect([await all('pragma journal_mode'), await all('pragma synchronous')]).toEqual([
      [['wal']],
      [[2]],
    ])
  })
  const documents = readFileSync('docs/stores.md', 'utf8')
  for (const word of [
    'synchronous = FULL',
    'synchronous_commit',
    'appendonly',
    'appendfsync',
    'noeviction',
    'replica',
  ])
    expect(documents).toContain(word)
  const { twinkey, key, spy, clock } = await createScene()
  await twinkey.keys.revoke(key.id)
  // Not an entry of a list that could expire or be evicted: that would have to be the key itself.
  expect(await spy.inner.get(key.id)).toMatchObject({ revokedAt: clock.now() })
})

it('H7: ending a tenant or an owner ends its keys and their tokens', async () => {
  const { twinkey, primary } = await createScene()
  const issued = await twinkey.tokens.issue(primary)
  const { primary: shared } = await twinkey.keys.create({
    name: 'n',
    owner: 'bob',
    scope: { tenants: ['t', 'u'], workflows: '*' },
  })
  expect(await twinkey.keys.revokeAll({ tenant: 't' })).toEqual({ revoked: 1, narrowed: 1 })
  expect([
    await verdict(twinkey, primary),
    await verdict(twinkey, issued.ok ? issued.token : ''),
  ]).toEqual(['credential_invalid', 'credential_invalid'])
  expect(
    codeOf(await twinkey.authenticate(sent({ credential: shared, tenant: 't' }), byHeaders)),
  ).toBe('tenant_denied')
  expect(await twinkey.keys.revokeAll({ owner: 'bob' })).toEqual({ revoked: 1, narrowed: 0 })
  expect(await verdict(twinkey, shared)).toBe('credential_invalid')
  expect(await errorCodeOf(twinkey.keys.revokeAll({} as { owner: string }))).toBe('invalid_input')
})

it('I1: the cache holds records by id, so each secret, token and target gets a decision of its own', async () => {
  const { twinkey, key, primary, ask, spy } = await createScene()
  expect(await ask()).toBe('let in')
  const before = spy.calls.get
  // The same id with another secret; the same secret with another tenant; the same token in another
  // spelling.
  expect(await verdict(twinkey, mintSecret('tk', key.id))).toBe('credential_invalid')
  for (const tenant of ['v', 'w'])
    expect(
      codeOf(await twinkey.authenticate(sent({ credential: primary, tenant }), byHeaders)),
    ).toBe('tenant_denied')
  const issued = await twinkey.tokens.issue(primary)
  const token = issued.ok ? issued.token : ''
  expect([await verdict(twinkey, token), await verdict(twinkey, `${token}=`)]).toEqual([
    'let in',
    'credential_invalid',
  ])
  expect(spy.calls.get).toBe(before)
})

it('I2: a cached record is used for its maximum age and no longer, an expiry ends it sooner, and 0 caches nothing', async () => {
  // Without a feed of changes, which would end it sooner.
  const { watch: _feed, ...store } = memoryStore()
  const { twinkey, another, clock, key, ask, spy, down } = await createScene({ store })
  const node = another()
  expect(await ask()).toBe('let in')
  await node.keys.revoke(key.id)
  clock.advance(4999)
  expect(await ask()).toBe('let in')
  clock.advance(1)
  spy.override(down)
  // After the maximum age nothing old is served, even if the store is down.
  expect(await ask()).toBe('unavailable')
  spy.override({})
  expect(await ask()).toBe('credential_invalid')
  const { primary } = await twinkey.keys.create({ ...INPUT, expiresAt: clock.now() + 1000 })
  expect(await verdict(twinkey, primary)).toBe('let in')
  clock.advance(1000)
  expect(await verdict(twinkey, primary)).toBe('credential_invalid')
  const uncached = await createScene({ cache: { maxAgeSeconds: 0 } })
  const reads = uncached.spy.calls.get
  expect([await uncached.ask(), await uncached.ask(), uncached.spy.calls.get - reads]).toEqual([
    'let in',
    'let in',
    2,
  ])
})

it('I3: the cache holds the configured number of keys, a flood of unknown ids evicts none, and an absence is cached for a second', async () => {
  const { twinkey, clock, spy, ask } = await createScene({ cache: { maxKeys: 3 } })
  expect(await ask()).toBe('let in')
  for (let i = 0; i < 50; i++) await verdict(twinkey, mintSecret('tk', mintId()))
  const before = spy.calls.get
  expect(await ask()).toBe('let in')
  expect(spy.calls.get).toBe(before)
  const others = await Promise.all(Array.from({ length: 4 }, () => twinkey.keys.create(INPUT)))
  for (const { primary } of [...others, ...others]) await verdict(twinkey, primary)
  // Four do not fit into three: each makes room for the next.
  expect(spy.calls.get - before).toBe(8)
  const unknown = mintSecret('tk', mintId())
  const readsAfter = async (milliseconds: number) => {
    clock.advance(milliseconds)
    const reads = spy.calls.get
    expect(await verdict(twinkey, unknown)).toBe('credential_invalid')
    return spy.calls.get - reads
  }
  expect([await readsAfter(0), await readsAfter(999), await readsAfter(1)]).toEqual([1, 0, 1])
})

it('I4: a hundred requests for one key share one read, and a failed read decides nothing for the next request', async () => {
  const { ask, spy, down } = await createScene()
  spy.override(down)
  const before = spy.calls.get
  expect(new Set(await Promise.all(Array.from({ length: 100 }, ask)))).toEqual(
    new Set(['unavailable']),
  )
  const failed = spy.calls.get
  spy.override({})
  expect(new Set(await Promise.all(Array.from({ length: 100 }, ask)))).toEqual(new Set(['let in']))
  expect([failed - before, spy.calls.get - failed]).toEqual([1, 1])
})

it('I5: an answer gets no-store if shared caches do not recognise its credential; they do recognise Authorization', async () => {
  const { twinkey, primary } = await createScene()
  const guarded = requireAuth(twinkey, anyTarget, () => new Response('in'))
  const cacheControl = async (headers: Record<string, string>) =>
    (await guarded(new Request('https://api.example/', { headers }))).headers.get('cache-control')
  expect(await cacheControl({ 'x-api-key': primary })).toBe('no-store')
  expect(await cacheControl({ authorization: `Bearer ${primary}` })).toBeNull()
  expect([await cacheControl({}), await cacheControl({ authorization: 'Bearer x' })]).toEqual([
    'no-store',
    'no-store',
  ])
})
