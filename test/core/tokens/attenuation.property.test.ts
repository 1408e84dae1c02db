import fc from 'fast-check'
import type { Scope, ScopeValue } from 'twinkey'
import { expect, it } from 'vitest'
import { createBench } from '../../support/bench.ts'
import { byHeaders, codeOf, sent } from '../../support/sent.ts'

const AXES = ['tenants', 'environments', 'workflows'] as const
const UNIVERSE = {
  tenants: ['t1', 't2', 't3'],
  environments: ['prod', 'test'],
  workflows: ['read', 'write'],
}
// Each axis has one name that no list holds, so that '*' differs from a list of all names.
const TARGETS = [...UNIVERSE.tenants, 'elsewhere'].flatMap((tenant) =>
  [...UNIVERSE.environments, 'elsewhere'].flatMap((environment) =>
    [...UNIVERSE.workflows, 'elsewhere'].map((workflow) => ({ tenant, environment, workflow })),
  ),
)

const keyReachOf = (names: string[]): fc.Arbitrary<ScopeValue> =>
  fc.oneof(fc.constant('*' as const), fc.shuffledSubarray(names, { minLength: 1 }))
// A key reaches something on each axis. An owner or a request may reach nothing.
const reachOf = (names: string[]): fc.Arbitrary<ScopeValue> =>
  fc.oneof({ weight: 24, arbitrary: keyReachOf(names) }, { weight: 1, arbitrary: fc.constant([]) })
const keyScope: fc.Arbitrary<Scope> = fc.record({
  tenants: keyReachOf(UNIVERSE.tenants),
  environments: keyReachOf(UNIVERSE.environments),
  workflows: keyReachOf(UNIVERSE.workflows),
})
const scope: fc.Arbitrary<Scope> = fc.record({
  tenants: reachOf(UNIVERSE.tenants),
  environments: reachOf(UNIVERSE.environments),
  workflows: reachOf(UNIVERSE.workflows),
})
const request = fc.record(
  {
    tenants: reachOf(UNIVERSE.tenants),
    environments: reachOf(UNIVERSE.environments),
    workflows: reachOf(UNIVERSE.workflows),
  },
  { requiredKeys: [] },
)

// The model: a scope is a set of targets, written as strings.
type Target = (typeof TARGETS)[number]
const has = (reach: ScopeValue, name: string) => reach === '*' || new Set(reach).has(name)
const reaches = (each: Scope, { tenant, environment, workflow }: Target) =>
  has(each.tenants, tenant) && has(each.environments, environment) && has(each.workflows, workflow)
const everything: Scope = { tenants: '*', environments: '*', workflows: '*' }
const names = (axis: (typeof AXES)[number], ...scopes: Scope[]) =>
  new Set(
    [...UNIVERSE[axis], 'elsewhere'].filter((name) =>
      scopes.every((each) => has(each[axis], name)),
    ),
  )

it('a token never reaches more than its key, its owner and its request, whatever changes after it was issued', async () => {
  const { twinkey } = createBench()
  let letIn = 0
  let refusedAtIssue = 0
  const ceilings = new Map<string, Scope>()
  const bounded = createBench({ ownerScope: (owner) => ceilings.get(owner) })
  let owners = 0

  await fc.assert(
    fc.asyncProperty(
      keyScope,
      request,
      keyScope,
      fc.option(fc.tuple(scope, scope), { nil: undefined, freq: 1 }),
      async (held, asked, later, ceiling) => {
        const node = ceiling === undefined ? twinkey : bounded.twinkey
        const owner = `owner-${owners++}`
        const [ceilingNow, ceilingLater] = ceiling ?? [everything, everything]
        ceilings.set(owner, ceilingNow)
        const { key, primary } = await node.keys.create({ name: 'n', owner, scope: held })
        const issued = await node.tokens.issue(primary, { scope: asked })

        const wider = AXES.some((axis) => {
          const reached = names(axis, held, ceilingNow)
          return (
            asked[axis] !== undefined &&
            [...names(axis, { ...everything, [axis]: asked[axis] })].some(
              (name) => !reached.has(name),
            )
          )
        })
        const empty = AXES.some(
          (axis) => names(axis, held, ceilingNow, { ...everything, ...asked }).size === 0,
        )
        expect(issued.ok).toBe(!wider && !empty)
        if (!issued.ok) {
          refusedAtIssue++
          expect(codeOf(issued)).toMatch(/^(tenant|environment|workflow)_denied$/)
          return
        }

        await node.keys.update(key.id, { scope: later })
        ceilings.set(owner, ceilingLater)
        await node.invalidateOwner(owner)
        for (const target of TARGETS) {
          const byToken = await node.authenticate(
            sent({ credential: issued.token, ...target }),
            byHeaders,
          )
          const bySecret = await node.authenticate(
            sent({ credential: primary, ...target }),
            byHeaders,
          )
          const keyReaches = reaches(later, target) && reaches(ceilingLater, target)
          expect(bySecret.ok).toBe(keyReaches)
          // The token scope at the time of issue: the scope of the key, limited by the owner scope
          // and by the request.
          const tokenReaches = [held, ceilingNow, { ...everything, ...asked }].every((each) =>
            reaches(each, target),
          )
          expect(byToken.ok).toBe(keyReaches && tokenReaches)
          if (byToken.ok) letIn++
        }
      },
    ),
    { numRuns: 300 },
  )
  // The property would also hold for a service that admits no request.
  expect(letIn).toBeGreaterThan(100)
  expect(refusedAtIssue).toBeGreaterThan(20)
})
