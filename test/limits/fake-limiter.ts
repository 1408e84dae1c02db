import type { FlexibleCount, FlexibleLimiter } from 'twinkey/limits'

/** A fake of a limiter of `rate-limiter-flexible`. A test sees its counters and sets its answers. */
export interface FakeLimiter extends FlexibleLimiter {
  /** How much each counter holds, by its name. */
  readonly counters: Map<string, number>
  /** The calls so far, as `consume NAME COST SECONDS` and `get NAME`. */
  readonly calls: string[]
  /** What the next calls answer instead. A function may throw. */
  readonly answers: (() => unknown)[]
}

export function fakeLimiter(msBeforeNext = 30_000): FakeLimiter {
  const counters = new Map<string, number>()
  const calls: string[] = []
  const answers: (() => unknown)[] = []
  const countOf = (name: string): FlexibleCount => ({
    consumedPoints: counters.get(name) ?? 0,
    msBeforeNext,
  })
  return {
    counters,
    calls,
    answers,
    async consume(name, points, { customDuration }) {
      calls.push(`consume ${name} ${points} ${customDuration}`)
      const answer = answers.shift()
      if (answer !== undefined) return answer() as FlexibleCount
      counters.set(name, (counters.get(name) ?? 0) + points)
      return countOf(name)
    },
    async get(name) {
      calls.push(`get ${name}`)
      const answer = answers.shift()
      if (answer !== undefined) return answer() as FlexibleCount
      return counters.has(name) ? countOf(name) : null
    },
  }
}
