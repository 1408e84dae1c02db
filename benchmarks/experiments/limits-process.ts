import pg from 'pg'
import { RateLimiterPostgres, RateLimiterRedis } from 'rate-limiter-flexible'
import { createClient } from 'redis'
import { type FlexibleOptions, type Limiter, rateLimiter } from 'twinkey/limits'
import type { Address } from './backend.ts'

// One process of an application. Its parent sends the address of the counters, and then rounds. In a
// round it makes all its requests at once.

/** A round: the key, its limit, and how many requests this process makes. */
export interface Round {
  readonly keyId: string
  readonly requests: number
  readonly calls: number
}

/** What became of the requests of one process in a round. */
export interface Outcome {
  readonly letIn: number
  readonly refused: number
  readonly failed: number
}

const answer = (message: 'ready' | Outcome) => process.send?.(message)

// Ends by itself if its parent is gone.
process.on('disconnect', () => process.exit())
process.once('message', (address: Address) => {
  void open(address).then((limiter) => {
    process.on('message', (round: Round) => void run(limiter, round).then(answer))
    answer('ready')
  })
})

async function open({ kind, ...place }: Address): Promise<Limiter> {
  const options = { onLimiterError: 'refuse' } as const
  const url = 'url' in place ? place.url : ''
  if (kind === 'redis') {
    const storeClient = createClient({ url }).on('error', () => {})
    await storeClient.connect()
    return rateLimiter(
      (given) => new RateLimiterRedis({ storeClient, useRedisPackage: true, ...given }),
      options,
    )
  }
  const pool = new pg.Pool({ connectionString: url, max: 4 }).on('error', () => {})
  return rateLimiter((given) => createTable(pool, given), options)
}

function createTable(storeClient: pg.Pool, options: FlexibleOptions) {
  return new Promise<RateLimiterPostgres>((resolve, reject) => {
    const created = new RateLimiterPostgres({ storeClient, ...options }, (error) =>
      error === undefined ? resolve(created) : reject(error),
    )
  })
}

async function run(limiter: Limiter, { keyId, requests, calls }: Round): Promise<Outcome> {
  const limits = [{ requests, perSeconds: 3600 }]
  const send = async () =>
    (await limiter.consume({ keyId, limits, cost: 1, at: Date.now() })).allowed
  const answers = await Promise.allSettled(Array.from({ length: calls }, send))
  const count = (allowed: boolean) =>
    answers.filter((each) => each.status === 'fulfilled' && each.value === allowed).length
  const [letIn, refused] = [count(true), count(false)]
  return { letIn, refused, failed: calls - letIn - refused }
}
