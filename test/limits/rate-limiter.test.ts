import { RateLimiterMemory } from 'rate-limiter-flexible'
import { type RateLimiterOptions, rateLimiter } from 'twinkey/limits'
import { describe, expect, it } from 'vitest'
import { createKnownCounts } from '../../src/limits/known-counts.ts'
import { charge, day, HOUR, left, minute, month, NOON, SECOND } from './charges.ts'
import { fakeLimiter } from './fake-limiter.ts'

const OPTIONS = { onLimiterError: 'refuse' } as const

function limiterOver(fake = fakeLimiter()) {
  return { fake, limiter: rateLimiter(() => fake, OPTIONS) }
}

function throwing(error: unknown) {
  return () => {
    throw error
  }
}

describe('the options of rateLimiter', () => {
  it.each([
    ['no factory', [undefined, OPTIONS], 'the factory must be a function'],
    ['a limiter', [fakeLimiter(), OPTIONS], 'the factory must be a function'],
    ['no options', [fakeLimiter], 'the options must be an object'],
    ['no decision', [fakeLimiter, {}], "onLimiterError must be 'allow' or 'refuse'"],
    ['another decision', [fakeLimiter, { onLimiterError: 'ignore' }], 'onLimiterError must be'],
    ['a misspelt option', [fakeLimiter, { ...OPTIONS, prefix: 'p' }], 'cannot have "prefix"'],
  ])('with %s are a TypeError', (_what, args, message) => {
    const create = () => rateLimiter(...(args as unknown as Parameters<typeof rateLimiter>))
    expect(create).toThrow(TypeError)
    expect(create).toThrow(message)
  })

  it('are read once, and the decision is a member of the limiter', () => {
    const options: { onLimiterError: RateLimiterOptions['onLimiterError'] } = {
      onLimiterError: 'allow',
    }
    const limiter = rateLimiter(() => fakeLimiter(), options)
    options.onLimiterError = 'refuse'
    expect(limiter.onLimiterError).toBe('allow')
  })
})

describe('the factory', () => {
  it('is called once, at the first request, with options that fit any limit', async () => {
    const fake = fakeLimiter()
    const given: unknown[] = []
    const limiter = rateLimiter(async (options) => {
      given.push(options)
      return fake
    }, OPTIONS)
    expect(given).toEqual([])
    await Promise.all([
      limiter.consume(charge()),
      limiter.consume(charge()),
      limiter.read(charge()),
    ])
    await limiter.consume(charge())
    expect(given).toEqual([
      { keyPrefix: 'twinkey_limits', points: 2_000_000_000, duration: expect.any(Number) },
    ])
  })

  it.each([
    ['throws', throwing(new Error('no server'))],
    ['rejects', () => Promise.reject(new Error('no server'))],
  ])('is called once more if it %s, and then at the next request', async (_how, fail) => {
    let calls = 0
    const limiter = rateLimiter(() => (++calls <= 2 ? fail() : fakeLimiter()), OPTIONS)
    const first = [limiter.consume(charge()), limiter.read(charge())]
    for (const each of first) await expect(each).rejects.toThrow('no server')
    expect(calls).toBe(2)
    expect(await limiter.consume(charge())).toMatchObject({ allowed: true })
    expect(calls).toBe(3)
    const other = rateLimiter(() => (++calls === 4 ? fail() : fakeLimiter()), OPTIONS)
    expect(await other.consume(charge())).toMatchObject({ allowed: true })
  })

  it.each([
    ['nothing', undefined, 'must return a limiter'],
    ['a client', { get: () => null }, 'must return a limiter'],
    ['a limiter with points of its own', { ...fakeLimiter(), points: 5 }, 'Write ...options last'],
    ['a limiter that delays', { ...fakeLimiter(), execEvenly: true }, 'must not have execEvenly'],
    [
      'a real limiter with points of its own',
      new RateLimiterMemory({ points: 5, duration: 1 }),
      'Write ...options last',
    ],
  ])('that returns %s makes requests fail with a TypeError', async (_what, value, message) => {
    const limiter = rateLimiter(() => value as ReturnType<typeof fakeLimiter>, OPTIONS)
    await expect(limiter.consume(charge())).rejects.toThrow(TypeError)
    await expect(limiter.consume(charge())).rejects.toThrow(message)
  })
})

