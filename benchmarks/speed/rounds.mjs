// Sides in turn, round by round, the order turned round each time: what disturbs one round disturbs
// all sides of it.

/**
 * @param sides `{ name, run(round) }` each, where `run` answers what it measured.
 * @returns What each side measured, by name, one value for each round.
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

/** Median, least and most of a series. */
export function summary(series) {
  const sorted = [...series].sort((a, b) => a - b)
  const middle = sorted.length / 2
  const median =
    sorted.length % 2 === 1 ? sorted[Math.floor(middle)] : (sorted[middle - 1] + sorted[middle]) / 2
  return { median, min: sorted[0], max: sorted.at(-1) }
}

// So few at a time that what is prepared does not weigh on the garbage collector while it is
// measured.
const BATCH = 500

/**
 * Nanoseconds of processor time for each of `count` items, which are made in small batches outside
 * of the measured time, as the requests of a server are. Each must be let in: a side that refuses
 * what it should pass measures nothing.
 *
 * Processor time is that of all threads of this process, so work that a side leaves to others
 * counts, and a busy machine does not.
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

/** The same for what answers with a promise of something with `ok`. */
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
