// How much of a fleet's traffic reaches the store, on paper. Requests for a key arrive at a node as
// a Poisson process, spread evenly over the nodes.

/** How requests are spread over keys. Ranks begin at 1, the most popular one. */
export interface Popularity {
  readonly keys: number
  /** The share of all requests that are for the key of that rank. */
  share(rank: number): number
  /** The rank of the key that a request is for. */
  draw(random: () => number): number
  /** The sum over all keys of a function of their share. */
  sum(f: (share: number) => number): number
}

export interface Fleet {
  readonly popularity: Popularity
  readonly nodes: number
  /** Of all nodes together. */
  readonly requestsPerSecond: number
  /** `cache.maxAgeSeconds` */
  readonly maxAgeSeconds: number
  /** `cache.maxKeys`, of each node. */
  readonly maxKeys: number
  /** Changes of keys, as popular as requests for them. */
  readonly writesPerSecond: number
}

export interface Load {
  /**
   * How long a record stays in the cache of a node: the age, or less where newer ones need its
   * place.
   */
  readonly lifetimeSeconds: number
  /** Records of a node's cache that are not too old. */
  readonly freshKeysPerNode: number
  readonly readsPerSecond: number
  /** Last uses that are written down. */
  readonly usesPerSecond: number
  /** What the store sends to nodes that listen. */
  readonly notificationsPerSecond: number
}

const USE_INTERVAL_SECONDS = 60
// How long a node remembers that there is no key of an id.
const MAX_AGE_UNKNOWN_SECONDS = 1

/** What a fleet asks of its store. */
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

/** Reads for ids that there are not, which are remembered too, but only for a second. */
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

/**
 * How often one node reads one key: once for each time that its record has died and a request has
 * come since.
 */
function readsOf(rate: number, lifetimeSeconds: number): number {
  return rate / (1 + rate * lifetimeSeconds)
}

/** The part of the time for which one node has the record of one key. */
function freshness(rate: number, lifetimeSeconds: number): number {
  return (rate * lifetimeSeconds) / (1 + rate * lifetimeSeconds)
}

// The mean of the age and of the time until a change is told of, whichever comes first.
function untilChange(ageSeconds: number, changesPerSecond: number): number {
  return changesPerSecond * ageSeconds < 1e-9
    ? ageSeconds
    : (1 - Math.exp(-changesPerSecond * ageSeconds)) / changesPerSecond
}

// The cache holds the records that were loaded last. Where more would be fresh than it holds, they
// go after the time in which it is filled anew: Che's approximation, for a cache that makes room in
// the order of loading.
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
 * How often the last use of one secret is written down. When it is a minute old, the first node
 * that is asked writes it. So does every other node that has a record from before that, if it is
 * asked again before that record dies; the rest read the record anew and see that it is done.
 */
export function usesOf(rate: number, nodes: number, lifetimeSeconds: number): number {
  const asked = rate * lifetimeSeconds
  const having = asked / (1 + asked)
  const writers = nodes * having * beforeEnd(asked) + 1 - having * beforeEnd(asked * nodes)
  // The minute counts from the last of them, in whole seconds, rounded up.
  const others = Math.max(0, writers - 1)
  const spread = Math.min((lifetimeSeconds * others) / (1 + others), Math.log(1 + others) / rate)
  return writers / (USE_INTERVAL_SECONDS + Math.max(1, 1 / (rate * nodes) + spread + 0.5))
}

// The chance that a request comes before the end of a time that may end at any moment with equal
// chance, where so many come in the whole of it.
function beforeEnd(requests: number): number {
  return requests < 1e-6 ? requests / 2 : 1 - (1 - Math.exp(-requests)) / requests
}
