import { randomFillSync } from 'node:crypto'
import type { Figure } from './figure.ts'
import { separationOf } from './timing-statistics.ts'
import { type Trial, trialsOf } from './timing-trials.ts'

// The number of prepared inputs. They are refilled with random classes before each is timed once.
const SLOTS = 1000
const CALLS_PER_SAMPLE = 16
const RUNS = 3
/** Above this, two classes are distinguishable. */
const APART = 4.5
/** The minimum for a leaking control. Below it, the other results prove nothing. */
const SEEN = 50
/**
 * The limit for the difference between a cached unknown id and a known one. Ids are not secret, and
 * the store read before caching reveals far more.
 */
const EXISTENCE_NANOSECONDS = 1000

/**
 * Tests whether time reveals how much of a secret is correct: Welch's t-test as in dudect, on
 * classes of refused secrets.
 */
export const figure: Figure = {
  name: 'timing',
  title:
    'whether the time of a refusal reveals how much of a secret is correct, or that its id exists: t-tests between two classes',
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

/** One run: t of all samples, t farthest from zero over all cutoffs, and the median difference. */
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
    // Yields a turn of the event loop, in which garbage is released.
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
