// Runs the sides in turn in each round, in alternating order, so that disturbances affect all
// sides.

/**
 * @param sides `{ name, run(round) }` for each side. `run` returns its measurement.
 * @returns The measurements of each side by name, one for each round.
 */
export async function interleave(sides, { rounds, warmRounds = 2 }, say = () => {}) {
  const found = new Map(sides.map(({ name }) => [name, []]))
  for (let round = -warmRounds; round < rounds; round++) {
    for (const { name, run } of round % 2 === 0 ? sides : [...sides].reverse()) {
      const value = await run(round + warmRounds)
      if (round >= 0) found.get(name).push(value)
    }
    if (round >= 0) say(`round ${round + 1} of ${rounds}`)
  }
  return found
}

/** The ratio of two series, round by round. */
export function ratios(of, over) {
  return of.map((value, round) => value / over[round])
}

/** Median, minimum and maximum of a series. */
export function summary(series) {
  const sorted = [...series].sort((a, b) => a - b)
  const middle = sorted.length / 2
  const median =
    sorted.length % 2 === 1 ? sorted[Math.floor(middle)] : (sorted[middle - 1] + sorted[middle]) / 2
  return { median, min: sorted[0], max: sorted.at(-1) }
}

// Small batches, so that prepared inputs do not burden the garbage collector.
const BATCH = 500

/**
 * Nanoseconds of processor time for each of `count` items. Items are prepared in small batches
 * outside the measured time, like the requests of a server. Every item must be accepted: a side
 * that refuses valid input measures nothing.
 *
 * Processor time covers all threads of this process. So it includes work on other threads, and
 * ignores other load on the machine.
 */
export function timed(count, make, letsIn) {
  let [microseconds, passed] = [0, 0]
  for (let first = 0; first < count; first += BATCH) {
    const items = batch(first, count, make)
    const began = process.cpuUsage()
    for (let i = 0; i < items.length; i++) if (letsIn(items[i])) passed++
    microseconds += since(began)
  }
  return perItem(microseconds, count, passed)
}

/** The same for calls that return a promise of an object with `ok`. */
export async function timedAsync(count, make, decide) {
  let [microseconds, passed] = [0, 0]
  for (let first = 0; first < count; first += BATCH) {
    const items = batch(first, count, make)
    const began = process.cpuUsage()
    for (let i = 0; i < items.length; i++) if ((await decide(items[i])).ok) passed++
    microseconds += since(began)
  }
  return perItem(microseconds, count, passed)
}

function batch(first, count, make) {
  return Array.from({ length: Math.min(BATCH, count - first) }, (_, i) => make(first + i))
}

function since(began) {
  const { user, system } = process.cpuUsage(began)
  return user + system
}

function perItem(microseconds, count, passed) {
  if (passed !== count) throw new Error(`${count - passed} of ${count} were refused`)
  return (microseconds * 1000) / count
}
