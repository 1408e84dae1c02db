import { runFleet, type Strangers } from './capacity-anchor.ts'
import { type Fleet, loadOf, unknownReadsOf } from './capacity-model.ts'
import { uniform, zipf } from './capacity-popularity.ts'
import { type Estimate, simulateReads, simulateUses } from './capacity-simulation.ts'
import type { Figure, Progress } from './figure.ts'

// Capacity planning uses a margin of at least 50 %, so an error of 5 % does not matter. The
// simulation must be precise enough for that comparison. Last uses come in bursts and vary more.
const TOLERANCE = 0.05
const MAX_ERROR = { reads: 0.01, uses: 0.03 }

/** Compares the formulas of the documentation with small real fleets and large simulated ones. */
export const figure: Figure = {
  name: 'capacity',
  title:
    'store reads, last uses and notifications per second of fleets of up to 10,000 nodes and 100 million keys: formulas compared with a simulation',
  async run({ quick, progress }) {
    const anchors = []
    for (const [fleet, strangers] of quick ? ANCHORS.slice(0, 2) : ANCHORS)
      anchors.push(await anchor(fleet, strangers, quick ? 60 : 300, progress))
    const rows = FLEETS.filter((row) => !quick || row.quick).map((row) =>
      simulate(row, quick, progress),
    )
    const ok = [...anchors, ...rows].every((row) => row.ok)
    return { ok, tolerance: TOLERANCE, realNodes: anchors, simulated: rows }
  },
}

const small: Fleet = {
  popularity: zipf(1000),
  nodes: 4,
  requestsPerSecond: 1000,
  maxAgeSeconds: 5,
  maxKeys: 100_000,
  writesPerSecond: 0,
}
const ANCHORS: readonly (readonly [Fleet, Strangers])[] = [
  [
    { ...small, writesPerSecond: 10 },
    { ids: 20, requestsPerSecond: 50 },
  ],
  // So few that records are evicted long before they expire.
  [
    { ...small, maxAgeSeconds: 20, maxKeys: 150 },
    { ids: 20, requestsPerSecond: 50 },
  ],
  [
    { ...small, popularity: uniform(1000), maxAgeSeconds: 1 },
    { ids: 500, requestsPerSecond: 50 },
  ],
]

interface Row extends Partial<Fleet> {
  readonly popularity: Fleet['popularity']
  readonly nodes: number
  readonly requestsPerSecond: number
  /** How many nodes are simulated, and for how long each. */
  readonly sample: { readonly nodes: number; readonly seconds: number }
  readonly quick?: boolean
}

const MILLION = 1_000_000
const FLEETS: readonly Row[] = [
  {
    popularity: zipf(1000),
    nodes: 4,
    requestsPerSecond: 2000,
    sample: { nodes: 4, seconds: 300 },
    quick: true,
  },
  {
    popularity: uniform(100_000),
    nodes: 10,
    requestsPerSecond: 10_000,
    sample: { nodes: 10, seconds: 60 },
    quick: true,
  },
  {
    popularity: zipf(10_000),
    nodes: 10,
    requestsPerSecond: 10_000,
    writesPerSecond: 200,
    sample: { nodes: 10, seconds: 60 },
    quick: true,
  },
  {
    popularity: zipf(MILLION),
    nodes: 100,
    requestsPerSecond: 100_000,
    maxAgeSeconds: 1,
    sample: { nodes: 10, seconds: 60 },
  },
  {
    popularity: zipf(MILLION),
    nodes: 100,
    requestsPerSecond: 100_000,
    sample: { nodes: 10, seconds: 60 },
    quick: true,
  },
  {
    popularity: zipf(MILLION),
    nodes: 100,
    requestsPerSecond: 100_000,
    maxAgeSeconds: 30,
    sample: { nodes: 10, seconds: 120 },
  },
  {
    popularity: zipf(10 * MILLION),
    nodes: 1000,
    requestsPerSecond: MILLION,
    sample: { nodes: 20, seconds: 60 },
  },
  {
    popularity: zipf(100 * MILLION),
    nodes: 10_000,
    requestsPerSecond: MILLION,
    sample: { nodes: 40, seconds: 120 },
    quick: true,
  },
  {
    popularity: zipf(100 * MILLION),
    nodes: 10_000,
    requestsPerSecond: MILLION,
    maxAgeSeconds: 30,
    sample: { nodes: 40, seconds: 240 },
  },
  {
    popularity: uniform(100 * MILLION),
    nodes: 10_000,
    requestsPerSecond: MILLION,
    sample: { nodes: 40, seconds: 60 },
  },
  // More keys in use than fit into the caches.
  {
    ...{
      popularity: uniform(10 * MILLION),
      nodes: 10,
      requestsPerSecond: 100_000,
      maxAgeSeconds: 60,
    },
    sample: { nodes: 4, seconds: 60 },
  },
  {
    ...{
      popularity: zipf(10 * MILLION),
      nodes: 10,
      requestsPerSecond: 20_000,
      maxAgeSeconds: 60,
      maxKeys: 20_000,
    },
    sample: { nodes: 4, seconds: 120 },
    quick: true,
  },
]

