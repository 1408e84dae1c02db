import { MeterProvider } from '@opentelemetry/sdk-metrics'
import { Registry } from 'prom-client'
import { createTwinkey, type Twinkey } from 'twinkey'
import { type CheckedRequirement, createGuard, type WireRequest } from 'twinkey/http'
import { type Instruments, instrument } from 'twinkey/telemetry'
import type { Figure } from './figure.ts'
import { type Spread, spread } from './quantiles.ts'

const GOAL = 1.3
const KEYS = 200

/** Compares decisions in memory that are counted with those that are not. */
export const figure: Figure = {
  name: 'telemetry',
  title:
    'the processor time of a decision in memory that is counted, as a multiple of one that is not',
  async run({ quick, progress }) {
    const scene = await createScene()
    const sizes = quick ? { rounds: 8, decisions: 4000 } : { rounds: 60, decisions: 40_000 }
    const results: Record<string, Spread> = {}
    for (const [name, instruments] of Object.entries(SIDES)) {
      results[name] = measure(scene, instruments, sizes)
      progress(`${name}: ${results[name].median.toFixed(3)}`)
    }
    const { meter, registry } = results as Record<keyof typeof SIDES, Spread>
    return { ok: Math.max(meter.median, registry.median) <= GOAL, ...results }
  },
}

/** What is compared with a Twinkey that is not instrumented. */
const SIDES = {
  sameAgain: () => undefined,
  meter: () => ({ meter: new MeterProvider().getMeter('twinkey') }),
  registry: () => ({ registry: new Registry() }),
} satisfies Record<string, () => Instruments | undefined>

interface Scene {
  readonly twinkey: Twinkey
  run(decisions: number): void
}

/** A Twinkey whose keys all are in memory, and decisions as a guard makes them. */
async function createScene(): Promise<Scene> {
  const twinkey = createTwinkey({ prefixes: ['acme'], cache: { maxAgeSeconds: 3600 } })
  const scope = { tenants: ['t1'], workflows: ['flows.read'] }
  let requirement: CheckedRequirement | undefined
  const guard = createGuard(
    {
      ...twinkey,
      decide(request, checked) {
        requirement = checked
        return twinkey.decide(request, checked)
      },
    },
    { workflow: 'flows.read' },
  )
  const requests: WireRequest[] = []
  for (let at = 0; at < KEYS; at++) {
    const { primary } = await twinkey.keys.create({ name: `${at}`, scope })
    const headers = { authorization: `Bearer ${primary}` }
    const request = wireRequest(headers)
    await guard.evaluate(request)
    requests.push(request)
  }
  const route = requirement as CheckedRequirement
  return {
    twinkey,
    run(decisions) {
      for (let at = 0; at < decisions; at++) {
        const decision = twinkey.decide(requests[at % KEYS] as WireRequest, route)
        if (!('ok' in decision && decision.ok)) throw new Error('A decision was not in memory.')
      }
    },
  }
}

function wireRequest(headers: Readonly<Record<string, string>>): WireRequest {
  return { method: 'GET', url: '/', header: (name) => headers[name], param: () => undefined }
}

/** Takes turns, so that what else the machine does affects both sides alike. */
function measure(
  { twinkey, run }: Scene,
  instruments: () => Instruments | undefined,
  { rounds, decisions }: { readonly rounds: number; readonly decisions: number },
): Spread {
  const given = instruments()
  const sides = {
    plain: () => nanosecondsOf(() => run(decisions)),
    counted() {
      const stop = given && instrument(twinkey, given)
      try {
        return nanosecondsOf(() => run(decisions))
      } finally {
        stop?.()
      }
    },
  }
  const ratios: number[] = []
  // The first rounds warm up the compiler and are not counted.
  for (let round = -6; round < rounds; round++) {
    const [first, second] =
      round % 2 === 0 ? (['plain', 'counted'] as const) : (['counted', 'plain'] as const)
    const times = { [first]: sides[first](), [second]: sides[second]() } as Record<
      keyof typeof sides,
      number
    >
    if (round >= 0) ratios.push(times.counted / times.plain)
  }
  return spread(ratios)
}

function nanosecondsOf(work: () => void): number {
  const before = process.cpuUsage()
  work()
  const { user, system } = process.cpuUsage(before)
  return (user + system) * 1000
}
