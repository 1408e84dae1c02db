import { RateLimiterMemory } from 'rate-limiter-flexible'
import { rateLimiter } from 'twinkey/limits'
import { expect, test } from 'vitest'

test('a burst that a short limit refuses uses nothing of a longer limit', async () => {
  const limiter = rateLimiter((options) => new RateLimiterMemory(options), {
    onLimiterError: 'refuse',
  })
  // The order of the limits does not matter.
  const limits = [
    { requests: 1000, per: 'day' as const },
    { requests: 50, perSeconds: 60 },
  ]
  const charge = { keyId: 'k', limits, cost: 1, at: Date.now() }
  const answers = await Promise.all(Array.from({ length: 200 }, () => limiter.consume(charge)))
  expect(answers.filter(({ allowed }) => allowed)).toHaveLength(50)
  expect((await limiter.read(charge)).map(({ remaining }) => remaining)).toEqual([950, 0])
})
