import { inspect } from 'node:util'
import { createRandom, type Random } from './fuzz-random.ts'

/**
 * How a parser took an input: as something that it reads further or lets in, or as nothing; or what
 * of that is wrong.
 */
export type Judgement = 'taken' | 'refused' | { readonly wrong: string }

/**
 * A parser, with inputs for it and what must hold of whatever it makes of them. Whatever is thrown
 * is wrong.
 */
export interface Target<Input = unknown> {
  readonly name: string
  make(random: Random): Input
  judge(input: Input): Judgement | Promise<Judgement>
}

/** What came of a run. */
export interface Fuzzed {
  readonly name: string
  readonly inputs: number
  readonly taken: number
  readonly refused: number
  /** The first few inputs that something was wrong with, each with what makes it again. */
  readonly wrong: readonly string[]
}

export interface FuzzRange {
  readonly seed: number
  /** Index of the first input. */
  readonly from: number
  /** How many inputs. */
  readonly count: number
}

const MOST_SHOWN = 5

/**
 * Gives a parser many inputs. A loop and no property of fast-check: that takes longer to make an
 * input than most parsers to read it, and every input can be made again from the seed and its
 * index.
 */
export async function fuzz<Input>(
  target: Target<Input>,
  { seed, from, count }: FuzzRange,
): Promise<Fuzzed> {
  const counts = { taken: 0, refused: 0 }
  const wrong: string[] = []
  for (let index = from; index < from + count && wrong.length < MOST_SHOWN; index++) {
    const input = target.make(createRandom(seed, index))
    let judgement: Judgement
    try {
      const judged = target.judge(input)
      judgement = judged instanceof Promise ? await judged : judged
    } catch (error) {
      judgement = { wrong: `it threw ${inspect(error)}` }
    }
    if (typeof judgement === 'string') counts[judgement]++
    else
      wrong.push(
        `${target.name}, seed ${seed}, index ${index}: ${judgement.wrong}: ${inspect(input, { depth: 5, maxStringLength: 9000 })}`,
      )
  }
  return {
    name: target.name,
    inputs: counts.taken + counts.refused + wrong.length,
    ...counts,
    wrong,
  }
}
