import { randomUUID } from 'node:crypto'
import { Redis } from 'ioredis'
import type pg from 'pg'
import { RateLimiterMemory, RateLimiterPostgres, RateLimiterRedis } from 'rate-limiter-flexible'
import { createClient } from 'redis'
import { type FlexibleOptions, rateLimiter } from 'twinkey/limits'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createPool, type PostgresServer, startPostgres } from '../support/postgres.ts'
import { type RedisServer, startRedis } from '../support/redis.ts'
import { charge, minute, month } from './charges.ts'
import { describeLimiter } from './rate-limiter-suite.ts'

const OPTIONS = { onLimiterError: 'refuse' } as const

let redis: RedisServer
let postgres: PostgresServer
beforeAll(async () => {
  ;[redis, postgres] = await Promise.all([startRedis(), startPostgres()])
})
afterAll(async () => {
  await Promise.all([redis.stop(), postgres.stop()])
})

/** As the documentation says: waits until the table exists. */
function createdTable(
  storeClient: pg.Pool,
  options: FlexibleOptions & { readonly tableName?: string },
) {
  return new Promise<RateLimiterPostgres>((resolve, reject) => {
    const created = new RateLimiterPostgres({ storeClient, ...options }, (error) =>
      error === undefined ? resolve(created) : reject(error),
    )
  })
}

describe('rateLimiter over RateLimiterMemory', () => {
  let shared: RateLimiterMemory | undefined
  describeLimiter(
    () =>
      rateLimiter((options) => {
        shared ??= new RateLimiterMemory(options)
        return shared
      }, OPTIONS),
    { months: false },
  )

  it('fails for a window that the timers of RateLimiterMemory cannot count', async () => {
    const limiter = rateLimiter((options) => new RateLimiterMemory(options), OPTIONS)
    for (const limit of [month(10), { requests: 10, perSeconds: 2_147_484 }]) {
      const given = charge({ limits: [limit], at: Date.UTC(2026, 10, 1) })
      await expect(limiter.consume(given)).rejects.toThrow('Use memoryLimiter()')
      await expect(limiter.read(given)).rejects.toThrow(TypeError)
    }
    expect(
      await limiter.consume(charge({ limits: [{ requests: 1, perSeconds: 2_147_483 }] })),
    ).toMatchObject({ allowed: true })
    expect(
      await limiter.consume(charge({ limits: [{ requests: 1, perSeconds: 2_147_483 }] })),
    ).toMatchObject({ allowed: false })
  })
})

describe('rateLimiter over RateLimiterRedis with the package redis', () => {
  let storeClient: ReturnType<typeof createClient>
  beforeAll(async () => {
    storeClient = createClient({ url: redis.url, disableOfflineQueue: true })
    storeClient.on('error', () => {})
    await storeClient.connect()
  })
  afterAll(() => storeClient.destroy())

  const create = (options: FlexibleOptions) =>
    new RateLimiterRedis({ storeClient, useRedisPackage: true, ...options })
  describeLimiter(() => rateLimiter(create, OPTIONS), { months: true })

  it('counts by an insurance limiter while the server fails, and never above its points', async () => {
    const gone = createClient({ url: redis.url, disableOfflineQueue: true }).on('error', () => {})
    const limiter = rateLimiter(
      (options) =>
        new RateLimiterRedis({
          storeClient: gone,
          useRedisPackage: true,
          insuranceLimiter: new RateLimiterMemory({ ...options, points: 4 }),
          ...options,
        }),
      OPTIONS,
    )
    const given = charge({ keyId: randomUUID() })
    const answers = []
    for (let sent = 0; sent < 6; sent++) answers.push((await limiter.consume(given)).allowed)
    expect(answers).toEqual([true, true, true, true, false, false])
  })
})

describe('rateLimiter over RateLimiterRedis with the package ioredis', () => {
  let storeClient: Redis
  beforeAll(() => {
    storeClient = new Redis(redis.url).on('error', () => {})
  })
  afterAll(() => storeClient.disconnect())

  describeLimiter(
    () => rateLimiter((options) => new RateLimiterRedis({ storeClient, ...options }), OPTIONS),
    { months: true },
  )
})

