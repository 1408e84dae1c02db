// Formulas for the share of a fleet's traffic that reaches the store. Requests for a key arrive at
// a node as a Poisson process, spread evenly over the nodes.

/** The distribution of requests over keys. Ranks begin at 1, the most popular key. */
export interface Popularity {
  readonly keys: number
  /** The share of all requests for the key of a rank. */
  share(rank: number): number
  /** Draws the rank of the key of one request. */
  draw(random: () => number): number
  /** The sum over all keys of a function of their share. */
  sum(f: (share: number) => number): number
}

export interface Fleet {
  readonly popularity: Popularity
  readonly nodes: number
  /** The total of all nodes. */
  readonly requestsPerSecond: number
  /** `cache.maxAgeSeconds` */
  readonly maxAgeSeconds: number
  /** `cache.maxKeys`, of each node. */
  readonly maxKeys: number
  /** Changes of keys. They have the same popularity as requests. */
  readonly writesPerSecond: number
}

export interface Load {
  /** How long a record stays in a node's cache: the age, or less if newer records evict it. */
  readonly lifetimeSeconds: number
  /** Unexpired records in a node's cache. */
  readonly freshKeysPerNode: number
  readonly readsPerSecond: number
  /** Writes of last uses. */
  readonly usesPerSecond: number
  /** Notifications from the store to listening nodes. */
  readonly notificationsPerSecond: number
}

const USE_INTERVAL_SECONDS = 60
// How long a node caches the absence of an id.
const MAX_AGE_UNKNOWN_SECONDS = 1

/** Computes the load of a fleet on its store. */
export function loadOf(fleet: Fleet): Load {
  const { popularity, nodes, requestsPerSecond, writesPerSecond } = fleet
  const perNode = requestsPerSecond / nodes
  const lifetimeSeconds = lifetimeOf(fleet)
  const life = (share: number) => untilChange(lifetimeSeconds, writesPerSecond * share)
  return {
    lifetimeSeconds,
    freshKeysPerNode: popularity.sum((share) => freshness(perNode * share, life(share))),
    readsPerSecond: nodes * popularity.sum((share) => readsOf(perNode * share, life(share))),
    usesPerSecond: popularity.sum((share) => usesOf(perNode * share, nodes, life(share))),
    notificationsPerSecond: writesPerSecond * nodes,
  }
}

/** Reads for unknown ids. A node caches an absence for one second. */
export function unknownReadsOf(
  { nodes, maxAgeSeconds }: Fleet,
  ids: number,
  requestsPerSecond: number,
): number {
  return (
    nodes *
    ids *
    readsOf(requestsPerSecond / nodes / ids, Math.min(maxAgeSeconds, MAX_AGE_UNKNOWN_SECONDS))
  )
}

/** Reads of one key by one node: one for the first request after each expiry of its record. */
function readsOf(rate: number, lifetimeSeconds: number): number {
  return rate / (1 + rate * lifetimeSeconds)
}

/** The share of time in which one node has the record of one key. */
function freshness(rate: number, lifetimeSeconds: number): number {
  return (rate * lifetimeSeconds) / (1 + rate * lifetimeSeconds)
}

// The mean of the smaller of two times: the age, and the time until a change.
function untilChange(ageSeconds: number, changesPerSecond: number): number {
  return changesPerSecond * ageSeconds < 1e-9
    ? ageSeconds
    : (1 - Math.exp(-changesPerSecond * ageSeconds)) / changesPerSecond
}

// The cache holds the records that were loaded last. If more unexpired records exist than fit, each
// stays for the time in which the cache fills once: Che's approximation for a FIFO cache.
function lifetimeOf({
  popularity,
  nodes,
  requestsPerSecond,
  maxAgeSeconds,
  maxKeys,
}: Fleet): number {
  const perNode = requestsPerSecond / nodes
  const held = (seconds: number) => popularity.sum((share) => freshness(perNode * share, seconds))
  if (held(maxAgeSeconds) <= maxKeys) return maxAgeSeconds
  let [low, high] = [0, maxAgeSeconds]
  for (let i = 0; i < 50; i++) {
    const middle = (low + high) / 2
    if (held(middle) > maxKeys) high = middle
    else low = middle
  }
  return low
}

/**
 * Writes of the last use of one secret. When the last use is a minute old, the first node with a
 * request writes it. Every other node with an older record also writes it, if it gets another
 * request before that record expires. The rest reload the record and see the new use.
 */
export function usesOf(rate: number, nodes: number, lifetimeSeconds: number): number {
  const asked = rate * lifetimeSeconds
  const having = asked / (1 + asked)
  const writers = nodes * having * beforeEnd(asked) + 1 - having * beforeEnd(asked * nodes)
  // The minute starts at the last use, in whole seconds, rounded up.
  const others = Math.max(0, writers - 1)
  const spread = Math.min((lifetimeSeconds * others) / (1 + others), Math.log(1 + others) / rate)
  return writers / (USE_INTERVAL_SECONDS + Math.max(1, 1 / (rate * nodes) + spread + 0.5))
}

// The probability that a request arrives before the end of a period. The end is uniformly
// distributed over the whole period, which has this mean number of requests.
function beforeEnd(requests: number): number {
  return requests < 1e-6 ? requests / 2 : 1 - (1 - Math.exp(-requests)) / requests
}
