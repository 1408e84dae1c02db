import { type FuzzRange, fuzz } from '../../test/security/fuzz-run.ts'
import { createFuzzScene } from '../../test/security/fuzz-scene.ts'
import { fuzzTargets } from '../../test/security/fuzz-targets.ts'

/** Which inputs to give to which parser. */
export interface FuzzOrder extends FuzzRange {
  readonly name: string
}

// One process of the figure: it ends with the one that started it, and at the first rejection that
// nobody handles.
const targets = fuzzTargets(await createFuzzScene())
process.on('disconnect', () => process.exit())
process.on('message', async ({ name, ...range }: FuzzOrder) => {
  const target = targets.find((each) => each.name === name)
  if (target === undefined) throw new Error(`there is no ${name} to give inputs to`)
  process.send?.(await fuzz(target, range))
})
