import { seeded } from '../../test/support/racing-store.ts'
import { type Fleet, type Popularity, usesOf } from './capacity-model.ts'

/**
 * A mean of many nodes, or of many keys, and how far it may be off because there were not more of
 * them.
 */
export interface Estimate {
  readonly value: number
  /** Standard error, as a part of the value. */
  readonly error: number
}

const exponential = (rate: number, random: () => number) => -Math.log(1 - random()) / rate

/**
 * Reads of the whole fleet, from some of its nodes, because all are alike and none knows of the
 * others: each is simulated with all its keys, request by request.
 */
export function simulateReads(
  fleet: Fleet,
  nodes: number,
  seconds: number,
  seed: number,
): Estimate {
  const reads = Array.from({ length: nodes }, (_, node) =>
    simulateNode(fleet, seconds, seeded(seed + node)),
  )
  return estimate(reads, fleet.nodes)
}

// The reads per second of one node, after as many seconds again in which its cache fills.
function simulateNode(
  { popularity, nodes, requestsPerSecond, maxAgeSeconds, maxKeys, writesPerSecond }: Fleet,
  seconds: number,
  random: () => number,
) {
  const loadedAt = new Map<number, number>()
  // It stays at the oldest one: to begin anew each time would mean to walk over all that are gone.
  const oldest = loadedAt.keys()
  const requests = requestsPerSecond / nodes
  let reads = 0
  for (let now = 0; now < 2 * seconds; ) {
    now += exponential(requests + writesPerSecond, random)
    const key = popularity.draw(random)
    // The feed tells every node of every change.
    if (random() * (requests + writesPerSecond) < writesPerSecond) {
      loadedAt.delete(key)
      continue
    }
    const loaded = loadedAt.get(key)
    if (loaded !== undefined && now - loaded < maxAgeSeconds) continue
    if (now >= seconds) reads++
    loadedAt.delete(key)
    if (loadedAt.size >= maxKeys) loadedAt.delete(oldest.next().value as number)
    loadedAt.set(key, now)
  }
  return reads / seconds
}

/**
 * Last uses that the whole fleet writes down, from some of its secrets, because none knows of the
 * others: each is simulated with all nodes. The keys are taken from groups of ranks that double in
 * size, so that the few popular ones are all there.
 */
export function simulateUses(
  fleet: Fleet,
  events: number,
  seconds: number,
  seed: number,
): Estimate {
  const random = seeded(seed)
  let value = 0
  let variance = 0
  for (const { from, size } of groupsOf(fleet.popularity)) {
    const rate = (fleet.requestsPerSecond / fleet.nodes) * fleet.popularity.share(from)
    const expected = seconds * usesOf(rate, fleet.nodes, fleet.maxAgeSeconds)
    const count = Math.min(Math.max(4, Math.ceil(events / expected)), 20_000)
    const found = Array.from({ length: count }, () => {
      const rank = from + Math.floor(random() * size)
      const perNode = (fleet.requestsPerSecond / fleet.nodes) * fleet.popularity.share(rank)
      return simulateSecret(perNode, fleet.nodes, fleet.maxAgeSeconds, seconds, random)
    })
    const group = estimate(found, size)
    value += group.value
    variance += (group.value * group.error) ** 2
  }
  return { value, error: Math.sqrt(variance) / value }
}

function groupsOf({ keys, share }: Popularity): { from: number; size: number }[] {
  if (share(1) === share(keys)) return [{ from: 1, size: keys }]
  const groups = []
  for (let from = 1; from <= keys; from *= 2)
    groups.push({ from, size: Math.min(from, keys - from + 1) })
  return groups
}

const INTERVAL_SECONDS = 60

/**
 * A secret, and what each node knows of it: when it has read the record, and which last use stood
 * there.
 */
interface Secret {
  readonly loadedAt: Float64Array
  readonly knownAt: Float64Array
  storedAt: number
}

// The last uses per second of one secret that are written down, after some minutes in which the
// nodes fall into step.
function simulateSecret(
  rate: number,
  nodes: number,
  maxAgeSeconds: number,
  seconds: number,
  random: () => number,
): number {
  const never = () => new Float64Array(nodes).fill(Number.NEGATIVE_INFINITY)
  const secret = { loadedAt: never(), knownAt: never(), storedAt: Number.NEGATIVE_INFINITY }
  // From any moment of the minute, because popular keys have all of their nodes write at once.
  const start = (2 + random()) * INTERVAL_SECONDS
  const end = start + seconds
  let uses = 0
  const ask = (now: number, node: number) => {
    if (isWritten(secret, now, node, maxAgeSeconds) && now >= start) uses++
  }
  if (rate * maxAgeSeconds < SELDOM) {
    for (
      let now = exponential(rate * nodes, random);
      now < end;
      now += exponential(rate * nodes, random)
    )
      ask(now, Math.floor(random() * nodes))
    return uses / seconds
  }
  // Of the many requests for a popular key only those matter that read the record, and the first
  // after it has become due: when that comes does not depend on what came before.
  const queue = createQueue(nodes, () => exponential(rate, random))
  for (;;) {
    const [now, node] = queue.first()
    if (now >= end) return uses / seconds
    ask(now, node)
    const expires = (secret.loadedAt[node] as number) + maxAgeSeconds
    const due =
      Math.max(now, (secret.knownAt[node] as number) + INTERVAL_SECONDS) + exponential(rate, random)
    queue.replaceFirst(due < expires ? due : expires + exponential(rate, random))
  }
}

// A key that has fewer requests than this on each node while a record lives is simulated request by
// request.
const SELDOM = 5

// A request: reads the record anew where it is too old, and writes the use down where the last one
// that is known is a minute old.
function isWritten(secret: Secret, now: number, node: number, maxAgeSeconds: number): boolean {
  if (now - (secret.loadedAt[node] as number) >= maxAgeSeconds) {
    secret.loadedAt[node] = now
    secret.knownAt[node] = Math.ceil(secret.storedAt)
  }
  if (Math.floor(now) - (secret.knownAt[node] as number) < INTERVAL_SECONDS) return false
  secret.storedAt = now
  secret.knownAt[node] = Math.ceil(now)
  return true
}

/** Whose turn it is next: a binary heap of one time for each node. */
function createQueue(nodes: number, timeOf: () => number) {
  const entries = Array.from({ length: nodes }, (_, node) => ({ time: timeOf(), node })).sort(
    (a, b) => a.time - b.time,
  )
  const times = Float64Array.from(entries, ({ time }) => time)
  const owners = Int32Array.from(entries, ({ node }) => node)
  return {
    first: (): [time: number, node: number] => [times[0] as number, owners[0] as number],
    replaceFirst(time: number): void {
      const node = owners[0] as number
      let place = 0
      for (;;) {
        let child = 2 * place + 1
        if (child >= nodes) break
        if (child + 1 < nodes && (times[child + 1] as number) < (times[child] as number)) child++
        if ((times[child] as number) >= time) break
        times[place] = times[child] as number
        owners[place] = owners[child] as number
        place = child
      }
      times[place] = time
      owners[place] = node
    },
  }
}

function estimate(samples: readonly number[], of: number): Estimate {
  const mean = samples.reduce((sum, sample) => sum + sample, 0) / samples.length
  const variance =
    samples.reduce((sum, sample) => sum + (sample - mean) ** 2, 0) / (samples.length - 1)
  // Of a group that was taken whole nothing is left to chance but the arrivals.
  return { value: mean * of, error: mean === 0 ? 0 : Math.sqrt(variance / samples.length) / mean }
}
