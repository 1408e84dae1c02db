import { runWithin } from '../../test/core/management/within-model.ts'
import type { Figure } from './figure.ts'

/**
 * Runs random operations of owners, an administrator of a tenant and an operator on one store, and
 * judges every write of a limited keyring by the record before and after it.
 */
export const figure: Figure = {
  name: 'within',
  title:
    'what limited keyrings do and see beyond their limits, in 100,000 operations for each seed',
  async run({ quick, progress }) {
    const seeds = quick ? 1 : 5
    const steps = quick ? 10_000 : 100_000
    const first = Math.floor(Math.random() * 2 ** 20)
    const rows = []
    for (let seed = first; seed < first + seeds; seed++) {
      const row = { seed, ...(await outcomeOf(seed, steps)) }
      rows.push(row)
      progress(`seed ${seed}: ${row.problem ?? `${row.judged} writes, nothing beyond a limit`}`)
    }
    const ok = rows.every(
      ({ problem, judged, compared }) => problem === null && judged > 0 && compared > 0,
    )
    return { ok, steps, rows }
  },
}

async function outcomeOf(seed: number, steps: number) {
  try {
    const { judged, compared, outcomes } = await runWithin(seed, steps)
    return { problem: null, judged, compared, outcomes: Object.fromEntries(outcomes) }
  } catch (error) {
    // The message names the step, so that the run can be repeated.
    return { problem: String(error), judged: 0, compared: 0, outcomes: {} }
  }
}