describe('rateLimiter over RateLimiterPostgres', () => {
  let pool: pg.Pool
  beforeAll(() => {
    pool = createPool(postgres.url)
  })
  afterAll(() => pool.end())

  describeLimiter(() => rateLimiter((options) => createdTable(pool, options), OPTIONS), {
    months: true,
  })

  it('creates its table by several processes at once', async () => {
    const limiters = Array.from({ length: 8 }, () =>
      rateLimiter(
        (options) => createdTable(pool, { tableName: 'made_at_once', ...options }),
        OPTIONS,
      ),
    )
    const given = charge({ at: Date.now(), limits: [minute(5)] })
    const answers = await Promise.all(limiters.map((limiter) => limiter.consume(given)))
    expect(answers.filter(({ allowed }) => allowed)).toHaveLength(5)
  })

  it('refuses, and does not fail, if a counter would be too large for its column', async () => {
    const given = charge({
      keyId: randomUUID(),
      at: Date.now(),
      limits: [minute(1_000_000_000)],
      cost: 600_000_000,
    })
    const create = () => rateLimiter((options) => createdTable(pool, options), OPTIONS)
    const limiters = Array.from({ length: 6 }, create)
    const answers = await Promise.all(limiters.map((limiter) => limiter.consume(given)))
    expect(answers.filter(({ allowed }) => allowed)).toHaveLength(1)
  })

  it('fails until the table exists, if the factory does not wait for it', async () => {
    let created: Promise<void> | undefined
    const limiter = rateLimiter((options) => {
      let made: RateLimiterPostgres | undefined
      created = new Promise((resolve) => {
        made = new RateLimiterPostgres(
          { storeClient: pool, tableName: 'made_later', ...options },
          () => resolve(),
        )
      })
      return made as RateLimiterPostgres
    }, OPTIONS)
    await expect(limiter.consume(charge())).rejects.toThrow('Table is not created yet')
    await created
    expect(await limiter.consume(charge())).toMatchObject({ allowed: true })
  })
})

// The last ones, because they restart the servers.
describe('while the server is gone', () => {
  it('requests fail over Redis, and are counted again after it is back', async () => {
    const storeClient = createClient({ url: redis.url, disableOfflineQueue: true })
    storeClient.on('error', () => {})
    await storeClient.connect()
    const limiter = rateLimiter(
      (options) => new RateLimiterRedis({ storeClient, useRedisPackage: true, ...options }),
      OPTIONS,
    )
    const given = charge({ at: Date.now() })
    expect(await limiter.consume(given)).toMatchObject({ allowed: true })
    await redis.crash()
    await expect(limiter.consume(given)).rejects.toThrow()
    await expect(limiter.read(given)).rejects.toThrow()
    const ready = new Promise((resolve) => storeClient.once('ready', resolve))
    await redis.start()
    await ready
    expect(await limiter.consume(given)).toMatchObject({ allowed: true })
    storeClient.destroy()
  })

  it('requests and factories fail over PostgreSQL, and its counts survive', async () => {
    const pool = createPool(postgres.url)
    const create = () => rateLimiter((options) => createdTable(pool, options), OPTIONS)
    const [limiter, late] = [create(), create()]
    const given = charge({ keyId: randomUUID(), at: Date.now(), cost: 6 })
    expect(await limiter.consume(given)).toMatchObject({ allowed: true })
    await postgres.crash()
    // The second one is known not to fit, so it is only read.
    await expect(limiter.consume({ ...given, cost: 1 })).rejects.toThrow()
    await expect(limiter.consume(given)).rejects.toThrow()
    await expect(late.consume(given)).rejects.toThrow()
    await postgres.start()
    for (const each of [limiter, late])
      expect(await each.consume({ ...given, cost: 5 })).toMatchObject({ allowed: false })
    expect(await limiter.consume({ ...given, cost: 0 })).toMatchObject({ allowed: true })
    await pool.end()
  })
})
