import type { Figure } from './figure.ts'
import { drive, flood } from './verify-load.ts'
import { ALGORITHMS, type Bench, benchOf, doAgree, type Side } from './verify-sides.ts'

const AT_ONCE = 16
const EFFORT = {
  quick: { tokens: 20, rounds: 1, milliseconds: 60, floodRounds: 1, floodMilliseconds: 120 },
  full: { tokens: 500, rounds: 9, milliseconds: 400, floodRounds: 7, floodMilliseconds: 1000 },
} as const

type Effort = (typeof EFFORT)[keyof typeof EFFORT]

/**
 * Compares the synchronous functions of `node:crypto` with jose for each algorithm. They qualify
 * only if every condition improves.
 */
export const figure: Figure = {
  name: 'verify',
  title:
    'signing and verifying by the synchronous functions of node:crypto, compared with jose: alone, 16 at once, and under a flood of forged tokens',
  async run({ quick, progress }) {
    const effort = EFFORT[quick ? 'quick' : 'full']
    const rows = []
    for (const algorithm of ALGORITHMS) {
      const bench = await benchOf(algorithm, effort.tokens)
      const ok = await doAgree(bench)
      const verify = (side: Side) => (number: number) =>
        side.verify(bench.good[number % bench.good.length] as string)
      const verifying = await loads(bench, effort, verify)
      progress(`${algorithm}: verified`)
      const signing = await loads(bench, effort, (side) => () => side.sign(bench.claims))
      progress(`${algorithm}: signed`)
      const flooded = await floods(bench, effort)
      progress(`${algorithm}: flooded`)
      const { gains } = verifying
      const isFloodBorne =
        flooded.ratio.firstSightP99Milliseconds.median <= 1 &&
        flooded.ratio.warmP99Milliseconds.median <= 1
      rows.push({
        ok,
        algorithm,
        verifying,
        signing,
        flooded,
        isFloodBorne,
        mayBeTaken: gains && isFloodBorne,
      })
    }
    // Both sides must decide alike. Speed depends on the machine and is only reported.
    return { ok: rows.every(({ ok }) => ok), atOnce: AT_ONCE, ...effort, rows }
  },
}

async function loads(
  bench: Bench,
  { rounds, milliseconds }: Effort,
  operation: (side: Side) => (number: number) => Promise<unknown> | unknown,
) {
  const run = (callers: number) => (side: Side) => drive(callers, milliseconds, operation(side))
  const alone = await inTurn([bench.jose, bench.node], rounds, run(1))
  const atOnce = await inTurn([bench.jose, bench.node], rounds, run(AT_ONCE))
  const { perSecond, delayP99Milliseconds } = atOnce.ratio
  return { alone, atOnce, gains: perSecond.median > 1 && delayP99Milliseconds.median < 1 }
}

async function floods(bench: Bench, { floodRounds, floodMilliseconds }: Effort) {
  const { jose, node, good } = bench
  const calm = await inTurn([jose, node], floodRounds, (side) =>
    flood(side, { good, forged: [] }, floodMilliseconds),
  )
  const flooded = await inTurn([jose, node], floodRounds, (side) =>
    flood(side, bench, floodMilliseconds),
  )
  return { calm: { jose: calm.jose, node: calm.node }, ...flooded }
}

interface Spread {
  readonly median: number
  readonly least: number
  readonly most: number
}

type Spreads<T> = { readonly [name in keyof T]: Spread }

/**
 * Runs both sides in each round, in alternating order, after one uncounted round. `ratio` is
 * node:crypto over jose for each round.
 */
async function inTurn<T extends object>(
  [jose, node]: readonly [Side, Side],
  rounds: number,
  run: (side: Side) => Promise<T>,
) {
  const found = new Map<Side, T[]>([
    [jose, []],
    [node, []],
  ])
  for (let round = -1; round < rounds; round++) {
    for (const side of round % 2 === 0 ? [jose, node] : [node, jose]) {
      const measured = await run(side)
      if (round >= 0) found.get(side)?.push(measured)
    }
  }
  const [ofJose, ofNode] = [found.get(jose) as T[], found.get(node) as T[]]
  const names = Object.keys(ofJose[0] as T) as (keyof T)[]
  const spreads = (value: (round: number, name: keyof T) => number) =>
    Object.fromEntries(
      names.map((name) => [name, spread(ofJose.map((_, round) => value(round, name)))]),
    ) as Spreads<T>
  const of = (series: readonly T[]) => (round: number, name: keyof T) =>
    (series[round] as T)[name] as number
  return {
    jose: spreads(of(ofJose)),
    node: spreads(of(ofNode)),
    ratio: spreads((round, name) => of(ofNode)(round, name) / of(ofJose)(round, name)),
  }
}

function spread(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b)
  // To significant digits: the ratio of two delays may be far below a hundredth.
  const rounded = (index: number) => Number((sorted[index] ?? Number.NaN).toPrecision(3))
  return {
    median: rounded(Math.floor(sorted.length / 2)),
    least: rounded(0),
    most: rounded(sorted.length - 1),
  }
}
