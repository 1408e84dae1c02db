import { seeded } from '../../test/support/racing-store.ts'
import { type Fleet, type Popularity, usesOf } from './capacity-model.ts'

/** A mean over sampled nodes or keys, and its uncertainty from sampling. */
export interface Estimate {
  readonly value: number
  /** Standard error, relative to the value. */
  readonly error: number
}

const exponential = (rate: number, random: () => number) => -Math.log(1 - random()) / rate

/**
 * Simulates the reads of the whole fleet from a sample of its nodes, because nodes are alike and
 * independent. Each sampled node is simulated with all its keys, request by request.
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

// The reads per second of one node, after a warm-up of the same length in which its cache fills.
function simulateNode(
  { popularity, nodes, requestsPerSecond, maxAgeSeconds, maxKeys, writesPerSecond }: Fleet,
  seconds: number,
  random: () => number,
) {
  const loadedAt = new Map<number, number>()
  // Keeps its position at the oldest entry. A new iterator would walk over all removed entries.
  const oldest = loadedAt.keys()
  const requests = requestsPerSecond / nodes
  let reads = 0
  for (let now = 0; now < 2 * seconds; ) {
    now += exponential(requests + writesPerSecond, random)
    const key = popularity.draw(random)
    // The feed notifies every node of every change.
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
 * Simulates the writes of last uses of the whole fleet from a sample of its secrets, because
 * secrets are independent. Each is simulated with all nodes. The sample takes keys from groups of
 * ranks that double in size, so that it contains all of the most popular keys.
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

/** A secret, and for each node when it loaded the record and which last use that record had. */
interface Secret {
  readonly loadedAt: Float64Array
  readonly knownAt: Float64Array
  storedAt: number
}

// The writes of last uses of one secret per second, after some minutes in which the nodes settle.
function simulateSecret(
  rate: number,
  nodes: number,
  maxAgeSeconds: number,
  seconds: number,
  random: () => number,
): number {
  const never = () => new Float64Array(nodes).fill(Number.NEGATIVE_INFINITY)
  const secret = { loadedAt: never(), knownAt: never(), storedAt: Number.NEGATIVE_INFINITY }
  // From a random moment of the minute, because all nodes write a popular key at the same time.
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
  // For a popular key, only two kinds of requests matter: those that load the record, and the first
  // one after a write is due. The time of the latter does not depend on earlier requests.
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

// A key with fewer requests than this per node and record lifetime is simulated by requests.
const SELDOM = 5

// Handles one request: reloads an expired record, and writes the use if the last known one is a
// minute old.
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

/** Finds the node with the next event: a binary heap of one time for each node. */
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
  // In a group that is taken completely, only the arrivals are random.
  return { value: mean * of, error: mean === 0 ? 0 : Math.sqrt(variance / samples.length) / mean }
}
