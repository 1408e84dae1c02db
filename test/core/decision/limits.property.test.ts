import fc from 'fast-check'
import type { KeyLimit } from 'twinkey'
import { expect, it } from 'vitest'
import { checkedRequirement } from '../../../src/guard/requirement.ts'
import { createBench } from '../../support/bench.ts'
import { countingLimiter } from '../../support/counting-limiter.ts'
import { seeded, turns } from '../../support/racing-store.ts'
import { codeOf, sent } from '../../support/sent.ts'

// For any requests and any credentials of a key, the cost of the allowed requests never exceeds a
// limit in one window. The model is separate from the limiter: it knows windows, and adds up.

const SECOND = 1000
const LIMITS = [
  { requests: 4, perSeconds: 10 },
  { requests: 9, perSeconds: 60 },
] as const satisfies KeyLimit[]

type Step =
  | { readonly kind: 'wait'; readonly milliseconds: number }
  | { readonly kind: 'exchange' | 'change' | 'restart' }
  | {
      readonly kind: 'request'
      readonly credential: 'primary' | 'secondary' | 'token'
      readonly route: number
    }

const COSTS = [1, 0, 2, 3, 5]
const steps = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: request() },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('exchange' as const) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('change', 'restart') }) },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant('wait' as const),
        milliseconds: fc.constantFrom(1, 999, 5 * SECOND, 9999, 10 * SECOND, 60 * SECOND),
      }),
    },
  ),
  { minLength: 5, maxLength: 40 },
) as fc.Arbitrary<Step[]>

function request() {
  return fc.record({
    kind: fc.constant('request' as const),
    credential: fc.constantFrom('primary', 'secondary', 'token'),
    route: fc.nat(COSTS.length - 1),
  })
}

/** Windows of both limits, and what is used of them. */
function createModel() {
  const windows = LIMITS.map((limit) => ({ limit, endsAt: 0, used: 0 }))
  return (cost: number, at: number): 'let in' | 'quota_exceeded' => {
    for (const window of windows) if (at >= window.endsAt) Object.assign(window, { used: 0 })
    if (cost === 0) return 'let in'
    if (windows.some(({ limit, used }) => used + cost > limit.requests)) return 'quota_exceeded'
    for (const window of windows) {
      if (at >= window.endsAt) window.endsAt = at + window.limit.perSeconds * SECOND
      window.used += cost
    }
    return 'let in'
  }
}

async function createWorld(isSlow: boolean, seed: number) {
  const inner = countingLimiter()
  const random = seeded(seed)
  const limiter = {
    ...inner,
    consume: isSlow
      ? async (charge: Parameters<typeof inner.consume>[0]) => {
          await turns(random)
          const answer = await inner.consume(charge)
          await turns(random)
          return answer
        }
      : inner.consume,
  }
  const bench = createBench({ limiter, cache: { maxAgeSeconds: 3600 } })
  const scope = { tenants: ['t'], workflows: '*' } as const
  const { keys } = bench.twinkey
  const made = await keys.create({ name: 'n', scope, tokens: true, limits: [...LIMITS] })
  const routes = COSTS.map((cost, index) =>
    checkedRequirement({ tenant: 't', workflow: `w${index}`, cost }),
  )
  return { ...bench, limiter, charges: inner.charges, made, routes }
}

it('the cost of allowed requests never exceeds a limit in one window', async () => {
  await fc.assert(
    fc.asyncProperty(steps, fc.boolean(), fc.nat(), async (schedule, isSlow, seed) => {
      const { twinkey, limiter, charges, clock, made, routes, another } = await createWorld(
        isSlow,
        seed,
      )
      let node = twinkey
      const expected = createModel()
      const { primary, secondary } = made
      const credentials = { primary, secondary: secondary as string, token: primary }
      let counted = 0
      for (const [index, step] of schedule.entries()) {
        const at = clock.now()
        if (step.kind === 'wait') clock.advance(step.milliseconds)
        if (step.kind === 'change') await node.keys.update(made.key.id, { name: `n${index}` })
        // Another process over the same limiter.
        if (step.kind === 'restart') node = another({ limiter })
        if (step.kind === 'exchange') {
          const issued = await node.tokens.issue(primary, () => ({}))
          expect(codeOf(issued)).toBe(expected(1, at))
          if (issued.ok) credentials.token = issued.token
          counted++
        }
        if (step.kind === 'request') {
          const route = routes[step.route] as (typeof routes)[number]
          const credential = credentials[step.credential]
          const decision = await node.authenticate(sent({ credential }), route)
          expect(codeOf(decision)).toBe(expected(route.cost, at))
          counted++
        }
        expect(charges).toHaveLength(counted)
      }
    }),
    { numRuns: 60 },
  )
})

it('requests at the same time share a limit, while the key changes', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(request(), { minLength: 4, maxLength: 20 }),
      fc.nat(),
      async (all, seed) => {
        const { twinkey, charges, made, routes } = await createWorld(true, seed)
        const { primary, secondary } = made
        const credentials = { primary, secondary: secondary as string, token: primary }
        const deciding = all.map(async ({ credential, route }) => {
          const requirement = routes[route] as (typeof routes)[number]
          const text = credentials[credential as keyof typeof credentials]
          const decision = await twinkey.authenticate(sent({ credential: text }), requirement)
          return decision.ok ? requirement.cost : 0
        })
        for (let name = 0; name < 3; name++)
          await twinkey.keys.update(made.key.id, { name: `n${name}` })
        const costs = await Promise.all(deciding)
        const sum = costs.reduce((total, cost) => total + cost, 0)
        expect(sum).toBeLessThanOrEqual(LIMITS[0].requests)
        // Exactly once each, however often a decision repeats its steps.
        expect(charges).toHaveLength(all.length)
      },
    ),
    { numRuns: 40 },
  )
})
