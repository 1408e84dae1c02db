import { from, type Principal, type Requirement, type WireRequest } from 'twinkey'
import { afterEach, describe, expect, test } from 'vitest'
import { sendRaw } from '../../support/raw-http.ts'
import { CONFIGS, type Served, startChain } from './chain.ts'
import { createRandom, randomRequest } from './random.ts'
import { createScene, ROUTES, type Scene } from './scene.ts'

const NAMES = Object.keys(CONFIGS) as (keyof typeof CONFIGS)[]
const OURS = ['Key', 'Name', 'Tenant', 'Environment', 'Workflow', 'Owner']
const SEED = 20261129
const COUNT = 10_000
const AT_ONCE = 24

const ending: (() => unknown)[] = []
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end()
})

/** What the gateway decided about a request, by the id that the test gave it. */
interface Decided {
  readonly route: string
  readonly url: string
  readonly principal: Principal | undefined
}

/** Starts a proxy whose gateway records each request that it lets in. */
async function startRecorded(
  name: keyof typeof CONFIGS,
  routes: Readonly<Record<string, Requirement>>,
) {
  const scene = await createScene()
  const decided = new Map<string, Decided>()
  const recording = {
    flush: () => scene.twinkey.flush(),
    async decide(request: WireRequest, requirement: Requirement) {
      const decision = await scene.twinkey.decide(request, requirement)
      const { method, template, url } = request
      const route = `${method === 'HEAD' ? 'GET' : method} ${template}`
      const id = request.header('x-test') ?? 'none'
      expect(decided.has(id)).toBe(false)
      if (decision.ok) decided.set(id, { route, url, principal: decision.principal })
      return decision
    },
  }
  const chain = await startChain(name, recording as unknown as Scene['twinkey'], { routes })
  ending.push(() => chain.stop())
  return { scene, chain, decided }
}

/** The headers of a request that are, or look like, those of the gateway. */
function oursIn({ headers }: Served): string[][] {
  return headers
    .filter(([name]) => /twinkey/i.test(name.replace(/[^a-z]/gi, '')))
    .map(([name, value]) => [name.toLowerCase(), decodeURIComponent(value)])
    .filter(([, value]) => value !== '')
    .sort()
}

function expectedOf(principal: Principal | undefined): string[][] {
  const { keyId, name, owner, tenant, environment, workflow } = principal ?? {}
  const values = [keyId, name, tenant, environment, workflow, owner]
  return OURS.map((header, i) => [`x-twinkey-${header.toLowerCase()}`, values[i] ?? ''])
    .filter(([, value]) => value !== '')
    .sort()
}

const idOf = ({ headers }: Served) =>
  headers.find(([name]) => name.toLowerCase() === 'x-test')?.[1] ?? 'none'

describe.each(NAMES)('behind %s', (name) => {
  test(`${COUNT} random requests are served as the route that was decided (seed ${SEED})`, async () => {
    // A key can do everything in two tenants, so what has a route is mostly let in.
    const { scene, chain, decided } = await startRecorded(name, {
      ...ROUTES,
      'GET /tenants/:tenant/customers/export': {
        tenant: from.param('tenant'),
        workflow: from.routeTemplate(),
      },
    })
    const random = createRandom(SEED)
    const keys = [...Array(12).fill(scene.good), scene.narrow, scene.narrow, 'tk_wrong', '']
    const requests = Array.from({ length: COUNT }, () => randomRequest(random, keys))
    const statuses = new Map<number, number>()
    let bodies = 0
    let next = 0
    const send = async () => {
      for (let i = next++; i < COUNT; i = next++) {
        const { headers, ...request } = requests[i] as (typeof requests)[number]
        const answer = await sendRaw(chain.port, {
          ...request,
          headers: [...headers, ['X-Test', `${i}`]],
        }).catch(() => undefined)
        const status = answer?.status ?? 0
        statuses.set(status, (statuses.get(status) ?? 0) + 1)
        if (answer?.body === 'served' || (status === 200 && request.method === 'HEAD')) bodies++
      }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, send))
    const served = chain.served()
    const counts = [...statuses].sort(([one], [other]) => one - other)
    console.log(
      `${name}: ${served.length} served; ${counts.map((each) => each.join(': ')).join(', ')}`,
    )

    for (const each of served) {
      const id = idOf(each)
      const decision = decided.get(id)
      const { method, target, readings } = each
      const sent = requests[Number(id)]
      expect({ sent, method, target }).toEqual({
        sent,
        method: sent?.method,
        target: decision?.url,
      })
      expect({ sent, readings: [...new Set(Object.values(readings))] }).toEqual({
        sent,
        readings: [decision?.route],
      })
      expect({ sent, ours: oursIn(each) }).toEqual({ sent, ours: expectedOf(decision?.principal) })
    }
    // Each request is served at most once, and each that is let in is served.
    expect(new Set(served.map(idOf)).size).toBe(served.length)
    expect(served.length).toBe(bodies)
    expect(served.length).toBeGreaterThan(COUNT / 5)
    expect(COUNT - served.length).toBeGreaterThan(COUNT / 5)
  }, 300_000)
})