async function anchor(fleet: Fleet, strangers: Strangers, seconds: number, progress: Progress) {
  progress(`${seconds} s of ${fleet.nodes} real nodes, at most ${fleet.maxKeys} keys each`)
  const load = loadOf(fleet)
  const counted = await runFleet(fleet, strangers, seconds, 1)
  const reads = compared(load.readsPerSecond, countedIn(counted.readsPerSecond, seconds))
  const unknownReads = compared(
    unknownReadsOf(fleet, strangers.ids, strangers.requestsPerSecond),
    countedIn(counted.unknownReadsPerSecond, seconds),
  )
  const uses = compared(load.usesPerSecond, countedIn(counted.usesPerSecond, seconds))
  const { notificationsPerWrite } = counted
  const ok =
    holds(reads, 'reads') &&
    // There are too few of these for a reliable result.
    Math.abs(unknownReads.difference) <= TOLERANCE + 3 * unknownReads.standardError &&
    Math.abs(uses.difference) <= TOLERANCE &&
    (notificationsPerWrite === null || notificationsPerWrite === fleet.nodes)
  return {
    ok,
    ...settingsOf(fleet),
    lifetimeSeconds: rounded(load.lifetimeSeconds),
    reads,
    unknownReads,
    uses,
    notificationsPerWrite,
  }
}

function simulate({ sample, quick: _, ...row }: Row, quick: boolean, progress: Progress) {
  const fleet: Fleet = { maxAgeSeconds: 5, maxKeys: 100_000, writesPerSecond: 0, ...row }
  progress(
    `${fleet.popularity.keys} keys, ${fleet.nodes} nodes, ${fleet.requestsPerSecond} requests/s, ${fleet.maxAgeSeconds} s old at most`,
  )
  const load = loadOf(fleet)
  const reads = compared(load.readsPerSecond, simulateReads(fleet, sample.nodes, sample.seconds, 1))
  // Uses are simulated for single keys, so that simulation ignores changes and eviction.
  const alone = load.lifetimeSeconds === fleet.maxAgeSeconds && fleet.writesPerSecond === 0
  const uses = alone
    ? compared(load.usesPerSecond, simulateUses(fleet, quick ? 1000 : 4000, quick ? 180 : 600, 2))
    : null
  return {
    ok: holds(reads, 'reads') && (uses === null || holds(uses, 'uses')),
    ...settingsOf(fleet),
    lifetimeSeconds: rounded(load.lifetimeSeconds),
    freshKeysPerNode: rounded(load.freshKeysPerNode),
    hitRate: rounded(1 - load.readsPerSecond / fleet.requestsPerSecond),
    reads,
    uses,
    notificationsPerSecond: load.notificationsPerSecond,
    simulatedNodes: sample.nodes,
  }
}

function settingsOf({ popularity, ...settings }: Fleet) {
  return {
    keys: popularity.keys,
    popularity: popularity.share(1) === popularity.share(popularity.keys) ? 'uniform' : 'zipf',
    ...settings,
  }
}

interface Compared {
  readonly formula: number
  readonly found: number
  /** The relative deviation of the formula from the result. */
  readonly difference: number
  readonly standardError: number
}

function compared(formula: number, { value, error }: Estimate): Compared {
  return {
    ...{ formula: rounded(formula), found: rounded(value) },
    ...{ difference: rounded(formula / value - 1), standardError: rounded(error) },
  }
}

function holds({ difference, standardError }: Compared, what: 'reads' | 'uses'): boolean {
  return Math.abs(difference) <= TOLERANCE && standardError <= MAX_ERROR[what]
}

// For independent events, the standard deviation of a count is its square root.
function countedIn(perSecond: number, seconds: number): Estimate {
  return { value: perSecond, error: 1 / Math.sqrt(perSecond * seconds) }
}

function rounded(value: number): number {
  return Number(value.toPrecision(4))
}
