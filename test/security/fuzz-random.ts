/** Reproducible chance: the same seed and number give the same choices on any machine. */
export interface Random {
  /** A whole number from 0 to below the limit. */
  below(limit: number): number
  /** Whether an event happens that happens once in this many times. */
  oneIn(times: number): boolean
  pick<T>(from: readonly T[]): T
}

/**
 * The chance of one input. Each has its own, so that a failing input can be created again without
 * those before it.
 *
 * @param seed Of the whole run.
 * @param index Of the input in the run.
 */
export function createRandom(seed: number, index: number): Random {
  // Mulberry32. The two numbers are mixed first, so that neighbours have nothing in common.
  let state = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(index + 1, 0xc2b2ae35)
  function next(): number {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return (mixed ^ (mixed >>> 14)) >>> 0
  }
  const below = (limit: number) => Math.floor((next() / 4_294_967_296) * limit)
  return {
    below,
    oneIn: (times) => below(times) === 0,
    pick: (from) => from[below(from.length)] as (typeof from)[number],
  }
}