describe('rateLimiter', () => {
  it('counts by key and window, and for a calendar window by its date', async () => {
    const { fake, limiter } = limiterOver()
    await limiter.consume(charge({ limits: [minute(10), day(20), month(30)], cost: 2 }))
    expect(fake.calls).toEqual([
      'consume k:60s 2 60',
      // An hour longer than the window, for processes whose clock is behind.
      `consume k:day:2026-11-29 2 ${13 * 3600}`,
      `consume k:month:2026-11 2 ${37 * 3600}`,
    ])
  })

  it('answers with the end of a calendar window, or of the counter', async () => {
    const { limiter } = limiterOver()
    const limits = [minute(10), day(20), month(30)]
    const expected = [
      { limit: limits[0], remaining: 9, resetsAt: NOON + 30 * SECOND },
      { limit: limits[1], remaining: 19, resetsAt: Date.UTC(2026, 10, 30) },
      { limit: limits[2], remaining: 29, resetsAt: Date.UTC(2026, 11, 1) },
    ]
    expect(await limiter.consume(charge({ limits }))).toEqual({ allowed: true, limits: expected })
    expect(await limiter.read(charge({ limits }))).toEqual(expected)
  })

  it.each([
    [-1, 60],
    [0, 0],
    [0.5, 0.001],
  ])('answers with a time to come, if the counter ends in %d milliseconds', async (ms, seconds) => {
    const { limiter } = limiterOver(fakeLimiter(ms))
    const resetsAt = NOON + seconds * SECOND
    expect(await limiter.consume(charge())).toMatchObject({ limits: [{ resetsAt }] })
    expect(await limiter.read(charge())).toMatchObject([{ remaining: 9, resetsAt }])
  })

  it('reads a counter that has ended but is still there as empty', async () => {
    const { fake, limiter } = limiterOver(fakeLimiter(-5))
    fake.counters.set('k:60s', 10)
    const resetsAt = NOON + 60 * SECOND
    expect(await limiter.read(charge())).toMatchObject([{ remaining: 10, resetsAt }])
  })

  it('only reads for a request of cost 0, and allows it', async () => {
    const { fake, limiter } = limiterOver()
    fake.counters.set('k:60s', 10)
    expect(await limiter.consume(charge({ cost: 0 }))).toMatchObject({
      allowed: true,
      limits: [{ remaining: 0 }],
    })
    expect(fake.calls).toEqual(['get k:60s'])
  })

  it('only reads for a request that costs more than a limit, and refuses it', async () => {
    const { fake, limiter } = limiterOver()
    expect(await limiter.consume(charge({ limits: [day(20), minute(10)], cost: 11 }))).toEqual({
      allowed: false,
      limits: [
        { limit: day(20), remaining: 20, resetsAt: NOON + 12 * HOUR },
        { limit: minute(10), remaining: 10, resetsAt: NOON + 60 * SECOND },
      ],
    })
    expect(fake.calls).toEqual(['get k:day:2026-11-29', 'get k:60s'])
    expect(await limiter.consume(charge({ cost: Number.NaN }))).toMatchObject({ allowed: false })
  })

  it('counts a refused request once, and then reads until there is room', async () => {
    const { fake, limiter } = limiterOver()
    fake.counters.set('k:60s', 10)
    const answers = [await limiter.consume(charge()), await limiter.consume(charge())]
    expect(answers.map(({ allowed }) => allowed)).toEqual([false, false])
    expect(answers.map(left)).toEqual([[0], [0]])
    expect(fake.calls).toEqual(['consume k:60s 1 60', 'get k:60s'])
    const raised = await limiter.consume(charge({ limits: [minute(12)] }))
    expect([raised.allowed, left(raised)]).toEqual([true, [0]])
    // The window has ended, and another has begun.
    fake.counters.set('k:60s', 3)
    expect(await limiter.consume(charge())).toMatchObject({
      allowed: true,
      limits: [{ remaining: 6 }],
    })
    expect(fake.calls.slice(2)).toEqual(['consume k:60s 1 60', 'get k:60s', 'consume k:60s 1 60'])
  })

  it('does not read first after the known window has ended', async () => {
    const { fake, limiter } = limiterOver()
    fake.counters.set('k:60s', 10)
    await limiter.consume(charge())
    fake.counters.clear()
    expect(await limiter.consume(charge({ at: NOON + 30 * SECOND }))).toMatchObject({
      allowed: true,
    })
    expect(fake.calls.map((call) => call.split(' ')[0])).toEqual(['consume', 'consume'])
  })

  it('counts nothing for a request that does not fit into what this process has seen', async () => {
    const { fake, limiter } = limiterOver()
    await limiter.consume(charge({ cost: 8 }))
    const refused = await limiter.consume(charge({ cost: 3 }))
    expect([refused.allowed, left(refused)]).toEqual([false, [2]])
    expect(await limiter.consume(charge({ cost: 2 }))).toMatchObject({ allowed: true })
    expect(fake.counters.get('k:60s')).toBe(10)
  })

  it('counts nothing by the other limits, if one is known to be exhausted', async () => {
    const { fake, limiter } = limiterOver()
    const limits = [day(20), minute(2)]
    for (let sent = 0; sent < 5; sent++) await limiter.consume(charge({ limits }))
    expect([...fake.counters]).toEqual([
      ['k:60s', 2],
      ['k:day:2026-11-29', 2],
    ])
  })
})

