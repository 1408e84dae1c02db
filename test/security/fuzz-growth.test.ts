import { expect, it } from 'vitest'
import { exponentOf, growers, grown, LENGTHS } from './fuzz-growth.ts'
import { createFuzzScene } from './fuzz-scene.ts'

// What parsers take is timed by `npm run figure -- fuzz`.

it('the exponent of growth is that of the power behind the points', () => {
  for (const power of [0, 0.5, 1, 2, 3]) {
    expect(exponentOf(LENGTHS.map((length) => [length, 7 * length ** power]))).toBeCloseTo(power)
  }
})

it('every text that a parser is timed with has the length that it is timed for', async () => {
  const { profiles } = await createFuzzScene()
  const all = growers(profiles)
  expect(new Set(all.map(({ name }) => name)).size).toBe(all.length)
  for (const { made, parse } of all) {
    for (const each of made) {
      const texts = LENGTHS.map((length) => grown(each, length))
      expect(texts.map(({ length }) => length)).toEqual(LENGTHS)
      parse(texts[0] as string)
    }
  }
})
