import { expect, it } from 'vitest'
import { fuzz } from './fuzz-run.ts'
import { createFuzzScene } from './fuzz-scene.ts'
import { fuzzTargets } from './fuzz-targets.ts'

const scene = await createFuzzScene()

it.each(fuzzTargets(scene))('$name', async (t) => {
  const b = performance.now()
  const r = await fuzz(t as never, { seed: 1, from: 0, count: 50000 })
  console.log(t.name, Math.round(performance.now() - b), r.taken, r.refused)
  expect(r.wrong).toEqual([])
})