describe('an answer of the wrapped limiter', () => {
  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['null', null],
    ['a number', 1],
    ['no count', { msBeforeNext: 5 }],
    ['a text as count', { consumedPoints: '1', msBeforeNext: 5 }],
    ['NaN as count', { consumedPoints: Number.NaN, msBeforeNext: 5 }],
    ['a fraction as count', { consumedPoints: 1.5, msBeforeNext: 5 }],
    ['a negative count', { consumedPoints: -1, msBeforeNext: 5 }],
    ['a count without this request', { consumedPoints: 0, msBeforeNext: 5 }],
    ['no time', { consumedPoints: 1 }],
    ['NaN as time', { consumedPoints: 1, msBeforeNext: Number.NaN }],
    ['a time without end', { consumedPoints: 1, msBeforeNext: Number.POSITIVE_INFINITY }],
  ])('to consume with %s is a TypeError', async (_what, answer) => {
    const { fake, limiter } = limiterOver()
    fake.answers.push(() => answer)
    await expect(limiter.consume(charge())).rejects.toThrow(TypeError)
  })

  it.each<[string, unknown]>([
    ['undefined', undefined],
    ['a text as count', { consumedPoints: '1', msBeforeNext: 5 }],
    ['no time', { consumedPoints: 1 }],
  ])('to get with %s is a TypeError', async (_what, answer) => {
    const { fake, limiter } = limiterOver()
    fake.answers.push(() => answer)
    await expect(limiter.read(charge())).rejects.toThrow(TypeError)
  })

  it('that rejects with a count is a refusal and not a failure', async () => {
    const { fake, limiter } = limiterOver()
    fake.answers.push(throwing({ consumedPoints: 11, msBeforeNext: 5000, remainingPoints: 0 }))
    expect(await limiter.consume(charge())).toEqual({
      allowed: false,
      limits: [{ limit: minute(10), remaining: 0, resetsAt: NOON + 5000 }],
    })
  })

  it('that rejects without having counted is a refusal, too', async () => {
    const { fake, limiter } = limiterOver()
    // As for a key that is blocked in the memory of an insurance limiter.
    fake.answers.push(throwing({ consumedPoints: 0, msBeforeNext: 5000, remainingPoints: 0 }))
    const refused = await limiter.consume(charge())
    expect([refused.allowed, left(refused)]).toEqual([false, [0]])
  })

  it('that rejects with a malformed count is a TypeError', async () => {
    const { fake, limiter } = limiterOver()
    fake.answers.push(throwing({ consumedPoints: 11 }))
    await expect(limiter.consume(charge())).rejects.toThrow(TypeError)
  })

  it('that rejects with an error makes the request fail with it', async () => {
    const { fake, limiter } = limiterOver()
    const error = new Error('connection lost')
    fake.answers.push(throwing(error))
    await expect(limiter.consume(charge())).rejects.toBe(error)
    fake.answers.push(throwing(error), throwing(new Error('still lost')))
    await expect(limiter.consume(charge())).rejects.toBe(error)
    fake.answers.push(throwing(error))
    await expect(limiter.read(charge())).rejects.toBe(error)
  })

  it('that rejects with an error is a refusal, if the counter has no room', async () => {
    const { fake, limiter } = limiterOver()
    fake.counters.set('k:60s', 10)
    fake.answers.push(throwing(new Error('integer out of range')))
    const refused = await limiter.consume(charge())
    expect([refused.allowed, left(refused)]).toEqual([false, [0]])
  })
})

describe('what a process knows about counters', () => {
  const count = (used: number) => ({ used, endsAt: NOON + SECOND })

  it('is the most that it has seen, unless a counter was read', () => {
    const known = createKnownCounts()
    known.raise('c', count(5), NOON)
    known.raise('c', count(3), NOON)
    expect(known.used('c', NOON)).toBe(5)
    known.replace('c', count(3))
    expect(known.used('c', NOON)).toBe(3)
    expect(known.used('other', NOON)).toBe(0)
  })

  it('ends with the window', () => {
    const known = createKnownCounts()
    known.raise('c', count(5), NOON)
    expect(known.used('c', NOON + SECOND - 1)).toBe(5)
    expect(known.used('c', NOON + SECOND)).toBe(0)
    expect(known.used('c', NOON)).toBe(0)
  })

  it('is limited to the 10,000 counters of the latest answers', () => {
    const known = createKnownCounts()
    for (let each = 0; each < 10_000; each++) known.raise(`c${each}`, count(1), NOON)
    known.raise('c0', count(2), NOON)
    known.raise('new', count(1), NOON)
    expect(['c0', 'c1', 'c2', 'new'].map((name) => known.used(name, NOON))).toEqual([2, 0, 1, 1])
  })
})
