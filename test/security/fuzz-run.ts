import { inspect } from 'node:util'
import { createRandom, type Random } from './fuzz-random.ts'

/**
 * The result of a parser for an input: something that it reads further or accepts, or nothing; or
 * what is wrong with the result.
 */
export type Judgement = 'taken' | 'refused' | { readonly wrong: string }

/** A parser, with inputs for it and a check of its results. Any exception is wrong. */
export interface Target<Input = unknown> {
  readonly name: string
  make(random: Random): Input
  judge(input: Input): Judgement | Promise<Judgement>
}

/** The result of a run. */
export interface Fuzzed {
  readonly name: string
  readonly inputs: number
  readonly taken: number
  readonly refused: number
  /** The first few inputs with a wrong result, each with the numbers that recreate it. */
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
 * Gives a parser many inputs. This is a loop and not a property of fast-check, which needs longer
 * to create an input than most parsers to read it. Each input can be recreated from the seed and
 * its index.
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
