import { randomUUID } from 'node:crypto'
import fc from 'fast-check'
import type { LimitCharge, Limiter } from 'twinkey/limits'
import { expect, it } from 'vitest'
import { charge, DAY, day, left, minute, month } from './charges.ts'

/** Runs the contract of `rateLimiter` on a real limiter of `rate-limiter-flexible`. */
export function describeLimiter(
  /** A limiter as a process of its own would have it, on the same counters. */
  create: () => Limiter,
  /** The longest windows that it can count. */
  { months }: { readonly months: boolean },
): void {
  // `rate-limiter-flexible` measures windows by the real clock.
  const fresh = (given: Partial<LimitCharge> = {}) =>
    charge({ keyId: randomUUID(), at: Date.now(), ...given })

  async function allowedOf(limiters: readonly Limiter[], calls: number, given: LimitCharge) {
    const answers = await Promise.all(
      Array.from({ length: calls }, (_, call) =>
        (limiters[call % limiters.length] as Limiter).consume(given),
      ),
    )
    return answers.filter(({ allowed }) => allowed).length
  }

  it('allows exactly as many of 200 requests at once as the limit, over two processes', async () => {
    const given = fresh({ limits: [minute(50)] })
    const limiters = [create(), create()]
    expect(await allowedOf(limiters, 200, given)).toBe(50)
    expect(await allowedOf(limiters, 20, given)).toBe(0)
    expect(left({ limits: await create().read(given) })).toEqual([0])
  })

  it('never exceeds a limit by requests of any costs at once', async () => {
    const costs = fc.array(fc.integer({ min: 0, max: 12 }), { minLength: 10, maxLength: 40 })
    const requests = fc.integer({ min: 1, max: 100 })
    await fc.assert(
      fc.asyncProperty(costs, requests, async (all, most) => {
        const given = fresh({ limits: [minute(most), { requests: 60, perSeconds: 120 }] })
        const limiters = [create(), create()]
        const answers = await Promise.all(
          all.map(async (cost, index) => {
            const { allowed } = await (limiters[index % 2] as Limiter).consume({ ...given, cost })
            return allowed ? cost : 0
          }),
        )
        const spent = answers.reduce((sum, cost) => sum + cost, 0)
        expect(spent).toBeLessThanOrEqual(Math.min(most, 60))
      }),
      { numRuns: 10 },
    )
  })

  it('allows requests of any cost, one after the other, until the limit', async () => {
    const limiter = create()
    const given = fresh({ limits: [minute(100)] })
    let spent = 0
    for (const cost of [40, 30, 31, 20, 11, 10, 1])
      if ((await limiter.consume({ ...given, cost })).allowed) spent += cost
    expect(spent).toBe(100)
    expect(left({ limits: await create().read(given) })).toEqual([0])
  })

  it('refuses by the tightest of several limits', async () => {
    const given = fresh({
      limits: [day(1000), minute(20), { name: 'hour', requests: 500, perSeconds: 3600 }],
    })
    expect(await allowedOf([create(), create()], 60, given)).toBe(20)
  })

  it('counts a calendar window by its date', async () => {
    const limiter = create()
    const limits = months ? [day(2), month(3)] : [day(2)]
    const given = fresh({ limits, at: Date.UTC(2026, 10, 29, 23, 59, 59, 999) })
    const next = { ...given, at: given.at + 1 }
    for (const allowed of [true, true, false])
      expect(await limiter.consume(given)).toMatchObject({ allowed })
    expect(await limiter.consume(next)).toMatchObject({
      allowed: true,
      limits: limits.map(() => ({
        remaining: expect.any(Number),
        resetsAt: Date.UTC(2026, 11, 1),
      })),
    })
    // A process whose clock is behind still finds the counter of its day.
    expect(await create().consume(given)).toMatchObject({ allowed: false })
    const later = await create().read({ ...given, at: given.at + DAY + 1 })
    expect(left({ limits: later })).toEqual(months ? [2, 3] : [2])
  })

  it('lets a key use what was added, if a limit is raised', async () => {
    const limiter = create()
    const given = fresh()
    for (let sent = 0; sent < 15; sent++) await limiter.consume(given)
    const raised = { ...given, limits: [minute(13)] }
    expect(await allowedOf([limiter], 10, raised)).toBe(3)
  })

  it('answers with the end of a window that began with the first request', async () => {
    const limiter = create()
    const given = fresh({ limits: [{ requests: 10, perSeconds: 3600 }] })
    const { limits } = await limiter.consume(given)
    const [use] = await limiter.read({ ...given, at: Date.now() })
    for (const each of [limits[0], use]) {
      expect(each?.remaining).toBe(9)
      // The clock of the machine moves between the calls.
      expect(Math.abs(Number(each?.resetsAt) - given.at - 3_600_000)).toBeLessThan(60_000)
    }
  })

  it('creates no counter by reading', async () => {
    const limiter = create()
    const given = fresh()
    await limiter.read(given)
    await limiter.consume({ ...given, cost: 0 })
    await limiter.consume({ ...given, cost: 11 })
    expect(left({ limits: await limiter.read(given) })).toEqual([10])
  })
}
