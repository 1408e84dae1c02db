import { randomFillSync } from 'node:crypto'
import type { Figure } from './figure.ts'
import { separationOf } from './timing-statistics.ts'
import { type Trial, trialsOf } from './timing-trials.ts'

// How many inputs stand ready at a time. They are filled anew, each with a class by lot, before
// each is timed once.
const SLOTS = 1000
const CALLS_PER_SAMPLE = 16
const RUNS = 3
/** Beyond this, two classes can be told apart. */
const APART = 4.5
/** What a leak must show at the least, so that the others mean something. */
const SEEN = 50
/**
 * How far apart a remembered unknown id and a known one may be. Ids are no secrets, and the read of
 * the store that comes before tells far more.
 */
const EXISTENCE_NANOSECONDS = 1000

/**
 * Whether time tells how much of a secret is right: Welch's t-test in the manner of dudect, on
 * classes of which none is let in.
 */
export const figure: Figure = {
  name: 'timing',
  title:
    'whether the time of a refusal tells how much of a secret was right, or whether its id exists: t-tests between two classes',
  async run({ quick, progress }) {
    const samples = quick ? 20_000 : 1_000_000
    const { compare, same, earlyExit, verify, unknownId } = await trialsOf(SLOTS)
    const alike = (run: Run) => Math.abs(run.farthest) < APART
    const rows = []
    for (const [trial, promise, holds] of [
      [compare, `|t| < ${APART}`, alike],
      [verify, `|t| < ${APART}`, alike],
      [same, `|t| < ${APART}`, alike],
      [earlyExit, `|t| > ${SEEN}`, (run: Run) => Math.abs(run.farthest) > SEEN],
      [
        unknownId,
        `medians within ${EXISTENCE_NANOSECONDS} ns`,
        (run: Run) => Math.abs(run.nanosecondsApart) < EXISTENCE_NANOSECONDS,
      ],
    ] as const) {
      await separated(trial, quick ? 5000 : 50_000)
      const runs: Run[] = []
      for (let run = 0; run < RUNS; run++) {
        runs.push(await separated(trial, samples))
        progress(`${trial.name}: ${JSON.stringify(runs.at(-1))}`)
      }
      rows.push({ ok: runs.every(holds), trial: trial.name, promise, runs })
    }
    return { ok: rows.every(({ ok }) => ok), samples, callsPerSample: CALLS_PER_SAMPLE, rows }
  },
}

/**
 * What one run says: t of all samples, t farthest from zero at any crop, and the medians'
 * difference for one call.
 */
interface Run {
  readonly raw: number
  readonly farthest: number
  readonly nanosecondsApart: number
}

async function separated({ fill, call }: Trial, samples: number): Promise<Run> {
  const times = new Float64Array(samples)
  const classes = new Uint8Array(samples)
  for (let from = 0; from < samples; from += SLOTS) {
    const lot = randomFillSync(classes.subarray(from, from + SLOTS))
    for (let slot = 0; slot < SLOTS; slot++) lot[slot] = (lot[slot] as number) & 1
    await fill(lot)
    // A turn of the loop, in which what was collected is let go of.
    await new Promise((resolve) => setImmediate(resolve))
    for (let slot = 0; slot < SLOTS; slot++) {
      const began = performance.now()
      for (let i = 0; i < CALLS_PER_SAMPLE; i++) call(slot)
      times[from + slot] = performance.now() - began
    }
  }
  const { raw, farthest, mediansApart } = separationOf(times, classes)
  return {
    raw: rounded(raw),
    farthest: rounded(farthest),
    nanosecondsApart: rounded((mediansApart * 1e6) / CALLS_PER_SAMPLE),
  }
}

function rounded(t: number): number {
  return Math.round(t * 100) / 100
}
