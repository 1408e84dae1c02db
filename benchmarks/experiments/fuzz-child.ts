import { type FuzzRange, fuzz } from '../../test/security/fuzz-run.ts'
import { createFuzzScene } from '../../test/security/fuzz-scene.ts'
import { fuzzTargets } from '../../test/security/fuzz-targets.ts'

/** The inputs and the parser of one part. */
export interface FuzzOrder extends FuzzRange {
  readonly name: string
}

// One process of the figure. It ends with its parent, and at the first unhandled rejection.
const targets = fuzzTargets(await createFuzzScene())
process.on('disconnect', () => process.exit())
process.on('message', async ({ name, ...range }: FuzzOrder) => {
  const target = targets.find((each) => each.name === name)
  if (target === undefined) throw new Error(`there is no ${name} to give inputs to`)
  process.send?.(await fuzz(target, range))
})
